"""The file allocation table as arrays: chains to runs, in-degrees, free space."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sdcard_image.layout import BAD, MASK
from sdcard_image.types import CardError


class Fat:
    """One FAT in memory.

    ``next[c]`` is the 28-bit value of cluster c, for c from 0 to ``clusters`` + 1; ``raw`` holds the entries
    as stored, to the end of the last sector in use.
    """

    def __init__(self, data: bytes, clusters: int) -> None:
        self.clusters = clusters
        self.limit = clusters + 2  # first number that is no cluster
        self.raw: NDArray[np.uint32] = np.frombuffer(data, "<u4").astype(np.uint32)
        self.next: NDArray[np.uint32] = self.raw[: self.limit] & np.uint32(MASK)
        self._index()

    def _index(self) -> None:
        """Find stretches in which each cluster points to its neighbour, and who is pointed to twice."""
        joined = np.zeros(self.limit + 1, np.int8)
        joined[: self.limit] = self.next == np.arange(1, self.limit + 1, dtype=np.uint32)
        joined[:2] = 0
        joined[self.limit - 1] = 0
        edges = np.diff(joined, prepend=np.int8(0))
        self._starts: list[int] = np.flatnonzero(edges == 1).tolist()
        self._ends: list[int] = np.flatnonzero(edges == -1).tolist()
        self._joined = joined
        targets = self.next[2:][(self.next[2:] >= 2) & (self.next[2:] < self.limit)]
        self._referenced = np.zeros(self.limit, bool)
        self._referenced[targets] = True
        twice = int(np.count_nonzero(self._referenced)) != len(targets)
        self._shared: list[int] = _repeated(targets) if twice else []
        self._stale = False

    def _refresh(self) -> None:
        if self._stale:
            self._index()

    def run(self, cluster: int) -> int:
        """Last cluster of the contiguous stretch of a chain that holds ``cluster``."""
        if not self._joined[cluster]:
            return cluster
        return self._ends[bisect_right(self._starts, cluster) - 1]

    def runs(self, first: int, limit: int | None = None) -> Iterator[tuple[int, int]]:
        """The chain from ``first`` as (cluster, count), cut after ``limit`` clusters.

        Raises `CardError` for values that are no cluster, and for a chain longer than the volume (a cycle).
        """
        self._refresh()
        left = self.clusters if limit is None else limit
        cluster = first
        while left > 0:
            if not 2 <= cluster < self.limit:
                raise CardError(_broken(cluster))
            last = min(self.run(cluster), cluster + left - 1)
            yield cluster, last - cluster + 1
            left -= last - cluster + 1
            value = int(self.next[last])
            if value > BAD or (left == 0 and limit is not None):
                return
            cluster = value
        if limit is None:
            raise CardError("its cluster chain never ends")

    def is_suspicious(self, runs: list[tuple[int, int]]) -> bool:
        """Whether something besides this chain points into it: a cycle, or a chain shared by two files."""
        self._refresh()
        if runs and self._referenced[runs[0][0]]:
            return True
        return any(
            bisect_right(self._shared, first - 1) < bisect_right(self._shared, first + count - 1)
            for first, count in (runs if self._shared else ())
        )

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
        self._stale = True


def _repeated(targets: NDArray[np.uint32]) -> list[int]:
    values, counts = np.unique(targets, return_counts=True)
    return [int(v) for v in values[counts > 1]]


def _broken(value: int) -> str:
    if value == 0:
        return "its cluster chain runs into a free cluster"
    if value == BAD:
        return "its cluster chain runs into a bad cluster"
    return f"its cluster chain points outside the card (cluster {value:,})"


def to_runs(clusters: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Ascending cluster numbers as (first, count) runs."""
    if not len(clusters):
        return []
    breaks = np.flatnonzero(np.diff(clusters) != 1) + 1
    firsts = clusters[np.concatenate(([0], breaks))]
    counts = np.diff(np.concatenate(([0], breaks, [len(clusters)])))
    return list(zip(firsts.tolist(), counts.tolist(), strict=True))
