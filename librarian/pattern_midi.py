"""Patterns to MIDI files and back, without loss.

A pattern's notes become notes on the keys that play their pads, MKII control events become control changes,
its end the end of the track, its time signature one. What MIDI has no word for (a note's pitch, odd bytes,
the trailer) stands in sequencer-specific events, only where reading the file back shows the need, so that a
pattern that was once written comes back as it was. Other programs pass over those events.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import mido

from firmware.formats import FormatError
from firmware.formats.pattern import CONTROL, MAX_EVENTS, Device, Pattern, PatternEvent
from firmware.midi import NoteMap, note_map
from firmware.profiles import load as load_profile
from librarian.midi_file import Timed, is_press, load, save, timed
from librarian.pattern_build import BEATS, LONGEST_NOTE, MOST_BARS, Placed, assemble, beats_of, note, trailer

MOST_EVENTS = 1 << 16  # some hundred times what patterns of the device hold
PROFILES = {Device.SX: "sp404sx", Device.MK2: "sp404mk2"}
# Control changes that the MKII knows (docs/device-facts.md, section MIDI).
_CONTROLLERS = frozenset((16, 17, 18, 19, 80, 81, 82, 83))
# Sequencer-specific events begin with 0x7D, the manufacturer number for non-commercial use, and a mark.
_MARK = (0x7D, *b"bpad")
_TRAILER, _NOTE, _ALONE = range(3)  # what such an event is: then device, then bytes
_DEVICE_CODES = {Device.SX: 0, Device.MK2: 1}
_LONGEST = 0xFF * MAX_EVENTS  # ticks that the largest pattern file can have
_OFF_VELOCITY = 64  # of a key released by a note-on, and what both devices write


@dataclass(frozen=True, slots=True)
class Converted:
    """A pattern, and a sentence for each thing that was not carried or had to change."""

    pattern: Pattern
    remarks: tuple[str, ...] = ()


def keys(device: Device) -> NoteMap:
    """Which key plays which pad of the device, by its profile."""
    return note_map(load_profile(PROFILES[device]).value("midi.map"))


def to_midi(pattern: Pattern) -> bytes:
    """The pattern as a MIDI file of one track, with its own resolution; FormatError where it is too large."""
    placed = [(tick, replace(event, delta=0)) for tick, event in pattern.placed()]
    if len(placed) > MOST_EVENTS:
        raise FormatError(f"the pattern has {len(placed):,} notes, more than any device plays")
    back = _placed_back(_messages(pattern, placed, frozenset()), pattern.device, pattern.ticks)
    odd = frozenset(n for n, one in enumerate(placed) if n >= len(back) or back[n] != one)
    song = mido.MidiFile(type=0, ticks_per_beat=pattern.device.ticks_per_quarter)
    song.tracks.append(_track(_messages(pattern, placed, odd), pattern.ticks))
    return save(song)


def from_midi(data: bytes, device: Device | None = None, key_map: str | None = None) -> Converted:
    """The pattern in a MIDI file, for ``device``; ``key_map`` names the note map, else the device's own.

    A file that `to_midi` wrote says itself whose pattern it is, and becomes that device's again: convert it
    then. Raises FormatError for files that are no such MIDI file, or damaged.
    """
    song = load(data)
    if song.type == 2 or song.ticks_per_beat <= 0:
        raise FormatError("it holds single patterns or counts SMPTE time; save it as type 0 or 1 in beats")
    messages = timed(song)
    if sum(not m.is_meta for _, m in messages) > 2 * MOST_EVENTS:
        raise FormatError("it holds more notes than any pattern; cut it")
    own = _own_device(messages)
    device = own or device
    if device is None:
        raise FormatError("a MIDI file can become a pattern of either device: say which with --device")
    places = (keys(device) if own or not key_map else note_map(key_map)).places
    reader = _Reader(device, Fraction(device.ticks_per_quarter, song.ticks_per_beat), places)
    reader.take(messages)
    return reader.finished()


def _track(messages: list[Timed], ticks: int) -> mido.MidiTrack:
    track, at = mido.MidiTrack(), 0
    for tick, message in messages:
        track.append(message.copy(time=tick - at))
        at = tick
    track.append(mido.MetaMessage("end_of_track", time=ticks - at))
    return track


def _messages(pattern: Pattern, placed: list[Placed], odd: frozenset[int]) -> list[Timed]:
    """The track's messages by tick; the events numbered in ``odd`` with all their bytes beside them."""
    device, ticks = pattern.device, pattern.ticks
    out: list[tuple[int, int, Timed]] = []
    head = mido.MetaMessage("time_signature", numerator=beats_of(pattern), denominator=4)
    out += [(0, -2, (0, head)), (0, -1, (0, _ours(_TRAILER, device, _trailer_bytes(pattern))))]
    by_pad = {place: key for key, place in keys(device).places.items()}
    for number, (tick, event) in enumerate(placed):
        for at, rank, message in _sounding(pattern, tick, event, by_pad, raw=number in odd):
            out.append((min(at, ticks), rank, (min(at, ticks), message)))
    out.sort(key=lambda item: item[:2])
    return [message for _, _, message in out]


def _trailer_bytes(pattern: Pattern) -> bytes:
    return pattern.trailer + pattern.ticks.to_bytes(4, "big")


def _sounding(
    pattern: Pattern,
    tick: int,
    event: PatternEvent,
    by_pad: dict[tuple[int, int], tuple[int, int]],
    *,
    raw: bool,
) -> Iterator[tuple[int, int, Any]]:
    """The messages of one event with their ticks and ranks: releases (0) stand before presses (1)."""
    body = Pattern(pattern.device, (event,), b"").to_bytes()
    place = pattern.pad_of(event)
    audible = place is not None and 1 <= event.velocity <= 127
    if raw:
        yield tick, 1, _ours(_NOTE if audible else _ALONE, pattern.device, body)
    if place is not None and audible:
        channel, key = by_pad["ABCDEFGHIJ".index(place[0]), place[1]]
        yield tick, 1, mido.Message("note_on", channel=channel, note=key, velocity=event.velocity)
        release = mido.Message("note_off", channel=channel, note=key, velocity=event.byte_5 & 0x7F)
        yield tick + event.length, 0 if event.length else 1, release
    elif not raw and (change := _control_change(event)):
        yield tick, 1, change


def _control_change(event: PatternEvent) -> mido.Message | None:
    value = event.length & 0xFF
    if event.code != CONTROL or event.bank_half > 15 or event.byte_5 > 127 or value > 127:
        return None
    return mido.Message("control_change", channel=event.bank_half, control=event.byte_5, value=value)


def _ours(kind: int, device: Device, body: bytes) -> mido.MetaMessage:
    return mido.MetaMessage("sequencer_specific", data=(*_MARK, kind, _DEVICE_CODES[device], *body))


def _body(message: Any) -> tuple[int, Device, bytes] | None:
    """Kind, device and bytes of one of our own sequencer-specific events; None for any other message."""
    if message.type != "sequencer_specific" or tuple(message.data[:5]) != _MARK:
        return None
    data = bytes(message.data[5:])
    sizes = {_TRAILER: 14, _NOTE: 10, _ALONE: 10}
    if len(data) < 2 or sizes.get(data[0]) != len(data) or data[1] > 1:
        return None
    return data[0], Device.MK2 if data[1] else Device.SX, data[2:]


def _own_device(messages: Iterable[Timed]) -> Device | None:
    bodies = (_body(message) for _, message in messages if message.is_meta)
    return next((body[1] for body in bodies if body and body[0] == _TRAILER), None)


def _placed_back(messages: list[Timed], device: Device, ticks: int) -> list[Placed]:
    reader = _Reader(device, Fraction(1), keys(device).places)
    reader.take([*messages, (ticks, mido.MetaMessage("end_of_track"))])
    return reader.events()


@dataclass(slots=True)
class _Open:
    """A note whose end has not come yet; a length that is written down counts more than its release."""

    tick: int
    event: PatternEvent
    known: bool = False
    length: int | None = None


@dataclass(slots=True)
class _Reader:
    """A MIDI file's messages to a pattern's events."""

    device: Device
    scale: Fraction
    places: dict[tuple[int, int], tuple[int, int]]
    _found: list[_Open] = field(default_factory=list)
    _held: defaultdict[tuple[int, int], list[_Open]] = field(default_factory=lambda: defaultdict(list))
    _next: tuple[int, PatternEvent] | None = None
    _end: int = 0
    _trailer: tuple[int, bytes] | None = None
    _signatures: list[str] = field(default_factory=list)
    _lost: Counter[str] = field(default_factory=Counter)
    _strange: dict[int, list[int]] = field(default_factory=dict)
    _moved: Fraction = Fraction(0)
    _last_release: int = 0

    def take(self, messages: Iterable[Timed]) -> None:
        """Read all messages, which are in order."""
        for raw_tick, message in messages:
            tick = (
                self._tick(raw_tick) if not message.is_meta else int(raw_tick * self.scale + Fraction(1, 2))
            )
            self._end = max(self._end, tick)
            if message.is_meta:
                self._meta(tick, message)
            elif is_press(message):
                self._press(tick, message)
            elif message.type in ("note_on", "note_off"):
                self._release(tick, message)
            elif message.type == "control_change" and self._takes(message.control):
                body = PatternEvent(0, CONTROL, message.channel, 0, 0, message.control, message.value)
                self._found.append(_Open(tick, body, known=True))
            else:
                self._lost[_words(message)] += 1

    def events(self) -> list[Placed]:
        """The events with their ticks."""
        return [(one.tick, self._with_length(one)) for one in self._found]

    def finished(self) -> Converted:
        """The pattern and what is to be said of it."""
        beats, placed = self._beats(), self.events()
        ticks, end = self._length(beats)
        own = (ticks, end) == self._trailer  # only a pattern that was one may have events on its very end
        kept = [one for one in placed if one[0] < ticks + own]
        remarks = tuple(self._remarks(len(placed) - len(kept)))
        return Converted(assemble(self.device, kept, ticks, end), remarks)

    def _remarks(self, behind: int) -> Iterator[str]:
        if behind:
            yield f"{behind} notes lie behind bar {MOST_BARS[self.device]}, the last there can be: left out"
        if self._moved:
            grid = self.device.ticks_per_quarter
            ms = float(self._moved * Fraction(500, grid))
            yield f"events moved to the grid of {grid} ticks a quarter, by up to {ms:.2f} ms (at 120 BPM)"
        for channel, found in sorted(self._strange.items()):
            span = f"key {found[0]}" if len(set(found)) == 1 else f"keys {min(found)} to {max(found)}"
            yield f"{len(found)} notes on {span} of channel {channel} play no pad: left out"
        for what, count in sorted(self._lost.items()):
            yield f"{count} x {what}: a pattern does not hold it"

    def _tick(self, raw: int) -> int:
        exact = raw * self.scale
        tick = int(exact + Fraction(1, 2))
        self._moved = max(self._moved, abs(exact - tick))
        return tick

    def _takes(self, control: int) -> bool:
        return self.device is Device.MK2 and control in _CONTROLLERS

    def _meta(self, tick: int, message: Any) -> None:
        if message.type == "time_signature":
            self._signatures.append(f"{message.numerator}/{message.denominator}")
        elif message.type == "set_tempo":
            self._lost["tempo (set it on the bank or the device)"] += 1
        elif body := _body(message):
            kind, device, data = body
            if device is not self.device:
                return
            if kind == _TRAILER:
                self._trailer = int.from_bytes(data[8:], "big"), data[:8]
                return
            event = _event(device, data)
            if kind == _NOTE:
                self._next = tick, event
            else:
                self._found.append(_Open(tick, event, known=True))

    def _press(self, tick: int, message: Any) -> None:
        place = self.places.get((message.channel, message.note))
        if place is None or place[1] > self.device.pads_per_bank:
            self._strange.setdefault(message.channel + 1, []).append(message.note)
            return
        made = note(self.device, *place, velocity=message.velocity)
        opened = _Open(tick, made)
        if self._next is not None and self._next[0] == tick and self._next[1].code == made.code:
            opened = _Open(tick, self._next[1], known=True)
            self._next = None
        self._found.append(opened)
        self._held[message.channel, message.note].append(opened)

    def _release(self, tick: int, message: Any) -> None:
        held = self._held[message.channel, message.note]
        if not held:
            return
        opened = held.pop(0)
        opened.length = tick - opened.tick
        self._last_release = max(self._last_release, tick)
        velocity = message.velocity if message.type == "note_off" else _OFF_VELOCITY
        if not opened.known and self.device is Device.MK2:
            opened.event = replace(opened.event, byte_5=velocity)

    def _with_length(self, one: _Open) -> PatternEvent:
        if one.known:
            return one.event
        length = self._end - one.tick if one.length is None else one.length
        if length > LONGEST_NOTE:
            self._lost[f"length of a note beyond {LONGEST_NOTE:,} ticks (it is cut there)"] += 1
        return replace(one.event, length=min(length, LONGEST_NOTE))

    def _beats(self) -> int:
        signature = self._signatures[0] if self._signatures else "4/4"
        if len(set(self._signatures)) > 1:
            self._lost["change of the time signature (a pattern has one)"] += len(self._signatures) - 1
        if signature not in BEATS or (signature == "3/4" and self.device is Device.SX):
            self._lost[f"time signature {signature} (its bars are counted in 4/4)"] += 1
            return 4
        return BEATS[signature]

    def _length(self, beats: int) -> tuple[int, bytes]:
        """Ticks and trailer: those that the file itself carries where they still fit, else whole bars."""
        if self._trailer is not None and self._trailer[0] == self._end <= _LONGEST:
            return self._trailer
        bar = beats * self.device.ticks_per_quarter
        last = max((one.tick for one in self._found), default=0)
        needed = last // bar + 1
        if self._end % bar == 0 or self._end != self._last_release:
            needed = max(needed, -(-self._end // bar))
        bars = min(MOST_BARS[self.device], needed)
        return bars * bar, trailer(self.device, bars, beats)


def _event(device: Device, data: bytes) -> PatternEvent:
    code, half, byte_3, velocity, byte_5 = data[1:6]
    length = int.from_bytes(data[6:8], "little" if device is Device.MK2 else "big")
    return PatternEvent(0, code, half, byte_3, velocity, byte_5, length)


def _words(message: Any) -> str:
    """A message's kind in words."""
    if message.type == "control_change":
        return f"control change {message.control}"
    return str(message.type).replace("_", " ").replace("pitchwheel", "pitch bend")
