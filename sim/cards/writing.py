"""A card model as TOML that `sim.cards.load_card` reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields

from native import CardModel


def to_toml(title: str, model: CardModel, sources: Sequence[str], assumptions: Sequence[str] = ()) -> str:
    """The card's file; what is 0 or false is left out."""
    lines = [f"title = {_text(title)}"]
    for name, texts in (("sources", sources), ("assumptions", assumptions)):
        if texts:
            lines += [f"{name} = [", *(f"    {_text(one)}," for one in texts), "]"]
    for one in fields(model):
        value = getattr(model, one.name)
        if value:
            lines.append(f"{one.name} = {'true' if value is True else f'{value!r}'}")
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    """A basic string of TOML: escapes are those of JSON, but for half a surrogate pair, which it lacks."""
    return json.dumps(text.encode("utf-8", "replace").decode("utf-8"), ensure_ascii=False).replace(
        "\x7f", "\\u007F"
    )
