"""Writing to a mounted volume in an order that a power cut cannot turn into damage.

The rules, for every change: data first, then the FATs, then one directory sector that switches from old to
new, then the release of what is no longer used; a sync stands between each two. So a cut leaves lost clusters
at worst.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from sdcard_image.alloc import allocate, chain_clusters, chain_values, check_room
from sdcard_image.bootsector import UNKNOWN, FsInfo
from sdcard_image.direntry import DELETED, MAX_SLOTS, SIZE, Slot, parse
from sdcard_image.fat import to_runs
from sdcard_image.folder_table import FolderTable, folder_full
from sdcard_image.interrupts import deferred
from sdcard_image.layout import CLEAN
from sdcard_image.medium import Medium
from sdcard_image.types import CardError
from sdcard_image.volume import Volume


class VolumeStore(Volume):
    """A volume with the primitive changes that `VolumeWriter` is made of."""

    def __init__(self, medium: Medium) -> None:
        super().__init__(medium)
        self._begun = False
        self._failed = False
        self._was_clean = bool(self.fat.raw[1] & CLEAN)

    # the session: dirty while it lasts

    def begin(self) -> None:
        """Before the first change: refuse a damaged card, mark it in use and its free count unknown."""
        if self._failed:
            raise CardError("an earlier write to this card failed; open it again")
        if self._begun:
            return
        damage = self.full_audit().sentences
        if damage:
            raise CardError(f"the card is damaged ({damage[0]}); repair it before writing to it")
        self._begun = True
        self._write_fsinfo(FsInfo(UNKNOWN, UNKNOWN))
        self._mark(clean=False)

    def finish(self) -> None:
        """After the last change: the free count made true, the volume marked clean if it was so before."""
        if self._begun and not self._failed:
            with deferred():
                self._finish()

    def _finish(self) -> None:
        unused = self.fat.unused()
        self._sync()
        self._write_fsinfo(FsInfo(self.fat.free_clusters(), int(unused[0]) if len(unused) else UNKNOWN))
        self._sync()
        if self._was_clean:
            self._mark(clean=True)
        self._begun = False

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Around what belongs together: interrupts wait; where it fails, the card stays marked as in use."""
        with deferred():
            try:
                yield
            except BaseException:  # whatever it is: only half is written
                self._failed = True
                raise

    def _mark(self, *, clean: bool) -> None:
        value = np.uint32(self.fat.next[1] | CLEAN if clean else self.fat.next[1] & ~np.uint32(CLEAN))
        self.store_fat(np.array([1]), np.array([value], np.uint32), first_copy_last=clean)
        self._sync()

    def _write_fsinfo(self, info: FsInfo) -> None:
        if self.fsinfo() is not None:
            self._write(
                self.offset + self.boot.fsinfo_sector * self._sector, info.pack().ljust(self._sector, b"\0")
            )

    # the medium

    def _write(self, offset: int, data: bytes) -> None:
        try:
            self._medium.pwrite(offset, data)
        except CardError:
            self._failed = True
            raise

    def _sync(self) -> None:
        try:
            self._medium.sync()
        except CardError:
            self._failed = True
            raise

    def write_clusters(self, first: int, data: bytes) -> None:
        """Write whole clusters from ``first`` on; not synced."""
        self._write(self.cluster_offset(first), data)

    # the FAT

    def store_fat(
        self, clusters: NDArray[np.intp], values: NDArray[np.uint32], *, first_copy_last: bool = False
    ) -> None:
        """Set FAT entries, in memory and in every copy in use; not synced.

        ``first_copy_last`` is for the clean mark: systems look at the first, and it must not be there alone.
        """
        self.fat.store(clusters, values)
        per_sector = self._sector // 4
        copies = tuple(range(self.boot.fats)) if self.boot.active_fat is None else (self.boot.active_fat,)
        for copy in reversed(copies) if first_copy_last else copies:
            for first, count in to_runs(np.unique(clusters // per_sector)):
                entries = self.fat.raw[first * per_sector : (first + count) * per_sector]
                self._write(self._fat_offset(copy) + first * self._sector, entries.astype("<u4").tobytes())

    def link(self, clusters: NDArray[np.intp]) -> None:
        """Make ``clusters`` a chain, and lasting. Until an entry points to it, it is only lost."""
        if len(clusters):
            self.store_fat(clusters, chain_values(clusters))
            self._sync()

    def release(self, runs: list[tuple[int, int]]) -> None:
        """Free a chain that nothing points to any more."""
        clusters = chain_clusters(runs)
        if len(clusters):
            self.store_fat(clusters, np.zeros(len(clusters), np.uint32))
            self._sync()

    # folders

    def write_slots(self, table: FolderTable, first: int, count: int) -> None:
        """Write the sectors that hold slots ``first`` to ``first + count - 1`` of a folder; not synced."""
        per_sector = self._sector // SIZE
        for sector in range(first // per_sector, (first + count - 1) // per_sector + 1):
            at = sector * self._sector
            self._write(self._folder_offset(table, at), bytes(table.data[at : at + self._sector]))

    def _folder_offset(self, table: FolderTable, at: int) -> int:
        cluster, within = divmod(at, self.cluster_bytes)
        for first, count in table.runs:
            if cluster < count:
                return self.cluster_offset(first + cluster) + within
            cluster -= count
        raise AssertionError("slot outside its folder")

    def _clear_tail(self, table: FolderTable) -> None:
        """Zero what lies after the end mark: new entries will move the mark."""
        at = table.end * SIZE
        if any(table.data[at:]):
            table.data[at:] = bytes(len(table.data) - at)
            self.write_slots(table, table.end, table.total - table.end)
            self._sync()

    def make_room(self, table: FolderTable, slots: int, clusters: int) -> None:
        """Let a folder have a place for ``slots``; refuse, unwritten, unless ``clusters`` are left."""
        more = self._growth(table, slots)
        check_room(clusters + more, len(self.fat.unused()), self.cluster_bytes)
        self.begin()
        with self.changing():
            for _ in range(more):
                self._grow(table)

    def _growth(self, table: FolderTable, slots: int) -> int:
        """How many clusters a folder lacks for ``slots`` more."""
        more, per_cluster = 0, self.cluster_bytes // SIZE
        while table.find_free(slots, self._sector // SIZE, more * per_cluster) is None:
            more += 1
            if table.total + more * per_cluster > MAX_SLOTS:
                raise CardError(folder_full(table.path))
        return more

    def _grow(self, table: FolderTable) -> None:
        new = allocate(self.fat, 1, self.cluster_bytes)
        self._write(self.cluster_offset(int(new[0])), bytes(self.cluster_bytes))
        self._sync()
        self.link(new)
        first, count = table.runs[-1]
        last = first + count - 1
        self.store_fat(np.array([last]), new.astype(np.uint32))
        self._sync()
        table.runs = list(self.fat.runs(table.cluster))
        table.data += bytes(self.cluster_bytes)

    def insert(self, table: FolderTable, packed: bytes) -> Slot:
        """Put an entry's slots into a folder that has room for them (`make_room`).

        The sector with the 8.3 entry is written last and alone.
        """
        count, per_sector = len(packed) // SIZE, self._sector // SIZE
        self._clear_tail(table)
        first = table.find_free(count, per_sector)
        assert first is not None
        if first > table.end:
            for index in range(table.end, first):
                table.data[index * SIZE] = DELETED
            self.write_slots(table, table.end, first - table.end)
            self._sync()
        table.data[first * SIZE : (first + count) * SIZE] = packed
        last = first + count - 1
        before = last // per_sector * per_sector - first
        if before > 0:
            self.write_slots(table, first, before)
            self._sync()
        self.write_slots(table, last, 1)
        self._sync()
        slot = _slot_at(packed, first)
        table.add(slot)
        return slot

    def erase(self, table: FolderTable, slot: Slot) -> None:
        """Mark an entry's slots deleted, the 8.3 entry's sector first: long-name parts alone mean nothing."""
        per_sector = self._sector // SIZE
        for index in range(slot.index, slot.index + slot.slots):
            table.data[index * SIZE] = DELETED
        last = slot.index + slot.slots - 1
        self.write_slots(table, last, 1)
        self._sync()
        before = last // per_sector * per_sector - slot.index
        if before > 0:
            self.write_slots(table, slot.index, before)
            self._sync()
        table.forget(slot)


def _slot_at(packed: bytes, first: int) -> Slot:
    (slot,) = parse(packed)
    return Slot(
        first,
        slot.slots,
        slot.name,
        slot.short,
        slot.attributes,
        slot.cluster,
        slot.size,
        slot.date,
        slot.time,
    )
