"""kit.toml: what goes on which pad, and how it plays. The reference is docs/export.md.

Values are checked here, each against the range that a device stores; what one device has and the other not is
the business of the export.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

BANKS = "ABCDEFGHIJ"
MOST_PADS = 16  # of a bank, on the device that has more
MAX_BYTES = 1 << 20
CHOPS = 16
_PAD_NAME = re.compile(r"([A-Ja-j])(\d{1,2})")
_TIME = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s)")
_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\-\"']+)\s*=")

Place = tuple[str, int]  # bank letter, pad from 1


class KitError(ValueError):
    """One sentence that says which key of a kit, in which line, is wrong, and what it must be."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a sample: frames of the file as it is before any conversion, or a time."""

    frames: int = 0
    seconds: Fraction | None = None

    def at(self, rate: int) -> Fraction:
        """In frames at ``rate``; frames are taken as they are."""
        return Fraction(self.frames) if self.seconds is None else self.seconds * rate


@dataclass(frozen=True, slots=True)
class KitPad:
    """One pad. None: the kit says nothing, so what the file or the device's empty pad says holds.

    ``given`` are the keys that the kit sets. Units: ``pan`` -64 to 63, ``speed`` percent, ``pitch`` in
    semitones; ``attack`` and ``release`` 0 to 127, ``hold`` percent, as the MKII has them.
    """

    file: str
    name: str | None = None
    volume: int = 127
    bpm: float | None = None
    gate: bool = True
    loop: str | None = None  # "off", "forward", "ping-pong"
    reverse: bool = False
    one_shot: bool = False
    mute_group: int = 0
    pitch: int = 0
    speed: float = 100.0
    pan: int = 0
    attack: int = 0
    hold: int = 100
    release: int = 0
    bus: int = 1
    link: int = 0
    bpm_sync: bool = False
    fixed_velocity: bool = False
    poly: bool = False
    legato: bool = False
    lofi: bool = False
    tempo_mode: str = "off"  # "off", "pattern", "user"
    start: Position | None = None
    end: Position | None = None
    loop_start: Position | None = None
    chops: tuple[Position, ...] = ()
    given: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KitBank:
    """A bank's own settings."""

    bpm: float | None = None
    volume: int = 127
    protect: bool = False


@dataclass(frozen=True, slots=True)
class KitPattern:
    """A pattern: a MIDI file or a pattern file, and whose keys the MIDI file plays.

    ``device`` is whose the pattern file is, where that is known; else its bytes must tell.
    """

    file: str
    keys: str | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Kit:
    """A whole kit. ``automatic``: made from a folder or a card: a file that cannot be used is left out.

    Of a card: ``base`` is the device's own folder on it, ``index`` its table of pads, ``lost`` (also among
    the ``remarks``) what could not be read, ``moved`` the card's own pad of each that is not on it.
    """

    name: str | None = None
    project: int = 1
    bpm: float | None = None
    use_project_tempo: bool = False
    banks: dict[str, KitBank] = field(default_factory=dict)
    pads: dict[Place, KitPad] = field(default_factory=dict)
    patterns: dict[Place, KitPattern] = field(default_factory=dict)
    automatic: bool = False
    remarks: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    base: str = ""
    index: str = ""
    moved: dict[Place, Place] = field(default_factory=dict)


def parse(text: str, name: str = "kit.toml") -> Kit:
    """The kit in a TOML document; KitError, one sentence with line and key, where it is none."""
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise KitError(f"{name}: it is nested too deep") from None
    except ValueError as error:  # tomllib's own errors, and numbers of thousands of digits
        raise KitError(f"{name}: it is not well-formed TOML: {error}") from None
    return _Parser(name, text).kit(document)


Check = Callable[[Any], Any]


class _WrongValueError(ValueError):
    """What a value must be."""


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _WrongValueError("it must be true or false")
    return value


def _whole(low: int, high: int) -> Check:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise _WrongValueError(f"it must be a whole number from {low} to {high}")
        return value

    return check


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise _WrongValueError(f"it must be a number from {low:g} to {high:g}")
        return float(value)

    return check


def _text(longest: int) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            raise _WrongValueError(f"it must be a text of 1 to {longest} characters")
        return value

    return check


def _path(value: Any) -> str:
    if not isinstance(value, str) or not value.strip("/"):
        raise _WrongValueError("it must be the path of a file, such as 'drums/kick.wav'")
    parts = value.split("/")
    if value.startswith("/") or "\\" in value or ".." in parts or "\0" in value:
        raise _WrongValueError("it must be a path below the folder of the samples, with / between its parts")
    return "/" + "/".join(part for part in parts if part not in ("", "."))


def _choice(*names: str) -> Check:
    def check(value: Any) -> str:
        if value not in names:
            raise _WrongValueError(f"it must be one of {', '.join(map(repr, names))}")
        return str(value)

    return check


def _loop(value: Any) -> str:
    if isinstance(value, bool):
        return "forward" if value else "off"
    if value not in ("off", "forward", "ping-pong"):
        raise _WrongValueError("it must be true, false, 'forward' or 'ping-pong'")
    return str(value)


def _position(value: Any) -> Position:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32:
        return Position(value)
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise _WrongValueError("it must be a frame (a whole number) or a time such as '250 ms' or '1.5 s'")
    return Position(seconds=Fraction(match[1]) / (1000 if match[2] == "ms" else 1))


def _positions(value: Any) -> tuple[Position, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= CHOPS:
        raise _WrongValueError(f"it must be a list of 1 to {CHOPS} frames or times")
    return tuple(_position(one) for one in value)


_BPM = _number(20, 655)  # what 16 bits hold in hundredths
_LEVEL = _whole(0, 127)
_PAD: dict[str, Check] = {
    "file": _path,
    "name": _text(64),
    "volume": _LEVEL,
    "bpm": _BPM,
    "gate": _flag,
    "loop": _loop,
    "reverse": _flag,
    "one_shot": _flag,
    "mute_group": _whole(0, 10),
    "pitch": _whole(-12, 12),
    "speed": _number(50, 150),
    "pan": _whole(-64, 63),
    "attack": _LEVEL,
    "hold": _whole(1, 100),
    "release": _LEVEL,
    "bus": _whole(0, 2),
    "link": _whole(0, 10),
    "bpm_sync": _flag,
    "fixed_velocity": _flag,
    "poly": _flag,
    "legato": _flag,
    "lofi": _flag,
    "tempo_mode": _choice("off", "pattern", "user"),
    "start": _position,
    "end": _position,
    "loop_start": _position,
    "chops": _positions,
}
_BANK: dict[str, Check] = {"bpm": _BPM, "volume": _LEVEL, "protect": _flag}
_PATTERN: dict[str, Check] = {"file": _path, "keys": _choice("sp404sx", "sp404mk2", "generic")}
_KIT: dict[str, Check] = {
    "name": _text(32),
    "project": _whole(1, 16),
    "bpm": _BPM,
    "use_project_tempo": _flag,
}


class _Parser:
    """A kit's tables to its settings, with the line of whatever is wrong."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._lines = _lines(text)

    def kit(self, document: dict[str, Any]) -> Kit:
        self._known(document, ("kit", "bank", "pad", "pattern"), ())
        head = self._values(document.get("kit", {}), _KIT, ("kit",))
        banks: dict[str, KitBank] = {}
        for key, value in self._tables(document, "bank"):
            bank = key.upper()
            if len(bank) != 1 or bank not in BANKS or bank in banks:
                raise self._error(("bank", key), "banks are A to J, each once")
            banks[bank] = KitBank(**self._values(value, _BANK, ("bank", key)))
        pads = {
            place: KitPad(**values, given=frozenset(values))
            for place, values in self._placed(document, "pad", _PAD)
        }
        patterns = {
            place: KitPattern(**values) for place, values in self._placed(document, "pattern", _PATTERN)
        }
        if not pads and not patterns:
            raise KitError(
                f"{self._name}: it puts nothing on any pad: write for example [pad.A1] and file = 'kick.wav'"
            )
        return Kit(**head, banks=banks, pads=pads, patterns=patterns)

    def _placed(
        self, document: dict[str, Any], table: str, checks: dict[str, Check]
    ) -> list[tuple[Place, dict[str, Any]]]:
        found: dict[Place, dict[str, Any]] = {}
        for key, value in self._tables(document, table):
            match = _PAD_NAME.fullmatch(key)
            if match is None or not 1 <= int(match[2]) <= MOST_PADS:
                raise self._error((table, key), f"pads are A1 to J{MOST_PADS}")
            place = match[1].upper(), int(match[2])
            if place in found:
                raise self._error((table, key), "the pad is there twice")
            plain = {"file": value} if isinstance(value, str) else value
            found[place] = self._values(plain, checks, (table, key))
            if "file" not in found[place]:
                raise self._error((table, key), "it needs a key 'file', the path of its sample or MIDI file")
        return sorted(found.items())

    def _tables(self, document: dict[str, Any], table: str) -> list[tuple[str, Any]]:
        value = document.get(table, {})
        if not isinstance(value, dict):
            raise self._error((table,), "it must be a table, such as [pad.A1]")
        return list(value.items())

    def _values(self, table: Any, checks: dict[str, Check], path: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(table, dict):
            raise self._error(path, "it must be a table of settings")
        self._known(table, tuple(checks), path)
        found = {}
        for key, value in table.items():
            try:
                found[key] = checks[key](value)
            except _WrongValueError as bad:
                raise self._error((*path, key), f"{bad}, and is {_shown(value)}") from None
        return found

    def _known(self, table: dict[str, Any], names: tuple[str, ...], path: tuple[str, ...]) -> None:
        for key in table:
            if key not in names:
                raise self._error((*path, key), f"there is no such key; known: {', '.join(names)}")

    def _error(self, path: tuple[str, ...], what: str) -> KitError:
        line = next((self._lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self._lines), 0)
        where = f", line {line}" if line else ""
        return KitError(f"{self._name}{where}: {'.'.join(path)}: {what}")


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, int) or value.bit_length() < 256 else "a huge number"
    return text if len(text) <= 60 else f"{text[:60]}..."


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Where keys and tables stand, by path. Only for messages: what spans lines may mislead it."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            path = (*table, *_parts(key[1]))
            for n in range(len(table) + 1, len(path) + 1):
                found.setdefault(path[:n], number)
    return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
