"""How fast the engine is: resident voices on one core, beside the least that any sampler must do."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import numpy as np

from native import Engine, bare_loop, ram_device
from native.types import Encoding, EngineConfig, Extent, Loop, Quality, Sample, Start

RATE = 48_000
BLOCK = 128  # frames rendered at once
_ROUNDS = 5
_SAMPLES = 16
_SAMPLE_FRAMES = 458_752  # 16 of them are 28 MB: more than the processor's caches, as a kit is
_MATERIAL_BYTES = _SAMPLES * _SAMPLE_FRAMES * 4
_RATIOS = (0.64, 1.51)  # slowest and fastest playback, file frames for each output frame


@dataclass(frozen=True, slots=True)
class EngineSpeed:
    """Voice-seconds per CPU-second of the rendering thread: medians of interleaved rounds."""

    voices: int
    quality: Quality
    path: str
    engine: float
    bare_loop: float
    rounds: tuple[float, ...]


def _engine(voices: int, quality: Quality, path: str) -> Engine:
    """An engine with ``voices`` looping stereo voices, pitched, panned and enveloped, all data resident."""
    noise = np.random.default_rng(1).integers(-8_000, 8_000, _MATERIAL_BYTES // 2, dtype=np.int16)
    config = EngineConfig(
        rate=RATE,
        max_voices=voices,
        max_samples=_SAMPLES,
        pool_bytes=_MATERIAL_BYTES * 5 // 2,
        quality=quality,
        path=path,
    )
    engine = Engine(config, ram_device(noise.astype("<i2").tobytes()))
    for number in range(_SAMPLES):
        extent = Extent(number * _SAMPLE_FRAMES * 4, _SAMPLE_FRAMES * 4)
        engine.pin_sample(engine.add_sample(Sample((extent,), 0, _SAMPLE_FRAMES, 2, RATE, Encoding.S16_LE)))
    engine.preload()
    for tag, speed in enumerate(np.geomspace(*_RATIOS, voices)):
        pan = 0.8 * (2 * tag / max(voices - 1, 1) - 1)
        start = tag * 9_973 % (_SAMPLE_FRAMES // 2)
        engine.post(
            Start(
                0,
                tag % _SAMPLES,
                tag,
                start,
                loop=Loop.FORWARD,
                pan=pan,
                gain=0.1,
                speed=float(speed),
                attack=480,
            )
        )
    return engine


def measure_engine(voices: int, quality: Quality, seconds: float, path: str = "auto") -> EngineSpeed:
    """Measure for about ``seconds`` seconds of music in all, in rounds that alternate with the bare loop.

    Blocks of 128 frames. EngineError where ``path`` is not to be had on this machine.
    """
    blocks = max(1, round(seconds * RATE / BLOCK / _ROUNDS))
    rounds, bare = [], []
    with _engine(voices, quality, path) as engine:
        engine.render(np.zeros((RATE // 10, 2), np.float32))  # past the starts and the attacks
        for _ in range(_ROUNDS):
            rounds.append(voices * blocks * BLOCK / RATE / engine.time_blocks(blocks))
            bare.append(bare_loop(engine.path, quality, voices, seconds / _ROUNDS, _MATERIAL_BYTES))
        if engine.counters().underruns or engine.voices != voices:
            raise AssertionError("the measured voices were not all sounding from memory")
        return EngineSpeed(voices, quality, engine.path, median(rounds), median(bare), tuple(rounds))
