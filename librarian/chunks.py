"""The chunks of RIFF and AIFF files, in bounded time whatever the bytes say."""

from __future__ import annotations

from collections.abc import Iterator

from firmware.formats.audio_header import Read
from firmware.formats.header import MAX_CHUNKS, lacks_padding

LARGEST = 1 << 20  # bytes of a chunk that is read whole; marker chunks of real files have a few KB
_UNKNOWN_SIZE = 0xFFFFFFFF


def chunks(
    read: Read, size: int, order: str, data_bytes: int, wanted: frozenset[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each ``wanted`` chunk in a file of ``size`` bytes; too large ones pass by.

    ``order`` is "<" or ">"; ``data_bytes`` is the audio's size for an RF64, whose own field does not say it.
    """
    position = 12
    for _ in range(2 * MAX_CHUNKS):
        head = read(position, 8) if position + 8 <= size else b""
        if len(head) < 8:
            return
        length = int.from_bytes(head[4:], "little" if order == "<" else "big")
        if head[:4] == b"data" and length == _UNKNOWN_SIZE:
            length = data_bytes
        if length <= LARGEST and head[:4] in wanted:
            yield head[:4], read(position + 8, length)
        position += 8 + length
        position += 0 if lacks_padding(read, size, position, length) else length & 1
