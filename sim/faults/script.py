"""Fault scripts: TOML in, plain values out. The format is described in docs/faults.md."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from native import FaultKind
from sim.errors import InputError

DEFAULT_TIMEOUT_MS = 100.0
_KINDS = {
    "spike": FaultKind.SPIKE,
    "stuck": FaultKind.STUCK,
    "read-error": FaultKind.READ_ERROR,
    "wrong-data": FaultKind.WRONG_DATA,
    "remove": FaultKind.REMOVED,
    "insert": FaultKind.INSERTED,
    "read-only": FaultKind.READ_ONLY,
    "power-cut": FaultKind.POWER_CUT,
}
_MOST_BYTES = 1 << 20  # of a script
_MOST_ENTRIES = 10_000
_LONGEST_S = 1e6
_LARGEST_MADE = 1 << 27  # bytes of a file that a script has made
_LEAST_EVERY_S = 0.1  # so that no more faults wait than the device's queue holds


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """A fault as a script has it. Times are seconds from the first frame on; ``for_s`` 0 is without end.

    ``path`` limits errors and wrong data to a file of the card; ``offset`` and ``length`` (0: all) count in
    it, or on the card where there is no path. ``image`` is what is inserted; None: the card that was there.
    """

    kind: FaultKind
    at_s: float = 0.0
    for_s: float = 0.0
    spike_ms: float = 0.0
    times: int = 0
    path: str | None = None
    offset: int = 0
    length: int = 0
    on_mirror: bool = False
    image: Path | None = None


@dataclass(frozen=True, slots=True)
class RandomSpec:
    """Faults like ``fault``, ``every_s`` apart on average, from ``from_s`` to ``until_s`` (0: the end)."""

    fault: FaultSpec
    every_s: float
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class WriteSpec:
    """A file written to a copy of the card: ``source``, or ``size`` bytes; ``cut_at``: power fails there."""

    at_s: float
    path: str
    source: Path | None
    size: int
    on_mirror: bool
    cut_at: int


@dataclass(frozen=True, slots=True)
class FaultScript:
    """All that a script says."""

    timeout_ms: float = DEFAULT_TIMEOUT_MS
    faults: tuple[FaultSpec, ...] = ()
    randoms: tuple[RandomSpec, ...] = ()
    writes: tuple[WriteSpec, ...] = ()
    resyncs: tuple[float, ...] = ()  # seconds

    def cards(self) -> tuple[Path, ...]:
        """The other cards that it brings in, each once."""
        return tuple(dict.fromkeys(one.image for one in self.faults if one.image is not None))


def kind_name(kind: FaultKind) -> str:
    """The name that scripts and reports use."""
    return next(name for name, one in _KINDS.items() if one is kind)


def read_script(path: Path) -> FaultScript:
    """The script in a file; InputError in one sentence where it is none. Paths in it are relative to it."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise InputError(f"{path} has more than {_MOST_BYTES} bytes; split the script")
        return parse_script(tomllib.loads(data.decode("utf-8")), path.parent, str(path))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is no TOML file: {error}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None


def parse_script(document: dict[str, Any], folder: Path = Path(), name: str = "the script") -> FaultScript:
    """The script of a parsed document."""
    top = _Table(document, name, folder)
    script = FaultScript(
        timeout_ms=top.number("timeout_ms", DEFAULT_TIMEOUT_MS, least=1, most=60_000),
        faults=tuple(_fault(one, top_level=True) for one in top.tables("fault")),
        randoms=tuple(_random(one) for one in top.tables("random")),
        writes=tuple(_write(one) for one in top.tables("write")),
        resyncs=tuple(sorted(map(_resync, top.tables("resync")))),
    )
    top.finish()
    return script


class _Table:
    """A table of the document: each key is asked for once, and what nobody asked for is an error."""

    def __init__(self, values: dict[str, Any], where: str, folder: Path) -> None:
        self._values, self.where, self._folder = values, where, folder
        self._asked: set[str] = set()

    def has(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._values

    def number(self, key: str, default: float, *, least: float = 0, most: float = _LONGEST_S) -> float:
        value = self._values.get(key, default) if self.has(key) else default
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(f"{self.where}: {key} is {value!r}; it must be a number")
        if not least <= value <= most:
            raise InputError(f"{self.where}: {key} is {value}; it must be {least:g} to {most:g}")
        return value

    def whole(self, key: str, default: int, *, most: int = 1 << 47) -> int:
        value = self.number(key, default, most=most)
        if not isinstance(value, int):
            raise InputError(f"{self.where}: {key} is {value}; it must be a whole number")
        return value

    def refuse_zero(self, key: str, without: str) -> None:
        """Nought of something would be the same as leaving it out, which is not what was meant."""
        if key in self._values and not self._values[key]:
            raise InputError(f"{self.where}: {key} is 0; give 1 or more, or leave it out ({without})")

    def text(self, key: str, default: str | None = None) -> str | None:
        value = self._values[key] if self.has(key) else default
        if value is not None and (not isinstance(value, str) or not value or "\0" in value):
            raise InputError(f"{self.where}: {key} is {value!r}; it must be a text")
        return value

    def file(self, key: str) -> Path | None:
        text = self.text(key)
        return None if text is None else self._folder / text

    def choice(self, key: str, names: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(key, default)
        if value is None:
            raise InputError(f"{self.where}: {key} is missing; it is one of {', '.join(names)}")
        if value not in names:
            raise InputError(f"{self.where}: {key} is {value!r}; it is one of {', '.join(names)}")
        return value

    def tables(self, key: str) -> list[_Table]:
        values = self._values[key] if self.has(key) else []
        if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
            raise InputError(f"{self.where}: write each {key} as a table [[{key}]]")
        if len(values) > _MOST_ENTRIES:
            raise InputError(f"{self.where} has {len(values):,} of [[{key}]]; the most is {_MOST_ENTRIES:,}")
        return [
            _Table(one, f"{self.where}: {key} {number}", self._folder) for number, one in enumerate(values, 1)
        ]

    def finish(self) -> None:
        for key in self._values:
            if key not in self._asked:
                close = get_close_matches(key, self._asked, 1)
                hint = (
                    f"; did you mean {close[0]}?"
                    if close
                    else f"; known are {', '.join(sorted(self._asked))}"
                )
                raise InputError(f"{self.where}: there is no {key!r}{hint}")


def _seconds(table: _Table, name: str, default: float | None = None) -> float:
    """A time from ``<name>_s`` or ``<name>_ms``."""
    both = table.has(f"{name}_s"), table.has(f"{name}_ms")
    if all(both) or (default is None and not any(both)):
        raise InputError(f"{table.where}: give either {name}_s or {name}_ms")
    if name == "for":
        for key in ("for_s", "for_ms"):
            table.refuse_zero(key, "for good")
    if both[1]:
        return table.number(f"{name}_ms", 0.0, most=_LONGEST_S * 1000) / 1000
    return table.number(f"{name}_s", default or 0.0)


def _on_mirror(table: _Table) -> bool:
    return table.choice("card", ("main", "mirror"), "main") == "mirror"


def _fault(table: _Table, *, top_level: bool) -> FaultSpec:
    kind = _KINDS[table.choice("kind", tuple(_KINDS))]
    ranged = kind in (FaultKind.READ_ERROR, FaultKind.WRONG_DATA)
    lasting = kind not in (FaultKind.SPIKE, FaultKind.INSERTED, FaultKind.POWER_CUT)
    made = FaultSpec(
        kind,
        at_s=_seconds(table, "at") if top_level else 0.0,
        for_s=_seconds(table, "for", 0.0) if lasting else 0.0,
        spike_ms=table.number("ms", 50.0, most=60_000) if kind is FaultKind.SPIKE else 0.0,
        times=table.whole("times", 1 if kind is FaultKind.SPIKE else 0, most=1_000_000)
        if ranged or kind is FaultKind.SPIKE
        else 0,
        path=table.text("path") if ranged else None,
        offset=table.whole("offset", 0) if ranged else 0,
        length=table.whole("length", 0) if ranged else 0,
        on_mirror=_on_mirror(table) if kind is not FaultKind.POWER_CUT else False,
        image=table.file("image") if kind is FaultKind.INSERTED and top_level else None,
    )
    if top_level:
        table.finish()
    table.refuse_zero("times", "one command" if kind is FaultKind.SPIKE else "as long as it lasts")
    if made.image is not None and made.on_mirror:
        raise InputError(f"{table.where}: another card can be inserted in the place of the main card only")
    return made


def _random(table: _Table) -> RandomSpec:
    fault = _fault(table, top_level=False)
    if fault.kind in (FaultKind.INSERTED, FaultKind.POWER_CUT):
        raise InputError(f"{table.where}: {kind_name(fault.kind)} does not come by chance; script it")
    if fault.kind in (FaultKind.REMOVED, FaultKind.STUCK) and not fault.for_s:
        raise InputError(f"{table.where}: say for how long, with for_s or for_ms")
    made = RandomSpec(
        fault,
        table.number("every_s", 0.0, least=_LEAST_EVERY_S),
        table.number("from_s", 0.0),
        table.number("until_s", 0.0),
    )
    table.finish()
    return made


def _write(table: _Table) -> WriteSpec:
    path, source = table.text("path"), table.file("source")
    size = table.whole("size", 0, most=_LARGEST_MADE)
    if path is None:
        raise InputError(f"{table.where}: path is missing: where on the card the file goes")
    if (source is None) == (not table.has("size")):
        raise InputError(f"{table.where}: give either source (a file) or size (of a made one)")
    at, cut = _seconds(table, "at"), table.whole("cut_at", 0, most=1_000_000)
    table.refuse_zero("cut_at", "power does not fail in it")
    made = WriteSpec(at, path, source, size, _on_mirror(table), cut)
    table.finish()
    return made


def _resync(table: _Table) -> float:
    at = _seconds(table, "at")
    table.finish()
    return at
