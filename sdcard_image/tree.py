"""The folders of a damaged card: entered where they prove to be folders, each once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from sdcard_image.arbitration import ENDS
from sdcard_image.chains import Chains
from sdcard_image.direntry import DIRECTORY, LONG, MAX_SLOTS, SIZE, VOLUME
from sdcard_image.medium import Medium, read_within
from sdcard_image.names import MAX_DEPTH
from sdcard_image.orphans import Orphans
from sdcard_image.runs import Runs, to_runs_in_order
from sdcard_image.slots import Found, dots, label_is_fine, looks_like_folder, scan
from sdcard_image.system_area import System

_HEADS = 4096  # lost chains in which the rest of a folder is looked for


@dataclass(slots=True, eq=False)
class Thing:
    """An entry: a file, or (``folder``) a folder. ``number`` marks its clusters in `Chains.owner`.

    ``state`` is whole, repaired, cut, lost, or '' while undecided; ``sure`` is certain, likely or guess.
    ``copies`` are clusters it shares with another, to be copied: place in its chain -> source.
    """

    number: int
    parent: Folder | None
    found: Found
    size: int
    is_dir: bool
    runs: Runs = field(default_factory=list)
    folder: Folder | None = None
    state: str = ""
    why: list[str] = field(default_factory=list)
    sure: str = "certain"
    dropped: bool = False
    shared: Runs = field(default_factory=list)

    @property
    def path(self) -> str:
        """Where it is on the card; abbreviated where it is too deep."""
        return f"{self.parent.path if self.parent else ''}/{self.found.name}"

    def settle(self, state: str, why: str = "", sure: str = "certain") -> None:
        """Note what became of it; the worst state stays."""
        order = ("", "whole", "repaired", "cut", "lost")
        if order.index(state) > order.index(self.state):
            self.state = state
        if why and why not in self.why:
            self.why.append(why)
        ranks = ("certain", "likely", "guess")
        self.sure = max(self.sure, sure, key=ranks.index)


@dataclass(slots=True, eq=False)
class Folder:
    """A folder. ``cluster`` is its first; ``rewrite`` says that its slots must be written anew."""

    cluster: int
    parent: Folder | None
    thing: Thing | None
    runs: Runs
    things: list[Thing] = field(default_factory=list)
    label: bytes = b""
    dot_slots: bytes = b""
    rewrite: bool = False
    depth: int = 0
    doubt: bool = False  # whether it, or a part of it, may be another's
    defects: list[tuple[str, str]] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Its path, without a slash at the end; of very deep ones only the end."""
        names: list[str] = []
        at: Folder | None = self
        while at is not None and at.thing is not None:
            if len(names) >= MAX_DEPTH:
                names.append("…")
                break
            names.append(at.thing.found.name)
            at = at.parent
        return "".join(f"/{name}" for name in reversed(names))


class Tree:
    """Walks a card's folders and claims their clusters. ``doubtful``: folder entries that lead nowhere."""

    def __init__(self, medium: Medium, system: System, chains: Chains) -> None:
        self.medium, self.system, self.chains = medium, system, chains
        self.things: list[Thing] = []
        self.folders: list[Folder] = []
        self.doubtful: list[Thing] = []
        self.queue: deque[Folder] = deque()
        self._next = 1
        self._orphans = Orphans(medium, system, chains)
        self._most = max(1, MAX_SLOTS * SIZE // system.cluster_bytes)
        self.peek = lru_cache(1024)(self._peek)
        self.root = self._root()

    # reading

    def read_cluster(self, cluster: int) -> bytes:
        """The bytes of a cluster."""
        return read_within(self.medium, self.system.cluster_offset(cluster), self.system.cluster_bytes)

    def _peek(self, cluster: int) -> tuple[int | None, int | None]:
        """The dot entries at the start of a cluster."""
        if not self.chains.is_cluster(cluster):
            return None, None
        data = read_within(self.medium, self.system.cluster_offset(cluster), 64)
        return dots(data) if data[:1] == b"." or data[32:34] == b".." else (None, None)

    def number(self) -> int:
        """A fresh number for an owner."""
        self._next += 1
        return self._next - 1

    # folders

    def _root(self) -> Folder:
        cluster = self.system.boot.root_cluster
        folder = Folder(cluster, None, None, [])
        self._fill(folder, self.number())
        return folder

    def walk(self) -> None:
        """Enter every folder whose dot entries bear out its entry, then those that come nearest."""
        while True:
            while self.queue:
                folder = self.queue.popleft()
                for thing in folder.things:
                    if (
                        not thing.found.hidden
                        and self._is_folder(thing)
                        and not self.enter(thing, strict=True)
                    ):
                        self.doubtful.append(thing)
            again, self.doubtful = self.doubtful, []
            for thing in again:
                if thing.folder is None and not self.enter(thing, strict=False):
                    self.doubtful.append(thing)
            if not self.queue:
                return

    def _is_folder(self, thing: Thing) -> bool:
        found = thing.found
        if thing.is_dir:
            return True
        if found.size or not found.cluster or self.peek(found.cluster)[0] != found.cluster:
            return False
        thing.is_dir = True
        found.defects.append(("bad-entry", "it is a folder and was marked as a file"))
        return True

    def enter(self, thing: Thing, *, strict: bool, cluster: int = 0) -> bool:
        """Make the folder that ``thing`` names, if it is one that nobody has yet."""
        cluster = cluster or thing.found.cluster
        assert thing.parent is not None
        if not self.chains.is_cluster(cluster) or self.chains.owner[cluster]:
            return False
        own, above = self.peek(cluster)
        fits = own == cluster and above in parent_marks(self.system, thing.parent)
        if not fits and (strict or not self._may_be(thing, cluster, own)):
            return False
        folder = Folder(cluster, thing.parent, thing, [], depth=thing.parent.depth + 1)
        thing.folder = folder
        self._fill(folder, thing.number)
        thing.runs = folder.runs
        return True

    def _may_be(self, thing: Thing, cluster: int, own: int | None) -> bool:
        if own == cluster:
            return True
        data = self.read_cluster(cluster)
        return thing.found.size == 0 and looks_like_folder(data, self.chains.limit)

    def _fill(self, folder: Folder, number: int) -> None:
        """Claim a folder's clusters and read its entries."""
        clusters, data = self._clusters(folder)
        folder.runs = to_runs_in_order(clusters)
        self.chains.claim(folder.runs, number)
        root = folder.thing is None
        slots = scan(data, self.chains.limit, label=boot_label(self.system) if root else None)
        folder.label, folder.dot_slots = slots.label, b"" if root else data[:64]
        folder.defects += slots.defects
        folder.rewrite |= bool(slots.defects)
        if not root:
            self._dots(folder, data)
        for found in slots.found:
            is_dir = bool(found.attributes & DIRECTORY) and found.attributes & 0x3F != LONG
            thing = Thing(self.number(), folder, found, found.size, is_dir)
            folder.things.append(thing)
            self.things.append(thing)
        self.folders.append(folder)
        self.queue.append(folder)

    def _dots(self, folder: Folder, data: bytes) -> None:
        own, above = dots(data)
        marks = parent_marks(self.system, folder.parent)
        if own != folder.cluster:
            folder.defects.append(("bad-dot-entry", "its entry for itself is wrong"))
        if above not in marks[:1]:
            folder.defects.append(("bad-dot-entry", "its entry for the folder above is wrong"))
        slots = (data[:SIZE], data[SIZE : 2 * SIZE])
        if any(any(s[28:]) or s[11] & VOLUME or s[12] or s[21] >> 4 for s in slots):
            folder.defects.append(("bad-dot-entry", "its dot entries hold what they must not"))
        folder.rewrite |= bool(folder.defects)

    def _clusters(self, folder: Folder) -> tuple[list[int], bytes]:
        """A folder's clusters by FAT and content, and their bytes."""
        clusters, parts = [folder.cluster], [self.read_cluster(folder.cluster)]
        seen = set(clusters)
        while len(clusters) < self._most:
            following = self._following(folder, clusters[-1], parts[-1], seen)
            if following is None:
                return clusters, b"".join(parts)
            clusters.append(following)
            seen.add(following)
            parts.append(self.read_cluster(following))
        if int(self.chains.merged[clusters[-1]]) < ENDS:
            folder.defects.append(("chain-too-long", "it is larger than 65,536 entries"))
        return clusters, b"".join(parts)

    def _following(self, folder: Folder, cluster: int, data: bytes, seen: set[int]) -> int | None:
        options = self.chains.options(cluster)
        ended = not any(data[-SIZE:])
        for value in options:
            if value in seen or not self._continues(value, sure=not ended, alone=len(options) == 1):
                continue
            if value != options[0]:
                folder.defects.append(("chain-too-short", "its chain breaks in one FAT"))
            return value
        neighbour = cluster + 1
        if not ended and neighbour not in seen and self._is_loose_continuation(neighbour):
            folder.defects.append(("chain-too-short", "its chain breaks"))
            return neighbour
        found = None
        if not ended and (self.chains.is_silent(cluster) or not any(value >= ENDS for value in options)):
            lost: list[int] = self.chains.heads()[:_HEADS].tolist()
            found = self._orphans.after(cluster, data, seen, lost)
            folder.doubt |= found is not None
        if options[0] < ENDS or found is not None:
            folder.defects.append(self._broken_end(options[0], seen, folder))
        return found

    def _broken_end(self, value: int, seen: set[int], folder: Folder) -> tuple[str, str]:
        if value in seen:
            return ("circular-chain", "its cluster chain runs in a circle")
        if self.chains.is_cluster(value) and self.chains.owner[value]:
            return ("cross-linked", "its cluster chain runs into another's")
        if self.chains.is_cluster(value) or value == 0 or value >= ENDS:
            return ("chain-too-short", "its cluster chain has no end")
        return ("chain-out-of-range", "its cluster chain points outside the card")

    def _continues(self, value: int, *, sure: bool, alone: bool) -> bool:
        """Whether a cluster that the FAT names may be the next of a folder."""
        if not self.chains.is_cluster(value) or self.chains.owner[value]:
            return False
        data = self.read_cluster(value)
        if not looks_like_folder(data, self.chains.limit) or dots(data)[0] is not None:
            return False
        if any(data):
            return True
        return (alone or sure) and self.chains.allocated(value) and self._pointers(value) == 1

    def _pointers(self, cluster: int) -> int:
        self.chains.work -= self.chains.clusters >> 8
        return int(np.count_nonzero(self.chains.merged == cluster))

    def _is_loose_continuation(self, cluster: int) -> bool:
        if not self.chains.is_cluster(cluster) or self.chains.owner[cluster]:
            return False
        data = self.read_cluster(cluster)
        if not any(data) or dots(data)[0] is not None or not looks_like_folder(data, self.chains.limit):
            return False
        return self._pointers(cluster) == 0


def parent_marks(system: System, parent: Folder | None) -> tuple[int, ...]:
    """What a folder's entry for the one above may hold: the right value first."""
    if parent is None or parent.thing is None:
        return (0, system.boot.root_cluster)
    return (parent.cluster,)


def boot_label(system: System) -> bytes:
    """The label by the boot sectors; b"" where they know none."""
    label = system.boot.label
    return b"" if label.strip() in (b"", b"NO NAME") or not label_is_fine(label) else label
