"""Broken files put together with lost chains of the right length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sdcard_image.arbitration import ENDS
from sdcard_image.claims import Claims, bytes_apart
from sdcard_image.runs import Runs, cut, length, nth, overlap
from sdcard_image.tree import Thing

MAX_HEADS = 100_000  # lost chains that are looked at when a broken file is put together


class LostChains:
    """The chains that nobody owns, without the beginnings of the files that are ``broken`` themselves."""

    def __init__(self, claims: Claims, broken: list[Thing]) -> None:
        self._chains = claims.chains
        self._heads: list[int] = claims.chains.heads().tolist()[:MAX_HEADS]
        self._starts = {t.found.cluster for t in broken}
        self._lengths: NDArray[np.int32] = np.zeros(claims.chains.limit, np.int32)

    def __iter__(self) -> Iterator[int]:
        for head in self._heads:
            self._chains.work -= 1
            if self._chains.work < 0:
                return
            if not self._chains.owner[head] and head not in self._starts:
                yield head

    def length(self, head: int) -> int:
        """How long a lost chain was at first; -1 where it has no proper end."""
        known = int(self._lengths[head])
        if known == 0:
            walk = self._chains.walk(head, self._chains.clusters)
            known = walk.count if walk.stop == "end" else -1
            self._lengths[head] = known
        return known

    def runs(self, head: int) -> Runs:
        """A lost chain; nothing where a part of it has been given away since."""
        walk = self._chains.walk(head, self._chains.clusters)
        return walk.runs if walk.stop == "end" else []


def join(claims: Claims, thing: Thing, lost: LostChains, *, ended: bool, neighbour: bool) -> bool:
    """Beginning and a lost chain that have the right length together.

    ``ended``: of a file whose chain has an end, if too early; else of one that breaks off. ``neighbour``:
    only with what follows on the card. The nearest is taken.
    """
    count = claims.clusters_of(thing.size)
    begin = claims.chains.walk(thing.found.cluster, count)
    if not begin.count or (begin.count == count and begin.value >= ENDS) or ended != (begin.stop == "end"):
        return False
    best: tuple[tuple[int, ...], int] | None = None
    for head in lost:
        rest = lost.length(head)
        keep = count - rest
        if rest < 0 or not 0 < keep <= begin.count:
            continue
        last = nth(begin.runs, keep)
        if neighbour and head != last + 1:
            continue
        order = (head != last + 1, keep != begin.count, head < last, abs(head - last))
        if best is not None and order >= best[0]:
            continue
        tail = lost.runs(head)
        if tail and not overlap(cut(begin.runs, keep), tail):
            best = order, head
    if best is None:
        return False
    tail = lost.runs(best[1])
    runs = cut(begin.runs, count - length(tail)) + tail
    return claims.take(thing, runs, "repaired", "an entry of its chain was lost in both FATs", "likely")


def elsewhere(claims: Claims, thing: Thing, lost: LostChains) -> bool:
    """The entry's first cluster is wrong, and one lost chain has the right length."""
    count = claims.clusters_of(thing.size)
    begun = not count or claims.chains.walk(thing.found.cluster, count).count
    if begun and not _points_into_another(claims, thing, lost):
        return False
    right = [h for h in lost if lost.length(h) == count and claims.tree.peek(h)[0] != h and lost.runs(h)]
    if not right:
        return False
    head = min(right, key=lambda h: bytes_apart(h, thing.found.cluster))
    if len(right) > 1 and bytes_apart(head, thing.found.cluster) > 1:
        return False
    return claims.take(thing, lost.runs(head), "repaired", "its entry pointed elsewhere", "likely")


def _points_into_another(claims: Claims, thing: Thing, lost: LostChains) -> bool:
    """Whether a chain that nobody owns runs into the first cluster: then it is no first cluster."""
    cluster = thing.found.cluster
    if not claims.chains.is_cluster(cluster):
        return True
    return any(first <= cluster < first + many for head in lost for first, many in lost.runs(head))
