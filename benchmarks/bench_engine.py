"""How fast the engine mixes, beside a bare mix loop, and how exact sinc is.

`bench_engine` raises where a voice is missing or starved, so that a speed is always that of all voices.
"""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pytest
from conftest import NewRow
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture
from timing import timed

from native import Engine, ram_device
from native.types import Encoding, EngineConfig, EngineError, Extent, Quality, Sample, Start
from sim.enginebench import EngineBench, bench_engine

MATERIAL = 8 << 20  # what the generic device can keep resident
SECONDS = 4.0  # of music in a round
ROUNDS = 9
RATE = 48_000

SPEEDS = {("hermite", "avx2"): 13_000, ("hermite", "baseline"): 6_000,
          ("linear", "avx2"): 25_000, ("linear", "baseline"): 15_000}  # fmt: skip


def _bench(voices: int, quality: str, path: str, rounds: int) -> EngineBench:
    """The same work whatever the count of voices."""
    seconds = SECONDS * 128 / voices
    return bench_engine(voices, quality, seconds, path=path, material_bytes=MATERIAL, rounds=rounds)


def _keep(benchmark: BenchmarkFixture, *results: EngineBench) -> None:
    for result in results:
        key = f"{result.voices} voices, voice_seconds_per_cpu_second"
        benchmark.extra_info[key] = result.voice_seconds_per_cpu_second
        benchmark.extra_info[f"{key}, bare loop"] = result.bare_loop_voice_seconds_per_cpu_second


@pytest.mark.parametrize(("quality", "path"), list(SPEEDS))
def test_speed(benchmark: BenchmarkFixture, new_row: NewRow, quality: str, path: str) -> None:
    least = SPEEDS[quality, path]
    half = quality == "hermite"
    row = new_row(
        f"engine, 128 stereo voices, {quality}, {path}: voice-seconds per CPU-second",
        f"{least:,}" + (" and half of the bare loop" if half else ""),
    )
    try:
        result, _ = timed(benchmark, lambda: _bench(128, quality, path, ROUNDS))
    except EngineError as error:
        row.skip(str(error))
    _keep(benchmark, result)
    speed, bare = result.voice_seconds_per_cpu_second, result.bare_loop_voice_seconds_per_cpu_second
    row.result(
        f"{speed:,.0f}; {result.ratio_to_bare_loop:.2f} of the bare loop's {bare:,.0f}",
        speed >= least and (not half or result.ratio_to_bare_loop >= 0.5),
        voices=result.voices,
    )


def _alternate(voices: int, quality: str) -> list[tuple[EngineBench, EngineBench]]:
    """Rounds of (128 voices, so many voices)."""
    return [(_bench(128, quality, "auto", 1), _bench(voices, quality, "auto", 1)) for _ in range(ROUNDS)]


@pytest.mark.parametrize("quality", ["hermite", "linear"])
@pytest.mark.parametrize("voices", [32, 512])
def test_speed_at_other_voice_counts(
    benchmark: BenchmarkFixture, new_row: NewRow, quality: str, voices: int
) -> None:
    row = new_row(f"engine, {quality}, at {voices} voices", "within 15 % of the figure at 128")
    rounds, _ = timed(benchmark, lambda: _alternate(voices, quality))
    _keep(benchmark, *rounds[-1])
    at_128, here = (median(pair[i].voice_seconds_per_cpu_second for pair in rounds) for i in (0, 1))
    row.result(
        f"{(here / at_128 - 1) * 100:+.0f} % ({here:,.0f} against {at_128:,.0f}, path {rounds[0][0].path})",
        0.85 <= here / at_128 <= 1.15,
        voices=voices,
    )


def _pitched_sine(hz: float, speed: float, quality: Quality, frames: int) -> NDArray[np.float32]:
    """The engine's output for a sine of ``hz`` in a 48 kHz float file, played at ``speed``."""
    length = int(frames * speed) + 4_096
    sine = 0.5 * np.sin(2 * np.pi * hz / RATE * np.arange(length))
    data = sine.astype("<f4").tobytes()
    out = np.zeros((frames, 2), np.float32)
    config = EngineConfig(rate=RATE, max_voices=1, max_samples=1, quality=quality)
    with Engine(config, ram_device(data)) as engine:
        engine.add_sample(Sample((Extent(0, len(data)),), 0, length, 1, RATE, Encoding.F32_LE))
        engine.pin_sample(0)
        engine.preload()
        engine.post(Start(0, 0, 0, speed=speed))
        engine.render(out)
        assert engine.counters().underruns == 0
    return out


def snr_db(hz: float, speed: float, quality: Quality = Quality.SINC) -> float:
    """Signal to noise and distortion of a pitched sine against the sine that it should be, in dB.

    The engine's positions are multiples of 2^-32 file frames, so the wanted sine takes the speed rounded so.
    """
    skip, frames = 1_000, 48_000
    out = _pitched_sine(hz, speed, quality, frames)[skip:, 0].astype(np.float64)
    step = round(speed * 2**32) / 2**32
    want = 0.5 * np.sin(2 * np.pi * hz / RATE * step * np.arange(skip, frames))
    return 10 * math.log10(float(np.mean(want**2) / np.mean((out - want) ** 2)))


@pytest.mark.parametrize("hz", [1_000, 10_000])
def test_sinc_exactness(benchmark: BenchmarkFixture, new_row: NewRow, hz: int) -> None:
    row = new_row(f"sinc: signal-to-noise of a sine of {hz // 1000} kHz, pitched", "100 dB or more")
    speeds = (0.64, 0.9, 2 ** (1 / 12), 2 ** (7 / 12), 1.9)
    levels, _ = timed(benchmark, lambda: [snr_db(hz, speed) for speed in speeds])
    row.result(
        f"{min(levels):.1f} dB at the worst of {len(speeds)} speeds from {speeds[0]} to {speeds[-1]} "
        f"(Hermite: {min(snr_db(hz, speed, Quality.HERMITE) for speed in speeds):.1f})",
        min(levels) >= 100,
    )
