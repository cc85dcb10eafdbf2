"""The C tests, built with the engine's sources: as they are, and under the sanitizers."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "native" / "tests"
SANITIZERS = {"plain": [], "address": ["-fsanitize=address,undefined"], "thread": ["-fsanitize=thread"]}


def _missing(reason: str) -> None:
    """Without the means the tests skip; where everything must be present they fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _require_compiler(way: str, folder: Path) -> str:
    compiler = os.environ.get("CC", "cc")
    for tool in (compiler, "make"):
        if not shutil.which(tool):
            _missing(f"{tool} is not installed")
    source, program = folder / "probe.c", folder / "probe"
    source.write_text("int main(void) { return 0; }\n")
    command = [compiler, *SANITIZERS[way], str(source), "-o", str(program)]
    for step in (command, [str(program)]):
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            _missing(f"{compiler} cannot build and run programs with {SANITIZERS[way]}: {done.stderr[-300:]}")
    return compiler


@pytest.mark.parametrize("way", SANITIZERS)
def test_the_c_programs_pass(way: str, tmp_path: Path) -> None:
    compiler = _require_compiler(way, tmp_path)
    command = ["make", "-s", "-j2", f"OUT={tmp_path}", f"CC={compiler}", way]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    names = {p.stem for p in FOLDER.glob("test_*.c")}
    assert {Path(line).name for line in done.stdout.splitlines() if "/test_" in line} == names


def test_nothing_on_the_audio_side_may_block(tmp_path: Path) -> None:
    compiler = _require_compiler("plain", tmp_path)
    command = ["make", "-s", f"OUT={tmp_path}", f"CC={compiler}", "realtime"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=300)
    if "is not installed" in done.stderr:
        pytest.skip(done.stderr.splitlines()[0])
    assert done.returncode == 0, done.stdout + done.stderr
