"""Moving a file's clusters to other places on a mounted card, so that a power cut at any write loses nothing.

The order, for whole files: their data copied to free clusters, the new chains into both FATs, the folder
entries switched to them, one sector each, the old chains freed. For a part of a file: the copy's links lead
on into the rest of the chain before the one link (or folder entry) that leads to it is switched. A sync
stands between each two steps. So after a cut a file is whole at the old or the new place; what is left over
are clusters that no file uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sdcard_image.alloc import chain_clusters, chain_values
from sdcard_image.direntry import SIZE, Slot
from sdcard_image.fat import to_runs
from sdcard_image.folder_table import FolderTable
from sdcard_image.store import VolumeStore
from sdcard_image.types import CardError
from sdcard_image.volume import Volume

_CHUNK = 4 << 20
FREE, FOLDER, OTHER = 0, -1, -2  # owners of clusters that no file has; OTHER: bad, or lost


@dataclass(slots=True)
class FileAt:
    """A file that has data: where its entry stands, and its clusters in the order of the chain."""

    path: str
    table: FolderTable
    slot: Slot
    clusters: NDArray[np.intp]

    @property
    def extents(self) -> int:
        """In how many pieces it lies."""
        return int(np.count_nonzero(np.diff(self.clusters) != 1)) + 1


def pieces(clusters: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Clusters in chain order as (first, count) runs, in that order."""
    breaks = np.concatenate(([0], np.flatnonzero(np.diff(clusters) != 1) + 1, [len(clusters)]))
    return [(int(clusters[a]), int(b - a)) for a, b in pairwise(breaks)]


class Occupancy:
    """Who has each cluster of a card: `owner` is the file's number from 1, or one of the constants above."""

    def __init__(self, volume: Volume) -> None:
        audit = volume.full_audit()
        self.lost = audit.lost  # clusters in use that no file has
        problem = next(iter(audit.sentences), None)
        if problem:
            raise CardError(f"the card is damaged ({problem}); repair it first")
        self.files: list[FileAt] = []
        self.owner = np.zeros(volume.fat.limit, np.int32)
        self.owner[:2] = OTHER
        self.owner[2:][volume.fat.next[2:] != 0] = OTHER  # until someone claims it
        self._volume = volume
        todo = [volume.table("", volume.boot.root_cluster)]
        while todo:
            table = todo.pop()
            self.owner[chain_clusters(table.runs)] = FOLDER
            for slot in table.slots:
                path = f"{table.path}/{slot.name}"
                if slot.is_dir:
                    todo.append(volume.table(path, slot.cluster))
                elif slot.cluster:
                    self._add(path, table, slot)

    def _add(self, path: str, table: FolderTable, slot: Slot) -> None:
        clusters = chain_clusters(self._volume.chain(path, slot.cluster))
        self.files.append(FileAt(path, table, slot, clusters))
        self.owner[clusters] = len(self.files)

    @property
    def extents(self) -> int:
        """Pieces of all files together."""
        return sum(one.extents for one in self.files)

    @property
    def fragmented(self) -> list[FileAt]:
        """The files in more than one piece."""
        return [one for one in self.files if one.extents > 1]


class Mover(VolumeStore):
    """A volume whose files can be moved about. ``moved_bytes`` counts what was copied."""

    moved_bytes = 0

    def relocate_files(self, moves: list[tuple[FileAt, NDArray[np.intp]]]) -> None:
        """Move whole files, each to as many free clusters as it has, in their order."""
        self.begin()
        for file, new in moves:
            self._copy(file.clusters, new)
        self._sync()
        with self.changing():
            self.store_fat(*_chains([new for _, new in moves]))
            self._sync()
            for file, new in moves:
                self._switch_entry(file, int(new[0]))
            self._sync()
            old = np.sort(np.concatenate([file.clusters for file, _ in moves]))
            for file, new in moves:
                file.clusters = new
            self.release(to_runs(old))

    def relocate_part(self, file: FileAt, at: int, new: NDArray[np.intp]) -> None:
        """Move the clusters from the ``at``-th of a file's chain on to the free clusters ``new``."""
        self.begin()
        old = file.clusters[at : at + len(new)].copy()
        self._copy(old, new)
        self._sync()
        following = np.append(new[1:], self.fat.next[old[-1]]).astype(np.uint32)
        with self.changing():
            self.store_fat(new, following)
            self._sync()
            if at == 0:
                self._switch_entry(file, int(new[0]))
            else:
                self.store_fat(file.clusters[at - 1 : at], new[:1].astype(np.uint32))
            self._sync()
            file.clusters = np.concatenate((file.clusters[:at], new, file.clusters[at + len(new) :]))
            self.release(to_runs(np.sort(old)))

    def _copy(self, old: NDArray[np.intp], new: NDArray[np.intp]) -> None:
        """Data from clusters to clusters, a few megabytes at a time; not synced."""
        most = max(1, _CHUNK // self.cluster_bytes)
        done = 0
        for first, count in pieces(new):
            for start in range(0, count, most):
                part = min(most, count - start)
                data = self.read_runs(pieces(old[done : done + part]))
                self._write(self.cluster_offset(first + start), data)
                self.moved_bytes += len(data)
                done += part

    def _switch_entry(self, file: FileAt, first: int) -> None:
        """Let the file's folder entry point to another first cluster: one sector; not synced."""
        number = file.slot.index + file.slot.slots - 1
        set_first_cluster(file.table.data, number, first)
        self.write_slots(file.table, number, 1)


def _chains(new: list[NDArray[np.intp]]) -> tuple[NDArray[np.intp], NDArray[np.uint32]]:
    """FAT entries that make each array a chain, in ascending order: so few writes do."""
    clusters = np.concatenate(new)
    values = np.concatenate([chain_values(one) for one in new])
    order = np.argsort(clusters)
    return clusters[order], values[order]


def set_first_cluster(data: bytearray, number: int, cluster: int) -> None:
    """Write a first cluster into the 8.3 entry in slot ``number`` of a folder's bytes."""
    at = number * SIZE
    data[at + 20 : at + 22] = (cluster >> 16).to_bytes(2, "little")
    data[at + 26 : at + 28] = (cluster & 0xFFFF).to_bytes(2, "little")
