"""GPT partition tables: where the partitions lie. Reads only.

Format: UEFI specification 2.10, section 5.3: headers in the second and the last sector.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

SIGNATURE = b"EFI PART"
_SECTORS = (512, 4096)
_MOST = 256  # entries that are looked at; formatters make 128
_PLACE = struct.Struct("<QII")  # of a header from byte 72 on: the entries' first sector, their count and size

Read = Callable[[int, int], bytes]


def has_gpt(read: Read, size: int) -> bool:
    """Whether a header of such a table is at the start or the end of a card."""
    return next(_headers(read, size), None) is not None


def gpt_partitions(read: Read, size: int) -> list[tuple[int, int]]:
    """Partitions that begin within the card as (first byte, bytes), by the first header that names any."""
    for header, sector in _headers(read, size):
        first, count, each = _PLACE.unpack_from(header, 72)
        if each < 128 or each > 4096 or not 0 < first * sector < size:
            continue
        have = min(min(count, _MOST) * each, size - first * sector)
        table = read(first * sector, have)
        found = [_span(table[at : at + each], sector) for at in range(0, have - each + 1, each)]
        inside = [(start, length) for start, length in found if 0 < start <= size - 512 and length > 0]
        if inside:
            return inside
    return []


def _headers(read: Read, size: int) -> Iterator[tuple[bytes, int]]:
    for sector in _SECTORS:
        for at in (sector, size - sector):
            if 0 < at <= size - 512:
                header = read(at, 512)
                if header.startswith(SIGNATURE):
                    yield header, sector


def _span(entry: bytes, sector: int) -> tuple[int, int]:
    if not any(entry[:16]):  # the type: none
        return 0, 0
    first, last = struct.unpack_from("<QQ", entry, 32)
    return first * sector, (last - first + 1) * sector
