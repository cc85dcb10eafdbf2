"""Names of damaged folder entries: what a short and a long name, tied together, must have been."""

from __future__ import annotations

import unicodedata

from sdcard_image.direntry import LONG, SIZE, checksum
from sdcard_image.names import MAX_UNITS, RESERVED, alias, fold, is_short, pack_short

_NAME_BAD = frozenset(range(0x20)) | {0x7F} | set(b'"*+,./:;<=>?[\\]|') | set(range(0x61, 0x7B))
_LIKE = 4  # of the bytes of an 8.3 name that differ from what its long name says: no other name
_TO_UNDERSCORE = frozenset('+,;=[]"*/:<>?\\|')


def bad_name_bytes(short: bytes) -> list[int]:
    """Positions of an 8.3 name that hold what cannot be there."""
    bad = [i for i, value in enumerate(short) if value in _NAME_BAD and not (i == 0 and value == 5)]
    if short[:1] == b" ":
        bad.append(0)
    stem, ext = short[:8].rstrip(b" "), short[8:].rstrip(b" ")
    return bad + [i for i in range(1, len(stem)) if stem[i] == 0x20] + [
        8 + i for i in range(len(ext)) if ext[i] == 0x20
    ]  # fmt: skip


def nearly(name: bytes, wanted: bytes) -> bool:
    """Whether two names differ in one byte at most."""
    return sum(a != b for a, b in zip(name, wanted, strict=True)) <= 1


def is_part(slot: bytes, k: int, tie: int) -> bool:
    """Whether a slot is the ``k``-th part of a name, one wrong byte allowed."""
    order = slot[0] & 0x3F == k and not slot[0] & 0x80
    marks = (order, slot[11] & 0x3F == LONG, slot[12] == 0, slot[13] == tie, slot[26:28] == b"\0\0")
    return sum(marks) >= 4 and (order or slot[13] == tie)


def _units(part: bytes) -> bytes:
    return part[1:11] + part[14:26] + part[28:32]


def ends(part: bytes) -> bool:
    """Whether a name ends within a part: a zero unit, then only 0xFFFF."""
    units = _units(part)
    values = [units[i : i + 2] for i in range(0, 26, 2)]
    return b"\0\0" in values and all(v == b"\xff\xff" for v in values[values.index(b"\0\0") + 1 :])


def join(parts: list[bytes]) -> tuple[str, bool]:
    """The name in parts of stored order, and whether nothing had to be mended in its characters."""
    units = b"".join(_units(p) for p in reversed(parts))
    values = [units[i : i + 2] for i in range(0, len(units), 2)]
    values, sound = _ended(values)
    text = b"".join(values).decode("utf-16-le", "replace")
    mended = "".join("_" if c in RESERVED or c < " " or c in "\x7f\ufffd\uffff" else c for c in text)
    mended = mended[:-1] + "_" if mended[-1:] in (".", " ") else mended
    dot = len(mended) - 4
    if dot > 0 and mended[dot] != text[dot] and "." not in mended:
        mended = (
            mended[:dot] + "." + mended[dot + 1 :]
        )  # a name with an extension of three letters, most likely
    if len(values) > MAX_UNITS or mended in (".", ".."):
        return "", False
    return mended, sound and mended == text


def _ended(values: list[bytes]) -> tuple[list[bytes], bool]:
    """The units of a name up to its end, and whether the end is as it must be, one wrong unit allowed."""
    nul, fill = b"\0\0", b"\xff\xff"
    if nul in values:
        end = values.index(nul)
        others = sum(v != fill for v in values[end + 1 :])
        if others == 0 or (others == 1 and values[-1] != nul):
            return values[:end], others == 0
        values = [v if v != nul or i == len(values) - 1 else b"_\0" for i, v in enumerate(values)]
    filled = bool(values) and values[-1] == fill
    while values and values[-1] == fill:
        values = values[:-1]
    if filled or values[-1:] == [nul]:  # the unit before the filling was the end mark
        return values[:-1], not filled
    return values, True


def same_parts(parts: list[bytes], packed: bytes) -> bool:
    """Equal but for what stands behind a name's end, which other systems fill as they like."""
    stored = b"".join(parts)
    fixed = all(
        all(stored[at + i] == packed[at + i] for i in (0, 11, 12, 13, 26, 27))
        for at in range(0, min(len(stored), len(packed)), SIZE)
    )
    return len(stored) == len(packed) and fixed


def mend_short(short: bytes, parts: list[bytes], name: str) -> tuple[bytes, str]:
    """The 8.3 name as the parts' tie says it was: the one byte that fits both the tie and the long name."""
    ties = [p[13] for p in parts]
    if not ties or checksum(short) in ties:
        return short, ""
    tie = max(ties, key=ties.count)
    candidates = [
        short[:i] + bytes([v]) + short[i + 1 :] for i in range(11) for v in _byte_for(short, i, tie)
    ]
    right = [c for c in candidates if not bad_name_bytes(c) and alias_errors(name, c) == []]
    if not right:
        return short, "its 8.3 name is not the one that its long name belongs to"
    broken = [c for c in right if alias_errors(name, short) or bad_name_bytes(short)]
    return (broken or [*right])[0], "a byte of its 8.3 name is wrong"


def _byte_for(short: bytes, i: int, tie: int) -> list[int]:
    return [v for v in range(256) if checksum(short[:i] + bytes([v]) + short[i + 1 :]) == tie]


def belongs(parts: list[bytes], short: bytes, name: str) -> bool:
    """Whether parts that do not carry the 8.3 name's tie may still be its own: the names are alike."""
    ties = [p[13] for p in parts]
    return checksum(short) in ties or len(alias_errors(name, short)) <= 1


def claims_entry(parts: list[bytes], short: bytes, name: str) -> bool:
    """Whether sound parts directly before an 8.3 entry name it, although more than a byte differs.

    Only if that 8.3 name is none, or like the long one: else a device that does not know long names may have
    put a new file in the place of an old one, and its name is sound.
    """
    sound = all(p[13] == parts[0][13] and p[11] == LONG and p[12] == 0 for p in parts)
    if not sound or not parts[0][0] & 0x40 or [p[0] & 0x3F for p in parts] != [*range(len(parts), 0, -1)]:
        return False
    return bool(bad_name_bytes(short)) or len(alias_errors(name, short)) <= _LIKE


def alias_of(name: str, tie: int, taken: set[bytes]) -> bytes:
    """The 8.3 name that a long one had: the usual one that fits its tie, or else a new one."""
    upper = fold(name)
    usual = [pack_short(upper)] if is_short(upper) else []
    first = alias(name, set() if not usual else set(usual))
    stem, ext = first[:8].partition(b"~")[0], first[8:]
    for number in range(1, 100):
        tail = f"~{number}".encode()
        usual.append((stem[: 8 - len(tail)] + tail).ljust(8) + ext)
    fits = [u for u in usual if u not in taken and checksum(u) == tie]
    return fits[0] if fits else fresh_alias(name, taken)


def _plain(text: str) -> list[tuple[int, str]]:
    """Characters that an alias is made of, with their places in the name."""
    return [(i, c) for i, c in enumerate(text) if c not in " ."]


def alias_errors(name: str, short: bytes) -> list[tuple[int, int]]:
    """Where a long name and its 8.3 alias do not fit: (place in name, place in alias).

    An alias is the name itself, or begins with its first characters, then ``~`` or a hash (which are not
    compared), and has its extension. Characters outside ASCII are not compared.
    """
    upper = fold(name)
    if is_short(upper):
        plain = pack_short(upper)
        whole = [(_place(upper, i), i) for i in range(11) if plain[i] != short[i]]
        if len(whole) <= 1:
            return whole
    stem, dot, ext = upper.lstrip(".").rpartition(".")
    offset = len(upper) - len(upper.lstrip("."))
    if not dot:
        stem, ext = ext, ""
    tilde = short[:8].find(b"~")
    compare = 8 if tilde < 0 else min(tilde, 2 if _hashed(short, tilde) else tilde)
    start = len(upper) - len(ext)
    return _differing(stem, offset, short[:compare], 0) + _differing(ext, start, short[8:], 8)


def _differing(text: str, place: int, alias_part: bytes, at: int) -> list[tuple[int, int]]:
    """Where characters differ from an alias's; up to a second one outside ASCII: then counts are unsure."""
    out, foreign = [], 0
    for i, (inner, char) in enumerate(_plain(text)[: len(alias_part)]):
        foreign += not char.isascii()
        if foreign > 1:
            break
        if alias_part[i] not in _alias_bytes(char):
            out.append((place + inner, at + i))
    return out


def _hashed(short: bytes, tilde: int) -> bool:
    """An alias of two letters and four hexadecimal digits: Windows' for many alike, and ours."""
    return tilde == 6 and all(c in b"0123456789ABCDEF" for c in short[2:6])


def _place(upper: str, i: int) -> int:
    dot = upper.find(".")
    place = i if i < 8 else dot + 1 + i - 8
    return place if 0 <= place < len(upper) else -1


def _alias_bytes(char: str) -> bytes:
    """The bytes that may stand for an upper-case character in an alias."""
    if char.isascii():
        return b"_" if char in _TO_UNDERSCORE else char.encode()
    base = unicodedata.normalize("NFKD", char)[:1].encode("ascii", "ignore")
    return base + b"_ " + bytes(range(0x80, 0x100))


def mend_long(name: str, short: bytes, *, tied: bool) -> str:
    """Put the one character right in which a long name differs from its alias, which is right if ``tied``."""
    dot = len(name) - 1 - len(short[8:].rstrip())
    if "." not in name and dot > 0 and not name[dot].isascii() and ord(name[dot]) & 0xFF == ord("."):
        whole = name[:dot] + "." + name[dot + 1 :]
        return name if alias_errors(whole, short) else whole
    errors = alias_errors(name, short)
    if len(errors) != 1 or errors[0][0] < 0:
        return name
    place, at = errors[0]
    char = chr(short[at])
    if not (char.isascii() and char.isalnum()):
        return name
    if name[place].isascii() and name[place].isalnum() and not tied:
        return name  # two letters that differ: no telling which is meant
    near = name[place - 1 : place] + name[place + 1 : place + 2]
    return name[:place] + (char.lower() if near != near.upper() else char) + name[place + 1 :]


def fresh_alias(name: str, taken: set[bytes]) -> bytes:
    """An 8.3 name for a long one that is not in ``taken``."""
    upper = fold(name)
    if is_short(upper) and pack_short(upper) not in taken:
        return pack_short(upper)
    return alias(name, taken)
