"""Files and folders on a mounted volume: put, mkdir, remove, rename. The order of writes is in `store`."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdcard_image.alloc import allocate, check_room
from sdcard_image.direntry import (
    ARCHIVE,
    DIRECTORY,
    SIZE,
    Slot,
    checksum,
    dos_time,
    moment,
    pack_entry,
    pack_short_entry,
    slots_needed,
)
from sdcard_image.fat import to_runs
from sdcard_image.folder_table import FolderTable
from sdcard_image.medium import Medium
from sdcard_image.names import MAX_DEPTH, alias, check_name, is_short, pack_short, split_path
from sdcard_image.room import check_move, check_put
from sdcard_image.source import Source, open_source
from sdcard_image.store import VolumeStore
from sdcard_image.types import CardError, Entry

CHUNK = 4 << 20


class VolumeWriter(VolumeStore):
    """A volume to change. Implements `WritableCard`. ``timestamp`` dates what is given no other date."""

    def __init__(self, medium: Medium, timestamp: datetime) -> None:
        super().__init__(medium)
        self._timestamp = timestamp

    def check_put(self, wanted: Iterable[tuple[str, int | None]]) -> None:
        """See `WritableCard.check_put`."""
        check_put(self, wanted)

    def put(self, path: str, source: bytes | Path, modified: datetime | None = None) -> Entry:
        """See `WritableCard.put`. The old clusters are freed once the entry points to the new."""
        table, old, name = self._target(path)
        if old is not None and old.is_dir:
            raise CardError(f"{path} is a folder; give the file another name")
        when = modified or self._timestamp
        with open_source(source) as data:
            need = -(-data.size // self.cluster_bytes)
            short = self._place(table, name, need) if old is None else self._room_for(need, old)
            clusters = self._write_data(data)
        first, size = head(clusters), data.size
        with self.changing():
            self.link(clusters)
            if old is None:
                slot = self._insert(table, name, short, ARCHIVE, cluster=first, size=size, when=when)
            else:
                slot = self._switch(table, old, cluster=first, size=size, when=when)
        return self.slot_entry(table, slot)

    def mkdir(self, path: str, modified: datetime | None = None) -> Entry:
        """See `WritableCard.mkdir`."""
        table, old, name = self._target(path)
        if old is not None:
            raise CardError(f"{path} is on the card already")
        if len(split_path(path)) > MAX_DEPTH:
            raise CardError(f"{path[:80]}… is deeper than {MAX_DEPTH} folders")
        short = self._place(table, name, 1)
        when = modified or self._timestamp
        clusters = allocate(self.fat, 1, self.cluster_bytes)
        here, parent = int(clusters[0]), 0 if table.cluster == self.boot.root_cluster else table.cluster
        self._write(
            self.cluster_offset(here), dot_entries(here, parent, when).ljust(self.cluster_bytes, b"\0")
        )
        self._sync()
        with self.changing():
            self.link(clusters)
            slot = self._insert(table, name, short, DIRECTORY, cluster=here, size=0, when=when)
        return self.slot_entry(table, slot)

    def remove(self, path: str) -> None:
        """See `WritableCard.remove`."""
        table, slot, _ = self._existing(path)
        if slot.is_dir and self.table(f"{table.path}/{slot.name}", slot.cluster).slots:
            raise CardError(f"the folder {path} is not empty; remove what is in it first")
        self.begin()
        with self.changing():
            self._remove(table, slot)

    def rename(self, old: str, new: str) -> Entry:
        """See `WritableCard.rename`.

        Where the new entry fits into the sector of the old one, that one write does it. Else a file is copied
        under its new name before the old one goes, and a folder's contents are moved one by one: two entries
        are never left pointing to the same clusters.
        """
        table, slot, _ = self._existing(old)
        target, there, name = self._target(new)
        if there is not None and not (target is table and there == slot):
            raise CardError(f"{new} is on the card already")
        source = f"{table.path}/{slot.name}"
        if slot.is_dir and f"{target.path}/".startswith(f"{source}/"):
            raise CardError(f"{old} cannot be moved into itself")
        if target is table and slot.name == name:
            return self.slot_entry(table, slot)
        self.begin()
        with self.changing():
            moved = self._rename_in_place(table, slot, name) if target is table else None
        if moved is None:
            moved = self._move(table, slot, target, name)
        return self.slot_entry(target, moved)

    def close(self) -> None:
        """Make the free count and the clean mark true, and let go of the medium."""
        try:
            self.finish()
        finally:
            super().close()

    # parts of the above

    def _target(self, path: str) -> tuple[FolderTable, Slot | None, str]:
        table, _, name = self.locate(path)
        if not name:
            raise CardError("the top folder is always there; give a name below it")
        name = check_name(name)
        return table, table.named(name), name

    def _existing(self, path: str) -> tuple[FolderTable, Slot, str]:
        table, slot, name = self.locate(path)
        if slot is None:
            raise CardError(f"there is no {path} on the card" if name else "the top folder has to stay")
        return table, slot, name

    def _place(self, table: FolderTable, name: str, clusters: int, former: bytes = b"") -> bytes:
        """Refuse what cannot be, before any write; then give a new entry its place. Returns its 8.3 name."""
        short, other = _choose_short(name, table, former)
        if other is not None and not self._can_take_another_alias(other):
            raise CardError(
                f"{table.path}/{name} is the short name of {table.path}/{other.name}; rename one of them"
            )
        self.make_room(table, slots_needed(name), clusters)
        if other is not None:
            self._give_new_alias(table, other)
        return short

    def _can_take_another_alias(self, slot: Slot) -> bool:
        """Whether it has a long name, and all of its slots are in one sector, written at once."""
        per_sector = self._sector // SIZE
        return slot.slots > 1 and slot.index // per_sector == (slot.index + slot.slots - 1) // per_sector

    def _give_new_alias(self, table: FolderTable, slot: Slot) -> None:
        """Another 8.3 name for an entry that has a long one, in one sector write."""
        short = alias(slot.name, table.aliases)
        last = slot.index + slot.slots - 1
        for index in range(slot.index, last):
            table.data[index * SIZE + 13] = checksum(short)
        table.data[last * SIZE : last * SIZE + 11] = short
        with self.changing():
            self.write_slots(table, slot.index, slot.slots)
            self._sync()
        table.reload()

    def _room_for(self, clusters: int, old: Slot) -> bytes:
        """The same for new data of an entry that is there."""
        check_room(clusters, len(self.fat.unused()), self.cluster_bytes)
        self.begin()
        return old.short

    def _write_data(self, data: Source) -> NDArray[np.intp]:
        """Data into free clusters, lasting; the FAT does not know of them yet."""
        clusters = allocate(self.fat, -(-data.size // self.cluster_bytes), self.cluster_bytes)
        left = data.size
        for first, count in to_runs(clusters):
            left = self._write_run(data, first, min(left, count * self.cluster_bytes), left)
        if len(clusters):
            self._sync()
        return clusters

    def _write_run(self, data: Source, first: int, length: int, left: int) -> int:
        at, end = self.cluster_offset(first), self.cluster_offset(first) + length
        while at < end:
            part = data.read(min(CHUNK, end - at))
            padding = -len(part) % self._sector
            self._write(at, part + bytes(padding))
            at += len(part)
        return left - length

    def _switch(self, table: FolderTable, old: Slot, *, cluster: int, size: int, when: datetime) -> Slot:
        """Point the entry to new data in one sector write; then free what it pointed to."""
        stale = list(self.fat.runs(old.cluster)) if old.cluster else []
        at = (old.index + old.slots - 1) * SIZE
        table.data[at : at + SIZE] = _repointed(bytes(table.data[at : at + SIZE]), cluster, size, when)
        self.write_slots(table, at // SIZE, 1)
        self._sync()
        self.release(stale)
        date, time = dos_time(when)
        new = Slot(
            old.index, old.slots, old.name, old.short, old.attributes | ARCHIVE, cluster, size, date, time
        )
        table.replace(old, new)
        self._track(table, old, new)
        return new

    def _insert(
        self,
        table: FolderTable,
        name: str,
        short: bytes,
        attributes: int,
        *,
        cluster: int,
        size: int,
        when: datetime,
        created: bytes = b"",
    ) -> Slot:
        slot = self.insert(
            table, pack_entry(name, short, attributes, cluster=cluster, size=size, when=when, created=created)
        )
        self._track(table, None, slot)
        return slot

    def _track(self, table: FolderTable, old: Slot | None, new: Slot | None) -> None:
        """Keep the registers of who begins where."""
        if old is not None:
            self._heads.pop(old.cluster, None)
            self._folders.pop(old.cluster, None)
        if new is not None and new.cluster:
            self._heads[new.cluster] = f"{table.path}/{new.name}"

    def _remove(self, table: FolderTable, slot: Slot) -> None:
        stale = list(self.fat.runs(slot.cluster)) if slot.cluster else []
        self.erase(table, slot)
        self.release(stale)
        self._track(table, slot, None)

    def _rename_in_place(self, table: FolderTable, slot: Slot, name: str) -> Slot | None:
        """Swap old slots for new ones within one sector, in one write; None where they do not fit."""
        per_sector = self._sector // SIZE
        last = slot.index + slot.slots - 1
        old_entry = bytes(table.data[last * SIZE : (last + 1) * SIZE])
        others = {short: s for short, s in table.aliases.items() if s != slot}
        short = pack_short(name) if is_short(name) else alias(name, others)
        if short in others:
            return None
        packed = _renamed(old_entry, name, short)
        self._clear_tail(table)
        start = last // per_sector * per_sector
        own = range(slot.index, slot.index + slot.slots)
        place = _gap(
            [table.is_free(i) or i in own for i in range(start, start + per_sector)], len(packed) // SIZE
        )
        if place is None:
            return None
        first = start + place
        for index in (*range(max(slot.index, start), last + 1), *range(table.end, first)):
            table.data[index * SIZE] = 0xE5
        table.data[first * SIZE : first * SIZE + len(packed)] = packed
        self.write_slots(table, start, 1)
        self._sync()
        if slot.index < start:
            for index in range(slot.index, start):
                table.data[index * SIZE] = 0xE5
            self.write_slots(table, slot.index, start - slot.index)
            self._sync()
        self._forget_paths(table, slot)
        table.reload()
        moved = next(s for s in table.slots if s.index == first)
        self._track(table, None, moved)
        return moved

    def _forget_paths(self, table: FolderTable, slot: Slot) -> None:
        """Drop folders read under a path that no longer holds."""
        gone = f"{table.path}/{slot.name}"
        for cluster in [c for c, t in self._folders.items() if f"{t.path}/".startswith(f"{gone}/")]:
            inner = self._folders.pop(cluster)
            for s in inner.slots:
                self._heads.pop(s.cluster, None)
        self._heads.pop(slot.cluster, None)

    def _move(self, table: FolderTable, slot: Slot, target: FolderTable, name: str) -> Slot:
        when = moment(slot.date, slot.time) or self._timestamp
        path = f"{target.path}/{name}"
        if slot.is_dir:
            return self._move_folder(table, slot, target, path, when)
        at = (slot.index + slot.slots - 1) * SIZE
        created = bytes(table.data[at : at + SIZE])
        former = slot.short if slot.name == name else b""  # another name must not answer to the old one
        content = _CardSource(self, f"{table.path}/{slot.name}", slot)
        short = self._place(target, name, -(-slot.size // self.cluster_bytes), former)
        slot = next(s for s in table.slots if s.index == slot.index)  # with the alias that it has now
        clusters = self._write_data(content)
        with self.changing():
            self.link(clusters)
            moved = self._insert(
                target,
                name,
                short,
                slot.attributes,
                cluster=head(clusters),
                size=slot.size,
                when=when,
                created=created,
            )
            self._remove(table, slot)
        return next(s for s in target.slots if s.index == moved.index)

    def _move_folder(
        self, table: FolderTable, slot: Slot, target: FolderTable, path: str, when: datetime
    ) -> Slot:
        source = f"{table.path}/{slot.name}"
        check_move(self, source, target, path.rpartition("/")[2])
        self.mkdir(path, when)
        inner = self.table(source, slot.cluster)
        into = self.folder(path)
        for child in list(inner.slots):
            self._move(inner, child, into, child.name)
        with self.changing():
            self._remove(table, slot)
        made = target.find(path.rpartition("/")[2])
        assert made is not None
        return made


class _CardSource:
    """A file on the card itself, as something to copy."""

    def __init__(self, volume: VolumeStore, path: str, slot: Slot) -> None:
        self.size = slot.size
        self._parts: Iterable[bytes] = volume.file_parts(path, slot)
        self._buffer = b""

    def read(self, length: int) -> bytes:
        """Exactly ``length`` more bytes."""
        parts = iter(self._parts)
        while len(self._buffer) < length:
            self._buffer += next(parts)
        out, self._buffer = self._buffer[:length], self._buffer[length:]
        return out


def head(clusters: NDArray[np.intp]) -> int:
    """The first cluster of a chain; 0 where there is none."""
    return int(clusters[0]) if len(clusters) else 0


def dot_entries(cluster: int, parent: int, when: datetime) -> bytes:
    """The two entries that begin every folder but the top one; ``parent`` is 0 below the top one."""
    return pack_short_entry(b".".ljust(11), DIRECTORY, cluster, 0, when) + pack_short_entry(
        b"..".ljust(11), DIRECTORY, parent, 0, when
    )


def _repointed(entry: bytes, cluster: int, size: int, when: datetime) -> bytes:
    date, time = dos_time(when)
    head = entry[:11] + bytes((entry[11] | ARCHIVE,)) + entry[12:18]
    return head + struct.pack("<HHHHHI", date, cluster >> 16, time, date, cluster & 0xFFFF, size)


def _renamed(entry: bytes, name: str, short: bytes) -> bytes:
    """An entry's slots under a new name; the case bits of the old short name go."""
    packed = pack_entry(name, short, 0, cluster=0, size=0, when=datetime(1980, 1, 1))  # noqa: DTZ001,RUF100  FAT time has no zone
    return packed[:-SIZE] + short + entry[11:12] + b"\0" + entry[13:]


def _choose_short(name: str, table: FolderTable, former: bytes) -> tuple[bytes, Slot | None]:
    """The 8.3 name of a new entry, and the entry that has it as its alias and must take another.

    A moved one keeps its alias where that is free.
    """
    if not is_short(name):
        return (former if former and former not in table.aliases else alias(name, table.aliases)), None
    short = pack_short(name)
    return short, table.aliases.get(short)


def _gap(free: list[bool], count: int) -> int | None:
    return next((i for i in range(len(free) - count + 1) if all(free[i : i + count])), None)
