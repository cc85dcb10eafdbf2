"""Benchmarks: each measures one figure and puts a row into the table that ends the run.

A figure that is missed is printed as missed and fails nothing; only what is broken fails.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from figures import Row, table_text
from material import make_streaming_card
from pytest_benchmark.fixture import BenchmarkFixture

ROWS = pytest.StashKey[list[Row]]()
collect_ignore = ["bench_peers.py"]  # needs other people's programs: make bench-peers names it

NewRow = Callable[[str, str], Row]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = []


@pytest.fixture
def new_row(request: pytest.FixtureRequest, benchmark: BenchmarkFixture) -> Iterator[NewRow]:
    """Adds a row to the table: ``new_row(figure, to_reach)``."""
    made: list[Row] = []

    def add(figure: str, to_reach: str) -> Row:
        made.append(Row(figure, to_reach))
        request.config.stash[ROWS].append(made[-1])
        return made[-1]

    yield add
    benchmark.extra_info["figures"] = [row.document() for row in made]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash[ROWS]
    if not rows:
        return
    terminalreporter.section("figures")
    terminalreporter.write(table_text(rows))
    missed = sum(row.reached is False for row in rows)
    terminalreporter.write_line(f"{sum(row.reached is True for row in rows)} reached, {missed} missed")


def outside_tool(name: str) -> str | None:
    """Path of a program that is not ours, None where it is not installed."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


@pytest.fixture(scope="session")
def need() -> Callable[[Row, str], str]:
    """``need(row, name)``: path of an outside program; where it is absent the row says so and is skipped."""

    def find(row: Row, name: str) -> str:
        return outside_tool(name) or row.skip(f"{name} is not installed")

    return find


@pytest.fixture(scope="session")
def benchpad() -> Callable[..., str]:
    """Runs the command as a user does, in a process of its own; returns what it printed."""
    program = Path(sys.executable).with_name("benchpad")

    def run(*arguments: str | Path) -> str:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            raise AssertionError(f"benchpad {arguments[0]} failed ({done.returncode}): {done.stderr}")
        return done.stdout

    return run


@pytest.fixture(scope="session")
def streaming_card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A card of 32 stems of 30 s at 44.1 kHz, on the pads of banks A and B: 169 MB."""
    path = tmp_path_factory.mktemp("streaming") / "stems.img"
    make_streaming_card(path)
    return path
