"""Card presets: what cards of a class take for their commands, by whose figures, and what was assumed.

A preset is a TOML file of `native.CardModel`'s fields, with ``title``, ``sources`` and ``assumptions``. A
user's own file has the same form; ``base`` names the preset that it changes.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from native import CardModel
from native.types import EngineError
from sim.errors import InputError

_FOLDER = Path(__file__).parent
_ORDER = ("ideal", "class2", "class4", "class10", "a1", "a2", "uhs-i", "spi", "worn", "fake")
_WORDS = {"title": str, "base": str, "sources": list, "assumptions": list}
_FIELDS = {one.name: one.type for one in fields(CardModel)}  # the types as text: float, int, bool
_MOST_BYTES = 1 << 16  # of a card file


@dataclass(frozen=True, slots=True)
class CardPreset:
    """A card by name: its model, and where its figures come from."""

    name: str
    title: str
    model: CardModel
    sources: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()


def preset_names() -> tuple[str, ...]:
    """The names that `load_card` knows, from plain to special."""
    return _ORDER


def load_card(name_or_path: str) -> CardPreset:
    """The preset of that name, or of that TOML file; InputError where it is neither, or wrong."""
    if name_or_path in _ORDER:
        return _read(_FOLDER / f"{name_or_path}.toml", name_or_path)
    path = Path(name_or_path)
    if not path.is_file():
        raise InputError(
            f"{name_or_path!r} is no card preset and no file; the presets are {', '.join(_ORDER)}"
        )
    return _read(path, name_or_path)


def card_model(
    name_or_path: str | None, latency_ms: float | None, mb_per_s: float | None
) -> CardModel | None:
    """The card that a user described: by name or file, or by two figures and free of chance; or None."""
    if name_or_path is not None and (latency_ms is not None or mb_per_s is not None):
        raise InputError(
            "--card and --card-latency or --card-speed exclude each other; a file with base = "
            f'"{name_or_path}" changes single values of a preset'
        )
    if name_or_path is not None:
        return load_card(name_or_path).model
    if latency_ms is None and mb_per_s is None:
        return None
    if latency_ms is not None and not 0 <= latency_ms <= 10_000:
        raise InputError(f"a card latency of {latency_ms} ms is not between 0 and 10000")
    if mb_per_s is not None and not 0.001 <= mb_per_s <= 1_000_000:
        raise InputError(f"a card speed of {mb_per_s} MB/s is not between 0.001 and 1000000")
    return CardModel(command_us=(latency_ms or 0.0) * 1000, read_mb_per_s=mb_per_s or 0.0)


def in_words(model: CardModel) -> str:
    """A card's means and spikes for people, such as ``1 ms a command, 20 MB/s``."""
    text = f"{model.fixed_ns / 1e6:g} ms a command"
    text += f", {model.read_mb_per_s:g} MB/s" if model.read_mb_per_s else ", any speed"
    if model.spike_every_s:
        size = f"{max(model.spike_ms, model.wear_ms):g} ms"
        text += f", a spike of {'up to ' if model.wear_ms > model.spike_ms else ''}{size}"
        text += f" every {model.spike_every_s:g} s" + ("" if model.spike_regular else " on average")
    return text


def _read(path: Path, name: str) -> CardPreset:
    document = _parse(path)
    base = CardPreset(name, name, CardModel())
    if "base" in document:
        if document["base"] not in _ORDER:
            raise InputError(
                f"{path}: base is {document['base']!r}, which is no preset; use one of {', '.join(_ORDER)}"
            )
        base = load_card(document["base"])
    values = {key: _number(path, key, value) for key, value in document.items() if key not in _WORDS}
    try:
        model = replace(base.model, **values)
    except EngineError as error:
        raise InputError(f"{path}: {error}") from None
    return CardPreset(
        name,
        document.get("title", base.title if "base" in document else name),
        model,
        tuple(document.get("sources", base.sources)),
        tuple(document.get("assumptions", base.assumptions)),
    )


def _parse(path: Path) -> dict[str, Any]:
    """The file's table, its keys and the types of its words checked."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise InputError(f"{path} has more than {_MOST_BYTES} bytes; that is no description of a card")
        document = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is no TOML file: {error}") from None
    for key, value in document.items():
        if key in _WORDS:
            _check_words(path, key, value)
        elif key not in _FIELDS:
            close = get_close_matches(key, [*_FIELDS, *_WORDS], 1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join([*_WORDS, *_FIELDS])}"
            raise InputError(f"{path}: {key!r} is nothing that a card has; {hint}")
    return document


def _check_words(path: Path, key: str, value: Any) -> None:
    if not isinstance(value, _WORDS[key]) or (
        isinstance(value, list) and not all(isinstance(one, str) for one in value)
    ):
        raise InputError(f"{path}: {key} must be {'a text' if _WORDS[key] is str else 'a list of texts'}")


def _number(path: Path, key: str, value: Any) -> Any:
    kind = _FIELDS[key]
    fits = {
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
    }[str(kind)]
    if not fits:
        wanted = {"bool": "true or false", "int": "a whole number", "float": "a number"}[str(kind)]
        raise InputError(f"{path}: {key} is {value!r}; it must be {wanted}")
    return value
