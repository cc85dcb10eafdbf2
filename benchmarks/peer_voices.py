"""The voices that every engine renders in the comparison: as in `sim.enginebench`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
BLOCK = 128
VOICES = 128
SAMPLES = 64
FRAMES = 32_768  # of a sample: 8 MiB in all
GAIN = 0.05


def noise() -> NDArray[np.int16]:
    """The samples, shape (samples, frames, 2)."""
    return np.random.default_rng(1).integers(-32768, 32767, (SAMPLES, FRAMES, 2), dtype=np.int16)


def speed(voice: int) -> float:
    """Playback ratio of a voice, 0.64 to 1.51."""
    return 0.64 + 0.87 * voice / (VOICES - 1)


def pan(voice: int) -> float:
    """-1 left to 1 right."""
    return (voice % 9 - 4) / 4


def start(voice: int) -> int:
    """The frame that a voice begins with."""
    return FRAMES // 2 * (voice // SAMPLES % 2)
