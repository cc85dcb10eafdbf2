"""Names that a folder holds twice: all but the first get another."""

from __future__ import annotations

from sdcard_image.direntry import SIZE, pack_entry, pack_long_entries
from sdcard_image.found_files import WHEN
from sdcard_image.name_mending import fresh_alias
from sdcard_image.names import fold
from sdcard_image.tree import Thing


def make_unique(things: list[Thing]) -> bool:
    """Give all but the first of equal names another; whether there were any."""
    shorts: set[bytes] = set()
    names: set[str] = set()
    taken = {t.found.short for t in things}
    changed = False
    tries: dict[str, int] = {}
    for thing in things:
        found = thing.found
        clash = fold(found.name) in names
        if clash or found.short in shorts:
            changed = True
            found.defects.append(("name-collision", "another entry has its name"))
            _rename(thing, taken, names, tries if clash else None)
        shorts.add(found.short)
        taken.add(found.short)
        names.add(fold(found.name))
    return changed


def _rename(thing: Thing, taken: set[bytes], names: set[str], tries: dict[str, int] | None) -> None:
    """A new 8.3 name, and with ``tries`` (the numbers in use so far) a new long one."""
    found, old = thing.found, thing.found.name
    name = old
    if tries is not None:
        stem, dot, ext = old.rpartition(".") if "." in old[1:] else (old, "", "")
        number = tries.get(fold(old), 1) + 1
        while fold(name := f"{stem[:120]} ({number}){dot}{ext[:100]}") in names:
            number += 1
        tries[fold(old)] = number
    short = fresh_alias(name, taken)
    packed = pack_entry(name, short, 0, cluster=0, size=0, when=WHEN)
    found.parts = packed[:-SIZE] or pack_long_entries(name, short)
    found.long, found.entry = name, short + found.entry[11:]
    thing.settle(
        "repaired",
        f"another entry had its name; it was {old}"
        if tries is not None
        else "another entry had its 8.3 name",
    )
