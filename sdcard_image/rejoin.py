"""Broken files put together with lost chains of the right length.

What is known of a file is never made shorter: a rest is joined where its chain breaks off, or where two
chains meet, so that one of the two entries that lead there must be wrong.
"""

from __future__ import annotations

from itertools import accumulate

from sdcard_image.claims import Claims
from sdcard_image.known import Known
from sdcard_image.lost_chains import LostChains
from sdcard_image.runs import Runs, cut, holds, length, nth, overlap
from sdcard_image.tree import Thing

_LOST = "an entry of its chain was lost in both FATs"
_ERASED = "entries of its chain were lost in both FATs"


def join_neighbour(claims: Claims, thing: Thing, lost: LostChains) -> bool:
    """What follows on the card has the right length: most files lie in one piece."""
    one = lost.known(thing)
    last, rest = _last(one.begin), one.count - length(one.begin)
    if last < 0 or rest <= 0 or last + 1 not in lost.rests(rest) or _size_is_wrong(claims, thing, one):
        return False
    if claims.in_pieces and lost.only(rest) is None:
        return False
    return _take(claims, thing, (one.begin, lost.runs(last + 1)), why=_LOST, sure="likely")


def join_meeting(claims: Claims, thing: Thing, lost: LostChains) -> bool:
    """A lost chain of the right length that leads into the file's own: the entry before there was wrong."""
    one = lost.known(thing)
    for keep in accumulate(many for _, many in one.begin):
        if not 0 < keep < min(length(one.begin), one.count):
            continue
        following = nth(one.begin, keep + 1)
        fits = [h for h in lost.rests(one.count - keep) if holds(lost.runs(h), following)]
        last = nth(one.begin, keep)
        if len(fits) == 1 or last + 1 in fits:
            head = last + 1 if last + 1 in fits else fits[0]
            return _take(claims, thing, (cut(one.begin, keep), lost.runs(head)), why=_LOST, sure="likely")
    return False


def join_behind(claims: Claims, thing: Thing, lost: LostChains) -> bool:
    """Where entries side by side are lost: the file up to what begins next, and the one rest that fits."""
    one = lost.known(thing)
    runs = one.bridged
    if not one.erased or not one.hole or _wants_elsewhere(one, lost):
        return False
    rest = one.count - length(runs)
    head = lost.only(rest)
    chance = lost.may_fit_by_chance(rest) or runs[-1][1] > claims.piece
    sure = "guess" if chance else "likely"
    return head is not None and _take(claims, thing, (runs, lost.runs(head)), why=_ERASED, sure=sure)


def join_far(claims: Claims, thing: Thing, lost: LostChains) -> bool:
    """The only rest of the right length, anywhere, that no other file wants."""
    one = lost.known(thing)
    if not one.begin or one.erased or _size_is_wrong(claims, thing, one):
        return False
    head = lost.only(one.count - length(one.begin))
    return head is not None and _take(claims, thing, (one.begin, lost.runs(head)), why=_LOST, sure="guess")


def _wants_elsewhere(one: Known, lost: LostChains) -> bool:
    """Whether a rest fits where the chain breaks off, too."""
    rest = one.count - length(one.begin)
    return bool(one.begin) and bool(lost.rests(rest))


def _take(claims: Claims, thing: Thing, parts: tuple[Runs, Runs], *, why: str, sure: str) -> bool:
    """Give a file its beginning and a rest, if nobody has been given any of it since they were looked at."""
    begin, rest = parts
    fits = bool(rest) and length(begin) + length(rest) == claims.clusters_of(thing.size)
    if not fits or overlap(begin, rest) or not claims.chains.is_free_for_all(begin):
        return False
    return claims.take(thing, begin + rest, "repaired", why, sure)


def _last(runs: Runs) -> int:
    return runs[-1][0] + runs[-1][1] - 1 if runs else -1


def _size_is_wrong(claims: Claims, thing: Thing, one: Known) -> bool:
    """Whether the chain has an end, and the file's own header says that it is its end."""
    own = claims.own_size(thing)
    return one.stop == "end" and own > 0 and claims.clusters_of(own) == length(one.begin)
