"""Files whose chain, as the FATs have it, is exactly as long as their size says."""

from __future__ import annotations

from sdcard_image.arbitration import ENDS
from sdcard_image.chains import Chains
from sdcard_image.claims import Claims
from sdcard_image.runs import Runs, before
from sdcard_image.tree import Thing


def claim_exact(claims: Claims) -> list[Thing]:
    """Give those their clusters; the others are returned.

    First those of whose chain both FATs say the same: where one FAT leads another file into them, that file
    looks for its own way afterwards.
    """
    files = [t for t in claims.tree.things if not t.is_dir and not t.found.hidden]
    todo = [thing for thing in files if not _agreed(claims, thing)]
    broken: list[Thing] = []
    for thing in todo:
        if not _exact(claims, thing, broken):
            broken.append(thing)
    return broken


def _agreed(claims: Claims, thing: Thing) -> bool:
    if thing.size == 0 and thing.found.cluster == 0:
        thing.settle("whole")
        return True
    count = claims.clusters_of(thing.size)
    walk = claims.chains.walk(thing.found.cluster, count) if count else None
    if walk is None or walk.count != count or walk.value < ENDS or not claims.chains.agreed(walk.runs):
        return False
    return claims.take(thing, walk.runs, "whole")


def _exact(claims: Claims, thing: Thing, broken: list[Thing]) -> bool:
    count = claims.clusters_of(thing.size)
    if not count:
        return False
    walk = claims.chains.walk(thing.found.cluster, count)
    if walk.count == count and walk.value >= ENDS:
        return claims.take(thing, walk.runs, "whole")
    runs = claims.chains.search(thing.found.cluster, count)
    if runs is not None:
        return claims.take(thing, runs, "repaired", "its chain was right in one of the FATs")
    return walk.stop == "owned" and _displaces(claims, thing, count, broken)


def _displaces(claims: Claims, thing: Thing, count: int, broken: list[Thing]) -> bool:
    """Of two exact chains that meet, the owner comes from the neighbour, or else begins there."""
    chains = claims.chains
    full = chains.walk(thing.found.cluster, count, own=-1)
    if full.count != count or full.value < ENDS:
        return False
    meeting, last = _meeting(chains, full.runs)
    other = claims.files.get(int(chains.owner[meeting]))
    if other is None:
        return False
    mine, theirs = _right(last, meeting), _right(before(other.runs, meeting), meeting)
    if mine == theirs:
        other.settle(other.state, "", "likely")  # no telling whose they are
    if mine <= theirs:
        return False
    chains.claim(other.runs, 0)
    if not chains.is_free_for_all(full.runs):
        chains.claim(other.runs, other.number)
        return False
    other.runs, other.state = [], ""
    broken.append(other)
    return claims.take(thing, full.runs, "whole")


def _right(last: int, meeting: int) -> int:
    """What speaks for a chain that comes from ``last`` (-1: it begins there)."""
    return 1 if last < 0 else 2 if last + 1 == meeting else 0


def _meeting(chains: Chains, runs: Runs) -> tuple[int, int]:
    """The first cluster of a chain that has an owner, and the one before it (-1 at the start)."""
    last = -1
    for first, count in runs:
        taken = chains.owner[first : first + count] != 0
        if taken.any():
            at = int(taken.argmax())
            return first + at, first + at - 1 if at else last
        last = first + count - 1
    return runs[0][0], -1
