"""Directory entries as pure ``bytes <-> dataclass``: 8.3 entries and the long-name entries before them.

Format: Microsoft "FAT: General Overview of On-Disk Format" 1.03, sections on directories and long names.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime

from sdcard_image.names import is_short

SIZE = 32
MAX_SLOTS = 65_536
DELETED = 0xE5
VOLUME, DIRECTORY, ARCHIVE, LONG = 0x08, 0x10, 0x20, 0x0F
FIRST_MOMENT = datetime(1980, 1, 1)  # noqa: DTZ001,RUF100  FAT time has no zone
LAST_MOMENT = datetime(2107, 12, 31, 23, 59, 58)  # noqa: DTZ001,RUF100  as above
_LOWER_BASE, _LOWER_EXT = 0x08, 0x10
_SHORT = struct.Struct("<11sBBBHHHHHHHI")
_LFN_UNITS = 13


@dataclass(frozen=True, slots=True)
class Slot:
    """One entry of a folder as stored: where (index of its first 32-byte slot, how many), and its fields."""

    index: int
    slots: int
    name: str
    short: bytes
    attributes: int
    cluster: int
    size: int
    date: int
    time: int

    @property
    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return bool(self.attributes & DIRECTORY)


def dos_time(moment: datetime) -> tuple[int, int]:
    """A moment as (date, time) words: 2-second steps from 1980 to 2107; the nearest of these outside."""
    moment = min(max(moment, FIRST_MOMENT), LAST_MOMENT)
    date = (moment.year - 1980) << 9 | moment.month << 5 | moment.day
    return date, moment.hour << 11 | moment.minute << 5 | moment.second // 2


def moment(date: int, time: int) -> datetime | None:
    """The moment that two words stand for; None where they are no valid date."""
    try:
        return datetime(
            1980 + (date >> 9), date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, (time & 31) * 2
        )
    except ValueError:
        return None


def checksum(short: bytes) -> int:
    """The byte that ties long-name entries to their 8.3 entry."""
    total = 0
    for value in short:
        total = ((total >> 1 | total << 7) + value) & 0xFF
    return total


def pack_short_entry(short: bytes, attributes: int, cluster: int, size: int, when: datetime) -> bytes:
    """The 32 bytes of an 8.3 entry, all its times set to ``when``."""
    date, time = dos_time(when)
    return _SHORT.pack(
        short, attributes, 0, 0, time, date, date, cluster >> 16, time, date, cluster & 0xFFFF, size
    )


def pack_long_entries(name: str, short: bytes) -> bytes:
    """The long-name entries that go before the 8.3 entry, last part first."""
    units = name.encode("utf-16-le")
    count = -(-len(units) // (2 * _LFN_UNITS))
    if len(units) < count * 2 * _LFN_UNITS:
        units = (units + b"\0\0").ljust(count * 2 * _LFN_UNITS, b"\xff")
    tie = checksum(short)
    out = []
    for part in range(count, 0, -1):
        u = units[(part - 1) * 26 : part * 26]
        order = part | (0x40 if part == count else 0)
        out.append(bytes((order,)) + u[:10] + bytes((LONG, 0, tie)) + u[10:22] + b"\0\0" + u[22:])
    return b"".join(out)


def pack_entry(
    name: str, short: bytes, attributes: int, *, cluster: int, size: int, when: datetime, created: bytes = b""
) -> bytes:
    """All slots of one entry. ``created`` (an old 8.3 entry) passes its creation time on."""
    entry = pack_short_entry(short, attributes, cluster, size, when)
    if created:
        entry = entry[:13] + created[13:18] + entry[18:]
    return entry if is_short(name) else pack_long_entries(name, short) + entry


def slots_needed(name: str) -> int:
    """How many 32-byte slots an entry takes."""
    return 1 if is_short(name) else 1 + -(-len(name.encode("utf-16-le")) // (2 * _LFN_UNITS))


def parse(data: bytes | bytearray) -> list[Slot]:
    """The entries of a folder's bytes, up to its end mark; without volume label, ``.`` and ``..``.

    Long names that do not belong to their 8.3 entry, or that are no file names, give way to the short name.
    """
    found: list[Slot] = []
    parts: list[bytes] = []
    for at in range(0, len(data) - 31, SIZE):
        first, attributes = data[at], data[at + 11]
        if first == 0:
            break
        if first == DELETED:
            parts.clear()
        elif attributes & 0x3F == LONG:
            if first & 0x40:
                parts.clear()
            parts.append(bytes(data[at : at + SIZE]))
        else:
            if not attributes & VOLUME and data[at : at + 11] not in (b".          ", b"..         "):
                found.append(_slot(bytes(data[at : at + SIZE]), at // SIZE, parts))
            parts.clear()
    return found


def _slot(entry: bytes, index: int, parts: list[bytes]) -> Slot:
    short, attributes, case, _, _, _, _, high, time, date, low, size = _SHORT.unpack(entry)
    name = _long_name(parts, short) if parts else None
    taken = 1 + (len(parts) if name is not None else 0)
    if name is None or not _is_usable(name):
        name = _short_name(short, case)
    return Slot(
        index + 1 - taken, taken, name, short, attributes, (high << 16 | low) & 0x0FFF_FFFF, size, date, time
    )


def _long_name(parts: list[bytes], short: bytes) -> str | None:
    """The name in entries that stand last part first; None where they do not fit together."""
    count, tie = len(parts), checksum(short)
    if count > 20 or parts[0][0] != 0x40 | count or any(p[13] != tie for p in parts):
        return None
    if any(part[0] != count - i for i, part in enumerate(parts) if i):
        return None
    units = b"".join([p[1:11] + p[14:26] + p[28:32] for p in reversed(parts)])
    return units.decode("utf-16-le", "replace").partition("\0")[0]


def _is_usable(name: str) -> bool:
    return bool(name) and name not in (".", "..") and "/" not in name and min(name) >= " "


def _short_name(short: bytes, case: int) -> str:
    raw = b"\xe5" + short[1:] if short[0] == 0x05 else short
    stem, ext = raw[:8].decode("cp437").rstrip(" "), raw[8:].decode("cp437").rstrip(" ")
    stem = stem.lower() if case & _LOWER_BASE else stem
    ext = ext.lower() if case & _LOWER_EXT else ext
    name = "".join("_" if c < " " or c == "/" else c for c in (f"{stem}.{ext}" if ext else stem))
    return name if name not in ("", ".", "..") else "_"
