"""AIFF and AIFF-C headers (Apple, Audio Interchange File Format 1.3 and AIFF-C draft of 1991)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from native.types import Encoding

from . import FormatError
from .header import MAX_CHUNKS, AudioHeader, Read, lacks_padding

CONTAINERS = ("aiff", "aifc")

_BIG = {2: Encoding.S16_BE, 3: Encoding.S24_BE, 4: Encoding.S32_BE}
_LITTLE = {2: Encoding.S16_LE, 3: Encoding.S24_LE, 4: Encoding.S32_LE}
# AIFF-C compression types that are plain values: codec name, and the encoding by bytes of a value.
# AIFF's own 8-bit values are signed, which the engine does not read: there is no entry for width 1.
_PLAIN: dict[bytes, tuple[str, dict[int, Encoding]]] = {
    b"NONE": ("PCM", _BIG),
    b"twos": ("PCM", _BIG),
    b"sowt": ("PCM", _LITTLE),
    b"raw ": ("PCM", {1: Encoding.U8}),
    b"in24": ("PCM", {3: Encoding.S24_BE}),
    b"in32": ("PCM", {4: Encoding.S32_BE}),
    b"42ni": ("PCM", {3: Encoding.S24_LE}),
    b"23ni": ("PCM", {4: Encoding.S32_LE}),
    b"fl32": ("float", {4: Encoding.F32_BE}),
    b"FL32": ("float", {4: Encoding.F32_BE}),
    b"fl64": ("float", {}),
    b"FL64": ("float", {}),
}
# Types whose width is in the name; the header's sample size is often wrong there.
_FIXED_WIDTH = {
    b"in24": 3,
    b"42ni": 3,
    b"in32": 4,
    b"23ni": 4,
    b"fl32": 4,
    b"FL32": 4,
    b"fl64": 8,
    b"FL64": 8,
}
_CODECS = {
    b"ulaw": "mu-law",
    b"ULAW": "mu-law",
    b"alaw": "A-law",
    b"ALAW": "A-law",
    b"ima4": "IMA ADPCM",
    b"MAC3": "MACE 3:1",
    b"MAC6": "MACE 6:1",
}


@dataclass(frozen=True, slots=True)
class _Comm:
    channels: int
    frames: int
    bits: int
    rate: int
    compression: bytes


@dataclass(slots=True)
class _Walk:
    comm: _Comm | None = None
    data_offset: int = 0
    data_size: int | None = None
    chunks: list[str] = field(default_factory=list)
    unpadded: list[str] = field(default_factory=list)


def parse(read: Read, size: int, container: str) -> AudioHeader:
    """The header of an AIFF of ``size`` bytes; FormatError where it cannot be believed."""
    found = _walk(read, size, container)
    comm = found.comm
    if comm is None:
        raise FormatError("the AIFF header is incomplete: there is no 'COMM' chunk")
    if found.data_size is None:
        raise FormatError("the AIFF has no audio data: there is no 'SSND' chunk", "no-audio-data")
    codec, encodings = _PLAIN.get(comm.compression, (_codec_name(comm.compression), {}))
    width = _FIXED_WIDTH.get(comm.compression, (comm.bits + 7) // 8)
    real = max(0, min(found.data_size, size - found.data_offset))
    declared = comm.frames * comm.channels * width if comm.compression in _PLAIN else found.data_size
    if found.data_offset + found.data_size > size:  # the chunk itself promises more than there is
        declared = max(declared, found.data_size)
    return AudioHeader(
        container=container,
        codec=codec,
        channels=comm.channels,
        rate=comm.rate,
        bits=width * 8 if comm.compression in _FIXED_WIDTH else comm.bits,
        encoding=encodings.get(width),
        data_offset=found.data_offset,
        declared_bytes=declared,
        data_bytes=min(declared, real),
        chunks=tuple(found.chunks),
        unpadded=tuple(found.unpadded),
    )


def _walk(read: Read, size: int, container: str) -> _Walk:
    found = _Walk()
    position = 12
    for _ in range(MAX_CHUNKS):
        head = read(position, 8) if position + 8 <= size else b""
        if len(head) < 8:
            return found
        name, length = head[:4], int.from_bytes(head[4:], "big")
        found.chunks.append(name.decode("latin-1"))
        body = position + 8
        if name == b"COMM":
            found.comm = _comm(read(body, min(length, 22)), container)
        elif name == b"SSND":
            skip = int.from_bytes(read(body, 4), "big") if length >= 8 else 0
            found.data_offset, found.data_size = body + 8 + skip, max(0, length - 8 - skip)
        if found.comm is not None and found.data_size is not None:
            return found
        position = body + length
        if lacks_padding(read, size, position, length):
            found.unpadded.append(found.chunks[-1])
        else:
            position += length & 1
    raise FormatError(f"the AIFF has more than {MAX_CHUNKS} chunks before its audio data")


def _comm(body: bytes, container: str) -> _Comm:
    if len(body) < (22 if container == "aifc" else 18):
        raise FormatError("the AIFF header is incomplete: its 'COMM' chunk is too short")
    channels, frames, bits = struct.unpack_from(">HIH", body)
    return _Comm(
        channels, frames, bits, _extended(body[8:18]), body[18:22] if container == "aifc" else b"NONE"
    )


def _extended(data: bytes) -> int:
    """The sample rate, an 80-bit IEEE 754 extended number, rounded to whole hertz."""
    exponent, mantissa = struct.unpack(">HQ", data)
    shift = 16383 + 63 - (exponent & 0x7FFF)
    if exponent & 0x8000 or not 0 <= shift <= 63:  # negative, below 1 Hz, or from 2^63 Hz up
        return 0
    return int((mantissa + (1 << shift >> 1)) >> shift)


def _codec_name(compression: bytes) -> str:
    return _CODECS.get(compression, f"AIFF-C compression {compression.decode('latin-1')!r}")
