"""From decisions to bytes: names made unique, folders, FATs, boot sectors and FSInfo as they must be.

Nothing is written here: the result is a list of writes (offset, bytes), of sectors that differ from what is
there, and of clusters to copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sdcard_image.bootsector import FAT32_LBA, UNKNOWN, FsInfo, Mbr, Partition, chs
from sdcard_image.chains import ENDS, Runs, length, to_runs_in_order
from sdcard_image.direntry import (
    ARCHIVE,
    DIRECTORY,
    MAX_SLOTS,
    SIZE,
    VOLUME,
    pack_entry,
    pack_long_entries,
    pack_short_entry,
)
from sdcard_image.layout import BAD, END, MASK
from sdcard_image.medium import Medium
from sdcard_image.name_mending import fresh_alias
from sdcard_image.names import fold
from sdcard_image.recovered import LONG_EXTENSIONS, Lost, describe_lost
from sdcard_image.salvage import MAX_LOST, Salvage
from sdcard_image.slots import DOT, DOTDOT, Found, with_place
from sdcard_image.system_area import SECTOR, System, read_within
from sdcard_image.tree import Folder, Thing, boot_label

WHEN = datetime(1980, 1, 1)  # noqa: DTZ001,RUF100  FAT time has no zone; recovered things have no date
PER_FOLDER, MAX_RECOVERED = 10_000, MAX_LOST
CLEAN = 0x0C00_0000  # bits of FAT[1]: closed properly, no hard error
_PIECE = 1 << 20


@dataclass(slots=True)
class Changes:
    """``writes`` are (absolute byte, bytes), whole sectors; ``copies`` are (from cluster, to cluster)."""

    writes: list[tuple[int, bytes]] = field(default_factory=list)
    copies: list[tuple[int, int]] = field(default_factory=list)
    recovered: list[Thing] = field(default_factory=list)
    system: list[str] = field(default_factory=list)


class Rebuild:
    """Makes the `Changes` that put a salvaged card into order."""

    def __init__(
        self, medium: Medium, system: System, salvage: Salvage, raw: list[NDArray[np.uint32]]
    ) -> None:
        self.medium, self.system, self.salvage, self.raw = medium, system, salvage, raw
        self.tree, self.chains = salvage.tree, salvage.chains
        self.out = Changes()
        self._owner = self.chains.owner
        self._final: NDArray[np.uint32] = np.zeros(0, np.uint32)

    def run(self) -> Changes:
        """All changes, data first and the system area last."""
        self._label()
        self._copy_shared()
        self._recover()
        for folder in self.tree.folders:
            if folder is not self.tree.root and folder.thing is not None and folder.thing.dropped:
                continue
            self._folder(folder)
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

    # room

    def _free(self, count: int) -> Runs | None:
        """Clusters that nothing uses, in one piece if possible."""
        free = self._owner == 0
        free[:2] = False
        for copy in self.raw:
            free &= copy[: self.chains.limit] & np.uint32(MASK) != BAD
        where = np.flatnonzero(free)
        if len(where) < count:
            return None
        spans = where[count - 1 :] - where[: len(where) - count + 1] == count - 1
        at = int(np.argmax(spans)) if spans.any() else 0
        return to_runs_in_order(where[at : at + count].tolist())

    def _room(self, count: int) -> Runs | None:
        """The same; where there is none, the last of the lost chains give way."""
        runs = self._free(count)
        while runs is None and self.salvage.lost:
            self.chains.claim(self.salvage.lost.pop(), 0)
            runs = self._free(count)
        return runs

    def _copy_shared(self) -> None:
        for thing in self.tree.things:
            if not thing.shared:
                continue
            runs = self._room(length(thing.shared))
            if runs is None:
                thing.size = 0
                thing.settle("lost", "there is no room for a copy of what it shares with another file")
            else:
                self.chains.claim(runs, thing.number)
                thing.runs = runs
                self.out.copies += zip(_each(thing.shared), _each(runs), strict=True)

    # lost chains

    def _recover(self) -> None:
        for runs in self.salvage.lost[MAX_RECOVERED:]:
            self.chains.claim(runs, 0)
        few = self.salvage.lost[:MAX_RECOVERED]
        found = [(runs, describe_lost(self.medium, self.system, runs)) for runs in few]
        for runs, lost in found:
            if lost is None:
                self.chains.claim(runs, 0)
        keep = [lost for _, lost in found if lost is not None]
        self.salvage.lost = [lost.runs for lost in keep]
        folders, number = self.salvage.lost_folders, 0
        while number < len(keep) + len(folders):
            home = self._found_folder()
            if home is None:
                return self._give_up(keep[max(0, number - len(folders)) :])
            for _ in range(PER_FOLDER):
                self._adopt(home, folders, keep, number)
                number += 1
                if number >= min(len(self.salvage.lost), len(keep)) + len(folders):
                    return None
        return None

    def _give_up(self, rest: list[Lost]) -> None:
        for lost in rest:
            self.chains.claim(lost.runs, 0)

    def _adopt(self, home: Folder, folders: list[Folder], keep: list[Lost], number: int) -> None:
        if number < len(folders):
            thing = folders[number].thing
            assert thing is not None
            entry = pack_short_entry(
                f"DIR{number:05}".encode().ljust(11), DIRECTORY, thing.found.cluster, 0, WHEN
            )
            thing.found = Found(0, entry, "", b"")
            thing.parent = home
            folders[number].parent = home
            folders[number].rewrite = True
        else:
            thing = self._file(home, keep[number - len(folders)], number)
        home.things.append(thing)
        self.out.recovered.append(thing)

    def _file(self, home: Folder, lost: Lost, number: int) -> Thing:
        short = f"FILE{number % 10_000:04}{lost.kind:3}".encode()
        long = f"FILE{number:04}.{LONG_EXTENSIONS[lost.kind]}" if lost.kind in LONG_EXTENSIONS else ""
        entry = pack_short_entry(short, ARCHIVE, lost.runs[0][0], lost.size, WHEN)
        parts = pack_long_entries(long, short) if long else b""
        thing = Thing(self.tree.number(), home, Found(0, entry, long, parts), lost.size, False)
        thing.runs = lost.runs
        thing.settle("repaired", "a lost chain", "guess" if lost.kind == "BIN" else "likely")
        self.chains.claim(lost.runs, thing.number)
        return thing

    def _found_folder(self) -> Folder | None:
        """A new folder FOUND, FOUND.001, ... in the top folder."""
        taken = {t.found.short for t in self.tree.root.things if not t.dropped}
        names = (b"FOUND".ljust(8) + (f"{i:03}".encode() if i else b"   ") for i in range(1000))
        short = next((name for name in names if name not in taken), None)
        runs = self._room(1) if short else None
        if short is None or runs is None:
            return None
        cluster = runs[0][0]
        thing = Thing(
            self.tree.number(),
            self.tree.root,
            Found(0, pack_short_entry(short, DIRECTORY, cluster, 0, WHEN), "", b""),
            0,
            True,
        )
        folder = Folder(cluster, self.tree.root, thing, runs, rewrite=True, depth=1)
        thing.folder, thing.runs = folder, runs
        self.chains.claim(runs, thing.number)
        self.tree.root.things.append(thing)
        self.tree.root.rewrite = True
        self.tree.folders.append(folder)
        return folder

    # folders

    def _folder(self, folder: Folder) -> None:
        things = [t for t in folder.things if not t.dropped]
        folder.rewrite |= _make_unique(things)
        for thing in things:
            self._finish(folder, thing)
        if not folder.rewrite:
            return
        while True:
            data = self._slots(folder, things)
            if len(data) <= length(folder.runs) * self.system.cluster_bytes or not self._grow(
                folder, len(data)
            ):
                break
        room = length(folder.runs) * self.system.cluster_bytes
        while len(data) > min(room, MAX_SLOTS * SIZE):
            data = self._slots(folder, things[: self._fit(folder, things, room)])
        self._put_runs(folder.runs, data.ljust(room, b"\0"))

    def _grow(self, folder: Folder, need: int) -> bool:
        more = -(-min(need, MAX_SLOTS * SIZE) // self.system.cluster_bytes) - length(folder.runs)
        runs = self._room(more) if more > 0 else None
        if runs is None:
            return False
        number = int(self._owner[folder.runs[0][0]])
        self.chains.claim(runs, number)
        folder.runs = folder.runs + runs
        if folder.thing is not None:
            folder.thing.runs = folder.runs
        return True

    def _fit(self, folder: Folder, things: list[Thing], room: int) -> int:
        """How many entries fit; the others are lost, and their clusters free."""
        used, count = 64, 0
        for thing in things:
            used += SIZE + len(thing.found.parts)
            if used > min(room, MAX_SLOTS * SIZE):
                break
            count += 1
        for thing in things[count:]:
            thing.dropped = True
            thing.settle("lost", "there is no room for its entry")
            self.chains.claim(thing.runs, 0)
        return count

    def _finish(self, folder: Folder, thing: Thing) -> None:
        """An entry's final fields; the folder is written anew where they are not the stored ones."""
        found = thing.found
        first = thing.runs[0][0] if thing.runs else 0
        size = 0 if thing.is_dir else thing.size
        wanted = with_place(found.entry, first, size)
        kind = found.attributes & 0x37
        kind = kind | DIRECTORY if thing.is_dir else kind & ~DIRECTORY & 0xFF
        wanted = wanted[:11] + bytes((kind, wanted[12] & 0x18)) + wanted[13:]
        if wanted != found.entry or found.defects:
            folder.rewrite = True
            found.entry = wanted
            if not thing.is_dir and (found.defects or thing.state == ""):
                thing.settle("repaired", *found.defects[0][1:] if found.defects else ())
        if not found.named_surely:
            thing.settle("repaired", "a letter of its name is lost")
        if thing.state == "":
            thing.settle("whole")

    def _slots(self, folder: Folder, things: list[Thing]) -> bytes:
        head = b""
        if folder is self.tree.root:
            head = folder.label
        else:
            assert folder.parent is not None
            above = 0 if folder.parent is self.tree.root else folder.parent.cluster
            head = _dot(folder.dot_slots[:SIZE], DOT, folder.cluster)
            head += _dot(folder.dot_slots[SIZE:], DOTDOT, above)
        return head + b"".join([t.found.parts + t.found.entry for t in things])

    def _put_runs(self, runs: Runs, data: bytes) -> None:
        at = 0
        for first, count in runs:
            size = count * self.system.cluster_bytes
            self._put(self.system.cluster_offset(first), data[at : at + size])
            at += size

    def _put(self, offset: int, data: bytes) -> None:
        """Those sectors that are not so already, neighbours together."""
        old = read_within(self.medium, offset, len(data))
        if old == data and offset + len(data) <= self.medium.size:
            return
        unit = SECTOR
        one = np.frombuffer(data, np.uint8).reshape(-1, unit)
        other = np.frombuffer(old, np.uint8).reshape(-1, unit)
        where = np.flatnonzero((one != other).any(axis=1))
        for first, count in to_runs_in_order(where.tolist()):
            self.out.writes.append((offset + first * unit, data[first * unit : (first + count) * unit]))

    # FATs

    def _fats(self) -> None:
        values = self._final = self._values()
        for copy in range(self.system.boot.fats):
            base, tail = self.system.fat_offset(copy), self.raw[min(copy, len(self.raw) - 1)][len(values) :]
            data = np.concatenate((values, tail)).astype("<u4")
            for at in range(0, data.nbytes, _PIECE):
                self._put(base + at, data[at // 4 : (at + _PIECE) // 4].tobytes())

    def _values(self) -> NDArray[np.uint32]:
        """The FAT as it must be; the four reserved bits of each entry stay as they are in the first."""
        limit, first = self.chains.limit, self.raw[0]
        out = np.zeros(limit, np.uint32)
        bad = np.ones(limit, bool)
        for copy in self.raw:
            bad &= copy[:limit] & np.uint32(MASK) == BAD
        out[bad & (self._owner == 0)] = BAD
        out[0] = 0x0FFF_FF00 | self.system.boot.media
        second = int(first[1]) & MASK | CLEAN
        out[1] = second if second >= ENDS else END
        merged = self.chains.merged
        for runs in self._all_runs():
            _link(out, runs)
            last = runs[-1][0] + runs[-1][1] - 1
            out[last] = merged[last] if merged[last] >= ENDS else END
        out |= first[:limit] & np.uint32(0xF000_0000)
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
        self._put(offset, data)

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
        if not system.offset or system.part is not None:
            return
        start, total = system.offset // SECTOR, system.boot.total_sectors * system.sector // SECTOR
        entry = Partition(FAT32_LBA, start, total, chs_first=chs(start), chs_last=chs(start + total - 1))
        old = Mbr.unpack(read_within(self.medium, 0, SECTOR))
        self._put(0, Mbr((entry,), disk_id=old.disk_id if old else system.boot.serial).pack())


def _link(values: NDArray[np.uint32], runs: Runs) -> None:
    for first, count in runs:
        values[first : first + count - 1] = np.arange(first + 1, first + count, dtype=np.uint32)
    for (first, count), (following, _) in pairwise(runs):
        values[first + count - 1] = following


def _each(runs: Runs) -> Iterator[int]:
    for first, count in runs:
        yield from range(first, first + count)


def _dot(stored: bytes, name: bytes, cluster: int) -> bytes:
    if stored[:11] == name and len(stored) == SIZE:
        entry = with_place(stored, cluster, 0)
        return entry[:11] + bytes((entry[11] & 0x27 | DIRECTORY, 0)) + entry[13:]
    return pack_short_entry(name, DIRECTORY, cluster, 0, WHEN)


def _make_unique(things: list[Thing]) -> bool:
    """Give all but the first of equal names another; whether there were any."""
    shorts: set[bytes] = set()
    names: set[str] = set()
    taken = {t.found.short for t in things}
    changed = False
    tries: dict[str, int] = {}
    for thing in things:
        found = thing.found
        clash = fold(found.name) in names
        if clash or found.short in shorts:
            changed = True
            found.defects.append(("name-collision", "another entry has its name"))
            _rename(thing, taken, names, tries if clash else None)
        shorts.add(found.short)
        taken.add(found.short)
        names.add(fold(found.name))
    return changed


def _rename(thing: Thing, taken: set[bytes], names: set[str], tries: dict[str, int] | None) -> None:
    """A new 8.3 name, and with ``tries`` (the numbers in use so far) a new long one."""
    found, old = thing.found, thing.found.name
    name = old
    if tries is not None:
        stem, dot, ext = old.rpartition(".") if "." in old[1:] else (old, "", "")
        number = tries.get(fold(old), 1) + 1
        while fold(name := f"{stem[:120]} ({number}){dot}{ext[:100]}") in names:
            number += 1
        tries[fold(old)] = number
    short = fresh_alias(name, taken)
    packed = pack_entry(name, short, 0, cluster=0, size=0, when=WHEN)
    found.parts = packed[:-SIZE] or pack_long_entries(name, short)
    found.long, found.entry = name, short + found.entry[11:]
    thing.settle(
        "repaired",
        f"another entry had its name; it was {old}"
        if tries is not None
        else "another entry had its 8.3 name",
    )
