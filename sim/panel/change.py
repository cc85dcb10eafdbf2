"""Several files of a card changed as one: after a power cut at any write, all are old or all are new.

Every file of a card is whole whenever the power goes; the card's writer sees to that. What makes several of
them one change is a folder `/.benchpad` on the card itself: the new contents are put there first, then a list
of what goes where. From the moment that the list is there the change counts; `recover` carries it out to its
end. Before that moment nothing has happened, and `recover` clears away what is left.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sdcard_image import open_card
from sdcard_image.types import Card, CardError, WritableCard

FOLDER = "/.benchpad"
_LIST = f"{FOLDER}/CHANGE"
_PIECE = 4 << 20
_MOST_LIST = 64 << 10  # bytes
_MOST_STEPS = 64


@dataclass(frozen=True, slots=True)
class Step:
    """A file as it shall be: its content, or (None) that there is none; or a ``folder`` to be there."""

    path: str
    content: bytes | Path | None = None
    modified: datetime | None = None
    folder: bool = False


def write(card: WritableCard, steps: Sequence[Step]) -> None:
    """Carry out a change. CardError where there is no room; then, as after any cut, `recover` settles it."""
    recover(card)
    staged = [step for step in steps if step.content is not None]
    wanted: list[tuple[str, int | None]] = [(step.path, _size(step)) for step in steps if _makes(step)]
    if len(steps) == 1 and staged:  # one file is one change by itself
        card.check_put(wanted)
        _put(card, steps[0].path, steps[0])
        return
    copies = [(f"{FOLDER}/{number}", _size(step)) for number, step in enumerate(staged)]
    card.check_put([(FOLDER, None), *copies, (_LIST, _MOST_LIST), *wanted])
    card.mkdir(FOLDER)
    listed: list[dict[str, Any]] = []
    for step in steps:
        name = str(sum(one["from"] is not None for one in listed))
        if step.content is not None:
            _put(card, f"{FOLDER}/{name}", step)
        listed.append(
            {
                "path": step.path,
                "from": None if step.content is None else name,
                "folder": step.folder,
                "crc": _crc(step.content),
                "modified": None if step.modified is None else step.modified.isoformat(),
            }
        )
    card.put(_LIST, _sealed(listed))
    for step in steps:
        if step.content is not None:
            _put(card, step.path, step)
        else:
            _settle(card, step.path, folder=step.folder)
    _clear(card)


def is_unfinished(card: Card) -> bool:
    """Whether a change of the card was cut off, and `recover` has something to do."""
    return card.exists(FOLDER)


def recover(card: WritableCard) -> bool:
    """Finish a change that was cut off, or take it back; returns whether there was one."""
    if not is_unfinished(card):
        return False
    for one in _listed(card):
        if one["from"] is None:
            _settle(card, one["path"], folder=one["folder"])
        else:
            when = None if one["modified"] is None else datetime.fromisoformat(one["modified"])
            card.put(one["path"], card.read(f"{FOLDER}/{one['from']}"), when)
    _clear(card)
    return True


def recover_card(path: Path) -> bool:
    """`recover` for the card at a path: for whoever is about to boot a card that may be written."""
    card: Card = open_card(path)
    try:
        if not is_unfinished(card):
            return False
    finally:
        card.close()
    writable = open_card(path, writable=True)
    try:
        return recover(writable)
    finally:
        writable.close()


def _listed(card: Card) -> list[dict[str, Any]]:
    """What was to be done; empty where the list is not there, or is not one of ours."""
    if not card.exists(_LIST) or card.entry(_LIST).size > _MOST_LIST:
        return []
    seal, _, text = card.read(_LIST).partition(b"\n")
    if seal != b"%08x" % zlib.crc32(text):
        return []
    listed: list[dict[str, Any]] = json.loads(text)
    for one in listed:
        if one["from"] is not None:
            copy = f"{FOLDER}/{one['from']}"
            if not card.exists(copy) or zlib.crc32(card.read(copy)) != one["crc"]:
                return []
    return listed


def _sealed(listed: list[dict[str, Any]]) -> bytes:
    assert len(listed) <= _MOST_STEPS
    text = json.dumps(listed).encode("utf-8")
    return b"%08x\n" % zlib.crc32(text) + text


def _clear(card: WritableCard) -> None:
    """The list goes first: without it the rest means nothing. What is not ours stays, and is said."""
    _remove(card, _LIST)
    for entry in card.listdir(FOLDER):
        if entry.is_dir or not entry.name.isdigit():
            raise CardError(
                f"{entry.path} is in the way: nothing of that name is put there; move it elsewhere"
            )
        card.remove(entry.path)
    card.remove(FOLDER)


def _put(card: WritableCard, path: str, step: Step) -> None:
    assert step.content is not None
    card.put(path, step.content, step.modified)


def _remove(card: WritableCard, path: str) -> None:
    if card.exists(path):
        card.remove(path)


def _settle(card: WritableCard, path: str, *, folder: bool) -> None:
    """Make a folder, or remove what is there."""
    if not folder:
        _remove(card, path)
    elif not card.exists(path):
        card.mkdir(path)


def _makes(step: Step) -> bool:
    return step.folder or step.content is not None


def _size(step: Step) -> int | None:
    """Bytes of a file; None for a folder."""
    content = step.content
    if content is None:
        return None
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _crc(content: bytes | Path | None) -> int:
    if content is None or isinstance(content, bytes):
        return zlib.crc32(content or b"")
    crc = 0
    with content.open("rb") as file:
        while part := file.read(_PIECE):
            crc = zlib.crc32(part, crc)
    return crc


def save(card: Card, path: str, to: Path) -> Step:
    """A file as it is now, kept at a place of the host, as the step that brings it back."""
    if not card.exists(path):
        return Step(path, None)
    entry = card.entry(path)
    with to.open("xb") as file:
        for offset in range(0, entry.size, _PIECE):
            part = card.read(path, offset, min(_PIECE, entry.size - offset))
            if not part:
                raise CardError(f"{path} ends before its size; check the card")
            file.write(part)
    return Step(path, to, entry.modified)
