"""Pad mashing: an endless stream of MIDI messages as a person's hands would make them, from a seed.

People play in sections: a tempo, a bank, a handful of pads of which a few get most of the hits, and a
pattern that repeats with changes. Hits lie near sixteenths, come late or early by milliseconds, sometimes
together, sometimes as a roll; between sections the hands rest, and now and then everything is stopped. The
numbers below are this project's decisions, not measurements: they shall give repeats, sweeps and surprises
in a believable mix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from firmware.hal import MidiMessage
from firmware.midi import ALL_SOUND_OFF, CONTROL_CHANGE, NOTE_OFF, NOTE_ON

Key = tuple[int, int]  # channel from 0, note

_BPM = (80.0, 150.0)
_BARS = (2, 16)
_PADS_IN_HAND = 8
_FAVOURITE = 1.2  # exponent of Zipf's law over the pads in hand
_JITTER_S = 0.008
_REST_S = 1.5
_ROLL, _CHORD, _STRAY, _STOP = 0.03, 0.15, 0.05, 0.3  # chances: of a hit, a hit, a hit, a section's end
_STEPS = 16  # a bar


@dataclass(frozen=True, slots=True)
class _Section:
    """What the hands do for a while."""

    step_s: float
    bars: int
    keys: tuple[Key, ...]  # in hand, the favourite first
    weights: tuple[float, ...]
    pattern: tuple[float, ...]  # chance of a hit on each step of a bar


class _Hands:
    """Plays section after section into a heap of messages, from which they come in order."""

    def __init__(self, keys: Sequence[Key], rate: int, seed: int) -> None:
        self._banks = [[key for key in keys if key[0] == bank] for bank in sorted({key[0] for key in keys})]
        self._rate = rate
        self._chance = np.random.default_rng([seed, 0x6D617368])  # a stream of its own: "mash"
        self._waiting: list[tuple[int, int, bytes]] = []
        self._count = 0
        self._time_s = 0.0

    def messages(self) -> Iterator[MidiMessage]:
        while True:
            section = self._section()
            for _ in range(section.bars):
                self._bar(section)
                yield from self._before(self._time_s - 10 * _JITTER_S)
            self._end(section)

    def _section(self) -> _Section:
        chance = self._chance
        bank = self._banks[min(int(chance.zipf(1.6)) - 1, 1 << 20) % len(self._banks)]
        count = min(len(bank), int(chance.integers(1, _PADS_IN_HAND + 1)))
        picked = chance.choice(len(bank), count, replace=False)
        weights = 1 / np.arange(1, count + 1) ** _FAVOURITE
        busy = chance.uniform(0.1, 0.6)
        return _Section(
            step_s=60 / chance.uniform(*_BPM) / 4,
            bars=int(chance.integers(_BARS[0], _BARS[1] + 1)),
            keys=tuple(bank[i] for i in picked),
            weights=tuple(np.cumsum(weights / weights.sum()).tolist()),
            pattern=tuple(np.where(chance.random(_STEPS) < busy, 0.9, 0.03).tolist()),
        )

    def _bar(self, section: _Section) -> None:
        dice = self._chance.random(_STEPS)
        for likely, rolled in zip(section.pattern, dice.tolist(), strict=True):
            if rolled < likely:
                self._hits(section)
            self._time_s += section.step_s

    def _hits(self, section: _Section) -> None:
        chance = self._chance
        kind, late = chance.random(), chance.normal(0, _JITTER_S)
        key = self._key(section)
        if kind < _ROLL:
            for hit in range(int(chance.integers(3, 7))):
                self._hit(key, self._time_s + late + hit * section.step_s / 2, section.step_s / 3)
            return
        self._hit(key, self._time_s + late, section.step_s * chance.lognormal(0.5, 0.8))
        if kind < _ROLL + _CHORD:
            other = self._key(section)
            if other != key:
                self._hit(other, self._time_s + late + chance.exponential(0.004), 2 * section.step_s)

    def _key(self, section: _Section) -> Key:
        if self._chance.random() < _STRAY:
            bank = self._banks[int(self._chance.integers(len(self._banks)))]
            return bank[int(self._chance.integers(len(bank)))]
        where = int(np.searchsorted(section.weights, self._chance.random()))
        return section.keys[min(where, len(section.keys) - 1)]

    def _hit(self, key: Key, at_s: float, held_s: float) -> None:
        channel, note = key
        velocity = int(np.clip(self._chance.normal(96, 18), 1, 127))
        begin = max(0, round(at_s * self._rate))
        self._push(begin, bytes((NOTE_ON | channel, note, velocity)))
        self._push(
            begin + max(1, round(min(held_s, 20.0) * self._rate)), bytes((NOTE_OFF | channel, note, 0))
        )

    def _end(self, section: _Section) -> None:
        if self._chance.random() < _STOP:
            for channel in {key[0] for bank in self._banks for key in bank}:
                at = round(self._time_s * self._rate)
                self._push(at, bytes((CONTROL_CHANGE | channel, ALL_SOUND_OFF, 0)))
        self._time_s += self._chance.exponential(_REST_S)

    def _push(self, frame: int, data: bytes) -> None:
        self._count += 1  # messages of one frame stay in the order in which they were made
        heappush(self._waiting, (frame, self._count, data))

    def _before(self, time_s: float) -> Iterator[MidiMessage]:
        limit = round(time_s * self._rate)
        while self._waiting and self._waiting[0][0] < limit:
            frame, _, data = heappop(self._waiting)
            yield MidiMessage(frame, data)


def mash(keys: Sequence[Key], rate: int, seed: int) -> Iterator[MidiMessage]:
    """Messages without end, in order of frame at ``rate``, over ``keys``; nothing where there are none."""
    if keys:
        yield from _Hands(keys, rate, seed).messages()


def mash_for(keys: Sequence[Key], rate: int, seed: int, seconds: float) -> list[MidiMessage]:
    """The messages of the first ``seconds``."""
    end = round(seconds * rate)
    found = []
    for message in mash(keys, rate, seed):
        if message.frame >= end:
            break
        found.append(message)
    return found
