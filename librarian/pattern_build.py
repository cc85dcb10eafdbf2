"""Patterns from events on ticks: fillers for long gaps, end event, trailer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from firmware.formats.pattern import END, FILLER, Device, Pattern, PatternEvent

BEATS = {"4/4": 4, "3/4": 3}  # the time signatures that a pattern can have, by quarter notes a bar
MOST_BARS = {Device.SX: 99, Device.MK2: 64}
LONGEST_NOTE = 0xFFFF  # ticks
_LARGEST_STEP = 0xFF  # ticks that byte 0 holds
_MK2_PITCH_ZERO, _DEFAULT_OFF_VELOCITY = 0x8D, 0x40
_NO_LOOP = 0x80

Placed = tuple[int, PatternEvent]  # ticks from the start


def note(device: Device, bank: int, pad: int, velocity: int, off_velocity: int = 0x40) -> PatternEvent:
    """A plain note on a pad, bank from 0 and pad from 1; its step and length are still to be set."""
    upper, row = divmod(bank, 5)
    code = 0x2F + row * device.pads_per_bank + pad - 1
    if device is Device.SX:
        return PatternEvent(0, code, 0x40 * upper, 0, velocity, _DEFAULT_OFF_VELOCITY)
    return PatternEvent(0, code, upper, _MK2_PITCH_ZERO, velocity, off_velocity)


def trailer(device: Device, bars: int, beats: int = 4) -> bytes:
    """A trailer of ``bars``; on the MKII without a loop, and of 4/4 or 3/4."""
    if device is Device.SX:
        return bytes((0, bars, 0, 0, 0, 0, 0, 0))
    return bytes((bars, 0, 0, 0, 1 if beats == 3 else 0, _NO_LOOP, bars, 1))


def beats_of(pattern: Pattern) -> int:
    """Quarter notes in a bar: 3 for an MKII pattern in 3/4, else 4."""
    return 3 if pattern.device is Device.MK2 and pattern.trailer[4] == 1 else 4


def assemble(device: Device, placed: Sequence[Placed], ticks: int, end: bytes) -> Pattern:
    """The pattern of events in order of their ticks, ``ticks`` long, with the trailer ``end``.

    The MKII lays a filler on every multiple of 255 ticks, behind the notes of that tick, as its own files
    show; where the SX lays them is not known, and they only stand where a gap is longer than byte 0 holds.
    """
    full = list(_on_grid(placed, ticks) if device is Device.MK2 else _in_gaps(placed, ticks))
    full.append((ticks, PatternEvent(0, END)))
    events = tuple(_stepped(event, later - tick) for (tick, event), (later, _) in pairwise(full))
    return Pattern(device, (*events, PatternEvent(0, END)), end)


def _on_grid(placed: Iterable[Placed], ticks: int) -> Iterator[Placed]:
    grid = 0
    for tick, event in placed:
        while grid < tick:
            yield grid, PatternEvent(0, FILLER)
            grid += _LARGEST_STEP
        yield tick, event
    for rest in range(grid, ticks, _LARGEST_STEP):
        yield rest, PatternEvent(0, FILLER)


def _in_gaps(placed: Iterable[Placed], ticks: int) -> Iterator[Placed]:
    at = 0
    first = True
    for tick, event in (*placed, (ticks, None)):
        fill = range(at + (0 if first else _LARGEST_STEP), tick, _LARGEST_STEP)
        yield from ((rest, PatternEvent(0, FILLER)) for rest in fill)
        if event is not None:
            yield tick, event
        at, first = tick, False


def _stepped(event: PatternEvent, delta: int) -> PatternEvent:
    return PatternEvent(
        delta, event.code, event.bank_half, event.byte_3, event.velocity, event.byte_5, event.length
    )
