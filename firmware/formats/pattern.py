"""Pattern files (PTNnnnnn.BIN) of the SX and the MKII: 8-byte events, an end event, an 8-byte trailer.

Byte 0 of an event is the number of ticks to the *next* event.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from firmware.wording import counted

from . import FormatError

EVENT_BYTES = 8
FILLER, END, CONTROL = 0x80, 0x8C, 0x8E
_FIRST_NOTE = 0x2F
_PITCH_ZERO = 0x8D
_TRAILER_BYTES = 8
MAX_EVENTS = 1 << 18  # far above what 64 bars can hold


class Device(Enum):
    """Whose pattern: value = (ticks a quarter note, pads a bank, byte order of the length)."""

    SX = (96, 12, "big")
    MK2 = (480, 16, "little")

    @property
    def ticks_per_quarter(self) -> int:
        """Resolution."""
        return self.value[0]

    @property
    def pads_per_bank(self) -> int:
        """12 or 16."""
        return self.value[1]


_LAYOUT = {Device.SX: struct.Struct(">BBBBBBH"), Device.MK2: struct.Struct("<BBBBBBH")}


@dataclass(frozen=True, slots=True)
class PatternEvent:
    """One event. ``code`` is a note, or `FILLER`, `END`, `CONTROL`; ``length`` is in ticks.

    ``bank_half``: SX 0x40, MKII low nibble 1 = banks F-J. ``byte_3``: the MKII's pitch, 0x8D = none.
    ``byte_5``: MKII note-off velocity. For `CONTROL`: ``bank_half`` channel, ``byte_5`` controller,
    and the value in the first byte of ``length``.
    """

    delta: int
    code: int
    bank_half: int = 0
    byte_3: int = 0
    velocity: int = 0
    byte_5: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern: its events up to and with the end event, and the trailer as it is."""

    device: Device
    events: tuple[PatternEvent, ...]
    trailer: bytes

    @property
    def bars(self) -> int:
        """Length in bars."""
        return self.trailer[1 if self.device is Device.SX else 0]

    @property
    def ticks(self) -> int:
        """Length in ticks: the sum of all steps."""
        return sum(event.delta for event in self.events)

    def placed(self) -> Iterator[tuple[int, PatternEvent]]:
        """The events with their ticks from the start, fillers and the end left out."""
        tick = 0
        for event in self.events:
            if event.code not in (FILLER, END):
                yield tick, event
            tick += event.delta

    def pad_of(self, event: PatternEvent) -> tuple[str, int] | None:
        """Bank letter and pad (from 1) that a note plays; None where the event is no note."""
        number = event.code - _FIRST_NOTE
        per_bank = self.device.pads_per_bank
        if not 0 <= number < 5 * per_bank:
            return None
        upper = event.bank_half == 0x40 if self.device is Device.SX else event.bank_half & 0x0F == 1
        return "ABCDEFGHIJ"[number // per_bank + 5 * upper], number % per_bank + 1

    def to_bytes(self) -> bytes:
        """The file, byte for byte."""
        layout = _LAYOUT[self.device]
        return b"".join(_pack(layout, event) for event in self.events) + self.trailer


def parse(data: bytes, device: Device) -> Pattern:
    """A pattern; FormatError where it is not whole events, an end event and a trailer."""
    count, odd = divmod(len(data) - _TRAILER_BYTES, EVENT_BYTES)
    if odd or count < 1:
        raise FormatError(
            f"a pattern of {counted(len(data), 'byte')} is not whole events of 8 bytes and a trailer"
        )
    if count > MAX_EVENTS:
        raise FormatError(f"a pattern of {count} events is larger than any device writes")
    layout = _LAYOUT[device]
    events = tuple(PatternEvent(*fields) for fields in layout.iter_unpack(data[:-_TRAILER_BYTES]))
    if events[-1].code != END or any(event.code == END for event in events[:-1]):
        raise FormatError("the pattern's end event is not where its trailer begins")
    return Pattern(device, events, data[-_TRAILER_BYTES:])


def device_of(data: bytes) -> Device | None:
    """Whose pattern the bytes are, by the trailer and the notes; None where both or neither may be.

    The SX has its bars in the trailer's byte 1 and nothing in byte 0; the MKII in byte 0, and 1 in byte 7.
    """
    trailer = data[-_TRAILER_BYTES:]
    if len(data) < EVENT_BYTES + _TRAILER_BYTES or data[-_TRAILER_BYTES - EVENT_BYTES + 1] != END:
        return None
    sx = trailer[0] == 0 and 1 <= trailer[1] <= 99
    mk2 = 1 <= trailer[0] <= 64 and trailer[7] == 1
    if sx != mk2:
        return Device.SX if sx else Device.MK2
    pitched = any(0x81 <= byte <= 0x98 for byte in data[3 : -2 * EVENT_BYTES : EVENT_BYTES])
    return Device.MK2 if pitched else None


def semitones(event: PatternEvent) -> int:
    """The pitch that an MKII note carries, in semitones."""
    return event.byte_3 - _PITCH_ZERO if 0x81 <= event.byte_3 <= 0x98 else 0


def sx_file_name(bank: str, pad: int) -> str:
    """The SX's pattern file of a pad: bank * 12 + pad, in decimal (D2 is ``PTN00038.BIN``)."""
    return f"PTN{'ABCDEFGHIJ'.index(bank) * 12 + pad:05d}.BIN"


def _pack(layout: struct.Struct, e: PatternEvent) -> bytes:
    return layout.pack(e.delta, e.code, e.bank_half, e.byte_3, e.velocity, e.byte_5, e.length)
