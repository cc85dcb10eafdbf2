"""The FATs of a damaged card as one graph: both copies, the likelier value of each entry, who owns what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdcard_image.arbitration import (
    ENDS,
    PER_SECTOR,
    merge,
    repeated,
    revised,
    targets,
    without_lost,
    without_noise,
)
from sdcard_image.layout import BAD, MASK
from sdcard_image.runs import Runs, to_runs_in_order

_WORK_PER_CLUSTER, _WORK_LEAST = 2, 500_000


@dataclass(slots=True)
class Walk:
    """A chain as far as it goes. ``stop``: why it ends (end, limit, free, bad, range, cycle, owned, work)."""

    runs: Runs
    count: int
    stop: str
    value: int  # of the last cluster

    @property
    def last(self) -> int:
        """Its last cluster."""
        return self.runs[-1][0] + self.runs[-1][1] - 1


class Chains:
    """``copies`` are the FATs (28-bit values), ``merged`` the best of them entry by entry.

    ``owner[c]`` is the number of the file or folder that cluster c was given to, 0 for none. All searching
    draws on one allowance of work, so that time is bounded whatever the FATs hold: beyond it chains end.
    """

    def __init__(self, copies: list[NDArray[np.uint32]], clusters: int) -> None:
        self.clusters, self.limit = clusters, clusters + 2
        self.copies = copies
        merged = copies[0] if len(copies) == 1 else merge(copies[0], copies[1], self.limit)
        self.merged = without_noise(merged)
        self._silent = frozenset(repeated(self.merged).tolist())
        self._breaks = self._found_breaks()
        self.owner: NDArray[np.int32] = np.zeros(self.limit, np.int32)
        self._stamp: NDArray[np.uint32] = np.zeros(self.limit, np.uint32)
        self._walks = 0
        self.work = _WORK_LEAST + _WORK_PER_CLUSTER * clusters

    def _found_breaks(self) -> NDArray[np.uint32]:
        """The clusters that do not lead to their neighbours, ascending."""
        joined = self.merged == np.arange(1, self.limit + 1, dtype=np.uint32)
        joined[:2] = False
        joined[self.limit - 1] = False
        return np.flatnonzero(~joined).astype(np.uint32)

    def learn(self, starts: NDArray[np.bool_], alone: NDArray[np.bool_]) -> None:
        """Weigh the FATs anew by the folders: first clusters of files, and those that are whole files."""
        if len(self.copies) > 1:
            self.merged = revised(self.merged, self.copies, starts)
        self.merged = without_lost(self.merged, alone)
        self._breaks = self._found_breaks()

    def alike(self) -> bool:
        """Whether the FATs say the same of all clusters."""
        return all(bool((copy[2:] == self.copies[0][2:]).all()) for copy in self.copies[1:])

    def agreed(self, runs: Runs) -> bool:
        """Whether the FATs say the same of all these clusters."""
        return all(
            bool((copy[first : first + count] == self.merged[first : first + count]).all())
            for copy in self.copies
            for first, count in runs
        )

    def is_cluster(self, value: int) -> bool:
        """Whether a number is a cluster's."""
        return 2 <= value < self.limit

    def allocated(self, cluster: int) -> bool:
        """Whether the FAT says that a cluster is in use."""
        return self.is_cluster(cluster) and int(self.merged[cluster]) not in (0, BAD)

    def is_silent(self, cluster: int) -> bool:
        """Whether the FATs may say nothing of a cluster: free, or in a sector of one repeated value."""
        return int(self.merged[cluster]) in (0, BAD) or cluster // PER_SECTOR in self._silent

    def silent(self) -> NDArray[np.intp]:
        """All such clusters."""
        out = (self.merged == 0) | (self.merged == BAD)
        for sector in self._silent:
            out[sector * PER_SECTOR : (sector + 1) * PER_SECTOR] = True
        out[:2] = False
        return np.flatnonzero(out)

    def run_end(self, cluster: int) -> int:
        """Last cluster of the contiguous stretch of a chain that holds ``cluster``."""
        return int(self._breaks[np.searchsorted(self._breaks, np.uint32(cluster))])

    def walk(self, first: int, limit: int, *, own: int = 0) -> Walk:
        """The chain from ``first``, at most ``limit`` clusters of it, before the first that another owns.

        With ``own`` -1 ownership is not looked at.
        """
        runs: Runs = []
        if not self.is_cluster(first):
            return Walk(runs, 0, "range", first)
        self._walks += 1
        cluster, left, value = first, limit, first
        while True:
            stop = self._stop(cluster, left, own, first=not runs)
            if stop:
                return Walk(runs, limit - left, stop, value)
            end = min(self.run_end(cluster), cluster + left - 1)
            end = self._cut(cluster, end, own)
            self._stamp[cluster : end + 1] = self._walks
            runs.append((cluster, end - cluster + 1))
            left -= end - cluster + 1
            value = int(self.merged[end])
            if value >= ENDS:
                return Walk(runs, limit - left, "end", value)
            cluster = value

    def _stop(self, cluster: int, left: int, own: int, *, first: bool) -> str:
        self.work -= 1
        if left == 0:
            return "limit"
        if not self.is_cluster(cluster):
            return {BAD: "bad", 0: "free"}.get(cluster, "range")
        if self.owner[cluster] != own and own >= 0:
            return "owned"
        if self._stamp[cluster] == self._walks:
            return "cycle"
        value = int(self.merged[cluster])
        if value == BAD or (value == 0 and (first or left > 1)):
            return "bad" if value else "free"
        return "work" if self.work < 0 else ""

    def _cut(self, cluster: int, end: int, own: int) -> int:
        """The stretch up to where another's clusters, or this walk's own, begin."""
        if end == cluster:
            return end
        self.work -= (end - cluster) >> 6
        mine = self._stamp[cluster : end + 1] != self._walks
        if own >= 0:
            mine &= self.owner[cluster : end + 1] == own
        return end if mine.all() else cluster + int(np.argmin(mine)) - 1

    def claim(self, runs: Runs, number: int) -> None:
        """Give clusters to a file or folder."""
        for first, count in runs:
            self.owner[first : first + count] = number

    def is_free_for_all(self, runs: Runs) -> bool:
        """Whether nobody owns any of these clusters."""
        return not any(self.owner[first : first + count].any() for first, count in runs)

    def options(self, cluster: int) -> list[int]:
        """What the FATs say comes after a cluster, likelier first."""
        best = int(self.merged[cluster])
        return [best, *({int(c[cluster]) for c in self.copies} - {best})]

    def search(self, first: int, count: int) -> Runs | None:
        """A path of exactly ``count`` unowned clusters that ends where one of the FATs says so.

        Depth first over the entries in which the FATs differ.
        """
        if len(self.copies) < 2 or not self.is_cluster(first) or self.owner[first] or count > self.clusters:
            return None
        path, choices, seen = [first], [self.options(first)], {first}
        tries = 2 * count + 20_000
        while path and tries > 0 and self.work > 0:
            tries -= 1
            self.work -= 1
            if not choices[-1]:
                seen.discard(path.pop())
                choices.pop()
                continue
            value = choices[-1].pop(0)
            if value >= ENDS and len(path) == count:
                return to_runs_in_order(path)
            if len(path) < count and self.is_cluster(value) and value not in seen and not self.owner[value]:
                path.append(value)
                seen.add(value)
                choices.append(self.options(value))
        return None

    def heads(self) -> NDArray[np.intp]:
        """First clusters of chains that nobody owns: in use, and nothing unowned points to them."""
        free = (self.owner == 0) & (self.merged != 0) & (self.merged != BAD)
        free[:2] = False
        return np.flatnonzero(free & ~targets(self.merged[free], self.limit))

    def loose(self) -> NDArray[np.intp]:
        """Clusters in use that nobody owns."""
        free = (self.owner == 0) & (self.merged != 0) & (self.merged != BAD)
        free[:2] = False
        return np.flatnonzero(free)


def values_of(copy: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """A FAT's entries without their four reserved bits."""
    return copy & np.uint32(MASK)
