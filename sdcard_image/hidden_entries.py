"""Entries that no reader sees, but whose chain is in use, nobody's, and as long as they say."""

from __future__ import annotations

from sdcard_image.arbitration import ENDS
from sdcard_image.claims import Claims, mark_as, name_hidden
from sdcard_image.tree import Thing

_ORDER = {"behind the end mark": 0, "taken for a long name": 1, "taken for a label": 1, "deleted": 2}


def bring_back(claims: Claims) -> None:
    """Make those visible; the others are dropped."""
    hidden = [t for t in claims.tree.things if t.found.hidden]
    for thing in sorted(hidden, key=lambda t: _ORDER.get(t.found.hidden, 3)):
        if not _reappears(claims, thing):
            thing.dropped = True
            if thing.parent is not None and thing.found.hidden != "deleted":
                thing.parent.rewrite = True


def _reappears(claims: Claims, thing: Thing) -> bool:
    found, count = thing.found, claims.clusters_of(thing.size)
    walk = claims.chains.walk(found.cluster, count) if count else None
    if walk is None or walk.count != count or walk.value < ENDS:
        return False
    if thing.is_dir and found.attributes & 0x3F != 0x0F and found.size == 0:
        return False
    thing.is_dir = False
    mark_as(found, 0x20 if found.attributes & 0xD8 else found.attributes)
    found.defects.append(("bad-entry", f"it is {found.hidden}, but its clusters are in use"))
    sure = "certain" if found.long else "likely"
    claims.take(thing, walk.runs, "repaired", f"its entry was {found.hidden}", sure)
    name_hidden(thing)
    found.hidden = ""
    assert thing.parent is not None
    thing.parent.rewrite = True
    return True
