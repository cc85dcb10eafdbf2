"""Timing a real card by reading it: which reads, and how long each takes. Nothing is ever written."""

from __future__ import annotations

import mmap
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sim.errors import InputError

SMALL = 8192  # bytes of a read whose place matters
LARGE = tuple(1 << k for k in range(17, 20))  # 128 to 512 KB: cross any page, and no unit where they begin
BOUNDARIES = tuple(1 << k for k in range(14, 25))  # 16 KB to 16 MB
_UNIT = 1 << 20  # at the least, of what a large read must not cross
_ALIGN = 4096  # what reading past the page cache asks for
_MOST_READS = 20_000  # where a read takes hardly any time
_LEAST_BYTES = 8 << 20  # of a card: fewer leave no room for the reads

Read = Callable[[int, int], float]  # offset, length -> seconds


@dataclass(frozen=True, slots=True)
class Timed:
    """One read: ``boundary`` is the largest power of two that it crosses, 0: none, -1: many small ones."""

    length: int
    boundary: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Opened:
    """A card to be read: its size, how, and whether the host's page cache is out of the way."""

    size: int
    read: Read
    direct: bool


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """A block device or image for timed reads. InputError where it cannot be read or is too small."""
    fd, direct = _open(path)
    try:
        size = os.lseek(fd, 0, os.SEEK_END) // _ALIGN * _ALIGN
        if size < _LEAST_BYTES:
            raise InputError(f"{path} has {size:,} bytes; measuring needs at least {_LEAST_BYTES:,}")
        with mmap.mmap(-1, max(LARGE)) as room:  # aligned to a page of memory, as direct reading asks for
            yield Opened(size, _reader(fd, room, path, direct=direct), direct)
    finally:
        os.close(fd)


def _open(path: Path) -> tuple[int, bool]:
    """A descriptor, and whether its reads go past the page cache."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; measuring needs the device or an image")
    flags = os.O_RDONLY | os.O_CLOEXEC
    try:
        try:
            fd = os.open(path, flags | getattr(os, "O_DIRECT", 0))
            if hasattr(os, "O_DIRECT") and _reads(fd):
                return fd, True
            os.close(fd)
        except OSError:
            if not os.access(path, os.R_OK):
                raise
        return os.open(path, flags), False
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None


def _reads(fd: int) -> bool:
    with mmap.mmap(-1, _ALIGN) as room:
        try:
            return os.preadv(fd, [room], 0) == _ALIGN
        except OSError:
            return False


def _reader(fd: int, room: mmap.mmap, path: Path, *, direct: bool) -> Read:
    def read(offset: int, length: int) -> float:
        if not direct and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(fd, offset, length, os.POSIX_FADV_DONTNEED)
        with memoryview(room) as whole, whole[:length] as part:
            begun = time.perf_counter()
            try:
                got = os.preadv(fd, [part], offset)
            except OSError as error:
                raise InputError(
                    f"reading {path} at byte {offset:,} failed: {(error.strerror or str(error)).lower()}"
                ) from None
            taken = time.perf_counter() - begun
        if got != length:
            raise InputError(f"{path} ends at byte {offset + got:,}, before its size says")
        return taken

    return read


def measure(read: Read, size: int, seconds: float, seed: int) -> list[Timed]:
    """Time reads for about ``seconds``: in rounds of every class, in shuffled order, at random places."""
    chance = random.Random(seed)  # noqa: S311  places that come again with the seed
    classes = [(SMALL, 0), *((SMALL, one) for one in BOUNDARIES if 4 * one <= size)]
    classes += [(length, -1) for length in LARGE]
    found: list[Timed] = []
    spent = 0.0
    while spent < seconds and len(found) < _MOST_READS:
        chance.shuffle(classes)
        for length, boundary in classes:
            taken = read(_place(chance, size, length, boundary), length)
            spent += taken
            found.append(Timed(length, boundary, taken))
            if spent >= 2 * seconds:
                break
    return found


def _place(chance: random.Random, size: int, length: int, boundary: int) -> int:
    """Where a read of a class begins.

    Across an odd multiple of ``boundary``; within 16 KB where it is 0; where it is -1 just after a multiple
    of 1 MB, so that it crosses many small boundaries and no large one.
    """
    if boundary > 0:
        return (2 * chance.randrange(size // (2 * boundary)) + 1) * boundary - length // 2
    if boundary == 0:
        return chance.randrange(size // BOUNDARIES[0]) * BOUNDARIES[0]
    return chance.randrange(size // _UNIT) * _UNIT + _ALIGN
