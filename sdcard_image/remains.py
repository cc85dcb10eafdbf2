"""What can still be done for a broken file: by its neighbours, by a copy, or by cutting it short."""

from __future__ import annotations

from sdcard_image.arbitration import ENDS
from sdcard_image.claims import Claims
from sdcard_image.known import Known, hole, known, straight
from sdcard_image.lost_chains import LostChains
from sdcard_image.runs import Runs, joined, length
from sdcard_image.tree import Thing


def end_where_it_must(claims: Claims, thing: Thing, lost: LostChains) -> bool:
    """As long as its size says, only not marked as ended there."""
    count = claims.clusters_of(thing.size)
    walk = claims.chains.walk(thing.found.cluster, count)
    if not count or walk.count != count or _strays_at_last(walk.runs, walk.value, lost):
        return False
    if length(lost.known(thing).begin) < count:
        return False
    if claims.chains.allocated(walk.value) and not claims.chains.owner[walk.value]:
        return False
    return claims.take(thing, walk.runs, "repaired", "the end mark of its chain was lost", "likely")


def _strays_at_last(runs: Runs, value: int, lost: LostChains) -> bool:
    """Whether the last but one leads into the free, while its neighbour is a lost cluster."""
    if value or len(runs) < 2 or runs[-1][1] != 1:
        return False
    return runs[-2][0] + runs[-2][1] in lost.rests(1)


def go_on_with_neighbours(claims: Claims, thing: Thing) -> bool:
    """Files mostly lie in one piece: goes on with the next cluster wherever the FATs say nothing.

    On a card where they do not, only to where something else begins, if that is just its end.
    """
    one = known(claims, thing)
    runs = _to_its_end(claims, one) if claims.in_pieces else _along(claims, thing)
    if not runs:
        return False
    sure = "likely" if len(runs) == 1 and _ends_there(claims, runs) else "guess"
    return claims.take(thing, runs, "repaired", "entries of its chain were lost; it lay in one piece", sure)


def _to_its_end(claims: Claims, one: Known) -> Runs:
    runs = one.bridged
    after = runs[-1][0] + runs[-1][1] if runs else 0
    if length(runs) != one.count or not one.hole or not _is_bound(claims, after):
        return []
    return runs


def _along(claims: Claims, thing: Thing) -> Runs:
    """Chain and holes in turn, up to its length; nothing where that cannot be."""
    chains = claims.chains
    cluster, left = thing.found.cluster, claims.clusters_of(thing.size)
    runs: Runs = []
    while left and chains.is_cluster(cluster) and not chains.owner[cluster]:
        part = straight(claims, cluster, left).runs or hole(claims, cluster, left, named=not runs)
        if not part:
            break
        chains.claim(part, thing.number)
        runs += part
        left -= length(part)
        cluster = part[-1][0] + part[-1][1]
    chains.claim(runs, 0)
    return [] if left else joined(runs)


def _is_bound(claims: Claims, cluster: int) -> bool:
    chains = claims.chains
    return not chains.is_cluster(cluster) or bool(claims.bounds[cluster] or chains.owner[cluster])


def _ends_there(claims: Claims, runs: Runs) -> bool:
    """Whether what follows bears out that a file ends there: another's beginning, or nothing at all."""
    after = runs[-1][0] + runs[-1][1]
    return _is_bound(claims, after) or not any(claims.tree.read_cluster(after))


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


def keep_what_is_left(claims: Claims, thing: Thing) -> bool:
    """The beginning of the file, as far as the FATs know it, or else as nothing else lies there."""
    one = known(claims, thing)
    if one.begin:
        return _cut(claims, thing, one.sound, "certain" if one.sound == one.begin else "likely")
    if one.sound:
        return _cut(claims, thing, one.sound if claims.in_pieces else one.bridged, "guess")
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
    state = "cut" if missing > 0 else "repaired"
    return claims.take(thing, runs, state, why, "likely" if missing <= 0 and sure == "certain" else sure)
