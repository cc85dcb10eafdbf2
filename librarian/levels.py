"""From samples within -1 to 1 to integers: dither, rounding, and room at the top."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import soxr
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Shares of each channel (left, right), for channels in WAV order: ITU-R BS.775-3, annex 4.
# The low-frequency channel is left out, as that recommendation has it.
_HALF_POWER = 0.5**0.5
_C, _S, _NONE = (_HALF_POWER, _HALF_POWER), _HALF_POWER, (0.0, 0.0)
_L, _R = (1.0, 0.0), (0.0, 1.0)
_LS, _RS = (_S, 0.0), (0.0, _S)
_BACK = (0.5, 0.5)
_DOWNMIX = {
    3: (_L, _R, _C),
    4: (_L, _R, _LS, _RS),
    5: (_L, _R, _C, _LS, _RS),
    6: (_L, _R, _C, _NONE, _LS, _RS),
    7: (_L, _R, _C, _NONE, _BACK, _LS, _RS),
    8: (_L, _R, _C, _NONE, _LS, _RS, _LS, _RS),
}
MOST_MIXED = max(_DOWNMIX)


# Beyond it is damage, not sound: files whose floats were never scaled down from 32-bit integers end below.
LOUDEST = 2.0**32


def downmix(block: Floats) -> Floats:
    """Stereo from 3 to 8 channels in WAV order; shape (frames, 2)."""
    mixed: Floats = block @ np.array(_DOWNMIX[block.shape[1]])
    return mixed


class Resampler:
    """A stream from one rate to another: libsoxr at its very high quality, linear phase, no delay left in."""

    def __init__(self, rate_in: int, rate_out: int, channels: int) -> None:
        self._stream = soxr.ResampleStream(rate_in, rate_out, channels, dtype="float64", quality="VHQ")

    def step(self, block: Floats, *, last: bool = False) -> Floats:
        """The samples that ``block`` makes ready, and all that remain with ``last``; shape (n, channels)."""
        out: Floats = self._stream.resample_chunk(np.ascontiguousarray(block), last=last)
        return out


def resampled_frames(frames: int, rate_in: int, rate_out: int) -> int:
    """About how many frames ``frames`` become (libsoxr's count may differ by one)."""
    return round(Fraction(frames * rate_out, rate_in))


def floats(block: Floats, gain: float) -> NDArray[np.float32] | None:
    """32-bit floats, or None where one of them is above full scale: then the gain is too high."""
    values = (block * gain).astype(np.float32)
    return None if len(values) and np.abs(values).max() > 1.0 else values


class Quantiser:
    """Floats to integers of ``bits``, with triangular dither of two steps' width where ``dither`` is set.

    Triangular dither makes the error's mean and power independent of the signal: Lipshitz, Wannamaker and
    Vanderkooy, "Quantization and Dither: A Theoretical Survey", JAES 40 (1992). The noise only depends on
    ``seed`` and ``name``, so results repeat, and two files do not share their noise.
    """

    def __init__(self, bits: int, *, dither: bool, seed: int, name: str) -> None:
        self._scale = float(1 << bits - 1)
        digest = hashlib.blake2b(f"{seed}/{name}".encode("utf-8", "replace"), digest_size=8).digest()
        self._noise = np.random.default_rng(int.from_bytes(digest, "big")) if dither else None
        self.highest = (self._scale - 1 - dither) / self._scale  # a peak of this much is never out of range

    def step(self, block: Floats, gain: float) -> NDArray[np.int32] | None:
        """The integers, or None where one of them is out of range: then the gain is too high."""
        values = block * (self._scale * gain)
        if self._noise is not None:
            noise = self._noise.random((2, *values.shape), dtype=np.float32)
            values += noise[0]
            values -= noise[1]
        np.rint(values, out=values)
        if len(values) and (values.max() > self._scale - 1 or values.min() < -self._scale):
            return None
        return values.astype(np.int32)
