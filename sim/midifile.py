"""Standard MIDI files (types 0 and 1) to messages on frames, exactly.

Times are integer arithmetic over one denominator, rounded once, half up: an event lies on the frame
nearest to its tempo-map time, however long the song. Format: the Standard MIDI Files 1.0 specification.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import mido

from firmware.formats import FormatError
from firmware.hal import MidiMessage
from firmware.midi import NOTE_OFF, NOTE_ON
from librarian import midi_file
from sim.errors import InputError

MAX_SECONDS = 24 * 3600
_DEFAULT_TEMPO = 500_000  # microseconds a quarter note, 120 BPM
_SMPTE_RATES = {24: (24, 1), 25: (25, 1), 29: (30_000, 1001), 30: (30, 1)}  # 29 stands for 30 drop-frame

_Timed = tuple[int, int, mido.Message]  # tick, track, message


@dataclass(frozen=True, slots=True)
class TimeBase:
    """Ticks to time. With ``per_tick`` None a tick lasts tempo microseconds over ``denominator``."""

    denominator: int  # of the sums below, in seconds
    per_tick: int | None  # SMPTE division: what one tick adds, whatever the tempo


def _time_base(division: int) -> TimeBase:
    if division > 0:
        return TimeBase(1_000_000 * division, None)
    frames_per_second, ticks = -(division >> 8), division & 0xFF
    if frames_per_second not in _SMPTE_RATES or ticks == 0:
        raise InputError(f"its time division {division & 0xFFFF:#06x} is not one of the MIDI file standard")
    rate, scale = _SMPTE_RATES[frames_per_second]
    return TimeBase(rate * ticks, scale)


def _timed(tracks: Sequence[Sequence[mido.Message]]) -> list[_Timed]:
    """All messages with absolute ticks, stably by tick, then by track."""
    timed: list[_Timed] = []
    for number, track in enumerate(tracks):
        tick = 0
        for message in track:
            tick += message.time
            timed.append((tick, number, message))
    timed.sort(key=lambda item: item[0])
    return timed


def _on_frames(timed: list[_Timed], base: TimeBase, rate: int) -> Iterator[MidiMessage]:
    """Channel messages on the nearest frame of ``rate``."""
    elapsed, last_tick, tempo = 0, 0, _DEFAULT_TEMPO
    limit = MAX_SECONDS * base.denominator
    for tick, _, message in timed:
        elapsed += (tick - last_tick) * (tempo if base.per_tick is None else base.per_tick)
        last_tick = tick
        if message.type == "set_tempo":
            tempo = message.tempo
        elif not message.is_meta and message.type != "sysex":
            if elapsed > limit:
                raise InputError(f"it lasts longer than {MAX_SECONDS // 3600} hours")
            frame = (2 * elapsed * rate + base.denominator) // (2 * base.denominator)
            yield MidiMessage(frame, bytes(message.bytes()))


def _offs_first(messages: list[MidiMessage]) -> Iterator[MidiMessage]:
    """Within one frame, let the keys that are down go before any is pressed."""
    down: dict[tuple[int, int], int] = {}
    for _, group in groupby(messages, key=lambda message: message.frame):
        first: list[MidiMessage] = []
        then: list[MidiMessage] = []
        releasable = dict(down)
        for message in group:
            kind, channel = message.data[0] & 0xF0, message.data[0] & 0x0F
            if kind not in (NOTE_ON, NOTE_OFF):
                then.append(message)
                continue
            key = (channel, message.data[1])
            pressed = kind == NOTE_ON and message.data[2] > 0
            releases_earlier = not pressed and releasable.get(key, 0) > 0
            if releases_earlier:
                releasable[key] -= 1
            down[key] = max(0, down.get(key, 0) + (1 if pressed else -1))
            (first if releases_earlier else then).append(message)
        yield from first
        yield from then


def parse_midi(data: bytes, rate: int) -> list[MidiMessage]:
    """The channel messages of a MIDI file's bytes, on frames of ``rate``, in the order to play them.

    At the same frame, keys that are down are released first; the rest keep the order of the tracks.
    Raises InputError with the reason where the bytes are not a playable file.
    """
    try:
        song = midi_file.load(data)
    except FormatError as error:
        raise InputError(str(error)) from error
    if song.type == 2:
        raise InputError("it is a type 2 file (independent patterns); save it as type 0 or 1")
    base = _time_base(song.ticks_per_beat)
    return list(_offs_first(list(_on_frames(_timed(song.tracks), base, rate))))


def read_midi(path: Path, rate: int) -> list[MidiMessage]:
    """`parse_midi` of a file. Raises InputError naming the file, and OSError where it cannot be read."""
    with path.open("rb") as file:
        data = file.read(midi_file.MAX_FILE_BYTES + 1)
    try:
        return parse_midi(data, rate)
    except InputError as error:
        raise InputError(f"{path}: cannot play this MIDI file: {error}") from error


@dataclass(slots=True)
class MessageList:
    """A `firmware.hal.MidiIn` over messages sorted by frame."""

    messages: list[MidiMessage]
    _next: int = 0

    def until(self, frame: int) -> Iterator[MidiMessage]:
        """The messages not yet given below ``frame``; one counts as given when the next is asked for."""
        while self._next < len(self.messages) and self.messages[self._next].frame < frame:
            yield self.messages[self._next]
            self._next += 1

    @property
    def finished(self) -> bool:
        """Whether every message was given."""
        return self._next >= len(self.messages)
