"""What the card's tests share: RAM media, a recorder of writes, crash states, and the outside judges."""

from __future__ import annotations

import itertools
import os
import random
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sdcard_image import Item, build_image, mount
from sdcard_image.types import CardError, CardIOError
from sdcard_image.volume import Volume
from sdcard_image.writer import VolumeWriter

SECTOR = 512
SMALL = 40 << 20  # holds a FAT32 volume of 512-byte clusters without a partition table
State = dict[int, bytes]


class RamMedium:
    """A sparse medium in memory that records what is written and synced."""

    def __init__(self, size: int, sectors: State) -> None:
        self.size = size
        self.sectors = dict(sectors)
        self.log: list[tuple[int, bytes] | None] = []  # None: a sync
        self.fail_at: int | None = None

    @classmethod
    def of_file(cls, path: Path) -> RamMedium:
        data = path.read_bytes()
        cut = ((i, data[i * SECTOR : (i + 1) * SECTOR]) for i in range(len(data) // SECTOR))
        return cls(len(data), {i: sector for i, sector in cut if any(sector)})

    def pread(self, offset: int, length: int) -> bytes:
        if offset < 0 or offset + length > self.size:
            raise CardError(f"the medium ends at {self.size}")
        first, last = offset // SECTOR, -(-(offset + length) // SECTOR)
        zero = bytes(SECTOR)
        data = b"".join([self.sectors.get(i, zero) for i in range(first, last)])
        return data[offset - first * SECTOR :][:length]

    def pwrite(self, offset: int, data: bytes) -> None:
        assert offset % SECTOR == 0
        assert len(data) % SECTOR == 0
        assert offset + len(data) <= self.size
        if self.fail_at is not None and len(self.log) >= self.fail_at:
            raise CardIOError("the card does not take this write")
        self.log.append((offset, bytes(data)))
        put(self.sectors, offset, data)

    def sync(self) -> None:
        if self.fail_at is not None and len(self.log) >= self.fail_at:
            raise CardIOError("the card does not take this write")
        self.log.append(None)

    def backing(self):
        return []

    def close(self) -> None:
        pass


def put(state: State, offset: int, data: bytes) -> None:
    for i in range(len(data) // SECTOR):
        state[offset // SECTOR + i] = data[i * SECTOR : (i + 1) * SECTOR]


def small_card(tmp_path: Path, items: Iterable[Item], **options) -> RamMedium:
    options = {"size_bytes": SMALL, "partition": False, "label": "TEST"} | options
    build_image(tmp_path / "small.img", items, overwrite=True, **options)
    return RamMedium.of_file(tmp_path / "small.img")


def writer(medium: RamMedium) -> VolumeWriter:
    volume = mount(medium, writable=True)
    assert isinstance(volume, VolumeWriter)
    return volume


def tree(volume: Volume) -> dict[str, bytes | None]:
    """Every path with its content; None for a folder."""
    return {e.path: None if e.is_dir else volume.read(e.path) for e in volume.walk()}


def crash_states(
    base: State, log: list[tuple[int, bytes] | None], seed: int = 1, extra: int = 12
) -> Iterator[State]:
    """Every state that a power cut may leave, one by one.

    After each write; within each write at every sector boundary; and, as what lies between two syncs may
    reach the card in any order, subsets of its sectors: all of them where they are few, else every one alone,
    all but every one, and ``extra`` drawn by ``seed``.
    """
    chance = random.Random(seed)
    state = dict(base)
    yield dict(state)
    for synced, group in itertools.groupby(log, key=lambda item: item is None):
        if synced:
            continue
        sectors = [
            (offset // SECTOR + i, data[i * SECTOR : (i + 1) * SECTOR])
            for offset, data in (item for item in group if item is not None)
            for i in range(len(data) // SECTOR)
        ]
        for chosen in _subsets(len(sectors), chance, extra):
            yield state | {sectors[i][0]: sectors[i][1] for i in chosen}
        state |= dict(sectors)
    yield state


def _subsets(count: int, chance: random.Random, extra: int) -> Iterator[tuple[int, ...]]:
    if count <= 4:
        for size in range(count + 1):
            yield from itertools.combinations(range(count), size)
        return
    everything = tuple(range(count))
    step = max(1, count // 64)  # file data in free clusters: every boundary of up to 64
    for i in range(0, count, step):
        yield everything[:i]
        yield (i,)
        yield everything[:i] + everything[i + 1 :]
    for _ in range(extra):
        yield tuple(i for i in everything if chance.random() < 0.5)


# What `fsck.fat -n` may say after a power cut, and no more.
HARMLESS = [
    r"fsck\.fat \d",
    r"Dirty bit is set",
    r" Automatically removing dirty bit\.",
    r"Free cluster summary (wrong|uninitialized)",
    r"  ?Auto-(correct|sett)ing",
    r"FATs differ but appear to be intact\.",
    r"  ?Using first FAT\.",
    r"Reclaimed \d+ unused clusters?",
    r"Orphaned long file name part",
    r"A new long file name starts within an old one\.",  # the same, with another entry right after it
    r"  Not auto-correcting this\.",
    r"  ?Auto-deleting\.",
    r"Leaving filesystem unchanged",
    r"\*{0,}.* \d+ files, \d+/\d+ clusters",
    r"$",
]
_HARMLESS = re.compile("|".join(f"(?:{p})" for p in HARMLESS))


@dataclass
class Fsck:
    """A run of `fsck.fat -n`: its status and its lines, and those that tell of damage."""

    status: int
    lines: list[str]
    damage: list[str] = field(default_factory=list)


def fsck(tool: str, image: Path) -> Fsck:
    done = subprocess.run([tool, "-n", str(image)], capture_output=True, text=True, timeout=60, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return Fsck(done.returncode, lines, [line for line in lines if not _HARMLESS.match(line)])


def write_image(path: Path, size: int, state: State) -> Path:
    """A sparse image file of a state."""
    with path.open("wb") as out:
        out.truncate(size)
        for number in sorted(state):
            os.pwrite(out.fileno(), state[number], number * SECTOR)
    return path


def without_partition(image: Path, offset: int, to: Path) -> Path:
    """The volume of an image, sparse: `fsck.fat` knows no offsets."""
    with image.open("rb") as src, to.open("wb") as out:
        out.truncate(image.stat().st_size - offset)
        at = offset
        while True:
            try:
                at = os.lseek(src.fileno(), at, os.SEEK_DATA)
            except OSError:  # no data after here
                return to
            end = os.lseek(src.fileno(), at, os.SEEK_HOLE)
            os.pwrite(out.fileno(), os.pread(src.fileno(), end - at, at), at - offset)
            at = end


def mtools_env() -> dict[str, str]:
    return os.environ | {"LC_ALL": "C.UTF-8"}
