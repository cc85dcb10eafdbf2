"""`benchpad bench engine`: the names other programs read, and that it measures what it says."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from sim.cli import cli


@pytest.mark.parametrize("path", ["auto", "baseline"])
def test_bench_engine_json(path: str):
    arguments = [
        "bench",
        "engine",
        "--voices",
        "8",
        "--quality",
        "linear",
        "--seconds",
        "0.2",
        "--path",
        path,
        "--json",
    ]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["path"] == path or path == "auto"
    assert told["voice_seconds_per_cpu_second"] > 100
    assert told["bare_loop_voice_seconds_per_cpu_second"] > 100
    assert told["ratio_to_bare_loop"] == pytest.approx(
        told["voice_seconds_per_cpu_second"] / told["bare_loop_voice_seconds_per_cpu_second"], abs=0.001
    )


def test_bench_engine_for_people():
    result = CliRunner().invoke(cli, ["bench", "engine", "--voices", "4", "--seconds", "0.1"])
    assert result.exit_code == 0
    assert "voice-seconds per CPU-second" in result.stdout
