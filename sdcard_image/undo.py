"""The undo file of a repair in place: what stood where the repair writes, lasting before its first write.

A journal: head, then for each write its offset, length, the sectors' old bytes and a check sum of each
sector's new ones, then an end mark. Until the end mark has reached the disk the card is not touched; after
that every sector of it is either old or new, whenever the power goes, and putting the old ones back gives the
original.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from sdcard_image.medium import Medium, io_error
from sdcard_image.types import CardError

_MAGIC = b"Benchpad undo 1\n"
_HEAD = struct.Struct("<16sQ")
_RECORD = struct.Struct("<4sQI")
_END = struct.Struct("<4sQI")
SECTOR = 512
PIECE = 1 << 20  # a record holds at most so much


def write_undo(path: Path, medium: Medium, writes: Iterable[tuple[int, bytes]]) -> None:
    """Make the undo file for ``writes`` (offset, new bytes; whole sectors). Lasting when this returns.

    Raises `CardError` where ``path`` exists, `CardIOError` where the host cannot write it.
    """
    try:
        with path.open("xb") as out:
            out.write(_HEAD.pack(_MAGIC, medium.size))
            count = crc = 0
            for offset, new in writes:
                old = medium.pread(offset, len(new))
                sums = b"".join(zlib.crc32(new[i : i + SECTOR]).to_bytes(4, "little") for i in _each(new))
                body = old + sums
                crc = zlib.crc32(body, crc)
                out.write(_RECORD.pack(b"data", offset, len(new)) + body)
                count += 1
            out.write(_END.pack(b"end.", count, crc))
            out.flush()
            os.fsync(out.fileno())
        _sync_folder(path)
    except FileExistsError:
        raise CardError(
            f"{path} exists already: if it is the undo file of a repair that was cut short, undo that first; "
            "else give another name"
        ) from None
    except OSError as error:
        if isinstance(error, CardError):
            raise
        raise io_error("write to", path, error) from error


def _each(data: bytes) -> range:
    return range(0, len(data), SECTOR)


def _sync_folder(path: Path) -> None:
    """Make the new name itself lasting."""
    fd = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def undo(medium: Medium, path: Path) -> int:
    """Put back what the undo file holds; returns how many bytes. May be repeated, also after a power cut.

    Raises `CardError` where the file is not an undo file, not this card's, or the card was changed since.
    """
    try:
        with path.open("rb") as file:
            records = list(_records(file, path))
            if records and records[-1][1] < 0:
                return 0  # the journal has no end: the card was never touched
            _check_card(medium, file, path, records)
            return _restore(medium, file, records)
    except OSError as error:
        if isinstance(error, CardError):
            raise
        raise io_error("read", path, error) from error


def _records(file: BinaryIO, path: Path) -> Iterator[tuple[int, int, int]]:
    """(place in the file, length, offset on the card) of each; a last one of length -1 if there is no end."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size and _MAGIC.startswith(head[:16]):
        yield 0, -1, 0
        return
    if head[:16] != _MAGIC:
        raise CardError(f"{path} is no undo file of a card")
    crc = count = 0
    while True:
        start = file.tell()
        record = file.read(_RECORD.size)
        if len(record) < _RECORD.size:
            yield 0, -1, 0
            return
        kind, offset, length = _RECORD.unpack(record)
        if kind == b"end.":
            if (offset, length) != (count, crc):
                raise CardError(f"{path} is damaged: its check sum is wrong; nothing was undone")
            return
        full = length + length // SECTOR * 4
        if kind != b"data" or length > PIECE or length % SECTOR or offset % SECTOR:
            raise CardError(f"{path} is damaged at byte {start:,}; nothing was undone")
        body = file.read(full)
        if len(body) < full:
            yield 0, -1, 0
            return
        crc, count = zlib.crc32(body, crc), count + 1
        yield start + _RECORD.size, length, offset


def _check_card(medium: Medium, file: BinaryIO, path: Path, records: list[tuple[int, int, int]]) -> None:
    """Every sector must be old or new: else this is another card, or it was changed since."""
    file.seek(0)
    _, size = _HEAD.unpack(file.read(_HEAD.size))
    if size != medium.size:
        raise CardError(f"{path} belongs to a card of {size:,} bytes and this one has {medium.size:,}")
    for at, length, offset in records:
        if offset + length > medium.size:
            raise CardError(f"{path} is damaged: it reaches beyond the card; nothing was undone")
        file.seek(at)
        old, sums = file.read(length), file.read(length // SECTOR * 4)
        now = medium.pread(offset, length)
        for i in _each(old):
            sector = now[i : i + SECTOR]
            new = zlib.crc32(sector).to_bytes(4, "little") == sums[i // SECTOR * 4 :][:4]
            if sector != old[i : i + SECTOR] and not new:
                raise CardError(
                    f"the card was changed after its repair (at byte {offset + i:,}); nothing was undone"
                )


def _restore(medium: Medium, file: BinaryIO, records: list[tuple[int, int, int]]) -> int:
    total = 0
    for at, length, offset in reversed(records):
        file.seek(at)
        medium.pwrite(offset, file.read(length))
        total += length
    medium.sync()
    return total
