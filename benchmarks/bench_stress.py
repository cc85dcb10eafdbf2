"""Stress runs as a person makes them: spikes ridden out, speed, and that the same seed says the same."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import NewRow
from pytest_benchmark.fixture import BenchmarkFixture
from timing import timed

from firmware.profiles import load
from sim.board import Setup, adjusted, engine_config
from sim.cards import load_card
from sim.stress.kit import stems
from sim.stress.report import Outcome
from sim.stress.trial import Plan, Trial, run_trial

VOICES = 32
COVER_MS = 150  # of playing time that the RAM holds for each voice
COVERS_MS = (150, 175, 200, 225, 250, 275, 300, 400, 600)
SWEEP_SECONDS = 60.0


def _ram(cover_ms: int) -> int:
    """RAM that holds so much playing time of each voice."""
    return round(sum(one.bytes_per_s for one in stems(VOICES, 30.0).sources) * cover_ms / 1000)


def _spiky(ram_bytes: int, seconds: float, *, stop: bool = False) -> Trial:
    """32 stems from a class 10 card with a spike of 100 ms every 2 s in place of its own."""
    card = replace(load_card("class10").model, spike_every_s=2.0, spike_ms=100.0, spike_regular=True)
    profile = adjusted(load("generic"), Setup(ram_bytes=ram_bytes))
    return Trial(
        stems(VOICES, 30.0), VOICES, engine_config(profile, VOICES), card, Plan(seconds), stop_early=stop
    )


def test_spikes(benchmark: BenchmarkFixture, new_row: NewRow) -> None:
    what = f"{VOICES} voices for 10 min, RAM of {COVER_MS} ms a voice"
    row = new_row(f"{what}, class10 with a 100 ms spike every 2 s", "0 underruns")
    outcome: Outcome
    outcome, _ = timed(benchmark, lambda: run_trial(_spiky(_ram(COVER_MS), 600.0)))
    enough = next((ms for ms in COVERS_MS if run_trial(_spiky(_ram(ms), 600.0, stop=True)).clean), None)
    row.result(
        f"{outcome.underruns:,} underruns; none from {enough} ms a voice on",
        outcome.underruns == 0,
        ram_bytes=_ram(COVER_MS),
        busy_per_mille=round(outcome.busy_part * 1000),
        reads=outcome.reads,
        transfer_bytes=round(outcome.mean_transfer_bytes),
    )


@pytest.mark.parametrize("audio", [False, True], ids=["decisions", "audio"])
def test_speed(benchmark: BenchmarkFixture, new_row: NewRow, audio: bool) -> None:
    what = "with audio" if audio else "without audio"
    row = new_row(f"{VOICES} streaming voices, card with a timing model, {what}", "150x real time")
    trial = _spiky(16 << 20, 300.0)
    length = trial.plan.warm_s + trial.plan.seconds

    def play() -> tuple[Outcome, float]:
        began = time.process_time()
        outcome = run_trial(trial, dry=not audio)
        return outcome, time.process_time() - began

    (outcome, cpu_s), times = timed(benchmark, play, rounds=3)
    speed = length / times.least
    row.result(
        f"{speed:,.0f}x ({length / cpu_s:,.0f}x by CPU time)",
        speed >= 150,
        frames=round(length * 48_000),
        reads=outcome.reads,
        underruns=outcome.underruns,
    )


def test_sweep_report(
    benchmark: BenchmarkFixture,
    new_row: NewRow,
    benchpad: Callable[..., str],
    streaming_card: Path,
    tmp_path: Path,
) -> None:
    row = new_row(
        "benchpad stress with its report and page: 32 stems, class10, 8 MB", "under 60 s, same JSON"
    )

    page = tmp_path / "stress.html"
    options = ("--card", "class10", "--ram", "8M", "--seed", "7", "--html", page, "--json")

    def sweep() -> str:
        return benchpad("stress", streaming_card, *options)

    told: list[str] = []
    _, times = timed(benchmark, lambda: told.append(sweep()), rounds=2)
    report = json.loads(told[0])
    same = len(set(told)) == 1
    row.result(
        f"{times.most:.0f} s at most, {'the same' if same else 'DIFFERENT'} bytes each time",
        times.most < SWEEP_SECONDS and same,
        clean_voices=report["clean_voices"],
        points=len(report["points"]),
        suggestions=len(report["suggestions"]),
    )
