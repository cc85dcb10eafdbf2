"""Names that the device loads, unique in their folder, as close to the old ones as can be."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from firmware.profiles import Profile
from sdcard_image.names import MAX_UNITS, RESERVED, fold

# Letters that Unicode does not take apart into a base letter and a mark.
_BASE = str.maketrans(
    {
        "ß": "ss",
        "ẞ": "SS",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "o",
        "Ø": "O",
        "đ": "d",
        "Đ": "D",
        "ð": "d",
        "Ð": "D",
        "þ": "th",
        "Þ": "Th",
        "ł": "l",
        "Ł": "L",
        "\u0131": "i",  # dotless i
        "ħ": "h",
        "Ħ": "H",
        "\u2013": "-",
        "\u2014": "-",
        "…": "...",
    }
)
_DOS_DEVICES = frozenset(
    ("CON", "PRN", "AUX", "NUL", *(f"COM{n}" for n in range(1, 10)), *(f"LPT{n}" for n in range(1, 10)))
)
_NO_SIGNS = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))  # Unicode general categories
LONGEST_STEM = 200  # of MAX_UNITS: leaves room for a number and any ending
assert LONGEST_STEM < MAX_UNITS


def safe_stem(stem: str, profile: Profile) -> str:
    """A name without its ending, in signs that FAT and the device take, no longer than it shows.

    Composed (NFC); accents give way to base letters where the device does not load them; a run of signs that
    cannot stay becomes one ``_``. A name of which nothing readable is left becomes ``sample``.
    """
    allowed = profile.find("names.safe")
    keep = None if allowed is None else frozenset(allowed.value)
    text = unicodedata.normalize("NFC", stem)
    if keep is not None and not set(text) <= keep:
        text = _plain(text)
    text = _replaced(text, keep).strip(" ").lstrip(".").rstrip(". ")
    limit = profile.find("names.max_chars")
    text = _cut(text, min(LONGEST_STEM, limit.value) if limit else LONGEST_STEM)
    if not any(c.isalnum() for c in text) and text != stem:
        return "sample"
    return f"_{text}" if is_dos_device(text) else text or "sample"


def is_dos_device(stem: str) -> bool:
    """Whether Windows keeps a name for a device of its own, whatever its ending."""
    return stem.partition(".")[0].rstrip(" ").upper() in _DOS_DEVICES


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.translate(_BASE))
    return "".join(c for c in apart if not unicodedata.combining(c))


def _replaced(text: str, keep: frozenset[str] | None) -> str:
    out: list[str] = []
    run = False
    for c in text:
        good = c in keep if keep is not None else on_fat(c)
        if good:
            out.append(c)
        elif not run:
            out.append("_")
        run = not good
    return "".join(out)


def on_fat(c: str) -> bool:
    """Whether a sign may be in a FAT name, and is one: controls, marks of direction and the like are not."""
    return c not in RESERVED and unicodedata.category(c) not in _NO_SIGNS


def _cut(text: str, units: int) -> str:
    """At most so many UTF-16 units, never half of a pair, without a space or dot at the cut."""
    if len(text.encode("utf-16-le")) <= 2 * units:
        return text
    return text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore").rstrip(". ")


class Names:
    """The names of one folder: each is given once, whatever its case."""

    def __init__(self, profile: Profile, taken: Iterable[str] = ()) -> None:
        self._profile = profile
        self._taken = {fold(name) for name in taken}
        self._next: dict[str, int] = {}

    def give(self, name: str, ending: str | None = None) -> str:
        """A safe name for ``name``, with ``ending`` (such as ``.wav``) where it is to change."""
        stem, dot, suffix = name.rpartition(".")
        stem, own = (stem, dot + suffix) if stem else (name, "")
        end = plain_ending(own) if ending is None else ending
        return self.give_safe(safe_stem(stem, self._profile), end)

    def give_safe(self, stem: str, end: str = "") -> str:
        """A unique name from a stem that is safe already."""
        chosen = stem + end
        number = self._next.get(fold(chosen), 2)
        key = fold(chosen)
        while fold(chosen) in self._taken:
            chosen = self._numbered(stem, number) + end
            number += 1
        self._next[key] = number
        self._taken.add(fold(chosen))
        return chosen

    def _numbered(self, stem: str, number: int) -> str:
        limit = self._profile.find("names.max_chars")
        room = (min(LONGEST_STEM, limit.value) if limit else LONGEST_STEM) - len(f"-{number}")
        return f"{_cut(stem, room)}-{number}"


def plain_ending(own: str) -> str:
    """An ending as it is, in signs that every device takes."""
    plain = "".join(c for c in own if c.isascii() and (c.isalnum() or c == "."))
    return plain if len(plain) > 1 else ""
