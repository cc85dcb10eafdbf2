"""Converting files for a device, and putting a scattered card into one piece."""

from __future__ import annotations

import io
import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import soundfile as sf
from conftest import NewRow
from pytest_benchmark.fixture import BenchmarkFixture
from timing import timed

from firmware.profiles import load
from librarian.convert import convert_file, plan_file
from librarian.levels import Resampler
from sdcard_image import Item, build_image
from sdcard_image.defrag import DefragReport, defrag
from sdcard_image.fragment import fragment
from sdcard_image.medium import FileMedium

SECONDS = 120
FILES, FILE_BYTES = 500, 200 << 10


def test_speed_of_converting(benchmark: BenchmarkFixture, new_row: NewRow) -> None:
    row = new_row(
        f"{SECONDS} s of 24-bit stereo FLAC at 96 kHz to 16 bit at 44.1 kHz, one core", "100x real time"
    )
    noise = np.random.default_rng(1).normal(0, 0.1, (SECONDS * 96_000, 2))
    coded = io.BytesIO()
    sf.write(coded, noise, 96_000, "PCM_24", format="FLAC")
    profile, size = load("sp404sx"), len(coded.getvalue())
    recipe = plan_file(coded, size, profile)

    def run() -> int:
        return convert_file(coded, size, recipe, io.BytesIO(), profile).frames

    frames, times = timed(benchmark, run, rounds=3)
    speed = SECONDS / times.median
    row.result(f"{speed:.0f}x real time", speed >= 100, frames=frames)


def test_purity_of_resampling(benchmark: BenchmarkFixture, new_row: NewRow) -> None:
    row = new_row(
        "resampling 44.1 to 48 kHz: signal to noise of sines at 1, 10, 18 and 20 kHz", "150 dB or more"
    )
    found, _ = timed(benchmark, lambda: [_snr(hertz) for hertz in (1_000, 10_000, 18_000, 20_000)], rounds=1)
    row.result(", ".join(f"{one:.0f}" for one in found) + " dB", min(found) >= 150)


def _snr(hertz: int) -> float:
    source = 0.5 * np.sin(2 * np.pi * hertz * np.arange(44_100) / 44_100)[:, None]
    stream = Resampler(44_100, 48_000, 1)
    made = np.concatenate([stream.step(source), stream.step(np.empty((0, 1)), last=True)])[2_000:-2_000, 0]
    time = np.arange(2_000, 2_000 + len(made)) / 48_000
    basis = np.stack([np.sin(2 * np.pi * hertz * time), np.cos(2 * np.pi * hertz * time)], axis=1)
    signal = basis @ np.linalg.lstsq(basis, made, rcond=None)[0]
    return float(10 * np.log10(np.sum(signal**2) / np.sum((made - signal) ** 2)))


def test_defragmenting(benchmark: BenchmarkFixture, new_row: NewRow, tmp_path: Path) -> None:
    row = new_row(
        f"{FILES} files of {FILE_BYTES >> 10} KB in pieces of one cluster: put in order in place", "-"
    )
    image, worn = tmp_path / "card.img", tmp_path / "worn.img"
    items = [Item(f"/{n % 7}/take {n:03}.wav", bytes([n % 251]) * FILE_BYTES) for n in range(FILES)]
    build_image(image, items, size_bytes=256 << 20)
    shutil.copyfile(image, worn)
    with closing(FileMedium(image)) as source, closing(FileMedium(worn, writable=True)) as copy:
        fragment(source, copy)

    def run() -> DefragReport:
        shutil.copyfile(worn, image)
        with closing(FileMedium(image, writable=True)) as medium:
            return defrag(medium)

    report, times = timed(benchmark, run, rounds=3)
    assert report.extents_after == FILES
    row.result(
        f"{times.median:.2f} s, every sync waited for",
        None,
        pieces_before=report.extents_before,
        pieces_after=report.extents_after,
        bytes_moved=report.moved_bytes,
    )
