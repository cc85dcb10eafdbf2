"""From decisions to bytes: names made unique, folders, FATs, boot sectors and FSInfo as they must be.

Nothing is written here: the result is a list of writes (offset, bytes), of sectors that differ from what is
there, and of clusters to copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sdcard_image.arbitration import ENDS
from sdcard_image.bootsector import FAT32_LBA, UNKNOWN, FsInfo, Mbr, Partition, chs
from sdcard_image.changes import Changes
from sdcard_image.direntry import VOLUME, pack_short_entry
from sdcard_image.folder_rebuild import FolderRebuild
from sdcard_image.found_files import WHEN, FoundFiles
from sdcard_image.layout import BAD, END, MASK, SECTOR
from sdcard_image.medium import Medium, read_within
from sdcard_image.runs import Runs, length
from sdcard_image.salvage import Salvage
from sdcard_image.space import Space
from sdcard_image.system_area import System
from sdcard_image.tree import boot_label

CLEAN = 0x0C00_0000  # bits of FAT[1]: closed properly, no hard error
_PIECE = 1 << 20


class Rebuild:
    """Makes the `Changes` that put a salvaged card into order."""

    def __init__(
        self, medium: Medium, system: System, salvage: Salvage, raw: list[NDArray[np.uint32]]
    ) -> None:
        self.medium, self.system, self.salvage, self.raw = medium, system, salvage, raw
        self.tree, self.chains = salvage.tree, salvage.chains
        self.out = Changes()
        self._final: NDArray[np.uint32] = np.zeros(0, np.uint32)

    def run(self) -> Changes:
        """All changes, data first and the system area last."""
        self._label()
        space = Space(self.chains, self.salvage.lost)
        self._copy_shared(space)
        found = FoundFiles(self.salvage, space)
        found.run()
        self.out.recovered = found.recovered
        folders = FolderRebuild(self.salvage, space, self.out)
        for folder in self.tree.folders:
            if folder.thing is None or not folder.thing.dropped:
                folders.write(folder)
        self._fats()
        self._system()
        return self.out

    def _label(self) -> None:
        """The label of the top folder and of the boot sector must be one; the folder's is the newer."""
        root, boot = self.tree.root, self.system.boot
        known = boot_label(self.system)
        if root.label:
            self.system.boot = replace(boot, label=root.label[:11])
        elif known:
            root.label = pack_short_entry(known, VOLUME, 0, 0, WHEN)
            root.rewrite = True
        else:
            self.system.boot = replace(boot, label=b"NO NAME    ")

    def _copy_shared(self, space: Space) -> None:
        for thing in self.tree.things:
            if not thing.shared:
                continue
            runs = space.room(length(thing.shared))
            if runs is None:
                thing.size = 0
                thing.settle("lost", "there is no room for a copy of what it shares with another file")
            else:
                self.chains.claim(runs, thing.number)
                thing.runs = runs
                self.out.copies += zip(_each(thing.shared), _each(runs), strict=True)

    # FATs

    def _fats(self) -> None:
        values = self._final = self._values()
        for copy in range(self.system.boot.fats):
            base, tail = self.system.fat_offset(copy), self.raw[min(copy, len(self.raw) - 1)][len(values) :]
            data = np.concatenate((values, tail)).astype("<u4")
            for at in range(0, data.nbytes, _PIECE):
                self.out.put(self.medium, base + at, data[at // 4 : (at + _PIECE) // 4].tobytes())

    def _values(self) -> NDArray[np.uint32]:
        """The FAT as it must be; the four reserved bits of each entry stay where all copies have them."""
        limit, first = self.chains.limit, self.raw[0]
        out = np.zeros(limit, np.uint32)
        out[(self.chains.merged == BAD) & (self.chains.owner == 0)] = BAD
        out[0] = 0x0FFF_FF00 | self.system.boot.media
        second = int(first[1]) & MASK | CLEAN
        out[1] = second if second >= ENDS else END
        merged = self.chains.merged
        for runs in self._all_runs():
            _link(out, runs)
            last = runs[-1][0] + runs[-1][1] - 1
            out[last] = merged[last] if merged[last] >= ENDS else END
        out |= np.bitwise_and.reduce([copy[:limit] for copy in self.raw]) & np.uint32(0xF000_0000)
        out[:2] &= np.uint32(MASK)
        return out

    def _all_runs(self) -> Iterator[Runs]:
        yield self.tree.root.runs
        for folder in self.tree.folders:
            for thing in folder.things:
                if not thing.dropped and thing.runs:
                    yield thing.runs

    # system area

    def _system(self) -> None:
        system, boot = self.system, self.system.boot
        free = self.chains.clusters - int(np.count_nonzero(self._used()))
        sectors = [(0, boot.pack())]
        if boot.backup_sector:
            sectors.append((boot.backup_sector, boot.pack()))
        if boot.fsinfo_sector:
            info = FsInfo(free, self._next_free() if free else UNKNOWN).pack()
            sectors.append((boot.fsinfo_sector, info))
        for sector, data in sectors:
            self._put_start(system.offset + sector * system.sector, data)
        self._partition_table()

    def _put_start(self, offset: int, data: bytes) -> None:
        """A sector, or its first 512 bytes. An FSInfo that differs in hints only stays as it is."""
        old = read_within(self.medium, offset, SECTOR)
        mine, theirs = FsInfo.unpack(data), FsInfo.unpack(old)
        if mine and theirs and mine.free == theirs.free and self._hint_is_fine(theirs.next_free):
            data = theirs.pack()
        self.out.put(self.medium, offset, data)

    def _hint_is_fine(self, value: int) -> bool:
        return value == UNKNOWN or 2 <= value < self.chains.limit

    def _used(self) -> NDArray[np.bool_]:
        used: NDArray[np.bool_] = self._final[2:] & np.uint32(MASK) != 0
        return used

    def _next_free(self) -> int:
        return int(np.argmin(self._used())) + 2

    def _partition_table(self) -> None:
        """Only where the table does not lead to the volume any more."""
        system = self.system
        if not system.offset or system.part is not None or system.gpt:
            return
        start, total = system.offset // SECTOR, system.boot.total_sectors * system.sector // SECTOR
        entry = Partition(FAT32_LBA, start, total, chs_first=chs(start), chs_last=chs(start + total - 1))
        old = Mbr.unpack(read_within(self.medium, 0, SECTOR))
        self.out.put(self.medium, 0, Mbr((entry,), disk_id=old.disk_id if old else system.boot.serial).pack())


def _link(values: NDArray[np.uint32], runs: Runs) -> None:
    for first, count in runs:
        values[first : first + count - 1] = np.arange(first + 1, first + count, dtype=np.uint32)
    for (first, count), (following, _) in pairwise(runs):
        values[first + count - 1] = following


def _each(runs: Runs) -> Iterator[int]:
    for first, count in runs:
        yield from range(first, first + count)
