"""What a card takes for its commands, and what can go wrong with it: plain values, no C objects."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from enum import IntEnum

from native.types import EngineError

_LARGEST = {"us": 1e9, "ms": 1e6, "s": 1e6, "bytes": float(1 << 47)}  # by the last word of a field's name


@dataclass(frozen=True, slots=True)
class CardModel:
    """How slow a card is. Every part may be 0, which leaves it out; MB are 10^6 bytes.

    A read takes ``command_us + first_byte_us``, its bytes at ``read_mb_per_s`` (0: no limit), ``page_us``
    once where it crosses a multiple of ``page_bytes``, ``unit_us`` for each multiple of ``unit_bytes`` (the
    allocation unit) that it crosses, and a random part, exponentially distributed with the mean ``body_us``.

    Spikes come every ``spike_every_s`` on average by chance, or exactly so often where ``spike_regular``. The
    read then under way takes ``spike_ms`` longer, a write ``write_spike_ms``; a command that begins meanwhile
    waits for what is left, and a spike while the card is idle delays nobody. Reading wears a card: once
    ``wear_bytes`` have been read in its life (``wear_begun_bytes`` of them before), its spikes are spread
    evenly from ``spike_ms`` to ``wear_ms``; before that their spread grows in proportion.

    A fake card has but ``real_bytes``; beyond them it gives zeros. EngineError where a value makes no sense.
    """

    command_us: float = 0.0
    first_byte_us: float = 0.0
    read_mb_per_s: float = 0.0
    write_command_us: float = 0.0
    write_mb_per_s: float = 0.0
    page_bytes: int = 0
    page_us: float = 0.0
    unit_bytes: int = 0
    unit_us: float = 0.0
    body_us: float = 0.0
    spike_every_s: float = 0.0
    spike_ms: float = 0.0
    write_spike_ms: float = 0.0
    spike_regular: bool = False
    wear_bytes: int = 0
    wear_ms: float = 0.0
    wear_begun_bytes: int = 0
    real_bytes: int = 0

    def __post_init__(self) -> None:
        for one in fields(self):
            _check_value(one.name, getattr(self, one.name))
        if 0 < self.spike_every_s < 0.001:
            raise EngineError(f"spike_every_s is {self.spike_every_s}; the least is 0.001")

    @property
    def fixed_ns(self) -> int:
        """What the reader plans with for each command: all but the bytes, the random part by its mean."""
        page = self.page_us if self.page_bytes else 0.0
        return sum(ns(us / 1e6) for us in (self.command_us, self.first_byte_us, self.body_us, page))

    @property
    def ps_per_byte(self) -> int:
        """What the reader plans with for each byte, unit crossings included; 0: none."""
        crossing = ns(self.unit_us / 1e6) * 1000 // self.unit_bytes if self.unit_bytes else 0
        return ps_per_byte(self.read_mb_per_s) + crossing

    def ms(self, reads: int, size_bytes: int) -> float:
        """What so many read commands with so many bytes together take on average, spikes left out."""
        return (reads * self.fixed_ns + size_bytes * self.ps_per_byte / 1000) / 1e6


def _check_value(name: str, value: float) -> None:
    if isinstance(value, bool):
        return
    if name.endswith("mb_per_s"):
        if value and not 0.001 <= value <= 1_000_000:  # also where it is no number
            raise EngineError(f"{name} is {value}; it must be 0.001 to 1,000,000, or 0 for no limit")
        return
    most = _LARGEST[name.rsplit("_", 1)[1]]
    if not (math.isfinite(value) and 0 <= value <= most):
        raise EngineError(f"{name} is {value}; it must be 0 to {most:,.0f}")


def ns(seconds: float) -> int:
    """Seconds as whole nanoseconds."""
    return round(seconds * 1e9)


def ps_per_byte(mb_per_s: float) -> int:
    """A speed (10^6 bytes a second) as picoseconds a byte; 0 for no limit."""
    return round(1e6 / mb_per_s) if mb_per_s else 0


class WriteProtectedError(EngineError):
    """The card's switch says that nothing may be written."""


class FaultKind(IntEnum):
    """What goes wrong with a card."""

    SPIKE = 0  # the next command takes longer
    STUCK = 1  # busy for a while: commands wait, and fail once the host's time-out is over
    READ_ERROR = 2  # reads of a range fail
    WRONG_DATA = 3  # reads of a range give other bytes, and no error
    REMOVED = 4  # nothing answers
    INSERTED = 5  # the card is back
    READ_ONLY = 6  # the switch: writes are refused
    POWER_CUT = 7  # nothing works any more


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault on the device's clock. ``until_ns`` 0: without end; ``times`` 0: every command that it touches.

    ``offset`` and ``length`` (bytes of the device; length 0: all from there on) are for errors and wrong
    data, ``spike_ns`` is for spikes.
    """

    kind: FaultKind
    at_ns: int = 0
    until_ns: int = 0
    times: int = 0
    offset: int = 0
    length: int = 0
    spike_ns: int = 0


@dataclass(frozen=True, slots=True)
class FaultCount:
    """Of one kind: faults whose time has come, those that a command met, and the commands that met one."""

    begun: int = 0
    met: int = 0
    commands: int = 0
