"""Clean voices beside the bound, over cards and RAM; the orders of service compared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import NewRow
from figures import Row
from pytest_benchmark.fixture import BenchmarkFixture
from timing import timed

from firmware.profiles import load
from native import CardModel
from native.types import Schedule
from sim.board import Setup, adjusted, engine_config
from sim.stress.bound import bound
from sim.stress.card import nominal
from sim.stress.kit import Kit, scattered, stems
from sim.stress.sweep import Found, Search, find
from sim.stress.trial import Plan, Trial

MIB = 1 << 20
STEMS = 32
SECONDS = 300.0
MOST = 1_024
RAM = (1, 4, 16)  # MiB
CARDS = ((2.0, 4.0), (1.0, 10.0), (0.5, 20.0), (0.3, 80.0))  # ms a command, MB/s
Cell = tuple[int, float, float]
CELLS: list[Cell] = [(ram, ms, speed) for ram in RAM for ms, speed in CARDS]


def _kit() -> Kit:
    """32 stems of 30 s, 44.1 kHz, 16-bit stereo."""
    return stems(STEMS, 30.0)


def _trial(kit: Kit, ram_mib: int, ms: float, speed: float) -> Trial:
    card = CardModel(command_us=ms * 1000, read_mb_per_s=speed)
    profile = adjusted(load("generic"), Setup(ram_bytes=ram_mib * MIB))
    return Trial(kit, 1, engine_config(profile, STEMS), card, Plan(SECONDS))


def _limit(trial: Trial) -> tuple[Found, float]:
    most = bound(trial.kit, nominal(trial.card), trial.config.pool_bytes).voices
    return find(Search(trial, 1, MOST, most)), most


def _measure(trial: Trial, benchmark: BenchmarkFixture, row: Row, least: float) -> None:
    (found, most), _ = timed(benchmark, lambda: _limit(trial))
    ratio = found.clean_voices / most
    at = found.at_limit
    row.result(
        f"{ratio:.3f} ({found.clean_voices} of {most:.2f})",
        ratio >= least,
        whole_voices_of_the_bound=int(most),
        transfer_bytes=round(at.mean_transfer_bytes) if at else 0,
        busy_per_mille=round(at.busy_part * 1000) if at else 0,
        trials=len(found.outcomes),
    )


def _cell(ram_mib: int, ms: float, speed: float) -> str:
    return f"{ram_mib} MB of RAM, {ms:g} ms, {speed:g} MB/s"


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_contiguous(benchmark: BenchmarkFixture, new_row: NewRow, cell: Cell) -> None:
    least = 0.92 if cell[0] == 1 else 0.96
    row = new_row(f"clean voices / bound, contiguous, {_cell(*cell)}", f"{least}")
    _measure(_trial(_kit(), *cell), benchmark, row, least)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_fragmented(benchmark: BenchmarkFixture, new_row: NewRow, cell: Cell) -> None:
    row = new_row(f"clean voices / bound, one 32 KB cluster an extent, {_cell(*cell)}", "0.92")
    _measure(_trial(scattered(_kit()), *cell), benchmark, row, 0.92)


@pytest.mark.parametrize("cell", [(1, 0.5, 20.0), (4, 1.0, 10.0), (16, 0.5, 20.0)], ids=str)
def test_schedules(benchmark: BenchmarkFixture, new_row: NewRow, cell: Cell) -> None:
    row = new_row(f"clean voices by order of service, {_cell(*cell)}", "deadline not below the others")
    trial = _trial(_kit(), *cell)

    def compare() -> dict[str, int]:
        limits = {}
        for one in Schedule:
            changed = replace(trial, config=replace(trial.config, schedule=one))
            limits[one.name.lower()] = _limit(changed)[0].clean_voices
        return limits

    limits, _ = timed(benchmark, compare)
    others = max(voices for name, voices in limits.items() if name != "deadline")
    told = ", ".join(f"{name} first {voices}" for name, voices in limits.items())
    row.result(told, limits["deadline"] >= others, **limits)
