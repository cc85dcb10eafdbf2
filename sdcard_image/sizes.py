"""Which size of a file is right: its entry's, its chain's or its own header's."""

from __future__ import annotations

from sdcard_image.claims import Claims
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


def doubt_size(claims: Claims, thing: Thing, *, damaged: bool) -> None:
    """A whole file whose header and size differ in one byte, within its last cluster.

    Where data goes on to just where the header says it ends, the size is wrong. Where only zeros follow, they
    may be meant, or the size is wrong: so it is held to be on a card that is ``damaged`` otherwise.
    """
    own = claims.own_size(thing)
    if own == thing.size or own not in _one_byte_away(thing.size) or _is_padding(own, thing.size):
        return
    if claims.clusters_of(own) != length(thing.runs):
        return
    least = (length(thing.runs) - 1) * claims.system.cluster_bytes
    last = claims.tree.read_cluster(thing.runs[-1][0] + thing.runs[-1][1] - 1)
    used = least + len(last.rstrip(b"\0"))
    if used > own or (own > thing.size and used <= thing.size):
        return
    says = f"its own header says {own:,} bytes"
    if own < thing.size and not damaged:
        thing.settle("whole", f"{says}, and only zeros follow", "likely")
        return
    defect = "chain-too-long" if own > thing.size else "chain-too-short"
    thing.found.defects.append((defect, "its size is wrong"))
    thing.size = own
    thing.settle("repaired", f"its size was wrong; {says}", "likely")


def _is_padding(own: int, size: int) -> bool:
    """Whether a file is only filled up to an even number of bytes, as its format may ask."""
    return own % 2 == 1 and size == own + 1


def _right_size(claims: Claims, thing: Thing, runs: Runs) -> int:
    """The size by the file's own header, else by the one byte that may be wrong; 0 where neither fits."""
    size = claims.system.cluster_bytes
    least = (length(runs) - 1) * size
    own = claims.header_at(runs[0][0])
    if own == thing.size:
        return 0  # the chain is wrong, then
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
