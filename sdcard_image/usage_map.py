"""What lies where on a card: every cluster as free, in one piece, in pieces, folder, or of no use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdcard_image.relocate import FOLDER, FREE, Occupancy
from sdcard_image.volume import Volume

KINDS = ("free", "file", "fragmented", "folder", "other")  # other: bad, or lost
_FREE, _FILE, _FRAGMENTED, _FOLDER, _OTHER = range(len(KINDS))


@dataclass(frozen=True, slots=True)
class UsageMap:
    """``kinds`` holds, for each cluster from 2 on, an index into `KINDS`."""

    cluster_bytes: int
    files: int
    fragmented: int
    extents: int
    kinds: NDArray[np.int8]

    @property
    def counts(self) -> dict[str, int]:
        """Clusters of each kind."""
        found = np.bincount(self.kinds, minlength=len(KINDS))
        return {name: int(count) for name, count in zip(KINDS, found, strict=True)}

    def runs(self) -> list[tuple[int, int, str]]:
        """Stretches of one kind: first cluster, how many, kind."""
        edges = np.flatnonzero(np.diff(self.kinds)) + 1
        starts = np.concatenate(([0], edges))
        ends = np.concatenate((edges, [len(self.kinds)]))
        return [
            (int(start) + 2, int(end - start), KINDS[self.kinds[start]])
            for start, end in zip(starts, ends, strict=True)
        ]

    def columns(self, count: int) -> NDArray[np.float64]:
        """Shares of each kind in ``count`` equal parts of the card; shape (count, kinds)."""
        edges = np.linspace(0, len(self.kinds), count + 1).astype(np.intp)
        out = np.zeros((count, len(KINDS)))
        for kind in range(len(KINDS)):
            total = np.concatenate(([0], np.cumsum(self.kinds == kind)))
            out[:, kind] = total[edges[1:]] - total[edges[:-1]]
        return out / np.maximum(1, np.diff(edges))[:, None]


def usage_map(volume: Volume) -> UsageMap:
    """Map a mounted card; CardError where it is damaged."""
    cards = Occupancy(volume)
    in_pieces = np.zeros(len(cards.files) + 1, bool)
    for number, file in enumerate(cards.files, start=1):
        in_pieces[number] = file.extents > 1
    owner = cards.owner[2:]
    kinds = np.full(len(owner), _OTHER, np.int8)
    kinds[owner == FREE] = _FREE
    kinds[owner == FOLDER] = _FOLDER
    kinds[owner > 0] = np.where(in_pieces[owner[owner > 0]], _FRAGMENTED, _FILE)
    return UsageMap(volume.cluster_bytes, len(cards.files), int(in_pieces.sum()), cards.extents, kinds)
