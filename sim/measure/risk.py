"""Risk: pad heads sized from pitch and the card's tail, and RAM against the chance of an underrun an hour.

A pad is hit while the card works for other voices. So its head must last for the longest command that may
be under way, then for its own first one, which may be as long, and then for the margin that a voice needs.
How long commands take, spikes included, a pilot run tells: of 1,000 commands, 999 take no longer. Pitch is
in the head already: a pad that plays twice as fast gets twice as many frames for the same time.

The chance is counted: many runs with seeds of their own, each over a stretch of playing. A run fails when
it has an underrun. From the share of runs that fail follows the chance in an hour, as if its stretches were
independent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from firmware.catalogue import Pad
from firmware.hal import MidiMessage
from sim.heads import head
from sim.measure.dry import Booted, Conditions, Dry, keys, play, power_on
from sim.measure.mash import mash_for
from sim.measure.parallel import Progress, map_jobs
from sim.measure.statistics import Chance, chance_of, quantile

HOUR_S = 3600.0
TAIL_PART = 0.999
_MARGIN_FRAMES = 64 + 3 * 128  # a grid interval, and what a voice must have to begin: see docs/measure.md
_RUN_SEED = 1_000_003
_PILOT_S = 300.0
_PILOT_RECORDS = 1 << 14  # commands between two looks


@dataclass(frozen=True, slots=True)
class Tail:
    """How long the card takes, in ms: for one cache block as a rule, and for the commands under load."""

    block_ms: float
    tail_ms: float  # `TAIL_PART` of the commands take no longer
    worst_ms: float
    commands: int


def head_ms_for(tail: Tail, rate: int) -> float:
    """How much of a pad's beginning must be in RAM for the card's tail, in ms of playing."""
    return 2 * tail.tail_ms + _MARGIN_FRAMES * 1000 / rate


@dataclass(frozen=True, slots=True)
class HeadSize:
    """What a pad's head takes: ``ratio`` is its pitch and speed together."""

    pad: str
    ratio: float
    frames: int
    bytes: int


def block_bytes(booted: Booted, conditions: Conditions) -> int:
    """The cache block under these conditions."""
    return int(booted.under(conditions.ram_bytes).value("engine.block_bytes"))


def head_sizes(booted: Booted, head_ms: float, block: int) -> list[HeadSize]:
    """For each pad, the largest first; in cache blocks of ``block`` bytes."""
    sizes = [_head_size(pad, head_ms, block) for pad in booted.catalogue.pads]
    return sorted(sizes, key=lambda one: -one.bytes)


def _head_size(pad: Pad, head_ms: float, block: int) -> HeadSize:
    one = head(pad, head_ms, block)
    ratio = pad.settings.speed * 2 ** (pad.settings.pitch_cents / 1200)
    return HeadSize(f"{pad.bank}{pad.pad}", round(ratio, 4), one.frames, one.bytes)


@dataclass(frozen=True, slots=True)
class RiskJob:
    """One run: ``messages``, or where there are none pad mashing from the run's seed, for ``seconds``."""

    booted: Booted
    conditions: Conditions
    messages: tuple[MidiMessage, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class RiskRun:
    """What came of it. ``command_ns``: how long each command to the card took, where it was asked for."""

    underruns: int
    voices_peak: int
    pinned_bytes: int
    command_ns: tuple[int, ...] = ()


def run_risk(job: RiskJob) -> RiskRun:
    """Play, and count."""
    times: list[int] = []
    with power_on(job.booted, job.conditions) as dry:

        def look() -> bool:
            commands = dry.engine.drain_commands()
            times.extend((commands["done_ns"] - commands["start_ns"]).tolist())
            return True

        play(dry, _messages(dry, job), round(job.seconds * job.booted.rate), look)
        counters = dry.engine.counters()
        return RiskRun(counters.underruns, counters.voices_peak, counters.pinned_bytes, tuple(times))


def card_tail(job: RiskJob) -> Tail:
    """What the commands of one run took; all 0 for a card that takes no time."""
    model = job.conditions.card
    if model is None:
        return Tail(0.0, 0.0, 0.0, 0)
    pilot = replace(job, conditions=replace(job.conditions, trace_records=_PILOT_RECORDS))
    times = run_risk(pilot).command_ns or (0,)
    block_ms = model.ms(1, block_bytes(job.booted, job.conditions))
    return Tail(block_ms, quantile(times, TAIL_PART) / 1e6, max(times) / 1e6, len(times))


def _messages(dry: Dry, job: RiskJob) -> Sequence[MidiMessage]:
    if job.messages:
        return job.messages
    found = keys(job.booted, dry.player)
    return mash_for(found, job.booted.rate, job.conditions.seed, job.seconds)


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """One RAM size: ``per_run`` and ``per_hour`` are chances of at least one underrun."""

    ram_bytes: int
    pinned_bytes: int
    runs: int
    failed: int
    underruns: int
    voices_peak: int
    per_run: Chance
    per_hour: Chance


@dataclass(frozen=True, slots=True)
class RiskReport:
    """The curve, and the heads that it was computed with."""

    rate: int
    seconds: float
    tail: Tail
    head_ms: float
    heads: tuple[HeadSize, ...]
    points: tuple[RiskPoint, ...]

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "seconds_per_run": self.seconds,
            "card_tail": asdict(self.tail),
            "head_ms": round(self.head_ms, 3),
            "heads": [asdict(one) for one in self.heads],
            "heads_bytes": sum(one.bytes for one in self.heads),
            "points": [asdict(one) for one in self.points],
        }

    def least_ram(self, chance: float) -> int | None:
        """The least RAM from which on the chance of an underrun an hour is surely at most ``chance``."""
        good = None
        for point in reversed(self.points):
            if point.per_hour.high > chance:
                break
            good = point.ram_bytes
        return good


def risk_curve(
    booted: Booted,
    conditions: Conditions,
    rams: Sequence[int],
    *,
    runs: int,
    seconds: float,
    messages: tuple[MidiMessage, ...] = (),
    cluster: str | None = None,
    progress: Progress = lambda done: None,
) -> RiskReport:
    """Play ``runs`` stretches of ``seconds`` with each RAM, over all cores.

    Without ``head_ms`` in the conditions heads are sized for the card. The runs of every RAM have the same
    seeds, so that neighbouring points differ by the RAM alone.
    """
    pilot = RiskJob(booted, replace(conditions, ram_bytes=max(rams)), messages, max(seconds, _PILOT_S))
    tail = card_tail(pilot)
    head_ms = head_ms_for(tail, booted.rate) if conditions.head_ms is None else conditions.head_ms
    jobs = [
        RiskJob(
            booted,
            replace(conditions, ram_bytes=ram, head_ms=head_ms, seed=conditions.seed * _RUN_SEED + run),
            messages,
            seconds,
        )
        for ram in rams
        for run in range(runs)
    ]
    found = map_jobs(run_risk, jobs, cluster=cluster, progress=progress)
    points = [
        _point(ram, found[place * runs : (place + 1) * runs], seconds) for place, ram in enumerate(rams)
    ]
    heads = head_sizes(booted, head_ms, block_bytes(booted, pilot.conditions))
    return RiskReport(booted.rate, seconds, tail, head_ms, tuple(heads), tuple(points))


def _point(ram: int, runs: Sequence[RiskRun], seconds: float) -> RiskPoint:
    failed = sum(run.underruns > 0 for run in runs)
    chance = chance_of(failed, len(runs))
    return RiskPoint(
        ram,
        max(run.pinned_bytes for run in runs),
        len(runs),
        failed,
        sum(run.underruns for run in runs),
        max(run.voices_peak for run in runs),
        chance,
        chance.over(HOUR_S / seconds) if math.isfinite(seconds) else chance,
    )
