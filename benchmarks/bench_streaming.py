"""Streaming through the whole device: speed, and memory over a long run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import NewRow
from material import STEM_RATE, STEM_SECONDS, STEMS, stems_song
from pytest_benchmark.fixture import BenchmarkFixture
from timing import children_cpu_s, timed

from native import CardModel
from sim.board import Board, Setup
from sim.midifile import read_midi
from sim.rendering import RenderJob, render_song

MUSIC_S = 600
ROUNDS = 3
MATERIAL = STEMS * STEM_SECONDS * STEM_RATE * 4
MIB = 1 << 20


def test_streaming(
    benchmark: BenchmarkFixture,
    new_row: NewRow,
    benchpad: Callable[..., str],
    streaming_card: Path,
    tmp_path: Path,
) -> None:
    row = new_row(
        f"{MUSIC_S} s of music, {STEMS} voices streaming {MATERIAL // 10**6} MB through 16 MiB of RAM, "
        "card of 1 ms and 20 MB/s: benchpad render",
        "150x real time",
    )
    song = tmp_path / "song.mid"
    stems_song(song, MUSIC_S)

    def render() -> str:
        return benchpad(
            "render", streaming_card, "--midi", song, "--card-latency", "1", "--card-speed", "20", "--json"
        )

    told: list[dict[str, Any]] = []
    began = children_cpu_s()
    timed(benchmark, lambda: told.append(json.loads(render())), rounds=ROUNDS)
    cpu_s = (children_cpu_s() - began) / ROUNDS
    told.sort(key=lambda one: float(one["realtime_factor"]))
    middle = told[ROUNDS // 2]
    assert len({one["sha256"] for one in told}) == 1
    assert middle["voices_peak"] >= STEMS
    assert middle["card"]["bytes"] > 16 * MIB
    row.result(
        f"{middle['realtime_factor']:.0f}x ({told[0]['realtime_factor']:.0f} to "
        f"{told[-1]['realtime_factor']:.0f}), {MUSIC_S / cpu_s:.0f}x by CPU time with the start of Python, "
        f"{middle['underrun_count']} underruns",
        middle["realtime_factor"] >= 150 and middle["underrun_count"] == 0,
        frames=middle["frames"],
        voices_peak=middle["voices_peak"],
        reads=middle["card"]["reads"],
        bytes_read=middle["card"]["bytes"],
        busy_ms=round(middle["card"]["busy_ms"]),
        evictions=middle["cache"]["evictions"],
    )


@pytest.mark.parametrize("pool_mib", [16, 64, 256])
def test_engine_memory(
    benchmark: BenchmarkFixture, new_row: NewRow, streaming_card: Path, pool_mib: int
) -> None:
    row = new_row(
        f"engine RAM beyond a pool of {pool_mib} MiB, generic profile" + (" as it is" * (pool_mib == 16)),
        "16 MB or less",
    )

    def power_on() -> tuple[int, int]:
        with Board(streaming_card, Setup(ram_bytes=pool_mib * MIB)) as board:
            return board.engine.memory_bytes, board.engine.config.max_voices

    (taken, voices), _ = timed(benchmark, power_on)
    beyond = taken - pool_mib * MIB
    row.result(f"{beyond / 1e6:.1f} MB", beyond <= 16_000_000, engine_bytes=taken, voices=voices)


def _resident_bytes() -> int:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_over_a_long_run(
    benchmark: BenchmarkFixture, new_row: NewRow, streaming_card: Path, tmp_path: Path
) -> None:
    row = new_row("process memory after 20 minutes of music, against after 1 minute", "no growth")
    if not Path("/proc/self/statm").exists():
        row.skip("this system has no /proc")
    stems_song(tmp_path / "song.mid", 1_200)
    marks: list[int] = []
    rendered = 0

    def watch(frames: int) -> None:
        nonlocal rendered
        rendered += frames
        if rendered >= (len(marks) + 1) * 60 * 48_000:
            marks.append(_resident_bytes())

    def run() -> int:
        with Board(streaming_card, Setup(card=CardModel(command_us=1_000, read_mb_per_s=20))) as board:
            report = render_song(board, read_midi(tmp_path / "song.mid", 48_000), RenderJob(), progress=watch)
            return report.counters.underruns

    underruns, _ = timed(benchmark, run)
    growth = marks[19] - marks[0]
    row.result(
        f"{growth / 1024:+.0f} KiB (at most {(max(marks[:20]) - marks[0]) / 1024:+.0f} KiB on the way)",
        growth <= 64 << 10,
        minutes=len(marks),
        underruns=underruns,
    )
