"""Whether 16-bit values have their bytes in the wrong order, as far as statistics tell.

Sound moves little from one value to the next, compared with its loudness; with swapped bytes it moves like
noise. Noise itself, and bright sounds, move alike in either order. The thresholds are this project's choice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 64  # values of a channel below which nothing is told
_LOOKED_AT = 1 << 13  # values of each block: all of them would cost more than the rest of the listening
_NOISE = 0.6
_RATIO = 2.0


class ByteOrder:
    """Looks at the beginning of each block of a sample; loud blocks count for more than quiet ones."""

    def __init__(self) -> None:
        self._as_is = np.zeros(2)  # power of the differences, and of the wave without its mean
        self._swapped = np.zeros(2)

    def look(self, values: NDArray[Any], channels: int) -> None:
        """Look at a block of interleaved 16-bit values."""
        some = values[: _LOOKED_AT // channels * channels].astype(np.int16, copy=False)
        if len(some) < LEAST * channels:
            return
        self._as_is += _powers(some, channels)
        self._swapped += _powers(some.byteswap(), channels)

    @property
    def is_swapped(self) -> bool:
        """Whether what was seen is rough as it is, and far smoother with its bytes swapped."""
        as_is, swapped = _roughness(self._as_is), _roughness(self._swapped)
        return as_is > _NOISE and as_is > _RATIO * swapped


def _powers(values: NDArray[np.int16], channels: int) -> NDArray[np.float64]:
    wave = values.astype(np.float32)
    wave -= wave.mean()  # an offset would pass for loudness
    steps = wave[channels:] - wave[:-channels]
    return np.array((np.dot(steps, steps), np.dot(wave, wave)), np.float64)


def _roughness(powers: NDArray[np.float64]) -> float:
    """RMS of the differences as part of the wave's: 1.41 for white noise."""
    steps, wave = powers
    return float(np.sqrt(steps / wave)) if wave > 0 else 0.0
