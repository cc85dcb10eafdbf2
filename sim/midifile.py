"""Standard MIDI files (types 0 and 1) to messages on frames, exactly.

Times are integer arithmetic over one denominator, rounded once, half up: an event lies on the frame
nearest to its tempo-map time, however long the song. Format: see `sim.smf`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path

from firmware.hal import MidiMessage
from firmware.midi import NOTE_OFF, NOTE_ON
from sim.errors import InputError
from sim.smf import TrackEvent, parse_smf

MAX_FILE_BYTES = 4 << 20  # a long song is a few hundred KB; each event takes some 300 bytes in memory
MAX_SECONDS = 24 * 3600
_DEFAULT_TEMPO = 500_000  # microseconds a quarter note, 120 BPM
_SMPTE_RATES = {24: (24, 1), 25: (25, 1), 29: (30_000, 1001), 30: (30, 1)}  # 29 stands for 30 drop-frame
_Key = tuple[int, int]  # channel, note


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


def _on_frames(
    tracks: Sequence[Sequence[TrackEvent]], base: TimeBase, rate: int
) -> Iterator[tuple[int, MidiMessage]]:
    """Channel messages of all tracks by tick, then by track, with their ticks, on the nearest frames."""
    elapsed, last_tick, tempo = 0, 0, _DEFAULT_TEMPO
    limit = MAX_SECONDS * base.denominator
    for event in sorted(chain.from_iterable(tracks), key=lambda event: event.tick):
        elapsed += (event.tick - last_tick) * (tempo if base.per_tick is None else base.per_tick)
        last_tick = event.tick
        if not event.data:
            tempo = event.tempo
            continue
        if elapsed > limit:
            raise InputError(f"it lasts longer than {MAX_SECONDS // 3600} hours")
        frame = (2 * elapsed * rate + base.denominator) // (2 * base.denominator)
        yield event.tick, MidiMessage(frame, event.data)


class _Order:
    """The order within a tick, which must not depend on how a song is spread over tracks.

    Keys that are down are released, then come controllers and programs, then the keys that are pressed, by
    channel and note. A key that is pressed and released in one tick is released after it is pressed.
    """

    def __init__(self) -> None:
        self._down: Counter[_Key] = Counter()

    def arranged(self, group: Iterable[MidiMessage]) -> list[MidiMessage]:
        """The messages of one tick, in the order to play them."""
        pressed: Counter[_Key] = Counter()
        placed = [(self._place(message, pressed), message) for message in group]
        placed.sort(key=lambda one: one[0])  # stable: one key, one kind of controller keep their own order
        self._down.update(pressed)
        return [message for _, message in placed]

    def _place(self, message: MidiMessage, pressed: Counter[_Key]) -> tuple[int, int, int]:
        kind, channel, number = message.data[0] & 0xF0, message.data[0] & 0x0F, message.data[1]
        if kind not in (NOTE_ON, NOTE_OFF):
            return 1, channel, kind
        key = (channel, number)
        if kind == NOTE_ON and message.data[2] > 0:
            pressed[key] += 1
        elif self._down[key] > 0:
            self._down[key] -= 1
            return 0, channel, number
        elif pressed[key] > 0:
            pressed[key] -= 1
        return 2, channel, number


def parse_midi(data: bytes, rate: int) -> list[MidiMessage]:
    """The channel messages of a MIDI file's bytes, on frames of ``rate``, in the order to play them.

    Messages of one tick come in the order of `_Order`, however they are spread over tracks.
    Raises InputError with the reason where the bytes are not a playable file.
    """
    song = parse_smf(data)
    if song.kind == 2:
        raise InputError("it is a type 2 file (independent patterns); save it as type 0 or 1")
    if song.kind > 2:
        raise InputError(f"it is of type {song.kind}, which is not one of the MIDI file standard")
    base, order = _time_base(song.division), _Order()
    by_tick = groupby(_on_frames(song.tracks, base, rate), key=lambda one: one[0])
    return [message for _, group in by_tick for message in order.arranged(message for _, message in group)]


def read_midi(path: Path, rate: int) -> list[MidiMessage]:
    """`parse_midi` of a file. Raises InputError naming the file, and OSError where it cannot be read."""
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    try:
        if len(data) > MAX_FILE_BYTES:
            raise InputError(f"it is larger than {MAX_FILE_BYTES >> 20} MiB")
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
