"""What is measured by simulation: the cache against the optimum, pad to sound, and a soak."""

from __future__ import annotations

import os

import numpy as np
import pytest
from conftest import NewRow
from pytest_benchmark.fixture import BenchmarkFixture
from timing import timed

from native import CardModel
from sdcard_image import Item, build_image
from sim.board import Setup
from sim.cards import load_card
from sim.demo.kit import sounds
from sim.demo.song import compose
from sim.measure.belady import optimal_hits
from sim.measure.cache import Song, cache_table
from sim.measure.dry import Booted, Conditions, boot_card
from sim.measure.latency import Output, measure_latency
from sim.midifile import read_midi
from sim.soak.run import soak

RAM = 8 << 20
HOURS = float(os.environ.get("SOAK_HOURS", "24"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Booted, Song]:
    """The demo's device and song."""
    folder = tmp_path_factory.mktemp("demo")
    items = [Item(f"/{sound.path}", sound.save(folder / "kit")) for sound in sounds()]
    build_image(folder / "card.img", items, size_bytes=512 << 20)
    compose().save(folder / "song.mid")
    booted = boot_card(folder / "card.img", Setup())
    return booted, Song(tuple(read_midi(folder / "song.mid", booted.rate)))


@pytest.mark.parametrize("trace", ["the demo's song", "10 minutes of pad mashing"])
def test_cache(benchmark: BenchmarkFixture, new_row: NewRow, demo: tuple[Booted, Song], trace: str) -> None:
    row = new_row(f"cache hit rate in 8 MiB against Belady's optimum, {trace}", "printed")
    booted, song = demo
    played = song if trace.endswith("song") else Song(mash_s=600.0, seed=1)
    voices = None if played is song else 32
    found, _ = timed(benchmark, lambda: cache_table(booted, trace, played, Conditions(RAM, voices)))
    rates = found.policies
    parts = [f"{name} {rate:.1%}" for name, rate in rates.items()]
    row.result(
        f"{', '.join(parts)}; lru is {rates['lru'] / rates['belady']:.2f} of the best possible",
        None,
        different_bytes=found.different_bytes,
    )


def test_optimum_speed(benchmark: BenchmarkFixture, new_row: NewRow) -> None:
    row = new_row("Belady's optimum of 3 million accesses, cache of 4,096 blocks", "seconds")
    trace = np.random.default_rng(1).zipf(1.2, 3_000_000) % 200_000
    hits, times = timed(benchmark, lambda: optimal_hits(trace, 4_096))
    row.result(f"{times.median:.1f} s", times.median < 10, hits=hits)


@pytest.mark.parametrize(("latency_ms", "mb_per_s"), [(0.5, 20.0), (1.0, 10.0), (2.0, 4.0)])
def test_latency(
    benchmark: BenchmarkFixture,
    new_row: NewRow,
    demo: tuple[Booted, Song],
    latency_ms: float,
    mb_per_s: float,
) -> None:
    card = CardModel(command_us=latency_ms * 1000, read_mb_per_s=mb_per_s)
    figure = f"cold pad to first sound, 95th percentile, card of {latency_ms:g} ms and {mb_per_s:g} MB/s"
    row = new_row(figure, "command + one block + one audio block")
    found, _ = timed(benchmark, lambda: measure_latency(demo[0], Conditions(card=card), Output(), 20))
    cold, warm, bound = found.cold.card, found.warm.card, found.cold_bound_frames
    assert cold is not None
    assert warm is not None
    row.result(
        f"{cold.p95} frames; to reach: {bound}",
        cold.p95 <= bound,
        cold_p50=cold.p50,
        cold_max=cold.max,
        warm_max=warm.max,
    )


def test_soak(benchmark: BenchmarkFixture, new_row: NewRow, demo: tuple[Booted, Song]) -> None:
    row = new_row(f"soak: {HOURS:g} hours of random playing with random faults", "all adds up, in minutes")
    conditions = Conditions(voices=32, card=load_card("class10").model)
    runs, times = timed(
        benchmark, lambda: soak(demo[0], conditions, HOURS, seed=0, runs=2, faults_per_hour=60)
    )
    problems = [text for run in runs for text in run.problems]
    growth = max(run.growth_bytes or 0 for run in runs)
    row.result(
        f"two runs in {times.median:.0f} s, memory {growth / 1024:+.0f} KiB"
        + (f"; {problems[0]}" if problems else ", no drift, every fault accounted for"),
        not problems and times.median < 600,
        voices=sum(run.voices_started for run in runs),
        faults=sum(run.faults["posted"] for run in runs),
        positions_checked=sum(run.drift["checked"] for run in runs),
    )
