"""How much audio the header of a container promises that is only recognised, and how much there is.

Each measure reads a few bounded stretches: the header, and for coded streams the file's last pages or frames.
Formats: Sun's audio header (au), Sony's Wave64 1.0, Apple's Core Audio Format 1.0, EA IFF 85 (8SVX), RFC 9639
(FLAC), RFC 3533 (Ogg); for MP3 see `mpeg`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from . import mpeg
from .crc import crc8, crc16
from .header import MAX_CHUNKS, Read

_UNKNOWN32, _UNKNOWN64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
_PAGE = 65_307  # bytes of the largest Ogg page
_LARGEST_FRAME = 1 << 20  # bytes of a FLAC frame that is looked for: far beyond what encoders make
_ID3V1 = 128
_FLAC_SYNC = re.compile(rb"\xff[\xf8\xf9]")
_MOST_TRIES = 512  # audio has these two bytes by chance once in 32 KB


@dataclass(frozen=True, slots=True)
class Length:
    """Bytes of audio by the header and in truth, from ``offset``; ``shortage`` says it where bytes do not.

    All 0 where the header says nothing.
    """

    declared_bytes: int = 0
    data_bytes: int = 0
    offset: int = 0
    shortage: str = ""
    frames: int = 0  # that the header promises, where it counts them


_HEADLESS = Length(shortage="the file ends before its audio begins")


def measure(read: Read, size: int, container: str) -> Length:
    """The length of a file of ``size`` bytes whose container is one of `sniff.KNOWN`."""
    how = _MEASURES.get(container)
    return how(read, size) if how is not None else Length()


def _there(declared: int, offset: int, size: int) -> Length:
    real = max(0, size - offset)
    return Length(declared, min(declared, real), offset)


def _au(read: Read, size: int) -> Length:
    head = read(0, 12)
    order = "big" if head[:4] == b".snd" else "little"
    offset = int.from_bytes(head[4:8], order)  # type: ignore[arg-type]  # one of the two that it takes
    declared = int.from_bytes(head[8:12], order)  # type: ignore[arg-type]  # as above
    if len(head) < 12 or declared in (0, _UNKNOWN32):
        return Length()
    return _there(declared, offset, size)


def _w64(read: Read, size: int) -> Length:
    for name, body, length in _chunks(read, size, 40, (16, 24, 8), "little"):
        if name[:4] == b"data":
            return _there(max(0, length - 24), body, size)
    return _HEADLESS


def _caf(read: Read, size: int) -> Length:
    frames = 0
    for name, body, length in _chunks(read, size, 8, (4, 12, 1), "big"):
        if name == b"pakt":
            frames = int.from_bytes(read(body + 8, 8), "big")
        if name == b"data":
            known = length != _UNKNOWN64
            return replace(_there(max(0, length - 4), body + 4, size) if known else Length(), frames=frames)
    return _HEADLESS


def _svx(read: Read, size: int) -> Length:
    for name, body, length in _chunks(read, size, 12, (4, 8, 2), "big"):
        if name == b"BODY":
            return _there(length, body, size)
    return _HEADLESS


def _chunks(
    read: Read, size: int, position: int, form: tuple[int, int, int], order: str
) -> Iterator[tuple[bytes, int, int]]:
    """Name, body's place and length field of each chunk. ``form``: bytes of name and head, and alignment."""
    name_bytes, head_bytes, align = form
    for _ in range(MAX_CHUNKS):
        head = read(position, head_bytes) if position + head_bytes <= size else b""
        if len(head) < head_bytes:
            return
        length = int.from_bytes(head[name_bytes:], order)  # type: ignore[arg-type]  # "big" or "little"
        yield head[:name_bytes], position + head_bytes, length
        counted = head_bytes if name_bytes == 16 else 0  # Wave64 counts the head, too
        position += max(head_bytes, head_bytes - counted + length)
        position += -position % align


def _flac(read: Read, size: int) -> Length:
    info, start = read(8, 34), _flac_audio(read, size)
    if len(info) < 34:
        return _HEADLESS
    total = int.from_bytes(info[13:18], "big") & 0xF_FFFF_FFFF
    if not total:
        return Length()
    if start >= size:
        return Length(
            shortage=f"the header promises {total:,} frames of audio; the file ends before them", frames=total
        )
    block = int.from_bytes(info[2:4], "big")
    window = min(2 * (int.from_bytes(info[7:10], "big") or _LARGEST_FRAME // 2) + _ID3V1, _LARGEST_FRAME)
    first = max(start, size - window)
    tail = read(first, size - first)
    if tail[-_ID3V1:].startswith(b"TAG"):
        tail = tail[:-_ID3V1]
    have = _flac_end(tail, block, total)
    if have == total:
        return Length()
    known = f"after {have:,}" if have is not None else "before that, or is damaged"
    return Length(
        shortage=f"the header promises {total:,} frames of audio; the file ends {known}", frames=total
    )


def _flac_audio(read: Read, size: int) -> int:
    """Where the frames begin, after the metadata blocks."""
    position = 4
    for _ in range(MAX_CHUNKS):
        head = read(position, 4) if position + 4 <= size else b""
        if len(head) < 4:
            return size
        position += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:
            return position
    return position


def _flac_end(tail: bytes, block: int, total: int) -> int | None:
    """Frames before the end of ``tail``, by the last frame that begins in it; None where none does."""
    starts = [match.start() for match in _FLAC_SYNC.finditer(tail)]
    for at in reversed(starts[-_MOST_TRIES:]):
        if (found := _flac_frame(tail[at : at + 16], block)) is not None:
            first, frames = found
            if first + frames <= total:
                return first if crc16(tail[at:]) else first + frames
    return None


def _flac_frame(head: bytes, block: int) -> tuple[int, int] | None:
    """First sample and samples of a frame, where ``head`` begins with a header whose check sum is right."""
    if len(head) < 6 or head[3] & 1 or head[2] & 0xF0 == 0 or head[2] & 0xF == 15:
        return None
    extra = max(0, _leading_ones(head[4]) - 1)
    at = 5 + extra
    if extra > 6 or len(head) < at:
        return None
    number = head[4] & (0x7F >> (extra + 1 if extra else 0))
    for byte in head[5:at]:
        number = number << 6 | byte & 0x3F
    code = head[2] >> 4
    size_bytes = {6: 1, 7: 2}.get(code, 0)
    samples = int.from_bytes(head[at : at + size_bytes], "big") + 1 if size_bytes else _flac_block(code)
    at += size_bytes + {12: 1, 13: 2, 14: 2}.get(head[2] & 0xF, 0)
    if len(head) <= at or crc8(head[:at]) != head[at]:
        return None
    return (number if head[1] & 1 else number * block), samples


def _flac_block(code: int) -> int:
    if code == 1:
        return 192
    return 576 << code - 2 if code <= 5 else 256 << code - 8


def _leading_ones(byte: int) -> int:
    return 8 - (byte ^ 0xFF).bit_length()


def _ogg(read: Read, size: int) -> Length:
    first = max(0, size - 2 * _PAGE)
    tail = read(first, size - first)
    at = len(tail)
    while (at := tail.rfind(b"OggS", 0, at)) >= 0:
        head = tail[at : at + 27]
        if len(head) > 5 and (head[4] or head[5] > 7):
            continue  # these four letters, within the audio
        lacing = tail[at + 27 : at + 27 + head[26]] if len(head) == 27 else b""
        if len(head) < 27 or len(lacing) < head[26] or at + 27 + len(lacing) + sum(lacing) > len(tail):
            return Length(shortage="the file ends within a page of its stream")
        if not head[5] & 4:
            return Length(shortage="its last page is not the one that ends the stream")
        return Length()
    return Length(shortage="no page of its stream begins near its end")


def _mp3(read: Read, size: int) -> Length:
    found = mpeg.find(read, size)
    if found is None or not found.declared_bytes:
        return Length()
    return _there(found.declared_bytes, found.offset, size)


_MEASURES: dict[str, Callable[[Read, int], Length]] = {
    "au": _au,
    "w64": _w64,
    "caf": _caf,
    "8svx": _svx,
    "flac": _flac,
    "ogg": _ogg,
    "mp3": _mp3,
}
