"""The file allocation table as arrays: chains to runs, in-degrees, free space.

A FAT of n bytes takes 1.5 n in memory, and up to 4 n while it is read or audited (n more where an entry has
reserved bits set): 128 MB, the largest that is held, never becomes more than 640 MB.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sdcard_image.layout import BAD, MASK
from sdcard_image.types import CardError

MAX_RUNS = 1 << 20  # pieces of one file that are kept; more than that is no file that anyone wrote
BATCH = 1 << 16  # runs that are walked at once
_PIECE = 1 << 16  # entries that are looked at in one array operation


class Fat:
    """One FAT in memory.

    ``next[c]`` is the 28-bit value of cluster c, for c from 0 to ``clusters`` + 1; ``raw`` holds the entries
    as stored, to the end of the last sector in use.
    """

    def __init__(self, data: bytes, clusters: int) -> None:
        self.clusters = clusters
        self.limit = clusters + 2  # first number that is no cluster
        self.version = 0  # changes with every entry
        self.raw: NDArray[np.uint32] = np.frombuffer(data, "<u4").astype(np.uint32)
        reserved = any(bool((self.raw[i : i + _PIECE] > MASK).any()) for i in range(0, self.limit, _PIECE))
        # Where no reserved bit is set, the values are the entries as they stand, and share their memory.
        self.next: NDArray[np.uint32] = self.raw[: self.limit]
        if reserved:
            self.next = self.next & np.uint32(MASK)
        self._index()

    def _index(self) -> None:
        """Find stretches in which each cluster points to its neighbour, and who is pointed to twice."""
        joined = np.zeros(self.limit, np.int8)
        self._referenced = np.zeros(self.limit, bool)
        count = 0
        for at in range(2, self.limit, _PIECE):
            values = self.next[at : at + _PIECE]
            joined[at : at + _PIECE] = values == np.arange(at + 1, at + 1 + len(values), dtype=np.uint32)
            targets = self._targets(values)
            self._referenced[targets] = True
            count += len(targets)
        joined[self.limit - 1] = 0
        self._joined = joined.tobytes()
        twice = int(np.count_nonzero(self._referenced)) != count
        self._shared = self._repeated() if twice else np.empty(0, np.uint32)
        self._stale = False

    def _targets(self, values: NDArray[np.uint32]) -> NDArray[np.uint32]:
        return values[(values >= 2) & (values < self.limit)]

    def _repeated(self) -> NDArray[np.uint32]:
        """Clusters that are pointed to more than once, ascending."""
        seen, shared = np.zeros(self.limit, bool), np.zeros(self.limit, bool)
        for at in range(2, self.limit, _PIECE):
            targets = np.sort(self._targets(self.next[at : at + _PIECE]))
            shared[targets[1:][targets[1:] == targets[:-1]]] = True
            shared[targets[seen[targets]]] = True
            seen[targets] = True
        return np.flatnonzero(shared).astype(np.uint32)

    def _refresh(self) -> None:
        if self._stale:
            self._index()

    def runs(self, first: int, limit: int | None = None) -> Iterator[tuple[int, int]]:
        """The chain from ``first`` as (cluster, count), cut after ``limit`` clusters.

        Raises `CardError` for values that are no cluster, for a chain longer than the volume (a cycle), and
        for more than `MAX_RUNS` pieces.
        """
        pieces = 0
        for firsts, counts in self.batches(first, limit):
            pieces += len(firsts)
            if pieces > MAX_RUNS:
                raise CardError(f"it lies in more than {MAX_RUNS:,} pieces")
            yield from zip(firsts, counts, strict=True)

    def batches(self, first: int, limit: int | None = None) -> Iterator[tuple[array[int], array[int]]]:
        """The same as arrays of first clusters and counts, however many pieces there are.

        The first is short, so that who turns a chain down at its beginning has not walked far.
        """
        self._refresh()
        values, joined = self.next.data, self._joined
        left = self.clusters if limit is None else limit
        cluster, ended, batch = first, left <= 0, 16
        while not ended:
            firsts, counts = array("I"), array("I")
            problem = ""
            batch = min(2 * batch, BATCH)
            while len(firsts) < batch:
                if not 2 <= cluster < self.limit:
                    problem = _broken(cluster)
                    break
                last = cluster
                if joined[cluster]:
                    last = joined.find(0, cluster, cluster + left)
                    last = cluster + left - 1 if last < 0 else last
                firsts.append(cluster)
                counts.append(last - cluster + 1)
                left -= last - cluster + 1
                cluster = values[last]
                if cluster > BAD or left == 0:
                    ended = True
                    break
            yield firsts, counts
            if problem:
                raise CardError(problem)
        if limit is None and left == 0 and cluster <= BAD:
            raise CardError("its cluster chain never ends")

    def is_referenced(self, cluster: int) -> bool:
        """Whether an entry points to ``cluster``: nothing may to the first of a chain."""
        self._refresh()
        return cluster < self.limit and bool(self._referenced[cluster])

    def is_suspicious(self, runs: list[tuple[int, int]]) -> bool:
        """Whether something besides this chain points into it: a cycle, or a chain shared by two files."""
        self._refresh()
        if runs and self._referenced[runs[0][0]]:
            return True
        if not len(self._shared) or not runs:
            return False
        firsts, counts = np.array(runs, np.uint32).T
        found = np.searchsorted(self._shared, firsts), np.searchsorted(self._shared, firsts + counts)
        return bool((found[0] < found[1]).any())

    def free_clusters(self) -> int:
        """How many clusters are free."""
        return self.clusters - int(np.count_nonzero(self.next[2:]))

    def unused(self) -> NDArray[np.intp]:
        """The clusters a new file may take, ascending: free, and not pointed to by a lost chain."""
        self._refresh()
        return np.flatnonzero((self.next[2:] == 0) & ~self._referenced[2:]) + 2

    def store(self, clusters: NDArray[np.intp], values: NDArray[np.uint32]) -> None:
        """Set entries; the four reserved bits of each stay as they are."""
        self.raw[clusters] = (self.raw[clusters] & ~np.uint32(MASK)) | values
        self.next[clusters] = values
        self.version += 1
        self._stale = True


def _broken(value: int) -> str:
    if value == 0:
        return "its cluster chain runs into a free cluster"
    if value == BAD:
        return "its cluster chain runs into a bad cluster"
    return f"its cluster chain points outside the card (cluster {value:,})"


def to_runs(clusters: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Ascending cluster numbers as (first, count) runs."""
    firsts, counts = run_arrays(clusters)
    return list(zip(firsts.tolist(), counts.tolist(), strict=True))


def run_arrays(clusters: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The same as an array of first clusters and one of counts."""
    if not len(clusters):
        return clusters, clusters
    breaks = np.flatnonzero(np.diff(clusters) != 1) + 1
    firsts = clusters[np.concatenate(([0], breaks))]
    return firsts, np.diff(np.concatenate(([0], breaks, [len(clusters)])))
