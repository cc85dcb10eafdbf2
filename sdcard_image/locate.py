"""Finding the FAT32 volume on a card: at its start, or in its partition table."""

from __future__ import annotations

from collections.abc import Callable

from sdcard_image.bootsector import FAT32_CHS, FAT32_LBA, BootSector, Mbr, looks_like_fat32
from sdcard_image.gpt import gpt_partitions
from sdcard_image.probe import DAMAGED, HEAD_BYTES, UNKNOWN, describe, describe_partitions
from sdcard_image.types import CardError

Read = Callable[[int, int], bytes]


def find_volume(read: Read, size: int) -> tuple[int, BootSector]:
    """Byte offset and boot sector of the first FAT32 volume; `CardError` that says what is there instead."""
    head = read(0, min(512, size))
    if looks_like_fat32(head):
        return 0, BootSector.unpack(head)
    mbr = Mbr.unpack(head)
    starts = [p.start * 512 for p in mbr.partitions if p.type and p.start] if mbr else []
    starts += [start for start, _ in gpt_partitions(read, size)]
    for start in starts:
        sector = read(start, 512) if start + 512 <= size else b""
        if looks_like_fat32(sector):
            return start, BootSector.unpack(sector)
    damaged = _damaged_start(read, size, mbr)
    if damaged:
        raise CardError(
            f"the boot sector of its FAT32 partition, at byte {damaged:,}, is damaged; "
            "repair it from its backup, or format the card anew"
        )
    raise CardError(
        f"this is no FAT32 card: it is {_what(read, size, mbr, starts)}; give a card formatted as FAT32"
    )


def _damaged_start(read: Read, size: int, mbr: Mbr | None) -> int:
    """Byte of a partition that is named FAT32 and holds nothing that is known; 0 where there is none."""
    for part in mbr.partitions if mbr else ():
        start = part.start * 512
        if part.type not in (FAT32_CHS, FAT32_LBA) or not 0 < start <= size - 512:
            continue
        if describe(read(start, min(HEAD_BYTES, size - start))) in (UNKNOWN, DAMAGED):
            return start
    return 0


def _what(read: Read, size: int, mbr: Mbr | None, starts: list[int]) -> str:
    what = describe(read(0, min(HEAD_BYTES, size)))
    if mbr is None or not starts or what != UNKNOWN:
        return what
    inside = [describe(read(start, min(HEAD_BYTES, size - start))) for start in starts if start + 512 <= size]
    known = [text for text in inside if text != UNKNOWN]
    if known:
        return f"a disk whose partition holds {known[0]}"
    if not inside:
        return "an image cut short before its partition"
    return describe_partitions(mbr)
