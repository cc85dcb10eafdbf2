"""What is known for sure of a broken file, and where it may go on."""

from __future__ import annotations

from dataclasses import dataclass

from sdcard_image.arbitration import PER_SECTOR
from sdcard_image.chains import Walk
from sdcard_image.claims import Claims
from sdcard_image.layout import BAD
from sdcard_image.runs import Runs, joined, length
from sdcard_image.tree import Thing


@dataclass(frozen=True, slots=True)
class Known:
    """A broken file of ``count`` clusters.

    ``begin`` is its chain as far as the FATs have it, ``stop`` why it ends (`Walk.stop`). ``sound`` has in
    addition the cluster that the chain leads to, where the FATs say nothing of that one but it holds
    something. ``hole`` clusters follow ``sound`` of which the FATs say nothing either, up to where something
    else is known to begin; ``erased`` where the whole sector of the FAT is.
    """

    count: int
    begin: Runs
    stop: str
    sound: Runs
    hole: int
    erased: bool

    @property
    def bridged(self) -> Runs:
        """``sound`` and the hole, but no more than the file has."""
        if not self.sound:
            return []
        first, many = self.sound[-1]
        most = min(self.hole, self.count - length(self.sound))
        return [*self.sound[:-1], (first, many + most)]

    @property
    def wanted(self) -> set[int]:
        """How long a rest may be that completes it: behind the hole, or where its chain ends."""
        behind = {self.count - length(self.bridged)} if self.sound else set()
        return {n for n in behind | {self.count - length(self.begin)} if 0 < n < self.count}


def known(claims: Claims, thing: Thing) -> Known:
    """Look at a broken file."""
    chains, count = claims.chains, claims.clusters_of(thing.size)
    walk = straight(claims, thing.found.cluster, count)
    sound = list(walk.runs)
    named = walk.value if walk.count else thing.found.cluster
    if length(sound) < count and walk.stop == "free" and _holds_something(claims, named, first=not sound):
        sound = joined([*sound, (named, 1)])
    if not sound:
        return Known(count, walk.runs, walk.stop, [], 0, erased=False)
    last = sound[-1][0] + sound[-1][1] - 1
    silent = int(chains.merged[last]) in (0, BAD)
    behind = hole(claims, last + 1, count - length(sound), named=False) if silent else []
    return Known(count, walk.runs, walk.stop, sound, length(behind), erased=_erased(claims, last))


def straight(claims: Claims, first: int, count: int) -> Walk:
    """A chain, but for a last step that leads away into the blank."""
    walk = claims.chains.walk(first, count)
    if not _strays(claims, walk):
        return walk
    walk = claims.chains.walk(first, walk.count - 1)
    walk.stop = "free"
    return walk


def _strays(claims: Claims, walk: Walk) -> bool:
    """Whether the last step of a chain leads away to a cluster that is free and blank: nobody's."""
    if walk.value or len(walk.runs) < 2 or walk.runs[-1][1] != 1:
        return False
    return not any(claims.tree.read_cluster(walk.last))


def _holds_something(claims: Claims, cluster: int, *, first: bool) -> bool:
    """Whether a cluster that the FATs call free may still be a file's: nobody else's, and not blank."""
    chains = claims.chains
    if not chains.is_cluster(cluster) or chains.owner[cluster] or int(chains.merged[cluster]) != 0:
        return False
    if claims.starts_at[cluster] and not first:
        return False
    return any(claims.tree.read_cluster(cluster))


def hole(claims: Claims, cluster: int, most: int, *, named: bool) -> Runs:
    """The stretch from ``cluster`` on of which the FATs say nothing, that holds something, at most ``most``.

    It ends where something else is known to begin; ``named``: but not at ``cluster``, which is the file's.
    """
    chains = claims.chains
    end = min(cluster + most, chains.limit)
    chains.work -= max(0, end - cluster) >> 6
    if end <= cluster or chains.work < 0:
        return []
    values = chains.merged[cluster:end]
    used = ((values != 0) & (values != BAD)) | (chains.owner[cluster:end] != 0)
    bounds = claims.bounds[cluster:end].copy()
    bounds[0] &= not named
    used |= bounds
    count = int(used.argmax()) if used.any() else end - cluster
    looked = range(cluster, cluster + count, max(1, count // 8))
    return [(cluster, count)] if any(any(claims.tree.read_cluster(c)) for c in looked) else []


def _erased(claims: Claims, cluster: int) -> bool:
    """Whether all entries of a sector of the FATs are free, a used cluster's among them."""
    at = cluster // PER_SECTOR * PER_SECTOR
    return not claims.chains.merged[max(2, at) : at + PER_SECTOR].any()
