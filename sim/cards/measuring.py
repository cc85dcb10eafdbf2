"""Timing a real card by reading it: which reads, and how long each takes. Nothing is ever written."""

from __future__ import annotations

import mmap
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sim.errors import InputError

SMALL = 8192  # bytes of a read whose place matters
LARGE = tuple(1 << k for k in range(17, 20))  # 128 to 512 KB: cross any page, and no unit where they begin
BOUNDARIES = tuple(1 << k for k in range(14, 25))  # 16 KB to 16 MB
_UNIT = 1 << 20  # at the least, of what a large read must not cross
_ALIGN = 4096  # what reading past the page cache asks for
_KEPT = 2_000  # reads of each class that are kept, of all those that are not late
_MOST_LATE = 20_000  # kept of all classes
_NO_TIME = 100_000, 1e-8  # after so many reads of less than this each, in seconds, the clock tells nothing
SPIKE_S = 0.001  # a read that is late by less is no spike
SPIKE_SPREADS = 10  # nor one that is within so many quartile ranges: 4 in a million of the exponential part
_LEAST_BYTES = 8 << 20  # of a card: fewer leave no room for the reads

Read = Callable[[int, int], float]  # offset, length -> seconds


@dataclass(frozen=True, slots=True)
class Timed:
    """One read: ``boundary`` is the largest power of two that it crosses, 0: none, -1: many small ones.

    ``late`` ones stood out when they were read: all of those are kept, of the others a sample.
    """

    length: int
    boundary: int
    seconds: float
    late: bool = False


@dataclass(slots=True)
class Reads:
    """What was measured: the reads that were kept, how many there were, and how long all took."""

    kept: list[Timed] = field(default_factory=list)
    count: int = 0
    seconds: float = 0.0


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
        size = os.lseek(fd, 0, os.SEEK_END)
        if size < _LEAST_BYTES:
            raise InputError(f"{path} has {size:,} bytes; measuring needs at least {_LEAST_BYTES:,}")
        size = size // _ALIGN * _ALIGN
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


class _Sample:
    """Reads of one class: of those on time a sample of `_KEPT` by chance, of the late ones all."""

    def __init__(self, length: int, boundary: int, chance: random.Random) -> None:
        self._length, self._boundary, self._chance = length, boundary, chance
        self._on_time: list[float] = []
        self._late: list[float] = []
        self._count = 0
        self._limit = float("inf")

    def add(self, seconds: float) -> bool:
        """Take a read; returns whether it was late."""
        if seconds > self._limit:
            self._late.append(seconds)
            return True
        self._count += 1
        if len(self._on_time) < _KEPT:
            self._on_time.append(seconds)
            if len(self._on_time) == _KEPT and self._limit == float("inf"):
                self._judge()
        elif (place := self._chance.randrange(self._count)) < _KEPT:
            self._on_time[place] = seconds
        return False

    def _judge(self) -> None:
        """From now on it is known what is late; so are some of those taken by now."""
        self._limit = late_from(self._on_time)
        self._late = [one for one in self._on_time if one > self._limit]
        self._on_time = [one for one in self._on_time if one <= self._limit]
        self._count = len(self._on_time)

    def kept(self) -> Iterator[Timed]:
        """What there is of them."""
        for late, times in ((False, self._on_time), (True, self._late)):
            yield from (Timed(self._length, self._boundary, one, late) for one in times)


def late_from(seconds: list[float]) -> float:
    """From how long on a read among such ones is a spike."""
    ordered = sorted(seconds)
    low, high = ordered[len(ordered) // 4], ordered[len(ordered) * 3 // 4]
    return high + max(SPIKE_SPREADS * (high - low), SPIKE_S)


def measure(read: Read, size: int, seconds: float, seed: int) -> Reads:
    """Time reads for about ``seconds``: in rounds of every class, in shuffled order, at random places.

    However long it goes on, what is kept takes bounded memory; where more than `_MOST_LATE` reads are late
    it ends early.
    """
    chance = random.Random(seed)  # noqa: S311  places that come again with the seed
    classes = [(SMALL, 0), *((SMALL, one) for one in BOUNDARIES if 4 * one <= size)]
    classes += [(length, -1) for length in LARGE]
    keeping = random.Random(f"{seed}/kept")  # noqa: S311  so does the sample
    samples = {one: _Sample(*one, keeping) for one in classes}
    found, late = Reads(), 0
    while found.seconds < seconds and late < _MOST_LATE:
        chance.shuffle(classes)
        for one in classes:
            taken = read(_place(chance, size, *one), one[0])
            found.seconds += taken
            found.count += 1
            late += samples[one].add(taken)
            if found.seconds >= 2 * seconds:
                break
        if found.count >= _NO_TIME[0] and found.seconds < found.count * _NO_TIME[1]:
            break
    found.kept = [timed for one in samples.values() for timed in one.kept()]
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
