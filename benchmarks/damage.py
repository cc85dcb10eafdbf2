"""Damaged cards for the repair benchmark: one card of 60 files, and seeded random damage to its metadata."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sdcard_image import Item, build_image
from sdcard_image.medium import FileMedium
from sdcard_image.volume import Volume

SECTOR = 512
CARD_BYTES = 48 << 20
FOLDERS = ("", "/Kicks", "/Snare Drums", "/Loops", "/Loops/120 bpm half time")
FILES = 60
FRAGMENTED = 12


@dataclass(slots=True)
class Target:
    """The undamaged card: its sectors, its files, and where its metadata lies (absolute bytes)."""

    image: bytes
    files: dict[str, bytes]
    boot: int
    fsinfo: int
    fats: tuple[int, int]
    fat_bytes: int
    root: int = 0
    used: list[int] = field(default_factory=list)  # clusters in use
    folders: list[tuple[int, int]] = field(
        default_factory=list
    )  # (byte, bytes in use) of each folder's pieces


def make_target(path: Path, seed: int = 404, *, partition: bool = False) -> Target:
    """Build the card at ``path``: WAV, AIFF and other files of 0.1 to 120 KB, a fifth of them in pieces."""
    chance = random.Random(seed)
    items = [Item(folder, None) for folder in FOLDERS if folder]
    names = _names()
    items += [Item(name, _content(name, chance)) for name in names]
    build_image(path, items, size_bytes=CARD_BYTES, partition=partition, label="BENCH", overwrite=True)
    for name in chance.sample(names, FRAGMENTED):
        scatter(path, name, chance)
    medium = FileMedium(path)
    try:
        return _surveyed(Volume(medium), path.read_bytes())
    finally:
        medium.close()


def _names() -> list[str]:
    stems = ("KICK", "snare rim", "Hat (open)", "A0000", "loop with a long name")
    kinds = ("wav", "WAV", "aif", "wav", "bin")
    return [f"{FOLDERS[i % 5]}/{stems[i % 5]}{i:02}.{kinds[i % 5 - i // 7 % 2]}" for i in range(FILES)]


def _content(name: str, chance: random.Random) -> bytes:
    size = int(100 * 1200 ** chance.random())
    body = chance.randbytes(size)
    if name.lower().endswith("wav"):
        return b"RIFF" + (size + 4).to_bytes(4, "little") + b"WAVE" + body
    if name.endswith("aif"):
        return b"FORM" + (size + 4).to_bytes(4, "big") + b"AIFF" + body
    return body


def scatter(path: Path, name: str, chance: random.Random) -> None:
    """Move the second part of a file to free clusters elsewhere on the card."""
    medium = FileMedium(path, writable=True)
    try:
        volume = Volume(medium)
        clusters = _chain(volume, volume.entry(name).first_cluster)
        if len(clusters) < 4:
            return
        at = chance.randint(1, len(clusters) - 2)
        many = chance.randint(1, len(clusters) - at)
        free = np.flatnonzero(volume.fat.next == 0)
        start = int(free[chance.randint(200, 4000)])
        new = [int(c) for c in free[free >= start][:many]]
        size = volume.cluster_bytes
        for old, target in zip(clusters[at:], new, strict=False):
            medium.pwrite(volume.cluster_offset(target), medium.pread(volume.cluster_offset(old), size))
        chain = clusters[:at] + new + clusters[at + many :]
        for old in clusters:
            _link(volume, old, 0)
        for one, following in zip(chain, [*chain[1:], 0x0FFF_FFFF], strict=True):
            _link(volume, one, following)
        medium.sync()
    finally:
        medium.close()


def _chain(volume: Volume, first: int) -> list[int]:
    return [c for start, count in volume.fat.runs(first) for c in range(start, start + count)]


def _link(volume: Volume, cluster: int, value: int) -> None:
    for copy in range(2):
        volume._medium.pwrite(volume._fat_offset(copy) + 4 * cluster, value.to_bytes(4, "little"))


def _surveyed(volume: Volume, image: bytes) -> Target:
    entries = list(volume.walk())
    target = Target(
        image,
        {e.path: volume.read(e.path) for e in entries if not e.is_dir},
        volume.offset,
        volume.offset + SECTOR,
        (volume._fat_offset(0), volume._fat_offset(1)),
        volume.boot.fat_sectors * SECTOR,
        volume.cluster_offset(volume.boot.root_cluster),
    )
    target.used = np.flatnonzero(volume.fat.next[2:]).tolist()
    target.used = [c + 2 for c in target.used]
    for path in ["", *(e.path for e in entries if e.is_dir)]:
        table = volume.folder(path)
        left = table.end * 32
        for first, count in table.runs:
            part = min(left, count * volume.cluster_bytes)
            if part:
                target.folders.append((volume.cluster_offset(first), part))
            left -= part
    return target


Damage = Callable[[bytearray, Target, random.Random], None]


def _entry_value(target: Target, chance: random.Random) -> bytes:
    kind = chance.randrange(4)
    if kind == 0:
        value = chance.choice((0, 1, 0x0FFF_FFF7, 0x0FFF_FFFF))
    elif kind == 1:
        value = chance.choice(target.used)
    else:
        value = chance.randrange(1 << 28) if kind == 2 else chance.randrange(2, target.fat_bytes // 4)
    return value.to_bytes(4, "little")


def one_fat_entry(card: bytearray, target: Target, chance: random.Random) -> None:
    at = target.fats[0] + 4 * chance.choice(target.used)
    card[at : at + 4] = _entry_value(target, chance)


def both_fat_entries(card: bytearray, target: Target, chance: random.Random) -> None:
    cluster, value = chance.choice(target.used), _entry_value(target, chance)
    for fat in target.fats:
        card[fat + 4 * cluster : fat + 4 * cluster + 4] = value


def fat_sector(card: bytearray, target: Target, chance: random.Random) -> None:
    sector = chance.choice(target.used) // 128
    at = target.fats[0] + sector * SECTOR
    card[at : at + SECTOR] = chance.choice((bytes(SECTOR), b"\xff" * SECTOR, chance.randbytes(SECTOR)))


def fat_tail(card: bytearray, target: Target, chance: random.Random) -> None:
    at = target.fats[0] + 4 * chance.choice(target.used) // SECTOR * SECTOR
    end = target.fats[0] + target.fat_bytes
    card[at:end] = bytes(end - at)


def folder_byte(card: bytearray, target: Target, chance: random.Random) -> None:
    where, size = chance.choices(target.folders, [n for _, n in target.folders])[0]
    at = where + chance.randrange(size)
    card[at] ^= chance.randrange(1, 256)


def boot_byte(card: bytearray, target: Target, chance: random.Random) -> None:
    at = target.boot + (chance.randrange(90) if chance.random() < 0.8 else chance.randrange(SECTOR))
    card[at] ^= chance.randrange(1, 256)


def fsinfo_byte(card: bytearray, target: Target, chance: random.Random) -> None:
    used = [*range(4), *range(484, 496), *range(508, 512)]
    card[target.fsinfo + chance.choice(used)] ^= chance.randrange(1, 256)


def root_sector(card: bytearray, target: Target, chance: random.Random) -> None:
    at = target.root
    card[at : at + SECTOR] = chance.choice((bytes(SECTOR), b"\xff" * SECTOR, chance.randbytes(SECTOR)))


KINDS: dict[str, Damage] = {
    "one entry in FAT 1": one_fat_entry,
    "one entry in both FATs": both_fat_entries,
    "FAT 1 sector lost": fat_sector,
    "FAT 1 tail zeroed": fat_tail,
    "directory byte": folder_byte,
    "boot-sector byte": boot_byte,
    "FSInfo byte": fsinfo_byte,
}


# These take names away for good: files are looked for by their content.
NAMELESS: dict[str, Damage] = {"top folder's first sector lost": root_sector}


def damaged(target: Target, kind: str, seed: int) -> bytes:
    """The card with one damage; the same seed gives the same."""
    card = bytearray(target.image)
    (KINDS | NAMELESS)[kind](card, target, random.Random(f"{kind}/{seed}"))
    return bytes(card)


def write_sparse(path: Path, data: bytes) -> None:
    """An image file without its zeros."""
    with path.open("wb") as out:
        out.truncate(len(data))
        for at in range(0, len(data), 1 << 16):
            part = data[at : at + (1 << 16)]
            if part.count(0) != len(part):
                os.pwrite(out.fileno(), part, at)
