"""WAV headers: RIFF, RIFX (big-endian) and RF64/BW64 (64-bit sizes).

Formats: Microsoft Multimedia Programming Interface 1.0 (RIFF), mmreg.h (WAVE_FORMAT_EXTENSIBLE),
EBU Tech 3306 (RF64).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from native.types import Encoding

from . import FormatError
from .header import MAX_CHUNKS, AudioHeader, Read, lacks_padding

CONTAINERS = ("wav", "rifx", "rf64")

_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_CODECS = {
    _PCM: "PCM",
    _FLOAT: "float",
    0x0002: "Microsoft ADPCM",
    0x0006: "A-law",
    0x0007: "mu-law",
    0x0011: "IMA ADPCM",
    0x0016: "G.723 ADPCM",
    0x0031: "GSM 6.10",
    0x0050: "MPEG layer 1/2",
    0x0055: "MP3",
    0x00FF: "AAC",
    0x0161: "Windows Media Audio",
    0x674F: "Vorbis",
    0xF1AC: "FLAC",
}
# The tail that turns a 16-bit format tag into a sub-format GUID (mmreg.h, KSDATAFORMAT_SUBTYPE_*).
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_LITTLE = {
    (_PCM, 1): Encoding.U8,
    (_PCM, 2): Encoding.S16_LE,
    (_PCM, 3): Encoding.S24_LE,
    (_PCM, 4): Encoding.S32_LE,
    (_FLOAT, 4): Encoding.F32_LE,
}
_BIG = {
    (_PCM, 1): Encoding.U8,
    (_PCM, 2): Encoding.S16_BE,
    (_PCM, 3): Encoding.S24_BE,
    (_PCM, 4): Encoding.S32_BE,
    (_FLOAT, 4): Encoding.F32_BE,
}
_UNKNOWN_SIZE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class _Fmt:
    tag: int
    channels: int
    rate: int
    bits: int  # valid bits of a value
    width: int  # bytes of a value in the file; 0 where frames are not made of equal values


@dataclass(slots=True)
class _Walk:
    fmt: _Fmt | None = None
    data_offset: int = 0
    data_size: int | None = None
    size64: int | None = None  # the audio data's size from a ds64 chunk
    chunks: list[str] = field(default_factory=list)
    unpadded: list[str] = field(default_factory=list)


def parse(read: Read, size: int, container: str) -> AudioHeader:
    """The header of a WAV of ``size`` bytes; FormatError where it cannot be believed."""
    order = ">" if container == "rifx" else "<"
    riff_size = _u32(read(4, 4), order)
    found = _walk(read, size, order)
    if found.fmt is None:
        raise FormatError("the WAV header is incomplete: there is no 'fmt ' chunk")
    if found.data_size is None:
        raise FormatError("the WAV has no audio data: there is no 'data' chunk", "no-audio-data")
    real = max(0, size - found.data_offset)
    unfinished = _is_unfinished(found, riff_size, real, container)
    declared = real if unfinished else _declared(found, container)
    remarks = []
    if not unfinished and container != "rf64" and riff_size + 8 > size:
        remarks.append("the RIFF size is larger than the file")
    fmt = found.fmt
    table = _BIG if container == "rifx" else _LITTLE
    return AudioHeader(
        container=container,
        codec=_CODECS.get(fmt.tag, f"codec 0x{fmt.tag:04X}"),
        channels=fmt.channels,
        rate=fmt.rate,
        bits=fmt.bits,
        encoding=table.get((fmt.tag, fmt.width)),
        data_offset=found.data_offset,
        declared_bytes=declared,
        data_bytes=min(declared, real),
        unfinished=unfinished,
        chunks=tuple(found.chunks),
        unpadded=tuple(found.unpadded),
        remarks=tuple(remarks),
    )


def _walk(read: Read, size: int, order: str) -> _Walk:
    found = _Walk()
    position = 12
    for _ in range(MAX_CHUNKS):
        head = read(position, 8) if position + 8 <= size else b""
        if len(head) < 8:
            return found
        name, length = head[:4], _u32(head[4:], order)
        found.chunks.append(name.decode("latin-1"))
        body = position + 8
        if name == b"fmt ":
            found.fmt = _fmt(read(body, min(length, 40)), order)
        elif name == b"ds64" and length >= 24:
            found.size64 = _u64(read(body + 8, 8), order)
        elif name == b"data":
            found.data_offset, found.data_size = body, length
            if length == _UNKNOWN_SIZE and found.size64 is not None:
                length = found.size64
        if found.fmt is not None and found.data_size is not None:
            return found  # whatever follows the audio data is not needed, and would cost a read
        position = body + length
        if lacks_padding(read, size, position, length):
            found.unpadded.append(found.chunks[-1])
        else:
            position += length & 1
    raise FormatError(f"the WAV has more than {MAX_CHUNKS} chunks before its audio data")


def _fmt(body: bytes, order: str) -> _Fmt:
    if len(body) < 14:
        raise FormatError("the WAV header is incomplete: its 'fmt ' chunk is too short")
    tag, channels, rate, _, align = struct.unpack_from(order + "HHIIH", body)
    bits = struct.unpack_from(order + "H", body, 14)[0] if len(body) >= 16 else 0
    valid = bits
    if tag == _EXTENSIBLE:
        if len(body) < 40:
            raise FormatError("the WAV header is incomplete: its extensible 'fmt ' chunk is too short")
        valid = struct.unpack_from(order + "H", body, 18)[0] or bits
        if body[26:40] == _GUID_TAIL:
            tag = struct.unpack_from(order + "H", body, 24)[0]
    return _Fmt(tag, channels, rate, valid, _width(tag, channels, bits, valid, align))


def _width(tag: int, channels: int, bits: int, valid: int, align: int) -> int:
    if tag not in (_PCM, _FLOAT) or channels == 0 or bits == 0:
        return 0
    width = (bits + 7) // 8
    if align != width * channels:
        raise FormatError(
            f"the WAV header contradicts itself: {channels} channels of {bits} bits "
            f"do not make frames of {align} bytes"
        )
    if valid > width * 8:
        raise FormatError(f"the WAV header contradicts itself: {valid} valid bits in {bits}")
    return width


def _declared(found: _Walk, container: str) -> int:
    assert found.data_size is not None
    if container == "rf64" and found.data_size == _UNKNOWN_SIZE:
        if found.size64 is None:
            raise FormatError("the RF64 header is incomplete: there is no 'ds64' chunk before the audio data")
        return found.size64
    return found.data_size


def _is_unfinished(found: _Walk, riff_size: int, real: int, container: str) -> bool:
    """Whether neither size was ever filled in, though there is data.

    A data size of 0 or all ones alone may be a lie; together with a RIFF size that leaves no room for any
    data (or is all ones itself) it is a stream, or a recorder that lost its power.
    """
    if container == "rf64" or real == 0 or found.data_size not in (0, _UNKNOWN_SIZE):
        return False
    return riff_size == _UNKNOWN_SIZE or riff_size + 8 <= found.data_offset


def _u32(data: bytes, order: str) -> int:
    return int.from_bytes(data, "big" if order == ">" else "little")


def _u64(data: bytes, order: str) -> int:
    return _u32(data, order)
