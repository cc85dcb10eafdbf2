"""What an MP3's first frame says of the whole: the Xing, Info or VBRI header, where its encoder wrote one.

Formats: ISO/IEC 11172-3 (frame header); "VBR header" by Xing, as LAME writes it; Fraunhofer's VBRI; ID3v2.4.
"""

from __future__ import annotations

from dataclasses import dataclass

from .header import Read

_SEARCHED = 4096  # bytes after the tag in which the first frame must begin
_XING_BYTES, _VBRI_OFFSET = 2, 36


@dataclass(frozen=True, slots=True)
class MpegInfo:
    """Where the first frame begins, and the bytes from there that the header promises (0: it does not)."""

    offset: int
    declared_bytes: int


def find(read: Read, size: int) -> MpegInfo | None:
    """What a file of ``size`` bytes says; None where no frame begins after its tag."""
    start = id3_bytes(read(0, 10))
    data = read(start, min(_SEARCHED + 256, size - start)) if start < size else b""
    at = -1
    while (at := data.find(b"\xff", at + 1)) >= 0 and at < _SEARCHED:
        if is_frame(data[at : at + 4]):
            return MpegInfo(start + at, _declared(data[at:]))
    return None


def id3_bytes(head: bytes) -> int:
    """Bytes of the ID3v2 tag that begins with ``head`` (10 bytes); 0 where there is none."""
    if len(head) < 10 or head[:3] != b"ID3":
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size + (10 if head[5] & 0x10 else 0)


def is_frame(head: bytes) -> bool:
    """Whether four bytes are the header of a layer III frame."""
    return (
        len(head) == 4
        and head[0] == 0xFF
        and head[1] & 0xE6 == 0xE2
        and head[1] & 0x18 != 0x08
        and head[2] & 0xF0 not in (0, 0xF0)
        and head[2] & 0x0C != 0x0C
    )


def _declared(frame: bytes) -> int:
    if frame[_VBRI_OFFSET : _VBRI_OFFSET + 4] == b"VBRI":
        return int.from_bytes(frame[_VBRI_OFFSET + 10 : _VBRI_OFFSET + 14], "big")
    newest, mono = frame[1] & 0x08, frame[3] & 0xC0 == 0xC0
    at = 4 + ((17 if mono else 32) if newest else (9 if mono else 17))
    if frame[at : at + 4] not in (b"Xing", b"Info"):
        return 0
    flags = int.from_bytes(frame[at + 4 : at + 8], "big")
    if not flags & _XING_BYTES:
        return 0
    at += 8 + 4 * (flags & 1)
    return int.from_bytes(frame[at : at + 4], "big")
