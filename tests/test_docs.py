"""The README's commands, typed as they stand there, in order, in an empty folder.

A fenced block of language ``console`` is tested: lines that begin with ``$ `` are typed, the lines after
them are what must be printed, where ``...`` stands for anything in a line, or alone in a line for any
lines or none. Blocks in other languages are not tested.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


@dataclass(frozen=True)
class Typed:
    """A command of the README and what it must print."""

    line: int
    command: str
    output: str


def typed_commands(text: str) -> list[Typed]:
    """The commands of the ``console`` blocks, with the output that follows each."""
    found = []
    for block in re.finditer(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text[: block.start(1)].count("\n") + 1
        for part in re.split(r"^\$ ", block[1], flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append(Typed(line, command, output))
            line += part.count("\n")
    return found


def matches(expected: str, printed: str) -> bool:
    """Whether the printed text is the expected one; spaces are as good as one space."""
    lines = [" ".join(line.split()) for line in expected.strip().splitlines()]
    pattern = "".join(
        "(?:.*\n)*?" if line == "..." else re.escape(line).replace(re.escape("..."), ".*?") + "\n"
        for line in lines
    )
    text = "".join(" ".join(line.split()) + "\n" for line in printed.strip().splitlines())
    return re.fullmatch(pattern, text) is not None


def test_matching_can_fail():
    assert matches("a ... c\n...\nz", "a b   c\nz")
    assert matches("a\n...", "a\nb\nc")
    assert matches("...\n...", "")
    assert not matches("a ... c", "a b\nb c")
    assert not matches("a ... c", "a b")
    assert not matches("a", "a b")
    assert not matches("a\n...\nc", "a\nb")


def test_commands_are_found():
    text = "```console\n$ one\nout\n$ two\n```\n```\n$ not this\n```\n"
    assert [(one.command, one.output) for one in typed_commands(text)] == [("one", "out\n"), ("two", "")]


def test_the_readme_tells_the_truth(tmp_path: Path):
    commands = typed_commands(README.read_text("utf-8"))
    assert len(commands) > 5, "README.md has too few tested commands"
    bin_folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "110"}
    environment.pop("FORCE_COLOR", None)
    for one in commands:
        shell = ["bash", "-c", one.command]
        run = subprocess.run(
            shell, cwd=tmp_path, env=environment, stdout=PIPE, stderr=STDOUT, text=True, check=False
        )
        assert matches(one.output, run.stdout), f"README.md, {one.command!r} printed:\n{run.stdout}"


@pytest.mark.parametrize("name", re.findall(r"\]\(([^)#:]+)\)", README.read_text("utf-8")))
def test_the_readmes_links_lead_somewhere(name: str):
    assert (ROOT / name).exists()
