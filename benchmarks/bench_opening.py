"""Opening a large card: the whole catalogue, and where every file lies."""

from __future__ import annotations

from pathlib import Path

from conftest import NewRow
from material import GIB, nested_tree
from pytest_benchmark.fixture import BenchmarkFixture
from timing import timed

from sdcard_image import build_image, open_card

FILES, FOLDERS, FILES_PER_FOLDER = 7_284, 729, 10


def test_opening_a_large_card(benchmark: BenchmarkFixture, new_row: NewRow, tmp_path: Path) -> None:
    row = new_row(
        f"opening a card of {FILES:,} files in nested folders: catalogue and extents of all", "under 0.5 s"
    )
    image = tmp_path / "library.img"
    build_image(image, nested_tree(FOLDERS, FILES_PER_FOLDER, FILES), size_bytes=2 * GIB)

    def open_all() -> dict[str, int]:
        card = open_card(image)
        try:
            entries = list(card.walk())
            runs = sum(len(card.extents(entry.path)) for entry in entries if not entry.is_dir)
            return {
                "files": sum(not entry.is_dir for entry in entries),
                "folders": sum(entry.is_dir for entry in entries),
                "extents": runs,
                "reads": card.reads.reads,
                "bytes_read": card.reads.bytes,
            }
        finally:
            card.close()

    counted, times = timed(benchmark, open_all, rounds=7)
    assert counted["files"] == counted["extents"] == FILES
    row.result(f"{times.median:.3f} s (at most {times.most:.3f} s)", times.median < 0.5, **counted)
