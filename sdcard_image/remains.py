"""What can still be done for a broken file: by its neighbours, by a copy, or by cutting it short."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdcard_image.arbitration import ENDS
from sdcard_image.claims import Claims
from sdcard_image.layout import BAD
from sdcard_image.runs import Runs, joined, length
from sdcard_image.tree import Thing

Starts = NDArray[np.bool_]


def end_where_it_must(claims: Claims, thing: Thing) -> bool:
    """As long as its size says, only not marked as ended there."""
    count = claims.clusters_of(thing.size)
    walk = claims.chains.walk(thing.found.cluster, count)
    if not count or walk.count != count:
        return False
    if claims.chains.allocated(walk.value) and not claims.chains.owner[walk.value]:
        return False
    return claims.take(thing, walk.runs, "repaired", "the end mark of its chain was lost", "likely")


def go_on_with_neighbours(claims: Claims, thing: Thing, starts: Starts) -> bool:
    """Files mostly lie in one piece: goes on with the next cluster wherever the FATs say nothing."""
    chains = claims.chains
    cluster, left = thing.found.cluster, claims.clusters_of(thing.size)
    runs: Runs = []
    while left and chains.is_cluster(cluster) and not chains.owner[cluster]:
        part = chains.walk(cluster, left).runs or _hole(claims, cluster, left, starts, first=not runs)
        if not part:
            break
        chains.claim(part, thing.number)
        runs += part
        left -= length(part)
        cluster = part[-1][0] + part[-1][1]
    if left or not runs:
        chains.claim(runs, 0)
        return False
    runs = joined(runs)
    sure = "likely" if len(runs) == 1 and _ends_there(claims, runs, starts) else "guess"
    return claims.take(thing, runs, "repaired", "entries of its chain were lost; it lay in one piece", sure)


def _ends_there(claims: Claims, runs: Runs, starts: Starts) -> bool:
    """Whether what follows bears out that a file ends there: another's beginning, or nothing at all."""
    after = runs[-1][0] + runs[-1][1]
    if not claims.chains.is_cluster(after) or starts[after] or claims.chains.owner[after]:
        return True
    return not any(claims.tree.read_cluster(after))


def _hole(claims: Claims, cluster: int, most: int, starts: Starts, *, first: bool) -> Runs:
    """A stretch that the FATs call free or bad, that holds something, and in which no other file begins."""
    chains = claims.chains
    end = min(cluster + most, chains.limit)
    chains.work -= end - cluster >> 6
    if chains.work < 0:
        return []
    values = chains.merged[cluster:end]
    used = ((values != 0) & (values != BAD)) | (chains.owner[cluster:end] != 0) | starts[cluster:end]
    if first:
        used[0] = False
    count = int(used.argmax()) if used.any() else end - cluster
    looked = range(cluster, cluster + count, max(1, count // 8))
    return [(cluster, count)] if any(any(claims.tree.read_cluster(c)) for c in looked) else []


def copy_shared(claims: Claims, thing: Thing) -> bool:
    """Its chain is whole but partly another's: gets its own copy of what they share."""
    count = claims.clusters_of(thing.size)
    walk = claims.chains.walk(thing.found.cluster, count, own=-1) if count else None
    if walk is None or walk.count != count or walk.value < ENDS:
        return False
    thing.shared = walk.runs
    thing.found.defects.append(("cross-linked", "it shares clusters with another file"))
    thing.settle("repaired", "it shared clusters with another file; it has a copy of them now", "guess")
    return True


def keep_what_is_left(claims: Claims, thing: Thing, starts: Starts) -> bool:
    """The beginning of the file, as far as the FATs know it, or else as nothing else lies there."""
    count, first = claims.clusters_of(thing.size), thing.found.cluster
    walk = claims.chains.walk(first, count) if count else None
    if walk is not None and walk.count:
        return _cut(claims, thing, walk.runs, "certain")
    if walk is not None and claims.chains.is_cluster(first) and not claims.chains.owner[first]:
        hole = _hole(claims, first, count, starts, first=True)
        if hole:
            return _cut(claims, thing, hole, "guess")
    if thing.size == 0:
        thing.found.defects.append(("bad-entry", "it is empty and has clusters"))
        thing.settle("repaired", "it is empty; clusters that it pointed to are no longer its own", "likely")
        return True
    thing.size = 0
    thing.settle("lost", "nothing of its content can be found")
    return True


def _cut(claims: Claims, thing: Thing, runs: Runs, sure: str) -> bool:
    held = length(runs) * claims.system.cluster_bytes
    missing = thing.size - held
    thing.size = min(thing.size, held)
    why = f"{missing:,} bytes at its end cannot be found" if missing > 0 else "its chain was too long"
    return claims.take(thing, runs, "cut" if missing > 0 else "repaired", why, sure)
