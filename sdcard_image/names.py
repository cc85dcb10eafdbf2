"""File names on FAT: what is allowed, how they compare, and their 8.3 aliases."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Container
from functools import lru_cache

from sdcard_image.types import CardError

MAX_UNITS = 255  # UTF-16 units of a long name
MAX_DEPTH = 128  # folders within folders; FAT has no limit of its own, readers' path buffers do
RESERVED = '"*/:<>?\\|'
_ALIAS_EXTRA = "!#$%&'()-@^_`{}~"
_ALIAS_BAD = re.compile(f"[^A-Z0-9{re.escape(_ALIAS_EXTRA)}]")
_SHORT = re.compile(rf"[A-Z0-9{re.escape(_ALIAS_EXTRA)}]{{1,8}}(\.[A-Z0-9{re.escape(_ALIAS_EXTRA)}]{{1,3}})?")
_LABEL = re.compile(rf"[A-Z0-9 {re.escape(_ALIAS_EXTRA)}]{{0,11}}")


def check_name(name: str) -> str:
    """The name as it is stored (NFC); `CardError` where FAT cannot hold it."""
    name = unicodedata.normalize("NFC", name)
    problem = _problem(name)
    if problem:
        raise CardError(f"the name {name[:80]!r} cannot be on a FAT32 card: {problem}")
    return name


def _problem(name: str) -> str:
    if name in ("", ".", ".."):
        return "it is empty or stands for a folder itself"
    if any("\ud800" <= c <= "\udfff" for c in name):
        return "it is not valid Unicode"
    if len(name.encode("utf-16-le")) > 2 * MAX_UNITS:
        return f"it is longer than {MAX_UNITS} UTF-16 units"
    bad = next((c for c in name if c in RESERVED or c < " " or c == "\x7f"), None)
    if bad is not None:
        return f"it contains {bad!r}"
    return "it ends with a dot or a space" if name[-1] in ". " else ""


def fold(name: str) -> str:
    """A key under which names that FAT takes for the same are equal: NFC, and FAT's upper case."""
    if name.isascii():
        return name.upper()
    return "".join(map(_upper, unicodedata.normalize("NFC", name)))


@lru_cache(maxsize=4096)
def _upper(unit: str) -> str:
    """A unit's capital by FAT's plain table: one unit, that has this one for its small letter.

    So dotless i and long s have none. Final sigma has, although its capital's small letter is the other one.
    """
    upper = unit.upper()
    if unit > "\uffff" or len(upper) != 1:
        return unit
    return upper if unit == "\u03c2" or upper.lower() == unit else unit


def split_path(path: str) -> list[str]:
    """The names in a card path; only ``/`` separates. `CardError` for ``.`` and ``..``."""
    names = [part for part in path.split("/") if part]
    if any(name in (".", "..") for name in names):
        raise CardError(f"{path!r} is no card path: write it from the top, without . or ..")
    return names


def check_clash(path: str, size: int | None, is_dir: bool | None, *, twice: bool) -> None:
    """Raise `CardError` where a file (or folder: ``size`` None) cannot go where another thing is or will be.

    ``is_dir`` says what is there: a folder, a file, or (None) nothing.
    """
    if twice and not (size is None and is_dir is not False):
        raise CardError(f"{path} is to be put on the card twice, or differs only in case; rename one")
    if is_dir and size is not None:
        raise CardError(f"{path} is a folder on the card; give the file another name")
    if is_dir is False and size is None:
        raise CardError(f"{path} is a file on the card; give the folder another name")


def is_short(name: str) -> bool:
    """Whether a name is stored in its 8.3 entry alone."""
    return _SHORT.fullmatch(name) is not None


def check_label(label: str) -> str:
    """A volume label as stored, upper case; `CardError` where it is not one."""
    label = label.upper().rstrip(" ")
    if label.startswith(" "):
        raise CardError(
            f"the label {label[:80]!r} begins with a space, which FAT32 does not allow; leave it out"
        )
    if not _LABEL.fullmatch(label):
        raise CardError(f"the label {label[:80]!r} is not up to 11 letters, digits, spaces or simple signs")
    return label


def alias(name: str, taken: Container[bytes]) -> bytes:
    """An 11-byte 8.3 alias for a long name that is not in ``taken``.

    The name itself where only its case differs, then ``PREFIX~1``; after that two letters, four hexadecimal
    digits of a hash and a tail, so that thousands of names with the same prefix need one or two tries each.
    """
    upper = fold(name)
    if _SHORT.fullmatch(upper) and (plain := pack_short(upper)) not in taken:
        return plain
    base, ext = _reduce(upper)
    first = f"{base[:6]}~1".ljust(8).encode() + ext
    if first not in taken:
        return first
    attempt = 0
    while True:
        digest = hashlib.blake2b(f"{attempt}/{upper}".encode(), digest_size=3).hexdigest().upper()
        candidate = f"{base[:2]}{digest[:4]}~{1 + int(digest[4:], 16) % 9}".ljust(8).encode() + ext
        if candidate not in taken:
            return candidate
        attempt += 1


def _reduce(upper: str) -> tuple[str, bytes]:
    stem, dot, ext = upper.lstrip(".").rpartition(".")
    if not dot:
        stem, ext = ext, ""
    return _ascii(stem) or "_", _ascii(ext)[:3].ljust(3).encode()


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace(" ", "").replace(".", ""))
    return _ALIAS_BAD.sub("_", "".join(c for c in plain if not unicodedata.combining(c)))


def pack_short(name: str) -> bytes:
    """The 11 bytes of a name that `is_short` accepts."""
    stem, _, ext = name.partition(".")
    return (stem.ljust(8) + ext.ljust(3)).encode("ascii")
