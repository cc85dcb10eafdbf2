"""Tap to sound, in frames: how long after a pad is hit its first sound leaves the device.

The path of a tap, in the order of its parts:

``input``  the pad's message on its way in: MIDI's three bytes at 31,250 baud take 0.96 ms (MIDI 1.0
           specification, ten bits a byte); another way in has another time.
``queue``  until the audio device asks for its next block, which is when the message is seen.
``card``   until the voice's first data is in RAM and the voice has begun to sound; 0 for a pad whose head
           is pinned.
``block``  the message keeps its place in time: it sounds as far into the block as it came after the last
           one was asked for. So ``queue`` + ``block`` is one block, always, and pads keep their rhythm.
``output`` blocks that the audio device holds before this one; with two buffers, one.

``card`` is measured by simulation, at a random place in time and over every pad; ``queue`` and ``block``
are drawn with it; the other parts are constants of the setting.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from firmware.player import Player
from firmware.profiles import load
from native import CardModel
from sim.heads import head
from sim.measure.dry import Booted, Conditions, Dry, play, power_on
from sim.measure.parallel import Progress, map_jobs
from sim.measure.statistics import Distribution, distribution

GRID = 64  # frames: the engine decides about data at multiples of this
MIDI_INPUT_MS = 0.96
_MOST_WAIT_S = 10.0
_QUIET_S = 1.0  # a tap comes at a random moment of so long, or of two periods of the card's spikes
_MOST_QUIET_S = 120.0


@dataclass(frozen=True, slots=True)
class Output:
    """The audio device: frames a block, blocks that it holds, and what the way in takes."""

    block: int = 128
    buffers: int = 2
    input_ms: float = MIDI_INPUT_MS


@dataclass(frozen=True, slots=True)
class Tap:
    """One tap on one pad (its place in the catalogue) after which all else is silent."""

    pad: int
    seed: int
    warm: bool


@dataclass(frozen=True, slots=True)
class TapJob:
    """Taps under one set of conditions; each on a device that has just been switched on."""

    booted: Booted
    conditions: Conditions
    block: int
    taps: tuple[Tap, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a tap: frames of ``queue`` and ``card``; ``card`` None where it was never heard."""

    pad: int
    warm: bool
    queue: int
    card: int | None


def run_taps(job: TapJob) -> list[Heard]:
    """Tap, and wait for the sound."""
    return [_tap(job, tap) for tap in job.taps]


def _tap(job: TapJob, tap: Tap) -> Heard:
    chance = np.random.default_rng([tap.seed, tap.pad])
    rate, model = job.booted.rate, job.conditions.card
    quiet_s = min(_MOST_QUIET_S, max(_QUIET_S, 2 * model.spike_every_s if model is not None else 0.0))
    at = int(chance.integers(1, round(quiet_s * rate)))
    queue = int(chance.integers(1, job.block + 1))
    head_ms = job.conditions.head_ms if tap.warm else 0.0
    conditions = replace(job.conditions, seed=int(chance.integers(1 << 32)), head_ms=head_ms, measure=True)
    with power_on(job.booted, conditions) as dry:
        if tap.warm:
            _pin(dry, job, tap)
        play(dry, (), at)
        _press(dry.player, job.booted, tap.pad, at)
        return Heard(tap.pad, tap.warm, queue, _until_sound(dry, at + round(_MOST_WAIT_S * rate)))


def _pin(dry: Dry, job: TapJob, tap: Tap) -> None:
    """The pad's own head, also where the device would keep other pads' heads instead."""
    pad, head_ms = job.booted.catalogue.pads[tap.pad], job.conditions.head_ms
    if head_ms is None:
        head_ms = float(job.booted.profile.value("engine.head_ms"))
    one = head(pad, head_ms, dry.engine.config.block_bytes)
    dry.engine.pin(dry.sample_ids[pad.sample.path], one.first, one.frames)
    dry.engine.preload()


def _press(player: Player, booted: Booted, pad: int, frame: int) -> None:
    one = booted.catalogue.pads[pad]
    player.press(frame, player.tags.banks.index(one.bank), one.pad)


def _until_sound(dry: Dry, limit: int) -> int | None:
    """Frames from now, when the pad's event is due, until its voice is not silent; None: it never sounded."""
    engine = dry.engine
    begin = engine.frame
    out = np.zeros((GRID, 2), np.float32)
    while (frame := engine.frame) < limit:
        engine.render(out[: GRID - frame % GRID])
        states = engine.states()
        if any(state.state != "silent" for state in states):
            return frame - begin
        if not states and not engine.sounding:
            return None
    return None


@dataclass(frozen=True, slots=True)
class Latency:
    """What taps on warm or on cold pads found, in frames; None where none sounded."""

    card: Distribution | None
    queue: Distribution | None
    block: Distribution | None
    total: Distribution | None
    unheard: int


@dataclass(frozen=True, slots=True)
class LatencyReport:
    """Tap to sound. ``cold_bound_frames``: command time + one cache block + one audio block.

    ``calm`` is the same as ``cold`` from a card without its spikes, which are not in that bound.
    """

    rate: int
    output: Output
    taps: int
    pads: int
    warm: Latency
    cold: Latency
    calm: Latency
    cold_bound_frames: int
    slowest: tuple[tuple[str, int], ...]  # pads whose median of the cold taps is longest

    @property
    def input_frames(self) -> int:
        """What the way in takes."""
        return round(self.output.input_ms * self.rate / 1000)

    @property
    def output_frames(self) -> int:
        """What the audio device holds before the block that a tap falls into."""
        return (self.output.buffers - 1) * self.output.block

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "warm_frames": _frames(self.warm.card),
            "cold_frames": _frames(self.cold.card),
            "cold_without_spikes_frames": _frames(self.calm.card),
            "cold_bound_frames": self.cold_bound_frames,
            "rate": self.rate,
            "block_frames": self.output.block,
            "buffers": self.output.buffers,
            "pads": self.pads,
            "taps": self.taps,
            "unheard": {"warm": self.warm.unheard, "cold": self.cold.unheard},
            "tap_to_sound_frames": {"warm": self._parts(self.warm), "cold": self._parts(self.cold)},
            "slowest_cold_pads": [{"pad": pad, "p50": frames} for pad, frames in self.slowest],
        }

    def _parts(self, one: Latency) -> dict[str, Any]:
        return {
            "input": self.input_frames,
            "queue": _frames(one.queue),
            "card": _frames(one.card),
            "block": _frames(one.block),
            "output": self.output_frames,
            "total": _frames(one.total),
        }


def _frames(found: Distribution | None) -> dict[str, int] | None:
    return None if found is None else asdict(found)


def cold_bound(booted: Booted, model: CardModel | None, block: int) -> int:
    """Frames that a cold pad may take: a command, one cache block at the card's speed, one audio block.

    The cache block is the profile's; engines with little RAM have smaller ones, and then read several at
    once. The command is the one planned for, its random part at its 95th percentile (ln 20 times the mean
    of an exponential distribution) instead of its mean; spikes are not in it.
    """
    card_ns = 0.0
    if model is not None:
        block_bytes = int(load(booted.profile.name).value("engine.block_bytes"))
        card_ns = model.fixed_ns + block_bytes * model.ps_per_byte / 1000
        card_ns += model.body_us * 1000 * (math.log(20) - 1)
    return math.ceil(card_ns * booted.rate / 1e9) + block


def measure_latency(
    booted: Booted,
    conditions: Conditions,
    output: Output,
    taps_per_pad: int,
    *,
    cluster: str | None = None,
    progress: Progress = lambda done: None,
) -> LatencyReport:
    """Tap every pad so many times warm and so many times cold, over all cores; seeded by the conditions."""
    pads = len(booted.catalogue.pads)
    card = conditions.card
    calm = replace(conditions, card=card and replace(card, spike_every_s=0.0))
    kinds = [(conditions, True), (conditions, False)] + [(calm, False)] * (calm != conditions)
    jobs = [
        TapJob(
            booted,
            under,
            output.block,
            tuple(Tap(pad, conditions.seed * 1_000_003 + n, warm) for n in range(taps_per_pad)),
        )
        for under, warm in kinds
        for pad in range(pads)
    ]
    found = map_jobs(run_taps, jobs, cluster=cluster, progress=progress)
    fixed = round(output.input_ms * booted.rate / 1000) + output.buffers * output.block
    heard = [[one for taps in found[at : at + pads] for one in taps] for at in range(0, len(found), pads)]
    made = [_latency(one, output.block, fixed) for one in heard]
    return LatencyReport(
        booted.rate,
        output,
        taps_per_pad * pads,
        pads,
        made[0],
        made[1],
        made[-1],
        cold_bound(booted, conditions.card, output.block),
        _slowest(booted, heard[1]),
    )


def _latency(heard: list[Heard], block: int, fixed: int) -> Latency:
    sounded = [(one.queue, one.card) for one in heard if one.card is not None]
    return Latency(
        distribution([card for _, card in sounded]),
        distribution([queue for queue, _ in sounded]),
        distribution([block - queue for queue, _ in sounded]),
        distribution([fixed + card for _, card in sounded]),
        len(heard) - len(sounded),
    )


def _slowest(booted: Booted, cold: list[Heard], most: int = 5) -> tuple[tuple[str, int], ...]:
    medians = []
    for place, pad in enumerate(booted.catalogue.pads):
        found = distribution([one.card for one in cold if one.pad == place and one.card is not None])
        if found is not None:
            medians.append((f"{pad.bank}{pad.pad}", found.p50))
    return tuple(sorted(medians, key=lambda one: -one[1])[:most])
