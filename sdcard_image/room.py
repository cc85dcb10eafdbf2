"""Whether the card has room for several changes: counted on copies of its folders, before the first write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sdcard_image.alloc import check_room
from sdcard_image.direntry import MAX_SLOTS, SIZE, slots_needed
from sdcard_image.folder_table import FolderTable, folder_full
from sdcard_image.names import MAX_DEPTH, check_clash, check_name, fold, split_path
from sdcard_image.source import check_size
from sdcard_image.types import CardError

if TYPE_CHECKING:
    from sdcard_image.volume import Volume


class Room:
    """Clusters taken and given back in the order of the changes to come; `check` at their end."""

    def __init__(self, volume: Volume) -> None:
        self._cluster_bytes = volume.cluster_bytes
        self._per_sector = volume.boot.bytes_per_sector // SIZE
        self._at_first = self._free = self._least = len(volume.fat.unused())

    def take(self, clusters: int) -> None:
        """So many clusters are used (given back: a negative number)."""
        self._free -= clusters
        self._least = min(self._least, self._free)

    def clusters(self, size: int) -> int:
        """How many clusters a file of ``size`` bytes has."""
        return -(-size // self._cluster_bytes)

    def copy_of(self, table: FolderTable) -> FolderTable:
        """A folder to add names to, which stays as it is."""
        return FolderTable(table.path, table.cluster, table.runs, bytes(table.data))

    def new_folder(self, path: str) -> FolderTable:
        """A folder that is to be made: one cluster, with its two dot entries."""
        self.take(1)
        table = FolderTable(path, 0, [], bytes(self._cluster_bytes))
        self._fill(table, 0, 2)
        return table

    def add_name(self, table: FolderTable, name: str) -> None:
        """Add a name to a copy or a folder to be made; `CardError` where it holds no more."""
        slots = slots_needed(name)
        while (first := table.find_free(slots, self._per_sector)) is None:
            if table.total + self._cluster_bytes // SIZE > MAX_SLOTS:
                raise CardError(folder_full(table.path))
            self.take(1)
            table.data += bytes(self._cluster_bytes)
        self._fill(table, first, slots)

    def _fill(self, table: FolderTable, first: int, slots: int) -> None:
        table.data[first * SIZE : (first + slots) * SIZE] = b"\x01" * (slots * SIZE)
        table.end = max(table.end, first + slots)

    def check(self) -> None:
        """Raise `CardError` where the card was full at one time."""
        check_room(self._at_first - self._least, self._at_first, self._cluster_bytes)


def check_move(volume: Volume, source: str, target: FolderTable, name: str) -> None:
    """Refuse a folder's move, which goes file by file, that room, depth or a full folder would cut short."""
    room = Room(volume)
    room.add_name(room.copy_of(target), name)
    tables = {source: room.new_folder(f"{target.path}/{name}")}
    for entry in volume.walk(source):
        parent = tables[entry.path.rpartition("/")[0]]
        path = f"{parent.path}/{entry.name}"
        if path.count("/") > MAX_DEPTH:
            raise CardError(f"{path[:80]}… is deeper than {MAX_DEPTH} folders")
        room.add_name(parent, entry.name)
        if entry.is_dir:
            tables[entry.path] = room.new_folder(path)
        else:
            room.take(room.clusters(entry.size))
            room.take(-room.clusters(entry.size))  # the old one goes before the next is copied
    room.check()


def check_put(volume: Volume, wanted: Iterable[tuple[str, int | None]]) -> None:
    """See `WritableCard.check_put`."""
    room = Room(volume)
    folders: dict[str, FolderTable] = {}  # by folded path: copies, and those to be made
    kinds: dict[str, bool] = {}
    for path, size in wanted:
        names = [check_name(name) for name in split_path(path)]
        if not names or len(names) > MAX_DEPTH:
            raise CardError(f"{path[:80]}… has no name, or is deeper than {MAX_DEPTH} folders")
        if size is not None:
            check_size(size, path)
        key, above = fold("/".join(names)), fold("/".join(names[:-1]))
        if above not in folders:
            folders[above] = room.copy_of(volume.folder("/".join(names[:-1])))
        old = folders[above].named(names[-1])
        there = old.is_dir if old else kinds.get(key)
        check_clash(path, size, there, twice=key in kinds)
        if there is None:
            room.add_name(folders[above], names[-1])
        if size is not None:
            room.take(room.clusters(size))
            room.take(-room.clusters(old.size) if old else 0)
        elif there is None:
            folders[key] = room.new_folder("/" + "/".join(names))
        kinds[key] = size is None
    room.check()
