"""The block cache: hit rate against RAM, the engine's policies against Belady's optimum.

Each policy is what the engine itself did; the optimum is computed for the accesses that the voices then
made, in the order in which they made them, and the same number of blocks. The optimum knows the future and
is free of what binds the engine: it may give up a block that a voice still holds. So no policy can reach
beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware.hal import MidiMessage
from native.types import Policy
from sim.measure.belady import optimal_hit_rate
from sim.measure.dry import CHUNK, Booted, Conditions, Dry, dry_config, keys, play, power_on
from sim.measure.mash import mash_for
from sim.measure.parallel import Progress, map_jobs

POLICIES = tuple(Policy)
BELADY = "belady"
_RECORDS = 1 << 16
_TAIL_S = 2.0
_LEAST_RAM = 64 << 10
_TABLE_STEPS = (-3, -2, -1, 0, 1, 2, 3)  # powers of two around the RAM asked for


@dataclass(frozen=True, slots=True)
class Song:
    """What is played: ``messages``, or without any ``mash_s`` seconds of pad mashing from ``seed``."""

    messages: tuple[MidiMessage, ...] = ()
    mash_s: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class CacheJob:
    """One run: a song under one policy and RAM."""

    booted: Booted
    song: Song
    conditions: Conditions
    with_optimum: bool = False


@dataclass(frozen=True, slots=True)
class CacheRun:
    """What came of it. ``optimum`` is the best possible hit rate where it was asked for."""

    ram_bytes: int
    policy: str
    accesses: int
    hits: int
    different_blocks: int
    block_bytes: int
    underruns: int
    optimum: float | None

    @property
    def hit_rate(self) -> float:
        """Blocks that were there, or on their way, as a part of those that voices asked for."""
        return self.hits / self.accesses if self.accesses else 0.0


def run_cache(job: CacheJob) -> CacheRun:
    """Play the song and count."""
    conditions = replace(job.conditions, trace_records=_RECORDS)
    with power_on(job.booted, conditions) as dry:
        trace = _trace(dry, job)
        counters = dry.engine.counters()
        blocks = dry.engine.config.pool_bytes // dry.engine.config.block_bytes
        return CacheRun(
            dry.engine.config.pool_bytes,
            conditions.policy.name.lower(),
            counters.hits + counters.misses,
            counters.hits,
            len(np.unique(trace)),
            dry.engine.config.block_bytes,
            counters.underruns,
            optimal_hit_rate(trace, blocks) if job.with_optimum else None,
        )


def _trace(dry: Dry, job: CacheJob) -> NDArray[np.uint64]:
    """The keys of the blocks that voices asked for, in order, those of the pinned heads first."""
    found = [dry.engine.drain_accesses()]

    def look() -> bool:
        found.append(dry.engine.drain_accesses())
        return True

    song, rate = job.song, job.booted.rate
    messages: Sequence[MidiMessage] = song.messages
    end = messages[-1].frame + round(_TAIL_S * rate) if messages else round(song.mash_s * rate)
    if not messages:
        messages = mash_for(keys(job.booted, dry.player), rate, song.seed, song.mash_s)
    play(dry, messages, max(end, CHUNK), look)
    return np.concatenate(found)


@dataclass(frozen=True, slots=True)
class CacheTable:
    """RAM against hit rates, in rising order of RAM. A row: ``ram_bytes``, ``accesses``, a rate by policy."""

    trace: str
    accesses: int
    different_bytes: int
    ram_bytes: int
    rows: tuple[dict[str, float], ...]

    @property
    def policies(self) -> dict[str, float]:
        """The hit rates at the RAM asked for."""
        row = next(row for row in self.rows if row["ram_bytes"] == self.ram_bytes)
        return {name: rate for name, rate in row.items() if name not in ("ram_bytes", "accesses")}

    @property
    def best(self) -> str:
        """The policy with the highest hit rate at the RAM asked for; of equals LRU."""
        rates = {name: rate for name, rate in self.policies.items() if name != BELADY}
        return max(rates, key=lambda name: (rates[name], name == "lru"))

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        rates = self.policies
        best = rates[BELADY]
        return {
            "trace": self.trace,
            "accesses": self.accesses,
            "different_bytes": self.different_bytes,
            "ram_bytes": self.ram_bytes,
            "policies": rates,
            "to_belady": {name: round(rate / best, 4) if best else 1.0 for name, rate in rates.items()},
            "best_policy": self.best,
            "table": list(self.rows),
        }


def cache_table(
    booted: Booted,
    title: str,
    song: Song,
    conditions: Conditions,
    policies: Sequence[Policy] = POLICIES,
    *,
    cluster: str | None = None,
    progress: Progress = lambda done: None,
) -> CacheTable:
    """Play ``song`` with an eighth to eight times the RAM, under each policy, over all cores."""
    rams = table_rams(booted, conditions)
    jobs = [
        CacheJob(booted, song, replace(conditions, ram_bytes=ram, policy=policy), with_optimum=place == 0)
        for ram in rams
        for place, policy in enumerate(policies)
    ]
    runs = map_jobs(run_cache, jobs, cluster=cluster, progress=progress)
    rows = tuple(_row(runs[at : at + len(policies)]) for at in range(0, len(runs), len(policies)))
    asked = next(run for run in runs if run.ram_bytes == rams_asked(booted, conditions))
    different = asked.different_blocks * asked.block_bytes
    return CacheTable(title, asked.accesses, different, asked.ram_bytes, rows)


def rams_asked(booted: Booted, conditions: Conditions) -> int:
    """The RAM asked for, or the profile's, in whole blocks."""
    return dry_config(booted, conditions).pool_bytes


def table_rams(booted: Booted, conditions: Conditions) -> list[int]:
    """The RAM sizes of the table: none below `_LEAST_RAM`, none more than twice what all samples take."""
    asked, most = rams_asked(booted, conditions), 2 * booted.sample_bytes
    sizes = {int(asked * 2.0**step) for step in _TABLE_STEPS}
    found = {asked} | {size for size in sizes if _LEAST_RAM <= size <= most}
    return sorted({rams_asked(booted, replace(conditions, ram_bytes=size)) for size in found})


def _row(runs: Sequence[CacheRun]) -> dict[str, float]:
    row: dict[str, float] = {"ram_bytes": runs[0].ram_bytes, "accesses": runs[0].accesses}
    row |= {run.policy: round(run.hit_rate, 5) for run in runs}
    row[BELADY] = round(next(run.optimum for run in runs if run.optimum is not None), 5)
    return row
