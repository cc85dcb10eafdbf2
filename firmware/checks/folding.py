"""When two names are one to FAT: their UTF-16 units are equal in upper case, by a plain table."""

from __future__ import annotations

from functools import lru_cache

_FINAL_SIGMA = "\u03c2"  # the table has it, although its capital's small letter is the other sigma


def fold(name: str) -> str:
    """A key under which names (or paths) that FAT takes for the same are equal.

    A unit has a capital where that is one unit and has this one for its small letter: dotless i, long s and
    sharp s stay as they are, unlike in Unicode's case folding. Accents are not composed. After the FAT
    specification, and the up-case table that the exFAT specification recommends (both Microsoft's).
    """
    return name.upper() if name.isascii() else "".join(map(_upper, name))


@lru_cache(maxsize=4096)
def _upper(unit: str) -> str:
    upper = unit.upper()
    if unit > "\uffff" or len(upper) != 1:
        return unit
    return upper if unit == _FINAL_SIGMA or upper.lower() == unit else unit
