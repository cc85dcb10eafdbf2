"""Repairing 400 damaged cards, beside ``fsck.fat -a`` on the same. Judges: ``fsck.fat -n`` and mtools."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import NewRow
from damage import FILES, KINDS, NAMELESS, Target, damaged, make_target, write_sparse
from pytest_benchmark.fixture import BenchmarkFixture
from worn import told

from sdcard_image.repair import repair_image
from sdcard_image.types import CardError

CASES = 400
NAMELESS_CASES = 12
TIMEOUT = 60  # seconds after which a tool counts as hung
TAIL, SECTOR, BOOT = "FAT 1 tail zeroed", "FAT 1 sector lost", "boot-sector byte"

Repairer = Callable[[Path, Path], bool]  # (damaged, to be repaired into): whether it ended by itself


@dataclass
class Score:
    """What a repairer reached: clean cards, surviving loops, hangs, and whole files by kind of damage."""

    clean: int = 0
    loops: int = 0
    failed: int = 0
    whole: dict[str, list[int]] = field(default_factory=dict)

    def mean(self, kind: str | None = None) -> float:
        """Whole files of 60, over one kind of damage or all."""
        counts = [n for name, part in self.whole.items() if kind in (None, name) for n in part]
        return sum(counts) / len(counts)


@dataclass(frozen=True)
class Tools:
    """Paths of the outside programs."""

    fsck: str
    mcopy: str

    def ours(self, source: Path, result: Path) -> bool:
        """Our repair."""
        try:
            repair_image(source, result, overwrite=True)
        except CardError:
            write_sparse(result, source.read_bytes())
            return True  # refused in a sentence: neither hung nor crashed
        return True

    def theirs(self, source: Path, result: Path) -> bool:
        """``fsck.fat -a``."""
        write_sparse(result, source.read_bytes())
        try:
            done = subprocess.run(
                [self.fsck, "-a", str(result)], capture_output=True, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode >= 0

    def verdict(self, image: Path) -> tuple[bool, bool]:
        """Whether ``fsck.fat -n`` is content, and whether it tells of a folder that leads back."""
        done = subprocess.run(
            [self.fsck, "-n", str(image)], capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
        loop = any(text in done.stdout for text in ("Start does point to", "circular", "Circular"))
        return done.returncode == 0, loop

    def whole(self, image: Path, target: Target, folder: Path) -> int:
        """How many files mtools reads with their bytes at their paths."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        command = [self.mcopy, "-s", "-n", "-Q", "-i", str(image), "::/", str(folder)]
        env = os.environ | {"LC_ALL": "C.UTF-8"}
        try:
            subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False, env=env)
        except subprocess.TimeoutExpired:
            return 0
        return sum(_same(folder / path[1:], data) for path, data in target.files.items())


def _same(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data


def _run(repairer: Repairer, tools: Tools, target: Target, folder: Path) -> Score:
    score = Score()
    source, result = folder / "damaged.img", folder / "repaired.img"
    for number in range(CASES):
        kind = list(KINDS)[number % len(KINDS)]
        write_sparse(source, damaged(target, kind, number))
        score.failed += not repairer(source, result)
        clean, loop = tools.verdict(result)
        score.clean += clean
        score.loops += loop
        score.whole.setdefault(kind, []).append(tools.whole(result, target, folder / "files"))
    return score


def test_repairing_damaged_cards(
    benchmark: BenchmarkFixture, new_row: NewRow, need: Callable[..., str], tmp_path: Path
) -> None:
    rows = {
        "clean": new_row(f"{CASES} damaged cards clean to fsck.fat -n after one repair", f"{CASES}"),
        "loops": new_row("directory loops that survive", "0"),
        "mean": new_row(f"files whole after repair, mean of {FILES}", "59.3 or more"),
        "kinds": new_row("FAT 1 tail zeroed / FAT 1 sector lost / boot-sector byte", "60 / 60 / 60"),
        "failed": new_row("repairs that hung or crashed", "0"),
    }
    tools = Tools(need(rows["clean"], "fsck.fat"), need(rows["clean"], "mcopy"))
    target = make_target(tmp_path / "card.img")
    assert tools.whole(tmp_path / "card.img", target, tmp_path / "files") == FILES
    theirs = _run(tools.theirs, tools, target, tmp_path)
    ours = benchmark.pedantic(_run, args=(tools.ours, tools, target, tmp_path), rounds=1, iterations=1)
    rows["clean"].result(f"{ours.clean}; fsck.fat -a {theirs.clean}", ours.clean == CASES)
    rows["loops"].result(f"{ours.loops}; fsck.fat -a {theirs.loops}", ours.loops == 0)
    rows["mean"].result(
        f"{ours.mean():.2f}; fsck.fat -a {theirs.mean():.2f}\n" + _by_kind(ours, theirs), ours.mean() >= 59.3
    )
    three = (TAIL, SECTOR, BOOT)
    rows["kinds"].result(
        " / ".join(f"{ours.mean(k):g}" for k in three)
        + "; fsck.fat -a "
        + " / ".join(f"{theirs.mean(k):.1f}" for k in three),
        all(ours.mean(k) == FILES for k in three),
    )
    rows["failed"].result(f"{ours.failed}; fsck.fat -a {theirs.failed}", ours.failed == 0)
    benchmark.extra_info["cases"] = dict(Counter({k: len(v) for k, v in ours.whole.items()}))


@pytest.mark.parametrize("partition", [False, True], ids=["volume alone", "partition"])
def test_files_whose_names_are_lost(
    partition: bool, benchmark: BenchmarkFixture, new_row: NewRow, need: Callable[..., str], tmp_path: Path
) -> None:
    where = "in a partition" if partition else "without a partition table"
    row = new_row(f"top folder's first sector lost, {where}: clean cards, files found by content", "all")
    tools = Tools(need(row, "fsck.fat"), need(row, "mcopy"))
    target = make_target(tmp_path / "card.img", partition=partition)
    clean, counts = benchmark.pedantic(_nameless, args=(tools, target, tmp_path), rounds=1, iterations=1)
    row.result(
        f"{clean} of {NAMELESS_CASES}; {sum(counts) / len(counts):.2f} of {FILES}",
        clean == NAMELESS_CASES and min(counts) == FILES,
    )


@pytest.mark.parametrize("extent", [16, 3])
def test_what_is_told_of_worn_cards(
    extent: int, benchmark: BenchmarkFixture, new_row: NewRow, tmp_path: Path
) -> None:
    row = new_row(
        f"files in pieces of {extent} clusters, a sector lost in both FATs: files told to be whole or"
        " repaired, no guess, that are",
        "0 wrong",
    )
    truth = benchmark.pedantic(told, args=(tmp_path, extent), rounds=1, iterations=1)
    row.result(str(truth), truth.wrong == 0)


def _nameless(tools: Tools, target: Target, folder: Path) -> tuple[int, list[int]]:
    """Clean volumes, and for each card how many files are there."""
    source, result, volume = (folder / name for name in ("damaged.img", "repaired.img", "volume.img"))
    clean, counts = 0, []
    for number in range(NAMELESS_CASES):
        write_sparse(source, damaged(target, next(iter(NAMELESS)), number))
        tools.ours(source, result)
        write_sparse(volume, result.read_bytes()[target.boot :])
        clean += tools.verdict(volume)[0]
        tools.whole(volume, target, folder / "files")
        counts.append(_by_content(folder / "files", target))
    return clean, counts


def _by_content(folder: Path, target: Target) -> int:
    """How many files are there under any name; without a header, their last cluster may be filled up."""
    found = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return sum(any(one.startswith(data) for one in found) for data in target.files.values())


def _by_kind(ours: Score, theirs: Score) -> str:
    return "\n".join(f"{kind}: {ours.mean(kind):.2f}; {theirs.mean(kind):.2f}" for kind in KINDS)
