"""With --json a command that fails says why in a document, and in one sentence on stderr."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import cli

FAILING = [
    ("check", "nowhere"),
    ("check", "nowhere", "--device", "no-such-device"),
    ("check", "--no-such-option"),
    ("boot", "nowhere"),
    ("inspect", "nowhere"),
    ("pattern", "nowhere.mid", "PTN00001.BIN"),
    ("render", "nowhere", "--midi", "nowhere.mid"),
    ("render", "nowhere"),
    ("export", "--device", "sp404sx", "--from", "nowhere", "-o", "out"),
    ("card", "ls", "nowhere"),
    ("card", "info", "nowhere"),
    ("card", "repair", "nowhere", "-o", "out.img"),
    ("bench", "engine", "--voices", "many"),
    ("no-such-command",),
    ("--no-such-option",),
]


@pytest.mark.parametrize("arguments", FAILING, ids=" ".join)
def test_a_failure_is_a_document_and_a_sentence(arguments: tuple[str, ...], tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, [*arguments, "--json"])
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert list(document) == ["error"]
    assert result.stderr == f"benchpad: {document['error']}\n"
    assert list(tmp_path.iterdir()) == []


def test_without_json_nothing_is_on_stdout(tmp_path) -> None:
    result = CliRunner().invoke(cli, ["check", str(tmp_path / "nowhere")])
    assert (result.exit_code, result.stdout) == (2, "")
    bad_usage = CliRunner().invoke(cli, ["check", "--no-such-option"])
    assert (bad_usage.exit_code, bad_usage.stdout) == (2, "")
    assert "Usage:" in bad_usage.stderr


def test_a_name_is_no_option(tmp_path) -> None:
    result = CliRunner().invoke(cli, ["check", "--", "--json"])
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_defect_is_a_document_too(tmp_path) -> None:
    code = (
        "import sys, sim.cli, sim.check.run\n"
        "def broken(*arguments): raise RuntimeError('why')\n"
        "sim.check.run_check = broken\n"
        "sys.argv = ['benchpad', 'check', '.', '--json']\n"
        "sim.cli.main()"
    )
    root = Path(__file__).resolve().parents[2]
    environment = {"PYTHONPATH": str(root), "TMPDIR": str(tmp_path), "PATH": ""}
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 3
    assert "RuntimeError: why" in json.loads(run.stdout)["error"]
    assert run.stderr.count("\n") == 1
