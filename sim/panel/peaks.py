"""A waveform in few numbers: the lowest and highest value of each stretch, by the top byte of each value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from firmware.catalogue import SampleInfo
from native.types import Encoding

MOST_BYTES = 16 << 20  # read for one waveform; of a longer one only spots are looked at
Read = Callable[[int, int], bytes]  # offset and length in the file


@dataclass(frozen=True, slots=True)
class Peaks:
    """``lows`` and ``highs`` are -127 to 127, one for each stretch; ``exact``: all frames were looked at."""

    lows: tuple[int, ...]
    highs: tuple[int, ...]
    exact: bool


def peaks(read: Read, sample: SampleInfo, points: int) -> Peaks:
    """The waveform of a sample in at most ``points`` stretches, both channels together."""
    points = max(1, min(points, sample.frames))
    frame_bytes = sample.channels * sample.encoding.size_bytes
    edges = [sample.frames * i // points for i in range(points + 1)]
    most = max(1, MOST_BYTES // (points * frame_bytes))
    exact = sample.frames * frame_bytes <= MOST_BYTES
    whole = read(sample.data_offset, sample.frames * frame_bytes) if exact else b""
    lows, highs = [], []
    for first, end in pairwise(edges):
        if exact:
            data = whole[first * frame_bytes : end * frame_bytes]
        else:
            data = read(sample.data_offset + first * frame_bytes, min(end - first, most) * frame_bytes)
        values = _top_bytes(data, sample.encoding)
        lows.append(max(-127, int(values.min())) if len(values) else 0)
        highs.append(int(values.max()) if len(values) else 0)
    return Peaks(tuple(lows), tuple(highs), exact)


def _top_bytes(data: bytes, encoding: Encoding) -> NDArray[np.int8]:
    """Each value as -128 to 127; what is not a whole value at the end is left out."""
    size = encoding.size_bytes
    data = data[: len(data) // size * size]
    top: NDArray[np.int8]
    if encoding is Encoding.U8:
        top = (np.frombuffer(data, np.uint8) ^ 0x80).view(np.int8)
    elif encoding in (Encoding.F32_LE, Encoding.F32_BE):
        floats = np.nan_to_num(np.frombuffer(data, "<f4" if encoding is Encoding.F32_LE else ">f4"))
        top = (np.clip(floats, -1.0, 1.0) * 127.0).astype(np.int8)
    else:
        little = encoding in (Encoding.S16_LE, Encoding.S24_LE, Encoding.S32_LE)
        top = np.frombuffer(data, np.int8)[size - 1 if little else 0 :: size]
    return top
