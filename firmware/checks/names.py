"""Whether names on a card, or in a folder that will become one, are such that everything can use them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from firmware.findings import Finding, Severity, found
from firmware.profiles import Profile

from .folding import fold

RESERVED = frozenset('"*/:<>?\\|')  # what FAT does not allow in a long name
MAX_UNITS = 255
NO_UNICODE = "the name is no valid Unicode"
LONG_UNITS = 200  # before the ending: with a few folders above it, a path is then beyond Windows' 260
_WINDOWS = frozenset(("thumbs.db", "desktop.ini", "system volume information", "$recycle.bin"))
_WINDOWS_DEVICES = frozenset(
    ("CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10)))
)
_MAC = frozenset(("icon\r", "network trash folder", "temporary items"))


@dataclass(frozen=True, slots=True)
class Named:
    """A name as it is stored, byte for byte, and where: ``path`` is its path on the card."""

    path: str
    name: str
    is_dir: bool = False


def check_names(names: Iterable[Named], profile: Profile) -> Iterator[Finding]:
    """Findings on names; but what a device refuses in a file's name is admission's to say."""
    others = _Others()
    gone: set[str] = set()  # hidden folders: what lies in them goes with them
    for one in names:
        if gone and not gone.isdisjoint(_ancestors(one.path)):
            continue
        twin = others.twin(one)
        if twin is not None:
            yield twin
        if what := hidden(one.name):
            yield _hidden(one, what, profile)
            if one.is_dir:
                gone.add(one.path)
            continue
        yield from _spelling(one, has_twin=twin is not None)
        yield from _ends(one)
        yield from _folder(one, profile)


class _Others:
    """The names seen so far, as FAT compares them, and as they look."""

    def __init__(self) -> None:
        self._same: dict[str, str] = {}
        self._alike: dict[str, str] = {}

    def twin(self, one: Named) -> Finding | None:
        """What is to be said of a name that is, or looks, like one before it in its folder."""
        folder = fold(one.path[: len(one.path) - len(one.path.rpartition("/")[2])])
        key = folder + fold(one.name)
        alike = folder + fold(unicodedata.normalize("NFC", one.name))
        same, like = self._same.setdefault(key, one.path), self._alike.setdefault(alike, one.path)
        if same is not one.path:
            return found("name-duplicate", f"to FAT it is the same name as {same}", path=one.path)
        if like is not one.path:
            lengths = f"{len(one.name)} characters against {len(like.rpartition('/')[2])}"
            return found(
                "name-lookalike", f"it looks like {like}, but is spelt with {lengths}", path=one.path
            )
        return None


def _ancestors(path: str) -> Iterator[str]:
    """The folders that a path lies in."""
    return (path[:at] for at, character in enumerate(path) if character == "/" and at)


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


def _spelling(one: Named, *, has_twin: bool) -> Iterator[Finding]:
    name = one.name
    for kind, categories in (("name-control", ("Cc",)), ("name-invisible", ("Cf", "Zl", "Zp"))):
        if odd := sorted({c for c in name if unicodedata.category(c) in categories}):
            codes = ", ".join(f"U+{ord(c):04X}" for c in odd)
            yield found(kind, f"the name holds {codes}", path=one.path)
    if bad := _not_fat(name):
        yield found("name-not-fat", bad, path=one.path)
    elif unicodedata.normalize("NFC", name) != name and not has_twin:
        plain = unicodedata.normalize("NFC", name)
        what = f"the name is spelt with {len(name)} characters, where {plain} has {len(plain)}"
        yield found("name-nfd", what, path=one.path)


def _ends(one: Named) -> Iterator[Finding]:
    """How a name begins and ends, and what Windows makes of it."""
    name, path = one.name, one.path
    stem = name if one.is_dir else name.rpartition(".")[0] or name
    if name != name.rstrip(". ") or name.startswith(" "):
        where = "begins with a space" if name.startswith(" ") else "ends with a dot or a space"
        severity = Severity.WARNING if name == name.rstrip(". ") else None
        yield found("name-trailing", f"the name {where}", path=path, severity=severity)
    elif stem != stem.rstrip(". "):
        yield found("name-stem", f"before the ending stands {stem[-1]!r}", path=path)
    device = name.partition(".")[0].rstrip(" ").upper()
    if device in _WINDOWS_DEVICES:
        yield found("name-reserved", f"to Windows it is the device {device}", path=path)
    if LONG_UNITS < (units := _units(stem)) <= MAX_UNITS:
        yield found("name-long", f"the name has {units} UTF-16 units before its ending", path=path)


def _units(name: str) -> int:
    return len(name.encode("utf-16-le", "surrogatepass")) // 2


def _not_fat(name: str) -> str:
    if any("\ud800" <= c <= "\udfff" for c in name):
        return f"{NO_UNICODE}: {''.join(map(_spelt_out, name))}"
    if bad := sorted(set(name) & RESERVED):
        return f"the name holds {' '.join(bad)}"
    if _units(name) > MAX_UNITS:
        return f"the name is longer than {MAX_UNITS} UTF-16 units"
    return ""


def _spelt_out(character: str) -> str:
    """A character, or what stands for the byte of a host's name that is none."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if 0xD800 <= code <= 0xDFFF else character


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
