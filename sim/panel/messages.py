"""What a client may say: bytes in, checked values out, nothing else. See docs/panel-protocol.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 4_096  # of one message
RAM_RANGE = 64 << 10, 256 << 20  # bytes
MOST_LATENCY_MS, MOST_MB_PER_S = 1_000, 1_000  # of a card by its figures
_MOST_ID = 1 << 53
_MOST_PATH = 1_024
_MOST_NAME = 64
_MOST_BANKS, _MOST_PADS = 26, 64

Check = Callable[[Any], Any]


class MessageError(Exception):
    """One sentence: what is wrong with a message. ``id`` is the message's, where it has a good one."""

    def __init__(self, text: str, number: int | None = None) -> None:
        super().__init__(text)
        self.number = number


@dataclass(frozen=True, slots=True)
class Message:
    """A message that has the shape that the protocol says; whether it makes sense now is another matter."""

    kind: str
    values: Mapping[str, Any]
    number: int | None


def _whole(low: int, high: int) -> Check:
    def check(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise MessageError(f"must be a whole number from {low} to {high}")
        return value

    return check


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> float:
        if type(value) not in (int, float) or not low <= value <= high:  # no number is not either
            raise MessageError(f"must be a number from {low:g} to {high:g}")
        return float(value)

    return check


def _one_of(*names: str) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            raise MessageError(f"must be one of {', '.join(names)}")
        return value

    return check


def _text(most: int) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
            raise MessageError(f"must be a text of 1 to {most} printable characters")
        return value

    return check


def _path(value: Any) -> str:
    path: str = _text(_MOST_PATH)(value)
    if not path.startswith("/") or ".." in path.split("/") or "\\" in path:
        raise MessageError("must be a path on the card, such as /A/kick.wav")
    return path


def _path_or_none(value: Any) -> str | None:
    return None if value is None else _path(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise MessageError("must be true or false")
    return value


def _midi(value: Any) -> bytes:
    if not isinstance(value, list) or not 1 <= len(value) <= 3:
        raise MessageError("must be a list of 1 to 3 bytes")
    data = bytes(_whole(0, 255)(one) for one in value)
    if data[0] < 0x80 or any(one >= 0x80 for one in data[1:]):
        raise MessageError("must be a MIDI message: a status byte, then data bytes")
    return data


def _timing(value: Any) -> str | dict[str, Any]:
    """A card by name, or by its two figures."""
    if isinstance(value, dict):
        figures = {"latency_ms": _number(0, MOST_LATENCY_MS), "mb_per_s": _number(0, MOST_MB_PER_S)}
        return _fields(value, figures, {})
    name: str = _text(_MOST_NAME)(value)
    return name


_BANK, _PAD, _NAME = _whole(0, _MOST_BANKS - 1), _whole(1, _MOST_PADS), _text(_MOST_NAME)
_TARGETS: dict[str, dict[str, Check]] = {
    "pad": {"bank": _BANK, "pad": _PAD},
    "knob": {"name": _NAME},
    "function": {"name": _NAME},
}


def _target(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MessageError("must be a pad, a knob or a function")
    kind = _one_of(*_TARGETS)(value.get("kind"))
    rest = {key: one for key, one in value.items() if key != "kind"}
    return {"kind": kind, **_fields(rest, _TARGETS[kind], {})}


# By kind: what must be there, and what may be.
_KINDS: dict[str, tuple[dict[str, Check], dict[str, Check]]] = {
    "press": ({"bank": _BANK, "pad": _PAD}, {"vel": _whole(1, 127)}),
    "release": ({"bank": _BANK, "pad": _PAD}, {}),
    "bank": ({"bank": _BANK}, {}),
    "knob": ({"name": _NAME, "value": _number(0, 1)}, {}),
    "mode": (
        {
            "bank": _BANK,
            "pad": _PAD,
            "name": _one_of("loop", "reverse", "gate", "hold", "mute", "pin"),
            "on": _flag,
        },
        {},
    ),
    "panic": ({}, {}),
    "transport": ({"do": _one_of("start", "stop", "continue")}, {}),
    "tempo": ({"bpm": _number(20, 300)}, {}),
    "midi": ({"data": _midi}, {}),
    "fault": (
        {"do": _one_of("spike", "error", "pull", "insert", "swap", "mirror")},
        {"ms": _number(1, 10_000), "path": _path, "times": _whole(1, 1_000)},
    ),
    "setting": ({}, {"ram": _whole(*RAM_RANGE), "card": _timing}),
    "learn": ({"on": _flag}, {"target": _target}),
    "forget": ({"target": _target}, {}),
    "audition": ({"path": _path_or_none}, {}),
    "assign": ({"path": _path, "bank": _BANK, "pad": _PAD}, {}),
    "undo": ({}, {}),
    "stress": (
        {},
        {"do": _one_of("start", "stop"), "voices": _whole(1, 1_024), "seconds": _number(1, 120)},
    ),
    "audio": ({"on": _flag}, {}),
    "ping": ({}, {}),
}


def parse(text: str) -> Message:
    """A client's message; MessageError for anything that the protocol does not have. Bounded in time."""
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise MessageError(f"a message has at most {MOST_BYTES} bytes")
    try:
        document = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_twins)
    except (ValueError, RecursionError):
        raise MessageError("the message is not JSON") from None
    if not isinstance(document, dict):
        raise MessageError("a message is a JSON object")
    number = _id(document)
    kind = document.pop("t", None)
    if not isinstance(kind, str) or kind not in _KINDS:
        raise MessageError("there is no such kind of message", number)
    try:
        return Message(kind, _fields(document, *_KINDS[kind]), number)
    except MessageError as error:
        raise MessageError(f"{kind}: {error}", number) from None


def _id(document: dict[str, Any]) -> int | None:
    if "id" not in document:
        return None
    try:
        number: int = _whole(0, _MOST_ID)(document.pop("id"))
    except MessageError as error:
        raise MessageError(f"id {error}") from None
    return number


def _fields(
    document: Mapping[str, Any], needed: dict[str, Check], others: dict[str, Check]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in document.items():
        check = needed.get(key) or others.get(key)
        if check is None:
            raise MessageError("it has a key that it cannot have")
        try:
            values[key] = check(value)
        except MessageError as error:
            raise MessageError(f"{key} {error}") from None
    for key in needed:
        if key not in values:
            raise MessageError(f"{key} is missing")
    return values


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key comes twice")
    return made
