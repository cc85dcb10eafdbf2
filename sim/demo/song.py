"""The demo's song: a type 1 MIDI file for the generic device's note map."""

from __future__ import annotations

from collections.abc import Iterator

import mido
import numpy as np

from sim.demo.kit import PARTS, SEED, Part
from sim.demo.score import BARS, BASS_NOTES, BEATS_PER_BAR, BPM, DRUMS, ROOTS

TICKS = 480  # a quarter note
_SWING = 26  # ticks by which every second sixteenth comes late
_BAR = BEATS_PER_BAR * TICKS
_FIRST_NOTE = 36  # pad 1

Note = tuple[int, int, int, int]  # tick, pad, velocity, length in ticks

# One bar in sixteenths: the velocity of each step, 0 for none.
_KICK = (118, 0, 0, 0, 0, 0, 84, 0, 0, 0, 108, 0, 0, 66, 0, 0)
_SNARE = (0, 0, 0, 0, 104, 0, 0, 24, 0, 30, 0, 0, 106, 0, 0, 28)
_HAT = (74, 34, 58, 30, 72, 36, 54, 40, 70, 32, 60, 34, 72, 38, 0, 30)
_OPEN = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 62, 0)
_SHAKER = (22, 40, 26, 46) * 4
_RIM = (0, 0, 0, 46, 0, 0, 0, 0, 0, 0, 0, 52, 0, 0, 0, 0)
_BASS = (
    (0, 0, 100),
    (3, 0, 70),
    (6, 12, 82),
    (8, 0, 92),
    (11, 0, 64),
    (14, 12, 74),
)  # step, semitones, velocity
_KEYS = ((2, 62), (7, 54), (12, 46))  # step, velocity
_FILL = (("tom high", 0), ("tom high", 1), ("tom low", 2), ("tom low", 3))


def _step(bar: int, step: int) -> int:
    return bar * _BAR + step * TICKS // 4 + (_SWING if step % 2 else 0)


def _drum_bar(bar: int, chance: np.random.Generator) -> Iterator[Note]:
    lanes: dict[str, tuple[int, ...]] = {
        "kick": _KICK,
        "snare": _SNARE,
        "hat closed": _HAT,
        "hat open": _OPEN,
        "shaker": _SHAKER,
    }
    if bar >= 4:
        lanes["rim"] = _RIM
    if bar >= 8:
        lanes["clap"] = tuple(70 if step in (4, 12) else 0 for step in range(16))
    for name, lane in lanes.items():
        for step, velocity in enumerate(lane):
            if velocity:
                human = int(np.clip(velocity + chance.integers(-7, 8), 1, 127))
                yield _step(bar, step), DRUMS.index(name) + 1, human, 60
    if bar % 8 == 7:
        yield from ((_step(bar, 12 + at), DRUMS.index(name) + 1, 88 + 6 * at, 60) for name, at in _FILL)


def _drums() -> Iterator[Note]:
    chance = np.random.default_rng(SEED)
    for bar in range(BARS):
        yield from _drum_bar(bar, chance)
    yield BARS * _BAR, 1, 120, 60


def _bass() -> Iterator[Note]:
    for bar in range(BARS):
        root = ROOTS[bar % len(ROOTS)]
        for step, up, velocity in _BASS:
            yield _step(bar, step), BASS_NOTES.index(root + up) + 1, velocity, TICKS // 4
    yield BARS * _BAR, BASS_NOTES.index(33) + 1, 104, TICKS * 2


def _keys() -> Iterator[Note]:
    for bar in range(BARS):
        for step, velocity in _KEYS:
            yield _step(bar, step), bar % len(ROOTS) + 1, velocity, TICKS
    yield BARS * _BAR, 1, 70, TICKS * 2


def _stems(parts: tuple[Part, ...]) -> Iterator[Note]:
    for pad, (part, voice) in enumerate(((part, voice) for part in parts for voice in range(4)), 1):
        entry = round(part.entry_beat(voice) * TICKS)
        yield entry, pad, part.velocity, BARS * _BAR - entry


def _track(name: str, channel: int, notes: Iterator[Note], level: float) -> mido.MidiTrack:
    """Notes to a track with delta times, their velocities scaled to ``level``."""
    events: list[tuple[int, int, int, int]] = []  # tick, note-offs first, note, velocity
    for tick, pad, velocity, length in notes:
        events.append((tick, 1, _FIRST_NOTE + pad - 1, max(1, round(velocity * level))))
        events.append((tick + length, 0, _FIRST_NOTE + pad - 1, 0))
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    now = 0
    for tick, is_on, note, velocity in sorted(events):
        kind = "note_on" if is_on else "note_off"
        track.append(mido.Message(kind, channel=channel, note=note, velocity=velocity, time=tick - now))
        now = tick
    return track


def compose() -> mido.MidiFile:
    """The song, 16 bars and a last beat; channels 1 to 5 play banks A to E."""
    song = mido.MidiFile(type=1, ticks_per_beat=TICKS)
    song.tracks.append(
        mido.MidiTrack(
            [
                mido.MetaMessage("track_name", name="Benchpad demo"),
                mido.MetaMessage("time_signature", numerator=BEATS_PER_BAR, denominator=4),
                mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(BPM)),
            ]
        )
    )
    song.tracks.append(_track("drums", 0, _drums(), 0.38))
    song.tracks.append(_track("bass", 1, _bass(), 0.32))
    song.tracks.append(_track("keys", 2, _keys(), 0.55))
    song.tracks.append(_track("stems 1", 3, _stems(PARTS[:4]), 0.88))
    song.tracks.append(_track("stems 2", 4, _stems(PARTS[4:]), 0.88))
    return song
