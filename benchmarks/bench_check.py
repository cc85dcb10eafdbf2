"""Checking a large card: headers only, and everything, beside merely reading the card once."""

from __future__ import annotations

import struct
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import NewRow
from material import GIB
from pytest_benchmark.fixture import BenchmarkFixture
from timing import timed

from sdcard_image import Item, Made, build_image
from sim.check import Options, run_check

FILES = 7_284
LEAST, MOST = 20_000, 844_000  # bytes of audio: 3 GB in all
QUICK_S = 3.0
_PIECE = 4 << 20


def _wav(noise: bytes, number: int, size: int) -> bytes:
    at = number * 977 * 4 % (len(noise) - size)
    shape = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, 44_100, 176_400, 4, 16)
    head = struct.pack("<4sI4s", b"RIFF", size + 36, b"WAVE") + shape + struct.pack("<4sI", b"data", size)
    return head + noise[at : at + size]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A card of 7,284 stereo samples in nested folders, 3 GB."""
    image = tmp_path_factory.mktemp("check") / "library.img"
    noise = np.random.default_rng(4).integers(-20_000, 20_000, 2 << 20, np.int16).tobytes()
    items = []
    for number in range(FILES):
        size = LEAST + number * 7919 % (MOST - LEAST) // 4 * 4
        path = f"/Library {number // 1000}/Pack {number // 10:03}/Sample {number:05}.wav"
        items.append(Item(path, Made(size + 44, partial(_wav, noise, number, size))))
    build_image(image, items, size_bytes=4 * GIB)
    return image


def _read_once(image: Path) -> float:
    """Seconds to read the image's bytes in order and do nothing with them."""
    begun = time.perf_counter()
    with image.open("rb", buffering=0) as file:
        while file.read(_PIECE):
            pass
    return time.perf_counter() - begun


def test_quick_check(benchmark: BenchmarkFixture, new_row: NewRow, library: Path) -> None:
    row = new_row(f"check --quick of a card of {FILES:,} samples", f"under {QUICK_S:.0f} s")
    report, times = timed(benchmark, lambda: run_check(library, options=Options(quick=True)), rounds=5)
    assert len(report.audio) == FILES
    row.result(
        f"{times.median:.2f} s (at most {times.most:.2f} s)",
        times.most < QUICK_S,
        audio_files=len(report.audio),
        findings=len(report.findings),
    )


def test_whole_check(benchmark: BenchmarkFixture, new_row: NewRow, library: Path) -> None:
    row = new_row(
        f"check of the same card, audio and prediction ({library.stat().st_size / 1e9:.1f} GB)", "printed"
    )
    once = _read_once(library)
    report, times = timed(benchmark, lambda: run_check(library), rounds=1)
    assert len(report.audio) == FILES
    audio = sum(one.entry.size for one in report.audio)
    row.result(
        f"{times.median:.1f} s: {audio / 1e6 / times.median:,.0f} MB of audio a second;"
        f" reading the image from the host's memory takes {once:.1f} s",
        None,
        audio_bytes=audio,
    )
