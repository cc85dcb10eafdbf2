"""The last page of an Ogg stream that was cut: made a whole page of the packets that are there.

Without it, a decoder passes over everything of the page; one can last a second. Format: RFC 3533.
"""

from __future__ import annotations

from itertools import accumulate

from firmware.formats.audio_header import Read

_PAGE = 65_307  # bytes of the largest page
_HEAD = 27
_LAST = 4  # the flag of the page that ends a stream
_TENTHS = ((100, 200, 400, 600), (100, 200), (25, 50, 100, 200))  # ms/10 of Opus frames (RFC 6716, 3.1)
_POLYNOMIAL = 0x04C11DB7


def whole_page(read: Read, size: int) -> tuple[int, bytes] | None:
    """Where the last page begins, and what to read there instead to the end; None where it is whole."""
    first = max(0, size - _PAGE)
    tail = read(first, size - first)
    at = tail.rfind(b"OggS\0")
    page = tail[at:] if at >= 0 else b""
    if len(page) < _HEAD or len(page) < _HEAD + page[26]:
        return None
    lacing = page[_HEAD : _HEAD + page[26]]
    body = page[_HEAD + len(lacing) :]
    if sum(lacing) <= len(body):
        return None
    ends = list(accumulate(lacing))
    packets = (n for n, value in enumerate(lacing, 1) if value < 255)
    kept = max((n for n in packets if ends[n - 1] <= len(body)), default=0)
    if not kept:
        return None
    made = bytearray(page[:_HEAD]) + lacing[:kept] + body[: ends[kept - 1]]
    made[5] &= ~_LAST
    made[22:27] = bytes(4) + bytes([kept])
    if read(28, 8) == b"OpusHead":  # its decoder finds the stream's beginning from where the first page ends
        before = _position(read, first + at)
        made[6:14] = (before + sum(map(_samples, _packets(made)))).to_bytes(8, "little")
    made[22:26] = _crc(made).to_bytes(4, "little")
    return first + at, bytes(made)


def _position(read: Read, end: int) -> int:
    """Where the page before byte ``end`` says that it ends, in samples."""
    first = max(0, end - _PAGE)
    before = read(first, end - first)
    at = before.rfind(b"OggS\0")
    position = int.from_bytes(before[at + 6 : at + 14], "little") if at >= 0 else 0
    return position if position < 1 << 62 else 0


def _packets(page: bytes | bytearray) -> list[bytes]:
    """The packets that end in a whole page."""
    packets, begin = [], _HEAD + page[26]
    end = begin
    for value in page[_HEAD : _HEAD + page[26]]:
        end += value
        if value < 255:
            packets.append(bytes(page[begin:end]))
            begin = end
    return packets


def _samples(packet: bytes) -> int:
    """Samples at 48 kHz of an Opus packet, by its first bytes."""
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    lengths = _TENTHS[0] if config < 12 else _TENTHS[1] if config < 16 else _TENTHS[2]
    frames = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 0)[code]
    return frames * lengths[config % len(lengths)] * 48 // 10


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (_POLYNOMIAL if value & 0x8000_0000 else 0)) & 0xFFFF_FFFF
        table.append(value)
    return tuple(table)


_CRC = _table()


def _crc(data: bytes | bytearray) -> int:
    """The check sum of a page in which its own place holds zeros."""
    value = 0
    for byte in data:
        value = value << 8 & 0xFFFF_FFFF ^ _CRC[value >> 24 ^ byte]
    return value
