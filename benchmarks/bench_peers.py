"""The same work beside other people's programs, in alternating rounds of one run: `make bench-peers`."""

from __future__ import annotations

import os
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import peer_fluidsynth
import pytest
from conftest import NewRow
from figures import Row
from material import GIB, make_files
from peer_scsynth import Scsynth
from peer_voices import BLOCK, FRAMES, RATE, SAMPLES, VOICES
from pytest_benchmark.fixture import BenchmarkFixture
from timing import timed

from sdcard_image import build_image, items_from_folder, open_card
from sim.enginebench import bench_engine

ROUNDS = 5
SECONDS = 5.0  # of music in a round
MATERIAL = SAMPLES * FRAMES * 4

Need = Callable[[Row, str], str]
Render = Callable[[], float]  # CPU seconds for `SECONDS` of all voices


def _ours(quality: str) -> float:
    """Voice-seconds per CPU-second."""
    result = bench_engine(VOICES, quality, SECONDS, path="auto", material_bytes=MATERIAL, rounds=1)
    return result.voice_seconds_per_cpu_second


def _compare_voices(benchmark: BenchmarkFixture, row: Row, quality: str, name: str, render: Render) -> None:
    """Alternate ours and the peer's render; the row is the ratio of the medians."""
    mine: list[float] = []
    theirs: list[float] = []

    def one_round() -> None:
        mine.append(_ours(quality))
        theirs.append(VOICES * SECONDS / render())

    timed(benchmark, one_round, rounds=ROUNDS, warm_ups=1)
    ours, peer = median(mine[1:]), median(theirs[1:])
    ratios = [a / b for a, b in zip(mine[1:], theirs[1:], strict=True)]
    row.result(
        f"{ours / peer:.1f}x ({min(ratios):.1f} to {max(ratios):.1f}): {ours:,.0f}, {name} {peer:,.0f}",
        None,
        stereo_voices=VOICES,
    )


@pytest.mark.parametrize(("quality", "method"), [("hermite", "4th order"), ("linear", "linear")])
def test_fluidsynth(
    benchmark: BenchmarkFixture, new_row: NewRow, tmp_path: Path, quality: str, method: str
) -> None:
    row = new_row(f"{VOICES} stereo voices per CPU-second: {quality} against FluidSynth, {method}", "-")
    library = peer_fluidsynth.find()
    if library is None:
        row.skip("the FluidSynth library is not installed")
    font = tmp_path / "voices.sf2"
    peer_fluidsynth.write_soundfont(font)
    with peer_fluidsynth.playing(library, font, method) as peer:

        def render() -> float:
            spent = peer.render(round(SECONDS * RATE / BLOCK))
            assert peer.voices == VOICES
            return spent

        _compare_voices(benchmark, row, quality, f"FluidSynth {peer.version}", render)


@pytest.mark.parametrize("methods", [("hermite", "cubic"), ("linear", "linear")], ids=str)
def test_scsynth(
    benchmark: BenchmarkFixture, new_row: NewRow, need: Need, tmp_path: Path, methods: tuple[str, str]
) -> None:
    quality, method = methods
    row = new_row(f"{VOICES} stereo voices per CPU-second: {quality} against scsynth, {method}", "-")
    peer = Scsynth(need(row, "scsynth"), tmp_path)

    def render() -> float:
        spent, voices = peer.cpu_s(method, SECONDS)
        assert voices == VOICES
        return spent

    _compare_voices(benchmark, row, quality, "scsynth", render)


def _empty_card(image: Path) -> int:
    """Make one; returns where its volume begins."""
    build_image(image, [], size_bytes=2 * GIB, overwrite=True)
    card = open_card(image)
    offset = card.info().partition_offset
    card.close()
    return offset


def _fill_by_pyfatfs(image: Path, paths: list[Path]) -> float:
    """Seconds that pyfatfs takes for these files, on a new empty card."""
    offset = _empty_card(image)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports what is deprecated, and leaves files to the collector
        from pyfatfs.PyFatFS import PyFatFS  # noqa: PLC0415

        began = time.perf_counter()
        card = PyFatFS(str(image), offset=offset)
        for path in paths:
            card.writebytes("/" + path.name, path.read_bytes())
        card.close()
        return time.perf_counter() - began


def _fill_by_mcopy(program: str, image: Path, paths: list[Path]) -> float:
    """Seconds that mcopy takes for these files, on a new empty card."""
    target = f"{image}@@{_empty_card(image)}"
    began = time.perf_counter()
    subprocess.run(
        [program, "-i", target, *paths, "::/"],
        check=True,
        capture_output=True,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )
    return time.perf_counter() - began


def _compare_filling(
    benchmark: BenchmarkFixture, row: Row, name: str, folder: Path, peer: Callable[[Path, list[Path]], float]
) -> None:
    """Alternate the peer and ours over the files of ``folder``; times are ratios of medians."""
    paths = sorted(folder.iterdir())
    image, theirs_image = folder.with_suffix(".img"), folder.with_suffix(".peer.img")
    theirs: list[float] = []

    def before() -> None:
        image.unlink(missing_ok=True)
        theirs.append(peer(theirs_image, paths))

    def fill() -> None:
        build_image(image, items_from_folder(folder), size_bytes=2 * GIB)

    _, ours = timed(benchmark, fill, before=before, rounds=3)
    for made in (image, theirs_image):
        card = open_card(made)
        assert sum(not entry.is_dir for entry in card.walk()) == len(paths), made
        card.close()
    row.result(
        f"{median(theirs) / ours.median:.1f}x as fast: {ours.median * 1e3:.0f} ms, {name} "
        f"{median(theirs) * 1e3:,.0f} ms",
        None,
        files=len(paths),
    )


def test_filling_beside_pyfatfs(benchmark: BenchmarkFixture, new_row: NewRow, tmp_path: Path) -> None:
    row = new_row("filling a 2 GB image with 500 x 200 KB, against pyfatfs", "-")
    make_files(tmp_path / "kit", 500, 200_000)
    _compare_filling(benchmark, row, "pyfatfs", tmp_path / "kit", _fill_by_pyfatfs)


def test_one_prefix_beside_mcopy(
    benchmark: BenchmarkFixture, new_row: NewRow, need: Need, tmp_path: Path
) -> None:
    row = new_row("500 files sharing a 20-character prefix, against mcopy", "-")
    program = need(row, "mcopy")
    make_files(tmp_path / "pad", 500, 5, "same prefix of 20 ch{:05}.wav")
    _compare_filling(benchmark, row, "mcopy", tmp_path / "pad", lambda i, p: _fill_by_mcopy(program, i, p))
