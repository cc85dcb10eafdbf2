"""How fast the engine is: voices on resident samples, timed by the CPU clock of the thread."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import numpy as np

from native import Engine, bare_loop, ram_device
from native.types import Encoding, EngineConfig, Extent, Loop, Quality, Sample, Start

RATE = 48_000
BLOCK = 128
SAMPLES = 64
_WARM_UP_BLOCKS = 64


@dataclass(frozen=True, slots=True)
class EngineBench:
    """Medians of interleaved rounds. Speeds: voice-seconds at 48 kHz per CPU-second of the thread."""

    voices: int
    quality: str
    path: str
    seconds: float
    material_bytes: int
    voice_seconds_per_cpu_second: float
    bare_loop_voice_seconds_per_cpu_second: float

    @property
    def ratio_to_bare_loop(self) -> float:
        """The engine's speed as a part of the bare loop's."""
        return self.voice_seconds_per_cpu_second / self.bare_loop_voice_seconds_per_cpu_second


def _loaded_engine(voices: int, quality: Quality, path: str, material_bytes: int) -> Engine:
    """An engine with ``voices`` voices going for ever over pinned 16-bit stereo noise."""
    frames = max(material_bytes // SAMPLES // 4, 256)
    size = frames * 4
    noise = np.random.default_rng(1).integers(-32768, 32767, (frames * SAMPLES, 2), dtype=np.int16)
    config = EngineConfig(
        rate=RATE,
        max_voices=voices,
        max_samples=SAMPLES,
        pool_bytes=3 * material_bytes + (4 << 20),  # at most half of a pool can be pinned
        quality=quality,
        path=path,
    )
    engine = Engine(config, ram_device(noise.tobytes()))
    for i in range(SAMPLES):
        extent = Extent(i * size, size)
        engine.pin_sample(engine.add_sample(Sample((extent,), 0, frames, 2, RATE, Encoding.S16_LE)))
    engine.preload()
    for v in range(voices):
        engine.post(
            Start(
                frame=v,
                sample=v % SAMPLES,
                tag=v,
                start=frames // 2 * (v // SAMPLES % 2),
                loop=Loop.FORWARD,
                speed=0.64 + 0.87 * v / max(voices - 1, 1),  # as in the bare loop
                pan=(v % 9 - 4) / 4,
                gain=0.05,
                attack=480,
                release=4_800,
            )
        )
    return engine


def _time(engine: Engine, voices: int, blocks: int) -> float:
    return voices * blocks * BLOCK / RATE / engine.time_blocks(blocks)


def bench_engine(
    voices: int, quality: str, seconds: float, *, path: str, material_bytes: int, rounds: int = 5
) -> EngineBench:
    """Time ``voices`` pitched, panned, enveloped voices for ``seconds`` of music in each of ``rounds``.

    The bare loop runs in the same rounds over as much material. EngineError where ``path`` is not to be had.
    """
    kind = Quality[quality.upper()]
    blocks = max(1, round(seconds * RATE / BLOCK))
    with _loaded_engine(voices, kind, path, material_bytes) as engine:
        _time(engine, voices, _WARM_UP_BLOCKS)
        speeds, bare = [], []
        for _ in range(rounds):
            speeds.append(_time(engine, voices, blocks))
            bare.append(bare_loop(engine.path, kind, voices, blocks * BLOCK / RATE, material_bytes))
        counters = engine.counters()
        if counters.voices != voices or counters.underruns:
            raise AssertionError(
                f"{counters.voices} of {voices} voices sound, {counters.underruns} underruns"
            )
        return EngineBench(
            voices, quality, engine.path, seconds, material_bytes, median(speeds), median(bare)
        )
