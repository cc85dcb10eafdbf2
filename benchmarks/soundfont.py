"""A minimal SoundFont 2 file: one preset whose key k plays one looped stereo sample at a given ratio.

Format: SoundFont Technical Specification 2.01, chapters 5 to 8.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_GUARD = 46  # zero frames after each sample (specification 7.10)
_PAN, _INSTRUMENT, _KEY_RANGE, _COARSE, _FINE, _SAMPLE, _MODES, _ROOT = 17, 41, 43, 51, 52, 53, 54, 58
_LEFT, _RIGHT = 4, 2  # sample types
_ROOT_KEY = 60


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def _list(kind: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"LIST", kind + b"".join(chunks))


def _zone(key: int, sample: int, pan: int, ratio: float) -> list[tuple[int, int]]:
    """Generators of one side of a key: amounts as they are stored."""
    cents = round(1200 * math.log2(ratio))
    coarse = round(cents / 100)
    return [
        (_KEY_RANGE, key | key << 8),
        (_PAN, pan),
        (_COARSE, coarse),
        (_FINE, cents - 100 * coarse),
        (_MODES, 1),  # loop for ever
        (_ROOT, key),
        (_SAMPLE, sample),
    ]


def _generators(zones: Sequence[Sequence[tuple[int, int]]]) -> tuple[bytes, bytes]:
    """The zones as a bag and a generator chunk's content, each with its terminal record."""
    bags, generators = b"", b""
    for zone in zones:
        bags += struct.pack("<HH", len(generators) // 4, 0)
        for kind, amount in zone:
            generators += struct.pack("<HH", kind, amount & 0xFFFF)
    return bags + struct.pack("<HH", len(generators) // 4, 0), generators + bytes(4)


def _headers(count: int, frames: int, rate: int) -> bytes:
    """Sample headers: sample n is stored as mono samples 2n (left) and 2n + 1 (right)."""
    out = b""
    for n in range(2 * count):
        begin = n * (frames + _GUARD)
        out += struct.pack(
            "<20sIIIIIBbHH", b"s%d" % n, begin, begin + frames, begin, begin + frames, rate, _ROOT_KEY, 0,
            n ^ 1, _RIGHT if n & 1 else _LEFT,
        )  # fmt: skip
    return out + struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)


def soundfont(samples: NDArray[np.int16], keys: Sequence[tuple[int, float]], rate: int) -> bytes:
    """The file. ``samples`` has shape (samples, frames, 2); key k plays (sample, ratio) ``keys[k]``."""
    count, frames, _ = samples.shape
    padded = np.zeros((count, 2, frames + _GUARD), "<i2")
    padded[:, :, :frames] = samples.transpose(0, 2, 1)
    sides = ((0, -500), (1, 500))
    zones = [_zone(k, 2 * n + side, pan, r) for k, (n, r) in enumerate(keys) for side, pan in sides]
    ibag, igen = _generators(zones)
    pbag, pgen = _generators([[(_INSTRUMENT, 0)]])
    presets = [(b"noise", 0), (b"EOP", 1)]
    instruments = [(b"noise", 0), (b"EOI", len(zones))]
    hydra = (
        _chunk(
            b"phdr", b"".join(struct.pack("<20sHHHIII", name, 0, 0, bag, 0, 0, 0) for name, bag in presets)
        ),
        _chunk(b"pbag", pbag),
        _chunk(b"pmod", bytes(10)),
        _chunk(b"pgen", pgen),
        _chunk(b"inst", b"".join(struct.pack("<20sH", name, bag) for name, bag in instruments)),
        _chunk(b"ibag", ibag),
        _chunk(b"imod", bytes(10)),
        _chunk(b"igen", igen),
        _chunk(b"shdr", _headers(count, frames, rate)),
    )
    info = (
        _chunk(b"ifil", struct.pack("<HH", 2, 1)),
        _chunk(b"isng", b"EMU8000\0"),
        _chunk(b"INAM", b"noise\0"),
    )
    body = _list(b"INFO", *info) + _list(b"sdta", _chunk(b"smpl", padded.tobytes())) + _list(b"pdta", *hydra)
    return _chunk(b"RIFF", b"sfbk" + body)
