"""Files whose entry points to what is not theirs: which lost chain they are."""

from __future__ import annotations

from sdcard_image.claims import Claims, bytes_apart
from sdcard_image.lost_chains import LostChains
from sdcard_image.medium import read_within
from sdcard_image.recovered import is_beginning
from sdcard_image.runs import holds
from sdcard_image.tree import Thing


def elsewhere(claims: Claims, thing: Thing, lost: LostChains) -> bool:
    """The entry's first cluster is wrong, and one lost chain has the right length.

    A chain with a header that gives the file's size is the file; of others, one must be alone in its length,
    or the only one whose number is a byte from the entry's.
    """
    count = claims.clusters_of(thing.size)
    if not count or claims.own_size(thing) == thing.size:
        return False  # its header stands where the entry says
    begun = bool(lost.known(thing).sound)
    if begun and not _points_into_another(claims, thing, lost):
        return False
    fits = [h for h in lost.of_length(count) if claims.tree.peek(h)[0] != h]
    headed = [h for h in fits if claims.header_at(h) == thing.size]
    fits = headed or [h for h in fits if not claims.header_at(h)]
    near = [h for h in fits if bytes_apart(h, thing.found.cluster) <= 1]
    right = fits if len(fits) == 1 else near
    if len(right) != 1:
        return False
    sure = "likely" if headed or (near and len(fits) == 1 and _may_be(claims, thing, fits[0])) else "guess"
    return claims.take(thing, lost.runs(right[0]), "repaired", "its entry pointed elsewhere", sure)


def _may_be(claims: Claims, thing: Thing, head: int) -> bool:
    """Whether nothing speaks against it: the file is none that begins with a header of its kind."""
    at = claims.system.cluster_offset(head)
    named = thing.found.name.upper().rpartition(".")[2]
    return named not in ("WAV", "AIF", "AIFF") or is_beginning(read_within(claims.medium, at, 16))


def _points_into_another(claims: Claims, thing: Thing, lost: LostChains) -> bool:
    """Whether a chain that nobody owns runs into the first cluster: then it is no first cluster."""
    cluster = thing.found.cluster
    if not claims.chains.is_cluster(cluster):
        return True
    return any(holds(lost.runs(head), cluster) for head in lost)
