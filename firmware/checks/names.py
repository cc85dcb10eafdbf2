"""Whether names on a card, or in a folder that will become one, are such that everything can use them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from firmware.findings import Finding, Severity, found
from firmware.profiles import Profile

RESERVED = frozenset('"*/:<>?\\|')  # what FAT does not allow in a long name
MAX_UNITS = 255
_WINDOWS = frozenset(("thumbs.db", "desktop.ini", "system volume information", "$recycle.bin"))
_MAC = frozenset(("icon\r", "network trash folder", "temporary items"))


@dataclass(frozen=True, slots=True)
class Named:
    """A name as it is stored, byte for byte, and where: ``path`` is its path on the card."""

    path: str
    name: str
    is_dir: bool = False


def check_names(names: Iterable[Named], profile: Profile) -> Iterator[Finding]:
    """Findings on names; but what a device refuses in a file's name is admission's to say."""
    seen: dict[str, str] = {}
    gone: set[str] = set()  # hidden folders: what lies in them goes with them
    for one in names:
        if gone and not gone.isdisjoint(_ancestors(one.path)):
            continue
        folder = one.path[: len(one.path) - len(one.path.rpartition("/")[2])]
        key = folder.casefold() + fold(one.name)
        if key in seen:
            yield found("name-duplicate", f"to FAT it is the same name as {seen[key]}", path=one.path)
        seen.setdefault(key, one.path)
        if what := hidden(one.name):
            yield _hidden(one, what, profile)
            if one.is_dir:
                gone.add(one.path)
            continue
        yield from _spelling(one)
        yield from _folder(one, profile)


def _ancestors(path: str) -> Iterator[str]:
    """The folders that a path lies in."""
    return (path[:at] for at, character in enumerate(path) if character == "/" and at)


def fold(name: str) -> str:
    """A key under which names that FAT takes for the same are equal."""
    upper = ((c, c.upper()) for c in unicodedata.normalize("NFC", name))
    return "".join(u if len(u) == 1 else c for c, u in upper)


def hidden(name: str) -> str:
    """Who leaves files of this name behind; empty where it is a name of the user's own."""
    low = name.lower()
    if low in _WINDOWS:
        return "Windows"
    if low.startswith("._") or low in _MAC or low in (".ds_store", ".trashes", ".fseventsd", ".appledouble"):
        return "macOS"
    if low.startswith((".spotlight", ".temporaryitems", ".documentrevisions", ".metadata_never_index")):
        return "macOS"
    return "a computer" if low.startswith(".") else ""


def _hidden(one: Named, what: str, profile: Profile) -> Finding:
    in_list = profile.value("card.layout") == "sp404mk2" and one.path.upper().startswith("/IMPORT/")
    severity = Severity.WARNING if in_list else Severity.NOTE
    text = f"{what} left the {'folder' if one.is_dir else 'file'} {one.name} here"
    return found("hidden-file", text, path=one.path, severity=severity)


def _spelling(one: Named) -> Iterator[Finding]:
    name = one.name
    for kind, categories in (("name-control", ("Cc",)), ("name-invisible", ("Cf", "Zl", "Zp"))):
        if odd := sorted({c for c in name if unicodedata.category(c) in categories}):
            codes = ", ".join(f"U+{ord(c):04X}" for c in odd)
            yield found(kind, f"the name holds {codes}", path=one.path)
    if name != name.rstrip(". ") or name.startswith(" "):
        where = "begins with a space" if name.startswith(" ") else "ends with a dot or a space"
        severity = Severity.WARNING if name == name.rstrip(". ") else None
        yield found("name-trailing", f"the name {where}", path=one.path, severity=severity)
    if bad := _not_fat(name):
        yield found("name-not-fat", bad, path=one.path)
    elif unicodedata.normalize("NFC", name) != name:
        plain = unicodedata.normalize("NFC", name)
        what = f"the name is spelt with {len(name)} characters, where {plain} has {len(plain)}"
        yield found("name-nfd", what, path=one.path)


def _not_fat(name: str) -> str:
    if any("\ud800" <= c <= "\udfff" for c in name):
        return "the name is no valid Unicode"
    if bad := sorted(set(name) & RESERVED):
        return f"the name holds {' '.join(bad)}"
    if len(name.encode("utf-16-le", "surrogatepass")) > 2 * MAX_UNITS:
        return f"the name is longer than {MAX_UNITS} UTF-16 units"
    return ""


def _folder(one: Named, profile: Profile) -> Iterator[Finding]:
    """What the device has against the names of folders that it lists."""
    if not one.is_dir or not one.path.upper().startswith(("/IMPORT/", "/EXPORT/")):
        return
    safe, longest = profile.find("names.safe"), profile.find("names.project_max_chars")
    if safe and (bad := sorted(set(one.name) - set(safe.value))):
        text = f"the folder's name holds {' '.join(bad)}: the device shows '_' for it"
        yield found("name-characters", text, path=one.path, severity=Severity.WARNING, mark=safe.mark)
    if longest and len(one.name) > longest.value:
        text = f"the folder's name has {len(one.name)} characters; the device keeps {longest.value}"
        yield found("name-length", text, path=one.path, mark=longest.mark)
