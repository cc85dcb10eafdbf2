"""Damaged cards: a small valid one, with fields of its boot sector, FATs and folders set at random."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from card_tools import SECTOR, RamMedium, small_card

from sdcard_image import CardError, Item, mount

Choose = Callable[[int, int], int]  # an integer from the first to the second, both included
MANY = 24


def valid_card(folder: Path) -> RamMedium:
    """Files and folders, some in pieces, on the smallest card."""
    items = [
        Item(f"/kit {i}/sample number {j}.wav", bytes([i, j]) * 900) for i in range(3) for j in range(20)
    ]
    items += [Item("/" + "/".join("abcdefgh") + "/deep.wav", b"deep" * 999), Item("/LOOP.WAV", b"l" * 40_000)]
    medium = small_card(folder, items)
    volume = mount(medium, writable=True)
    for j in range(0, 20, 2):
        volume.remove(f"/kit 1/sample number {j}.wav")
    volume.put("/pieces.wav", bytes(60_000))
    volume.close()
    medium.log.clear()
    return medium


class Mutator:
    """Changes a copy of a card at places and to values that ``choose`` picks."""

    def __init__(self, base: RamMedium) -> None:
        self._base = base
        volume = mount(base)
        self._fats = [volume._fat_offset(copy) for copy in range(2)]
        self._folders = [volume.cluster_offset(volume.boot.root_cluster)]
        self._folders += [volume.cluster_offset(e.first_cluster) for e in volume.walk() if e.is_dir]
        self._heads = [e.first_cluster for e in volume.walk() if e.first_cluster]
        self._used = max(self._heads) + 130

    def mutated(self, choose: Choose) -> RamMedium:
        """A card with one to ``MANY`` changes."""
        medium = RamMedium(self._base.size, self._base.sectors)
        for _ in range(choose(1, MANY)):
            (self._boot, self._fat, self._fat, self._entry, self._entry, self._bytes)[choose(0, 5)](
                medium, choose
            )
        return medium

    def _set(self, medium: RamMedium, offset: int, data: bytes) -> None:
        number, within = divmod(offset, SECTOR)
        sector = bytearray(medium.sectors.get(number, bytes(SECTOR)))
        sector[within : within + len(data)] = data[: SECTOR - within]
        medium.sectors[number] = bytes(sector)

    def _boot(self, medium: RamMedium, choose: Choose) -> None:
        if choose(0, 3) == 0:  # rarely: most such cards do not mount at all
            fields = ((11, 2), (13, 1), (14, 2), (16, 1), (32, 4), (36, 4), (40, 2), (44, 4))
            at, size = fields[choose(0, 7)]
            self._set(medium, at, choose(0, 256**size - 1).to_bytes(size, "little"))

    def _cluster(self, choose: Choose) -> int:
        kind = choose(0, 5)
        odd = (0, 1, 0x0FFF_FFF7, 0x0FFF_FFFF, 0x0FFF_FFF6, 0x00FF_FFFF)
        if kind == 0:
            return odd[choose(0, len(odd) - 1)]
        return self._heads[choose(0, len(self._heads) - 1)] if kind < 3 else choose(2, self._used)

    def _fat(self, medium: RamMedium, choose: Choose) -> None:
        where = self._fats[choose(0, 1)] + 4 * choose(0, self._used)
        self._set(medium, where, struct.pack("<I", self._cluster(choose)))

    def _entry(self, medium: RamMedium, choose: Choose) -> None:
        folder = self._folders[choose(0, len(self._folders) - 1)]
        slot = folder + 32 * choose(0, 15)
        kind = choose(0, 4)
        if kind == 0:
            cluster = self._cluster(choose)
            self._set(medium, slot + 20, struct.pack("<H", cluster >> 16))
            self._set(medium, slot + 26, struct.pack("<H", cluster & 0xFFFF))
        elif kind == 1:
            self._set(medium, slot + 28, struct.pack("<I", choose(0, 2**32 - 1)))
        elif kind == 2:
            self._set(medium, slot + 11, bytes([choose(0, 255)]))
        else:
            self._set(medium, slot + choose(0, 31), bytes([choose(0, 255)]))

    def _bytes(self, medium: RamMedium, choose: Choose) -> None:
        folder = self._folders[choose(0, len(self._folders) - 1)]
        self._set(medium, folder + choose(0, SECTOR - 1), bytes([choose(0, 255)]))


def explore(medium: RamMedium) -> None:
    """Everything a reader may do with a card works or raises `CardError`, and not for long."""
    began = time.perf_counter()
    try:
        volume = mount(medium)
    except CardError:
        return
    for step in (volume.info, volume.label, volume.full_audit, volume.fsinfo):
        _attempt(step)
    entries = []
    _attempt(lambda: entries.extend(volume.walk()))
    _attempt(lambda: [volume.listdir(e.path) for e in entries if e.is_dir])
    for entry in entries:
        assert not {"", ".", ".."} & set(entry.path[1:].split("/"))
        assert "\0" not in entry.path
        if not entry.is_dir:
            _attempt(lambda path=entry.path: _same_length(volume, path))
            _attempt(lambda path=entry.path: volume.read(path, 100, 3000))
    assert time.perf_counter() - began < 20


def _same_length(volume, path: str) -> None:
    extents = volume.extents(path)
    assert sum(e.length for e in extents) == volume.entry(path).size
    inside = sorted((e.offset, e.length) for e in extents)
    assert all(a + n <= b for (a, n), (b, _) in pairwise(inside))
    assert not inside or inside[-1][0] + inside[-1][1] <= volume._medium.size


def _attempt(step: Callable[[], object]) -> None:
    said = ""
    try:
        step()
    except CardError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 2000


def change(medium: RamMedium) -> None:
    """Everything a writer may do with a damaged card: works, or raises `CardError`."""
    try:
        volume = mount(medium, writable=True)
    except CardError:
        return
    for step in (
        lambda: volume.put("/new.wav", b"new" * 500),
        lambda: volume.put("/LOOP.WAV", b"over"),
        lambda: volume.mkdir("/kit 0/more"),
        lambda: volume.rename("/kit 2", "/kit 0/more/kit 2"),
        lambda: volume.remove("/pieces.wav"),
        volume.close,
    ):
        _attempt(step)
