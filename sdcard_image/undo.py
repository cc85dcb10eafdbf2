"""The undo file of a repair in place: what stood where the repair writes, lasting before its first write.

A journal: head, then for each write its offset, length, the sectors' old bytes and a check sum of each
sector's new ones, then an end mark. Until the end mark has reached the disk the card is not touched; after
that every sector of it is either old or new, whenever the power goes, and putting the old ones back gives the
original. A journal without its end is refused: it may have been cut short after the repair, too.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable
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

    Raises `CardError` where the file is not an undo file, not whole, not this card's, or the card was changed
    since. Nothing is written then.
    """
    try:
        with path.open("rb") as file:
            records, whole = _records(file, path)
            if not whole:
                raise CardError(_cut_short(medium, file, path, records))
            _check_card(medium, file, path, records)
            return _restore(medium, file, records)
    except OSError as error:
        if isinstance(error, CardError):
            raise
        raise io_error("read", path, error) from error


def _records(file: BinaryIO, path: Path) -> tuple[list[tuple[int, int, int]], bool]:
    """(place in the file, length, offset on the card) of each that is whole; and whether the end is there."""
    records: list[tuple[int, int, int]] = []
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size and _MAGIC.startswith(head[:16]):
        return records, False
    if head[:16] != _MAGIC:
        raise CardError(f"{path} is no undo file of a card")
    crc = 0
    while len(record := file.read(_RECORD.size)) == _RECORD.size:
        start = file.tell()
        kind, offset, length = _RECORD.unpack(record)
        if kind == b"end.":
            if (offset, length) != (len(records), crc):
                raise CardError(f"{path} is damaged: its check sum is wrong; nothing was undone")
            return records, True
        if kind != b"data" or length > PIECE or length % SECTOR or offset % SECTOR:
            raise CardError(f"{path} is damaged at byte {start - _RECORD.size:,}; nothing was undone")
        body = file.read(length + length // SECTOR * 4)
        if len(body) < length + length // SECTOR * 4:
            break
        crc = zlib.crc32(body, crc)
        records.append((start, length, offset))
    return records, False


def _cut_short(medium: Medium, file: BinaryIO, path: Path, records: list[tuple[int, int, int]]) -> str:
    """What to say of a journal without its end: as far as it goes, the card is as it was, or repaired."""
    if not records:
        return f"{path} is cut short before the first byte that it would put back; nothing was undone"
    _check_card(medium, file, path, records)
    sound = f"{path} is cut short: what it holds is sound up to byte {_end(records):,} and its end is missing"
    if _as_it_was(medium, file, records):
        return (
            f"{sound}; the card is as it was in all of that, so its repair had not begun; nothing was undone"
        )
    return (
        f"{sound}, so the card cannot be put back whole; nothing was undone; look for the whole undo file, "
        "or keep the card as it was repaired"
    )


def _end(records: list[tuple[int, int, int]]) -> int:
    at, length, _ = records[-1]
    return at + length + length // SECTOR * 4


def _as_it_was(medium: Medium, file: BinaryIO, records: list[tuple[int, int, int]]) -> bool:
    for at, length, offset in records:
        file.seek(at)
        if file.read(length) != medium.pread(offset, length):
            return False
    return True


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
