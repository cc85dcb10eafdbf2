"""Filling cards: against mcopy, and thousands of names with one prefix."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest
from conftest import NewRow
from figures import Row
from material import GIB, make_files, size_on_host
from pytest_benchmark.fixture import BenchmarkFixture
from timing import timed

from sdcard_image import Item, build_image, items_from_folder, open_card

FILES, FILE_BYTES, CARD_BYTES = 500, 200_000, 2 * GIB
ROUNDS = 15
PREFIXED = 5_000

Need = Callable[[Row, str], str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filling") / "kit"
    make_files(path, FILES, FILE_BYTES)
    return path


def _files_on(image: Path) -> int:
    card = open_card(image)
    try:
        return card.info().files
    finally:
        card.close()


class Mcopy:
    """Times mcopy, each time into a new empty card of the same geometry (which is made outside the time).

    The card goes at once afterwards, so that neither side's time falls on the other's unwritten pages.
    """

    def __init__(self, program: str, folder: Path, image: Path) -> None:
        self.folder, self._image = folder, image
        self._new_image()
        card = open_card(image)
        target = f"{image}@@{card.info().partition_offset}"
        card.close()
        image.unlink()
        self._command = [program, "-i", target, *map(str, sorted(folder.iterdir())), "::/"]
        self._environment = os.environ | {"LC_ALL": "C.UTF-8"}
        self.seconds: list[float] = []

    def _new_image(self) -> None:
        build_image(self._image, [], size_bytes=CARD_BYTES)

    def run(self) -> None:
        self._new_image()
        began = time.perf_counter()
        subprocess.run(self._command, check=True, env=self._environment, capture_output=True)
        self.seconds.append(time.perf_counter() - began)
        assert _files_on(self._image) == FILES
        self._image.unlink()


MakeMcopy = Callable[[Row], Mcopy]


@pytest.fixture
def mcopy(need: Need, folder: Path, tmp_path: Path) -> MakeMcopy:
    return lambda row: Mcopy(need(row, "mcopy"), folder, tmp_path / "mcopy.img")


def _compare(
    benchmark: BenchmarkFixture, row: Row, mcopy: Mcopy, ours: Callable[[], object], to: Path
) -> None:
    """Alternate mcopy and ours; the medians make the row."""

    def before_each() -> None:
        to.unlink(missing_ok=True)
        mcopy.run()

    _, times = timed(benchmark, ours, before=before_each, rounds=ROUNDS, warm_ups=1)
    theirs = mcopy.seconds[1:]
    ratio = times.median / median(theirs)
    benchmark.extra_info["mcopy_median_s"] = median(theirs)
    card = open_card(to)
    info = card.info()
    card.close()
    assert info.files == FILES
    row.result(
        f"{ratio:.2f}x: {times.median * 1e3:.0f} ms ({times.least * 1e3:.0f} to {times.most * 1e3:.0f}), "
        f"mcopy {median(theirs) * 1e3:.0f} ms ({min(theirs) * 1e3:.0f} to {max(theirs) * 1e3:.0f})",
        ratio <= 1.0,
        files=info.files,
        clusters_used=info.clusters - info.free_bytes // info.cluster_bytes,
        bytes_on_host=size_on_host(to),
    )


def test_filling_by_library(
    benchmark: BenchmarkFixture, new_row: NewRow, mcopy: MakeMcopy, tmp_path: Path
) -> None:
    row = new_row("filling a 2 GB image with 500 x 200 KB: sdcard_image.build_image", "1.0x of mcopy or less")
    peer, image = mcopy(row), tmp_path / "ours.img"

    def ours() -> None:
        build_image(image, items_from_folder(peer.folder), size_bytes=CARD_BYTES)

    _compare(benchmark, row, peer, ours, image)


def test_filling_by_command(
    benchmark: BenchmarkFixture,
    new_row: NewRow,
    benchpad: Callable[..., str],
    mcopy: MakeMcopy,
    tmp_path: Path,
) -> None:
    row = new_row(
        "the same: the command 'benchpad card new', Python's start included", "1.0x of mcopy or less"
    )
    peer, image = mcopy(row), tmp_path / "ours.img"

    def ours() -> None:
        benchpad("card", "new", image, "--size", "2G", "--from", peer.folder)

    _compare(benchmark, row, peer, ours, image)


def test_names_with_one_prefix(
    benchmark: BenchmarkFixture, new_row: NewRow, need: Need, tmp_path: Path
) -> None:
    row = new_row("5,000 files sharing a 20-character prefix in one folder", "under 3 s, fsck-clean")
    fsck, image = need(row, "fsck.fat"), tmp_path / "card.img"
    items = [Item(f"/pad/same prefix of 20 ch{n:05}.wav", b"%d" % n) for n in range(PREFIXED)]

    def fill() -> None:  # without a partition: fsck.fat knows no offsets
        build_image(image, items, size_bytes=GIB, partition=False)

    _, times = timed(benchmark, fill, before=lambda: image.unlink(missing_ok=True), rounds=3)
    verdict = subprocess.run([fsck, "-n", image], capture_output=True, text=True, check=False)
    clean = "clean" if verdict.returncode == 0 else f"NOT clean: {verdict.stdout.splitlines()[1]}"
    card = open_card(image)
    aliases = {entry.short_name for entry in card.listdir("/pad")}
    card.close()
    row.result(
        f"{times.median:.2f} s, fsck.fat: {clean}",
        times.median < 3 and verdict.returncode == 0,
        files=PREFIXED,
        different_aliases=len(aliases),
    )
