"""A pattern of one device for the other: same pads, same beats, as far as the other has them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

from firmware.formats import FormatError
from firmware.formats import pattern as formats
from firmware.formats.pattern import Device, Pattern
from librarian.pattern_build import (
    LONGEST_NOTE,
    MOST_BARS,
    Placed,
    assemble,
    beats_of,
    note,
    trailer,
)
from librarian.pattern_midi import Converted, from_midi

# How audio and the devices' other files begin, which may be as long as whole events.
_OTHERS = frozenset(
    (b"RIFF", b"RIFX", b"RF64", b"FORM", b"fLaC", b"OggS", b"caff", b".snd", b"riff", b"RFWV", b"RFPD")
)
_BANKS = "ABCDEFGHIJ"


def to_device(pattern: Pattern, device: Device) -> Converted:
    """The pattern for ``device``; unchanged where it is that device's already."""
    if pattern.device is device:
        return Converted(pattern)
    lost: Counter[str] = Counter()
    placed: list[Placed] = []
    scale = Fraction(device.ticks_per_quarter, pattern.device.ticks_per_quarter)
    moved = Fraction(0)
    for tick, event in pattern.placed():
        place = pattern.pad_of(event)
        if place is None:
            lost["events that are no notes: left out"] += 1
            continue
        if place[1] > device.pads_per_bank:
            lost[f"notes of pads above {device.pads_per_bank}: left out, as the device has no such pad"] += 1
            continue
        if formats.semitones(event):
            lost["notes with a pitch of their own: they play unchanged"] += 1
        at, length = _rounded(tick * scale), _rounded(event.length * scale)
        moved = max(moved, abs(at - tick * scale))
        if length > LONGEST_NOTE:
            lost[f"notes longer than {LONGEST_NOTE:,} ticks: cut there"] += 1
        made = note(device, _BANKS.index(place[0]), place[1], event.velocity, event.byte_5)
        placed.append((at, replace(made, length=min(length, LONGEST_NOTE))))
    return _finished(pattern, device, placed, moved, lost)


def _finished(
    pattern: Pattern, device: Device, placed: list[Placed], moved: Fraction, lost: Counter[str]
) -> Converted:
    beats = beats_of(pattern)
    remarks = [f"{count} {what}" for what, count in sorted(lost.items())]
    if moved:
        ms = float(moved * Fraction(500, device.ticks_per_quarter))
        remarks.append(
            f"notes moved to the grid of {device.ticks_per_quarter} ticks, by up to {ms:.2f} ms (at 120 BPM)"
        )
    if beats == 3 and device is Device.SX:
        remarks.append("the pattern is in 3/4; the SX counts bars in 4/4 as far as is known")
        beats = 4
    bar = beats * device.ticks_per_quarter
    ticks = _rounded(Fraction(pattern.ticks * device.ticks_per_quarter, pattern.device.ticks_per_quarter))
    bars = max(1, -(-ticks // bar))
    if bars > MOST_BARS[device]:
        bars = MOST_BARS[device]
        kept = [one for one in placed if one[0] < bars * bar]
        remarks.append(
            f"the pattern is cut at bar {bars}, the last there can be: {len(placed) - len(kept)} notes less"
        )
        placed = kept
    return Converted(assemble(device, placed, bars * bar, trailer(device, bars, beats)), tuple(remarks))


def _rounded(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


def read_pattern(
    data: bytes, device: Device | None = None, from_device: Device | None = None, key_map: str | None = None
) -> Converted:
    """The pattern in a MIDI file or a pattern file; FormatError where it is neither or damaged.

    ``device`` is whose a MIDI file's pattern is to be; ``from_device`` whose a pattern file is, where its
    bytes do not tell; ``key_map`` as of `from_midi`.
    """
    if data.startswith(b"MThd"):
        return from_midi(data, device, key_map)
    if data[:4] in _OTHERS:
        raise FormatError("it is neither a MIDI file nor a pattern: benchpad inspect says what it is")
    if len(data) % formats.EVENT_BYTES or len(data) < 2 * formats.EVENT_BYTES:
        raise FormatError(
            "it is neither a MIDI file (which begins with MThd) nor whole 8-byte pattern events"
        )
    whose = from_device or formats.device_of(data)
    if whose is None:
        formats.parse(data, Device.MK2)  # says what is wrong, if it is no pattern at all
        raise FormatError("the pattern may be the SX's or the MKII's: say which with --from-device")
    return Converted(formats.parse(data, whose))
