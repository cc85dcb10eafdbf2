"""Files whose chain is sound and of another length than their size says: which size is right."""

from __future__ import annotations

from sdcard_image.claims import Claims
from sdcard_image.medium import read_within
from sdcard_image.recovered import header_size
from sdcard_image.runs import Runs, length
from sdcard_image.tree import Thing


def resize(claims: Claims, thing: Thing) -> bool:
    """Give a file the size that its chain, its header or one wrong byte explains."""
    walk = claims.chains.walk(thing.found.cluster, claims.chains.clusters)
    if not walk.count or walk.stop != "end" or walk.count == claims.clusters_of(thing.size):
        return False
    size = _right_size(claims, thing, walk.runs)
    if not size:
        return False
    defect = "chain-too-long" if size > thing.size else "chain-too-short"
    thing.found.defects.append((defect, "its size is wrong"))
    thing.size = size
    return claims.take(thing, walk.runs, "repaired", "its size was wrong", "likely")


def _right_size(claims: Claims, thing: Thing, runs: Runs) -> int:
    """The size by the file's own header, else by the one byte that may be wrong; 0 where neither fits."""
    size = claims.system.cluster_bytes
    least = (length(runs) - 1) * size
    head = read_within(claims.medium, claims.system.cluster_offset(runs[0][0]), 12)
    own = header_size(head)
    if own and least < own <= least + size:
        return own
    fits = [s for s in _one_byte_away(thing.size) if least < s <= least + size]
    if not fits:
        return 0
    last = claims.tree.read_cluster(runs[-1][0] + runs[-1][1] - 1)
    used = least + len(last.rstrip(b"\0"))
    enough = [s for s in fits if s >= used]
    return min(enough) if enough else max(fits)


def _one_byte_away(size: int) -> list[int]:
    kept = [size & ~(0xFF << 8 * i) for i in range(4)]
    return sorted({base | value << 8 * i for i, base in enumerate(kept) for value in range(256)} - {size})
