"""The files that converted audio goes into: a plain WAV, an SX card's WAV, an MKII project's .SMP."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware.formats import rlnd, smp

from .errors import ConvertError
from .markers import Markers
from .tags import Tags

MAX_FILE = 0xFFFF_FFFF  # bytes: FAT32's limit, and RIFF's but for 8
_TAIL_ROOM = 8 << 20  # left for markers and tags, which are read from chunks of bounded size
_PCM, _FLOAT = 1, 3


class Form(StrEnum):
    """Which file is to be made."""

    WAV = "wav"
    SX = "sx"  # RLND chunk that names the pad, audio from byte 512 to the end
    SMP = "smp"  # big-endian, 48 kHz, 16 bit


@dataclass(frozen=True, slots=True)
class Shape:
    """What the audio is to be: ``bits`` of an integer, or 32 with ``is_float``."""

    rate: int
    bits: int
    channels: int
    is_float: bool = False

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.channels * self.bits // 8


def header(form: Form, shape: Shape, pcm_bytes: int, tail_bytes: int = 0, pad_index: int = 0) -> bytes:
    """What goes before ``pcm_bytes`` of audio; as long for every size of it."""
    if form is Form.SX:
        return rlnd.header(pad_index, pcm_bytes, shape.channels, shape.rate)
    if form is Form.SMP:
        return smp.SmpHeader(smp.DATA_OFFSET - 8 + pcm_bytes, shape.channels, shape.rate).to_bytes()
    tag, extra = (_FLOAT, b"\0\0") if shape.is_float else (_PCM, b"")
    frame = shape.frame_bytes
    fmt = (
        struct.pack("<HHIIHH", tag, shape.channels, shape.rate, shape.rate * frame, frame, shape.bits) + extra
    )
    fact = b"fact" + struct.pack("<II", 4, pcm_bytes // frame) if shape.is_float else b""
    padding = pcm_bytes & 1
    riff = 4 + 8 + len(fmt) + len(fact) + 8 + pcm_bytes + padding + tail_bytes
    return (
        struct.pack("<4sI4s4sI", b"RIFF", riff, b"WAVE", b"fmt ", len(fmt))
        + fmt
        + fact
        + struct.pack("<4sI", b"data", pcm_bytes)
    )


def tail(form: Form, shape: Shape, frames: int, markers: Markers, tags: Tags) -> bytes:
    """What goes after the audio. The devices' own files end with it: there, pad settings hold the markers."""
    if form is not Form.WAV:
        return b""
    return b"\0" * (frames * shape.frame_bytes & 1) + markers.wav_chunks(shape.rate) + tags.wav_chunks()


def check_room(pcm_bytes: int) -> None:
    """Raise `ConvertError` where the file would not fit FAT32 and RIFF."""
    if pcm_bytes > MAX_FILE - _TAIL_ROOM:
        raise ConvertError(
            f"it would become {pcm_bytes:,} bytes of audio, and a file ends at 4 GiB; cut it in parts",
            "too-long",
        )


def encode(form: Form, shape: Shape, block: NDArray[Any]) -> bytes:
    """Interleaved samples as bytes: int32 values within ``bits``, or floats."""
    if shape.is_float:
        return block.astype("<f4").tobytes()
    if shape.bits == 16:
        return block.astype(">i2" if form is Form.SMP else "<i2").tobytes()
    if shape.bits == 32:
        return block.astype("<i4").tobytes()
    little = np.ascontiguousarray(block, "<i4")
    return little.view(np.uint8).reshape(-1, 4)[:, : shape.bits // 8].tobytes()
