"""Reading a damaged folder: which 32-byte slots are entries, and what their names must have been.

`direntry.parse` reads as a device does; this reads as a repairer: an entry keeps its long name although one
byte of it is wrong, and entries that a reader would not see (deleted, behind the end mark, taken for a long
name or a label) are given as well, marked as hidden, for the FAT to say whether they are real.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from sdcard_image.direntry import DELETED, DIRECTORY, LONG, SIZE, VOLUME, checksum, pack_long_entries
from sdcard_image.name_mending import (
    alias_of,
    bad_name_bytes,
    belongs,
    claims_entry,
    ends,
    is_part,
    join,
    mend_long,
    mend_short,
    nearly,
    same_parts,
)
from sdcard_image.names import RESERVED

DOT, DOTDOT = b".".ljust(11), b"..".ljust(11)
MAX_PARTS = 20
_BLANK = bytes(SIZE)
_CLUSTERS = struct.Struct("<8xH4xHI")  # of the second half: from byte 12 of the entry on


@dataclass(slots=True)
class Found:
    """An entry of a folder. ``entry`` is its 8.3 slot, mended; ``parts`` its long-name slots, to be stored.

    ``hidden`` says why a reader does not see it ('' if it does). ``defects`` are (identifier, sentence).
    ``doubted``: more than a byte of its name is wrong, so it may be another's.
    """

    index: int
    entry: bytes
    long: str
    parts: bytes
    hidden: str = ""
    defects: list[tuple[str, str]] = field(default_factory=list)
    named_surely: bool = True
    doubted: bool = False
    guessed: list[int] = field(default_factory=list)

    @property
    def short(self) -> bytes:
        """The 11 bytes of the 8.3 name."""
        return self.entry[:11]

    @property
    def attributes(self) -> int:
        """The attribute byte."""
        return self.entry[11]

    @property
    def cluster(self) -> int:
        """First cluster, 28 bits."""
        high, low, _ = _CLUSTERS.unpack(self.entry[12:])
        return int((high << 16 | low) & 0x0FFF_FFFF)

    @property
    def size(self) -> int:
        """Size in bytes."""
        return int(_CLUSTERS.unpack(self.entry[12:])[2])

    @property
    def name(self) -> str:
        """The name for people: the long one, or the 8.3 one."""
        return self.long or short_text(self.entry[:11], self.entry[12])


@dataclass(slots=True)
class Slots:
    """What a folder's bytes hold, in order; ``defects`` are those of no entry."""

    found: list[Found] = field(default_factory=list)
    defects: list[tuple[str, str]] = field(default_factory=list)
    label: bytes = b""


def with_place(entry: bytes, cluster: int, size: int) -> bytes:
    """An 8.3 slot that points elsewhere."""
    return (
        entry[:20]
        + struct.pack("<H", cluster >> 16)
        + entry[22:26]
        + struct.pack("<HI", cluster & 0xFFFF, size)
    )


def short_text(short: bytes, case: int = 0) -> str:
    """An 8.3 name as text; what cannot be in a name becomes ``_``."""
    raw = b"\xe5" + short[1:] if short[:1] == b"\x05" else short
    stem, ext = raw[:8].decode("cp437").rstrip(" "), raw[8:].decode("cp437").rstrip(" ")
    stem = stem.lower() if case & 0x08 else stem
    ext = ext.lower() if case & 0x10 else ext
    text = "".join("_" if c < " " or c in RESERVED else c for c in (f"{stem}.{ext}" if ext else stem))
    return text if text not in ("", ".", "..") else "_"


def oddness(entry: bytes, limit: int) -> int:
    """How many things in an 8.3 slot are not as they should be; 4 or more is no entry at all."""
    cluster = struct.unpack_from("<H", entry, 20)[0] << 16 | struct.unpack_from("<H", entry, 26)[0]
    size = struct.unpack_from("<I", entry, 28)[0]
    odd = len(bad_name_bytes(entry[:11])) + 2 * bool(entry[11] & 0xC0) + bool(entry[12] & ~0x18)
    odd += 2 * (cluster >= limit or cluster == 1)
    return int(odd + bool(entry[11] & DIRECTORY and size) + (cluster == 0 and size != 0))


def label_is_fine(label: bytes) -> bool:
    """Whether 11 bytes may be a volume's label."""
    bad = set(b'"*+,./:;<=>?[\\]|') | set(range(0x61, 0x7B)) | set(range(0x20)) | set(range(0x7F, 0x100))
    return len(label) == 11 and label[:1] != b" " and not bad & set(label)


def looks_like_folder(data: bytes, limit: int) -> bool:
    """Whether a cluster's bytes may be part of a folder: blank, or most of its slots are entries."""
    good = bad = 0
    for at in range(0, len(data) - 31, SIZE):
        slot = data[at : at + SIZE]
        if slot == _BLANK or slot[0] == DELETED:
            continue
        if slot[11] & 0x3F == LONG:
            fine = slot[12] == 0 and slot[26:28] == b"\0\0"
        else:
            fine = oddness(slot, limit) < 3 and slot[0] != 0
        good, bad = good + fine, bad + (not fine)
    return good >= 4 * bad


def dots(data: bytes) -> tuple[int | None, int | None]:
    """Where a folder's two dot entries point to; None for one that is not there."""
    out: list[int | None] = []
    for at, name in ((0, DOT), (SIZE, DOTDOT)):
        slot = data[at : at + SIZE]
        right = slot[:11] == name and slot[11] & DIRECTORY and slot[11] & 0x3F != LONG
        out.append(Found(0, slot, "", b"").cluster if right else None)
    return out[0], out[1]


# Long names


def scan(data: bytes, limit: int, *, label: bytes | None = None) -> Slots:
    """The entries of a folder's bytes. ``limit`` is the first number that is no cluster.

    ``label`` is given for the top folder, which holds the volume's: what the boot sector says it is, or b"".
    """
    return _Scan(data, limit, label).run()


class _Scan:
    """Goes through the slots; each 8.3 entry takes the long-name slots before it that are its own."""

    def __init__(self, data: bytes, limit: int, label: bytes | None) -> None:
        self.slots = [data[at : at + SIZE] for at in range(0, len(data) - 31, SIZE)]
        self.limit, self.root, self.label = limit, label is not None, label or b""
        self.end = next((i for i, s in enumerate(self.slots) if s[0] == 0), len(self.slots))
        self.used: set[int] = set()
        self.out = Slots()

    def run(self) -> Slots:
        """All of it."""
        last = max((i for i, s in enumerate(self.slots) if s != _BLANK), default=-1)
        for i in range(last + 1):
            slot = self.slots[i]
            if slot == _BLANK or (not self.root and i < 2 and nearly(slot[:11], (DOT, DOTDOT)[i])):
                continue
            self._slot(i, slot)
        _mend_by_siblings(self.out.found)
        self._orphans(last)
        if last >= self.end:
            self.out.defects.append(("bad-entry", "entries stand behind its end mark"))
        return self.out

    def _slot(self, i: int, slot: bytes) -> None:
        if not self._is_own_entry(i, slot):
            return
        hidden = self._hidden(i, slot)
        if self._is_label(slot, hidden):
            self.out.label = self._mended_label(slot)
            self.used.add(i)
            return
        found = self._entry(i, slot, hidden)
        if found is not None:
            self.out.found.append(found)

    def _is_own_entry(self, i: int, slot: bytes) -> bool:
        """Not a long-name slot; a slot that is neither for sure is decided by who stands after it."""
        if i in self.used:
            return False
        if slot[11] & 0x3F == LONG and slot[12] == 0 and slot[26:28] == b"\0\0":
            return False
        return not self._part_of_next(i, slot)  # else its attribute byte may be what is wrong

    def _part_of_next(self, i: int, slot: bytes) -> bool:
        """A long-name slot with one wrong byte: all else fits the slots that follow."""
        order = slot[0] & 0x3F
        if not 1 <= order <= MAX_PARTS or i + order >= len(self.slots):
            return False
        owner = self.slots[i + order]
        if owner == _BLANK or owner[11] & 0x3F == LONG or not is_part(slot, order, checksum(owner[:11])):
            return False
        return order == 1 or is_part(self.slots[i + 1], order - 1, checksum(owner[:11]))

    def _hidden(self, i: int, slot: bytes) -> str:
        if slot[0] == DELETED:
            return "deleted"
        if i >= self.end:
            return "behind the end mark"
        if slot[11] & 0x3F == LONG:
            return "taken for a long name"
        return "taken for a label" if slot[11] & VOLUME else ""

    def _mended_label(self, slot: bytes) -> bytes:
        name = slot[:11] if label_is_fine(slot[:11]) or not label_is_fine(self.label) else self.label
        right = name + bytes((slot[11] & 0x20 | VOLUME,)) + slot[12:20] + b"\0\0" + slot[22:26] + bytes(6)
        if right != slot:
            self.out.defects.append(("bad-entry", "the volume's label is damaged"))
        return right

    def _is_label(self, slot: bytes, hidden: str) -> bool:
        """The label, or what a wrong byte has made of it: two of its name, its mark and its blank fields."""
        if self.out.label or not self.root or slot[0] in (0, DELETED):
            return False
        blank = slot[20:22] == b"\0\0" and slot[26:32] == bytes(6)
        named = bool(self.label) and slot[:11] == self.label
        return (hidden == "taken for a label") + blank + named >= 2

    def _entry(self, i: int, slot: bytes, hidden: str) -> Found | None:
        parts = self._parts(i, slot)
        if hidden == "deleted" and not parts and slot[1:11] in (DOT[1:], DOTDOT[1:]):
            return None
        name, sound = join(parts)
        doubted = False
        short, why = mend_short(slot[:11], parts, name)
        strange = ""
        if name and not belongs(parts, short, name):
            if sound and claims_entry(parts, short, name):
                why = "its 8.3 name is damaged; it has the long name that stands before it"
                taken = {s[:11] for k, s in enumerate(self.slots) if k != i}
                short = alias_of(name, parts[0][13], taken)
            else:
                strange = f"the long name before it, {name}, is not tied to it"
                name, parts = "", []
            doubted = True
        self.used.update(range(i - len(parts), i))
        if not name and not hidden and oddness(slot, self.limit) >= 4:
            hidden = "nonsense"
        found = Found(i, short + slot[11:], name, b"".join(parts), hidden)
        found.doubted = doubted
        if why and name:
            found.defects.append(("bad-entry", why))
        if strange:
            found.defects.append(("long-name-damaged", strange))
        self._finish_name(found, name, sound, parts)
        return found

    def _finish_name(self, found: Found, name: str, sound: bool, parts: list[bytes]) -> None:
        """Bring short name, long name and tie together again."""
        bad = bad_name_bytes(found.short)
        if bad:
            mended = bytearray(found.short)
            for i in bad:
                mended[i] = ord("_")
            found.entry = bytes(mended) + found.entry[11:]
            found.defects.append(("bad-entry", "its 8.3 name holds what no name may"))
            found.named_surely = bool(name)
        if not name:
            return
        right = mend_long(name, found.short, tied=all(p[13] == checksum(found.short) for p in parts))
        packed = pack_long_entries(right, found.short)
        if packed != b"".join(parts) and not (sound and right == name and same_parts(parts, packed)):
            found.defects.append(("long-name-damaged", "a byte of its long name is wrong"))
        if not sound:
            found.guessed = [i for i, c in enumerate(right) if c == "_"]
        found.long, found.parts = right, packed if found.defects or not sound else b"".join(parts)

    def _parts(self, i: int, slot: bytes) -> list[bytes]:
        """The long-name slots before slot ``i``, in stored order; [] where they do not end a name."""
        tie = self._tie(i, slot)
        parts: list[bytes] = []
        for k in range(1, MAX_PARTS + 1):
            at = i - k
            if at < 0 or at in self.used or not is_part(self.slots[at], k, tie):
                break
            part = self.slots[at]
            parts.insert(0, part)
            if part[0] & 0x40 and part[0] & 0x3F == k:
                return parts
            if part[0] & 0x3F != k and ends(part):
                return parts
        return parts if parts and (ends(parts[0]) or parts[0][0] & 0x40) else []

    def _tie(self, i: int, slot: bytes) -> int:
        """The tie byte that most of the parts and the 8.3 name agree on."""
        own = checksum(slot[:11])
        ties = [own]
        for k in range(1, MAX_PARTS + 1):
            if i - k < 0 or self.slots[i - k][11] & 0x3F != LONG or self.slots[i - k][0] & 0x3F != k:
                break
            ties.append(self.slots[i - k][13])
            if self.slots[i - k][0] & 0x40:
                break
        best = max(ties, key=ties.count)
        return ties[1] if len(ties) == 2 else best

    def _orphans(self, last: int) -> None:
        loose = [
            i
            for i in range(min(last + 1, self.end))
            if i not in self.used and self.slots[i][11] & 0x3F == LONG and self.slots[i][0] != DELETED
        ]
        own = {f.index for f in self.out.found}
        if any(i not in own for i in loose):
            self.out.defects.append(("long-name-damaged", "parts of long names belong to no entry"))


def _mend_by_siblings(entries: list[Found]) -> None:
    """Characters that cannot have been meant, put right by names that are alike before and after them."""
    odd = [(found, i) for found in entries if found.long for i in _odd_places(found)]
    for found, i in odd[:256]:
        char = _by_siblings(found, i, entries)
        if char:
            found.long = found.long[:i] + char + found.long[i + 1 :]
            found.parts = pack_long_entries(found.long, found.short)
            found.defects.append(("long-name-damaged", "a byte of its long name is wrong"))


def _by_siblings(found: Found, i: int, entries: list[Found]) -> str:
    """The character that others have there, or one of their kind of which a byte is left; '' for none."""
    name = found.long
    before, after = _kinds(name[:i][-8:]), _kinds(name[i + 1 :][:2])
    votes = [
        other.long[i]
        for other in entries
        if other is not found
        and len(other.long) > i
        and _kinds(other.long[:i][-8:]) == before
        and _kinds(other.long[i + 1 :][:2]) == after
    ]
    if name[i] == "_":
        same = [c for c in votes if c != "_"]
        return max(same, key=same.count) if same else ""
    left = chr(ord(name[i]) & 0xFF)
    return left if left.isascii() and _kinds(left) in map(_kinds, votes) else ""


def _kinds(text: str) -> str:
    """Text with all digits alike: names are numbered."""
    return "".join("0" if c in "0123456789" else c for c in text)


def _odd_places(found: Found) -> list[int]:
    """Where a character was not allowed (it is ``_`` now), or is the only one outside ASCII."""
    foreign = [i for i, c in enumerate(found.long) if not c.isascii()]
    return found.guessed + (foreign if len(foreign) == 1 and foreign[0] >= 4 else [])
