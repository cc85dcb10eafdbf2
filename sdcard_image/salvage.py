"""What belongs to which file: chains given to entries, the surest first, until nothing is left to give.

The order: files whose chain fits their size exactly; entries hidden by a damaged byte whose chain still does;
broken files joined with lost chains of the right length; sizes that a byte can explain; contiguity; copies of
what two claim; the remains of what is broken; and at last the chains that nobody claims.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sdcard_image.chains import ENDS, Chains, Runs, Walk, cut, length
from sdcard_image.direntry import DIRECTORY
from sdcard_image.layout import BAD
from sdcard_image.medium import Medium
from sdcard_image.slots import Found, with_place
from sdcard_image.system_area import System, read_within
from sdcard_image.tree import Folder, Thing, Tree, parent_marks

MAX_LOST = 20_000  # lost chains that are told apart; a card with more holds noise, and that is freed
MAX_HEADS = 100_000  # lost chains that are looked at when a broken file is put together


class Salvage:
    """Decides for every entry of a `Tree`; afterwards `broken` is empty and the rest is in `lost`."""

    def __init__(self, medium: Medium, system: System, chains: Chains) -> None:
        self.medium, self.system, self.chains = medium, system, chains
        self.tree = Tree(medium, system, chains)
        self.broken: list[Thing] = []
        self.lost: list[Runs] = []
        self.lost_folders: list[Folder] = []
        self._files: dict[int, Thing] = {}
        self._lengths: NDArray[np.int32] = np.zeros(chains.limit, np.int32)
        self._heads: list[int] | None = None
        self._starts: set[int] = set()

    def run(self, *, lost: bool = True) -> None:
        """Everything, in order; with ``lost`` also the chains that nobody claims."""
        self.tree.walk()
        self._place_lost_folders()
        self._refuse_doubtful()
        for thing in self.tree.things:
            if not thing.is_dir and not thing.found.hidden:
                self._exact(thing)
        self._hidden()
        for attempt in (self._joined, self._whole_but_for_its_end, self._elsewhere, self._resized):
            self._attempt(attempt)
        for attempt in (self._contiguous, self._copied, self._remains):
            self._attempt(attempt)
        if lost:
            self._loose()

    def _attempt(self, how: Callable[[Thing], bool]) -> None:
        self._lengths[:] = 0
        self._heads = None
        self.broken = [thing for thing in self.broken if not how(thing)]

    def clusters_of(self, size: int) -> int:
        """How many clusters a file of ``size`` bytes needs."""
        return -(-size // self.system.cluster_bytes)

    def _take(self, thing: Thing, runs: Runs, state: str, why: str = "", sure: str = "certain") -> bool:
        self.chains.claim(runs, thing.number)
        self._files[thing.number] = thing
        thing.runs = runs
        thing.settle(state, why, sure)
        return True

    # folders

    def _place_lost_folders(self) -> None:
        """Lost chains that begin like a folder: back to a damaged entry that fits, else set aside."""
        heads = [h for h in self.chains.heads().tolist()[:MAX_HEADS] if self.tree.peek(h)[0] == h]
        inner = set(heads)
        for head in sorted(heads, key=lambda h: (self.tree.peek(h)[1] in inner, h)):
            if self.chains.owner[head]:
                continue
            thing = self._entry_for_folder(head)
            if thing is None:
                self._set_aside(head)
            self.tree.walk()

    def _entry_for_folder(self, head: int) -> Thing | None:
        """The entry, hidden or damaged, that must have named a lost folder."""
        above = self.tree.peek(head)[1]
        hidden = [
            t for t in self.tree.things if t.found.hidden and t.folder is None and t.found.cluster == head
        ]
        damaged = [t for t in self.tree.doubtful if t.folder is None and t.found.size == 0]
        for thing in (*hidden, *sorted(damaged, key=lambda t: _bytes_apart(t.found.cluster, head))):
            if thing.parent is None or above not in parent_marks(self.system, thing.parent):
                continue
            if self.tree.enter(thing, strict=True, cluster=head):
                thing.is_dir = True
                thing.settle("repaired", "its entry was damaged; its dot entries say where it belongs")
                thing.found.defects.append(("bad-entry", "its entry is damaged"))
                self._name_hidden(thing)
                thing.found.hidden = ""
                thing.parent.rewrite = True
                self.tree.doubtful = [t for t in self.tree.doubtful if t is not thing]
                return thing
        return None

    def _set_aside(self, head: int) -> None:
        entry = b"LOST".ljust(11) + bytes((DIRECTORY,)) + bytes(20)
        found = Found(0, with_place(entry, head, 0), "", b"")
        thing = Thing(self.tree.number(), self.tree.root, found, 0, True)
        if self.tree.enter(thing, strict=False, cluster=head):
            assert thing.folder is not None
            thing.folder.rewrite = True
            thing.settle("repaired", "a folder that no entry names", "likely")
            self.lost_folders.append(thing.folder)

    def _refuse_doubtful(self) -> None:
        """Folder entries that lead nowhere: files with a wrong mark, or to be dropped."""
        for thing in self.tree.doubtful:
            count = self.clusters_of(thing.size)
            if thing.size and not self.chains.is_cluster(thing.found.cluster):
                count = 0
            walk = self.chains.walk(thing.found.cluster, count) if count else None
            assert thing.parent is not None
            thing.parent.rewrite = True
            if walk and walk.count == count:
                thing.is_dir = False
                thing.found.entry = _with_attributes(thing.found.entry, thing.found.attributes & ~DIRECTORY)
                thing.settle("repaired", "it is a file and was marked as a folder")
                thing.found.defects.append(("bad-entry", "it is a file and was marked as a folder"))
                continue
            thing.dropped = True
            thing.settle("lost", _why_no_folder(self, thing))

    # files

    def _exact(self, thing: Thing) -> bool:
        """A file whose chain, as the FATs have it, is as long as its size says."""
        if thing.size == 0 and thing.found.cluster == 0:
            thing.settle("whole")
            return True
        count = self.clusters_of(thing.size)
        if count:
            walk = self.chains.walk(thing.found.cluster, count)
            if walk.count == count and walk.value >= ENDS:
                return self._take(thing, walk.runs, "whole")
            runs = None if walk.stop == "owned" else self.chains.search(thing.found.cluster, count)
            if runs is not None:
                return self._take(thing, runs, "repaired", "its chain was right in one of the FATs")
            if walk.stop == "owned" and self._displaces(thing, count):
                return True
        self.broken.append(thing)
        return False

    def _displaces(self, thing: Thing, count: int) -> bool:
        """Of two exact chains that meet, the one that comes to the place from its neighbour is the owner."""
        full = self.chains.walk(thing.found.cluster, count, own=-1)
        if full.count != count or full.value < ENDS:
            return False
        meeting, before = _meeting(self.chains, full.runs)
        other = self._files.get(int(self.chains.owner[meeting]))
        if other is None or before + 1 != meeting or _before(other.runs, meeting) + 1 == meeting:
            return False
        self.chains.claim(other.runs, 0)
        if not self.chains.is_free_for_all(full.runs):
            self.chains.claim(other.runs, other.number)
            return False
        other.runs, other.state = [], ""
        self.broken.append(other)
        return self._take(thing, full.runs, "whole")

    def _hidden(self) -> None:
        """Entries that no reader sees, but whose chain is in use, nobody's, and as long as they say."""
        order = {"behind the end mark": 0, "taken for a long name": 1, "taken for a label": 1, "deleted": 2}
        hidden = [t for t in self.tree.things if t.found.hidden]
        for thing in sorted(hidden, key=lambda t: order.get(t.found.hidden, 3)):
            if not self._reappears(thing):
                thing.dropped = True
                if thing.parent is not None and thing.found.hidden != "deleted":
                    thing.parent.rewrite = True

    def _reappears(self, thing: Thing) -> bool:
        found, count = thing.found, self.clusters_of(thing.size)
        walk = self.chains.walk(found.cluster, count) if count else None
        if walk is None or walk.count != count or walk.value < ENDS:
            return False
        if thing.is_dir and found.attributes & 0x3F != 0x0F and found.size == 0:
            return False
        thing.is_dir = False
        found.entry = _with_attributes(found.entry, 0x20 if found.attributes & 0xD8 else found.attributes)
        found.defects.append(("bad-entry", f"it is {found.hidden}, but its clusters are in use"))
        sure = "certain" if found.long else "likely"
        self._take(thing, walk.runs, "repaired", f"its entry was {found.hidden}", sure)
        self._name_hidden(thing)
        found.hidden = ""
        assert thing.parent is not None
        thing.parent.rewrite = True
        return True

    def _name_hidden(self, thing: Thing) -> None:
        found = thing.found
        if found.entry[0] in (0, 0xE5):
            found.entry = b"_" + found.entry[1:]
            if not found.long:
                thing.settle("repaired", "the first letter of its name is lost")

    # broken files

    def _length(self, head: int) -> int:
        """How long a lost chain is; -1 where it has no proper end."""
        known = int(self._lengths[head])
        if known == 0:
            walk = self.chains.walk(head, self.chains.clusters)
            known = walk.count if walk.stop == "end" else -1
            self._lengths[head] = known
        return known

    def _runs(self, head: int) -> Runs:
        return self.chains.walk(head, self.chains.clusters).runs

    def _free_heads(self, thing: Thing) -> Iterator[int]:
        """Lost chains of the card, without the beginnings of files that are broken themselves."""
        if self._heads is None:
            self._heads = self.chains.heads().tolist()[:MAX_HEADS]
            self._starts = {t.found.cluster for t in self.broken}
        for head in self._heads:
            self.chains.work -= 1
            if self.chains.work < 0:
                return
            if not self.chains.owner[head] and head not in self._starts:
                yield head

    def _prefix(self, thing: Thing, count: int) -> Walk:
        return self.chains.walk(thing.found.cluster, count)

    def _joined(self, thing: Thing) -> bool:
        """Beginning and a lost chain that have the right length together; a neighbour before all others."""
        count = self.clusters_of(thing.size)
        begin = self._prefix(thing, count)
        if not begin.count or (begin.count == count and begin.value >= ENDS):
            return False
        best: tuple[tuple[int, ...], int] | None = None
        for head in self._free_heads(thing):
            rest = self._length(head)
            keep = count - rest
            if rest < 0 or not 0 < keep <= begin.count:
                continue
            last = _last(begin.runs, keep)
            order = (head != last + 1, keep != begin.count, head < last, abs(head - last))
            if (best is None or order < best[0]) and not _overlap(cut(begin.runs, keep), self._runs(head)):
                best = order, head
        if best is None:
            return False
        sure = "certain" if not best[0][0] else "likely"
        tail = self._runs(best[1])
        runs = cut(begin.runs, count - length(tail)) + tail
        return self._take(thing, runs, "repaired", "an entry of its chain was lost in both FATs", sure)

    def _whole_but_for_its_end(self, thing: Thing) -> bool:
        """As long as its size says, only not marked as ended there."""
        count = self.clusters_of(thing.size)
        walk = self._prefix(thing, count)
        if not count or walk.count != count:
            return False
        if self.chains.allocated(walk.value) and not self.chains.owner[walk.value]:
            return False
        return self._take(thing, walk.runs, "repaired", "the end mark of its chain was lost")

    def _elsewhere(self, thing: Thing) -> bool:
        """The entry's first cluster is wrong, and one lost chain has the right length."""
        count = self.clusters_of(thing.size)
        if (not count or self._prefix(thing, count).count) and not self._points_into_another(thing):
            return False
        right = [h for h in self._free_heads(thing) if self._length(h) == count]
        right = [h for h in right if self.tree.peek(h)[0] != h]
        if not right:
            return False
        head = min(right, key=lambda h: _bytes_apart(h, thing.found.cluster))
        near = _bytes_apart(head, thing.found.cluster) == 1
        if len(right) > 1 and not near:
            return False
        sure = "certain" if near and len(right) == 1 else "likely"
        return self._take(thing, self._runs(head), "repaired", "its entry pointed elsewhere", sure)

    def _points_into_another(self, thing: Thing) -> bool:
        """Whether a chain that nobody owns runs into the first cluster: then it is no first cluster."""
        cluster = thing.found.cluster
        if not self.chains.is_cluster(cluster):
            return True
        for head in self._free_heads(thing):
            if any(first <= cluster < first + many for first, many in self._runs(head)):
                return True
        return False

    def _resized(self, thing: Thing) -> bool:
        """The chain is sound and of another length: the size is what is wrong."""
        walk = self._prefix(thing, self.chains.clusters)
        if not walk.count or walk.stop != "end" or walk.count == self.clusters_of(thing.size):
            return False
        size, sure = self._right_size(thing, walk.runs)
        if not size:
            return False
        found = thing.found
        found.defects.append(
            ("chain-too-long" if size > thing.size else "chain-too-short", "its size is wrong")
        )
        thing.size = size
        return self._take(thing, walk.runs, "repaired", "its size was wrong", sure)

    def _right_size(self, thing: Thing, runs: Runs) -> tuple[int, str]:
        """The size by the file's own header, else by the one byte that may be wrong; 0 where neither fits."""
        size, least = self.system.cluster_bytes, (length(runs) - 1) * self.system.cluster_bytes
        head = read_within(self.medium, self.system.cluster_offset(runs[0][0]), 12)
        own = header_size(head)
        fits = [s for s in _one_byte_away(thing.size) if least < s <= least + size]
        if own and least < own <= least + size:
            return own, "certain" if own in fits else "likely"
        if not fits:
            return 0, ""
        last = self.tree.read_cluster(runs[-1][0] + runs[-1][1] - 1)
        used = least + len(last.rstrip(b"\0"))
        enough = [s for s in fits if s >= used]
        return (min(enough) if enough else max(fits)), "certain" if len(fits) == 1 else "likely"

    def _contiguous(self, thing: Thing) -> bool:
        """Files mostly lie in one piece: goes on with the next cluster wherever the FATs say nothing."""
        count = self.clusters_of(thing.size)
        cluster, left = thing.found.cluster, count
        runs: Runs = []
        while left and self.chains.is_cluster(cluster) and not self.chains.owner[cluster]:
            part = self.chains.walk(cluster, left).runs or self._hole(cluster, left)
            if not part:
                break
            self.chains.claim(part, thing.number)
            runs += part
            left -= length(part)
            cluster = part[-1][0] + part[-1][1]
        if left or not count:
            self.chains.claim(runs, 0)
            return False
        return self._take(thing, _joined_runs(runs), "repaired", "entries of its chain were lost", "guess")

    def _hole(self, cluster: int, most: int) -> Runs:
        """A stretch that the FATs call free or bad and that holds something."""
        end = min(cluster + most, self.chains.limit)
        self.chains.work -= end - cluster >> 6
        if self.chains.work < 0:
            return []
        values = self.chains.merged[cluster:end]
        used = ((values != 0) & (values != BAD)) | (self.chains.owner[cluster:end] != 0)
        count = int(used.argmax()) if used.any() else end - cluster
        looked = range(cluster, cluster + count, max(1, count // 8))
        return [(cluster, count)] if any(any(self.tree.read_cluster(c)) for c in looked) else []

    def _copied(self, thing: Thing) -> bool:
        """Its chain is whole but partly another's: gets its own copy of what they share."""
        count = self.clusters_of(thing.size)
        walk = self.chains.walk(thing.found.cluster, count, own=-1) if count else None
        if walk is None or walk.count != count or walk.value < ENDS:
            return False
        thing.shared = walk.runs
        thing.found.defects.append(("cross-linked", "it shares clusters with another file"))
        thing.settle("repaired", "it shared clusters with another file; it has a copy of them now", "guess")
        return True

    def _remains(self, thing: Thing) -> bool:
        """What is left of it."""
        count = self.clusters_of(thing.size)
        walk = self._prefix(thing, count) if count else None
        if walk is None or not walk.count:
            if thing.size == 0:
                thing.found.defects.append(("bad-entry", "it is empty and has clusters"))
                thing.settle("repaired", "it is empty; clusters that it pointed to are no longer its own")
                return True
            thing.size = 0
            thing.settle("lost", "nothing of its content can be found")
            return True
        held = walk.count * self.system.cluster_bytes
        missing = thing.size - held
        thing.size = min(thing.size, held)
        why = f"{missing:,} bytes at its end cannot be found" if missing > 0 else "its chain was too long"
        return self._take(thing, walk.runs, "cut" if missing > 0 else "repaired", why)

    # what nobody claims

    def _loose(self) -> None:
        """Lost chains, then circles that are nobody's, in the order of the card."""
        for clusters in (self.chains.heads, self.chains.loose):
            for cluster in clusters():
                if self.chains.work < 0 or len(self.lost) > MAX_LOST:
                    return
                if not self.chains.owner[cluster]:
                    self._keep(int(cluster))

    def _keep(self, cluster: int) -> None:
        walk = self.chains.walk(cluster, self.chains.clusters)
        if walk.count:
            self.chains.claim(walk.runs, self.tree.number())
            self.lost.append(walk.runs)


def header_size(head: bytes) -> int:
    """A file's whole size by its own header (RIFF, IFF); 0 where it has none that says."""
    if head[:4] == b"RIFF":
        return 8 + int(struct.unpack_from("<I", head, 4)[0])
    if head[:4] == b"FORM":
        return 8 + int(struct.unpack_from(">I", head, 4)[0])
    return 0


def _one_byte_away(size: int) -> list[int]:
    kept = [size & ~(0xFF << 8 * i) for i in range(4)]
    return sorted({base | value << 8 * i for i, base in enumerate(kept) for value in range(256)} - {size})


def _bytes_apart(one: int, other: int) -> int:
    """In how many bytes two numbers differ."""
    return sum((one ^ other) >> 8 * i & 0xFF != 0 for i in range(4))


def _with_attributes(entry: bytes, attributes: int) -> bytes:
    return entry[:11] + bytes((attributes & 0xFF,)) + entry[12:]


def _overlap(one: Runs, other: Runs) -> bool:
    spans = sorted((first, first + count) for first, count in (*one, *other))
    return any(a[1] > b[0] for a, b in pairwise(spans))


def _last(runs: Runs, count: int) -> int:
    """The ``count``-th cluster of a chain."""
    for first, many in runs:
        if count <= many:
            return first + count - 1
        count -= many
    return -1


def _joined_runs(runs: Runs) -> Runs:
    out: Runs = []
    for first, count in runs:
        if out and out[-1][0] + out[-1][1] == first:
            out[-1] = (out[-1][0], out[-1][1] + count)
        else:
            out.append((first, count))
    return out


def _meeting(chains: Chains, runs: Runs) -> tuple[int, int]:
    """The first cluster of a chain that has an owner, and the one before it (-1 at the start)."""
    before = -1
    for first, count in runs:
        taken = chains.owner[first : first + count] != 0
        if taken.any():
            at = int(taken.argmax())
            return first + at, first + at - 1 if at else before
        before = first + count - 1
    return runs[0][0], -1


def _before(runs: Runs, cluster: int) -> int:
    before = -1
    for first, count in runs:
        if first <= cluster < first + count:
            return cluster - 1 if cluster > first else before
        before = first + count - 1
    return before


def _why_no_folder(salvage: Salvage, thing: Thing) -> str:
    cluster = thing.found.cluster
    if salvage.chains.is_cluster(cluster) and salvage.chains.owner[cluster]:
        thing.found.defects.append(("directory-loop", "it leads to a folder that is elsewhere already"))
        return "it led to a folder that is elsewhere already"
    thing.found.defects.append(("bad-entry", "it is marked as a folder and leads to none"))
    return "it was marked as a folder and led to none"
