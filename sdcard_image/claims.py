"""Who gets which clusters: what the steps of a salvage share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdcard_image.chains import Chains
from sdcard_image.direntry import DIRECTORY
from sdcard_image.medium import Medium, read_within
from sdcard_image.recovered import header_size
from sdcard_image.runs import Runs, length
from sdcard_image.slots import Found
from sdcard_image.system_area import System
from sdcard_image.tree import Thing, Tree


class Claims:
    """A card's chains and folders, and the clusters given to files so far."""

    def __init__(self, medium: Medium, system: System, chains: Chains) -> None:
        self.medium, self.system, self.chains = medium, system, chains
        self.tree = Tree(medium, system, chains)
        self.files: dict[int, Thing] = {}  # by their number in `Chains.owner`
        self.starts_at: NDArray[np.bool_] = np.zeros(chains.limit, bool)  # first clusters of files
        self.bounds = self.starts_at  # these, and where a chain that is not next to them leads to
        self.in_pieces = False  # whether most files of more than a cluster are in pieces
        self.piece = chains.clusters  # and how many clusters a piece mostly has

    def clusters_of(self, size: int) -> int:
        """How many clusters a file of ``size`` bytes needs."""
        return -(-size // self.system.cluster_bytes)

    def header_at(self, cluster: int) -> int:
        """The size of a file by its own header, which begins at ``cluster``; 0 where there is none."""
        if not self.chains.is_cluster(cluster):
            return 0
        return header_size(read_within(self.medium, self.system.cluster_offset(cluster), 12))

    def own_size(self, thing: Thing) -> int:
        """The size of a file by its own header; 0 where it has none."""
        return self.header_at(thing.found.cluster)

    def look_around(self, starts: NDArray[np.bool_], broken: list[Thing]) -> None:
        """Learn where something begins, and whether files on this card mostly lie in one piece."""
        merged = self.chains.merged
        there = (merged >= 2) & (merged < self.chains.limit)
        there &= merged != np.arange(1, self.chains.limit + 1, dtype=np.uint32)
        self.starts_at, self.bounds = starts, starts.copy()
        self.bounds[merged[there]] = True
        known = [(t.runs, t.size) for t in self.files.values()]
        known += [(self.chains.walk(t.found.cluster, self.clusters_of(t.size)).runs, t.size) for t in broken]
        large = [runs for runs, size in known if self.clusters_of(size) > 1 and length(runs) > 1]
        self.in_pieces = 2 * sum(len(runs) > 1 for runs in large) > len(large)
        pieces = [count for runs in large for _, count in runs[:-1]]
        self.piece = int(np.median(pieces)) if self.in_pieces else self.chains.clusters

    def take(self, thing: Thing, runs: Runs, state: str, why: str = "", sure: str = "certain") -> bool:
        """Give a file its clusters, and say why; always True."""
        self.chains.claim(runs, thing.number)
        self.files[thing.number] = thing
        thing.runs = runs
        thing.settle(state, why, sure)
        return True

    def starts(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The first clusters of all files that a reader sees; and those that must be whole files."""
        first, alone = np.zeros((2, self.chains.limit), bool)
        for thing in self.tree.things:
            cluster = thing.found.cluster
            if not thing.is_dir and not thing.found.hidden and self.chains.is_cluster(cluster):
                first[cluster] = True
                alone[cluster] = thing.size <= self.system.cluster_bytes
        for folder in self.tree.folders:
            for at, count in folder.runs:
                alone[at : at + count] = True
        return first, alone


def name_hidden(thing: Thing) -> None:
    """A first letter for an entry that had lost it to a mark."""
    found = thing.found
    if found.entry[0] in (0, 0xE5):
        found.entry = b"_" + found.entry[1:]
        if not found.long:
            thing.settle("repaired", "the first letter of its name is lost")


def mark_as(found: Found, attributes: int) -> None:
    """Set an entry's attribute byte."""
    found.entry = found.entry[:11] + bytes((attributes & 0xFF,)) + found.entry[12:]


def mark_as_file(found: Found) -> None:
    """Take the mark of a folder from an entry."""
    mark_as(found, found.attributes & ~DIRECTORY)


def bytes_apart(one: int, other: int) -> int:
    """In how many bytes two numbers differ."""
    return sum((one ^ other) >> 8 * i & 0xFF != 0 for i in range(4))
