"""Clusters that hold the rest of a folder, found by what is in them, where no FAT says any more."""

from __future__ import annotations

from sdcard_image.chains import Chains
from sdcard_image.direntry import DELETED, LONG, SIZE
from sdcard_image.medium import Medium, read_within
from sdcard_image.slots import Found, dots, oddness
from sdcard_image.system_area import System

_MOST = 1 << 16  # clusters that are looked at: on a slow card, half a minute


class Orphans:
    """Clusters of which the FATs say nothing and that begin with entries of a folder, but no dot entries."""

    def __init__(self, medium: Medium, system: System, chains: Chains) -> None:
        self._medium, self._system, self._chains = medium, system, chains
        self._found: list[int] | None = None

    def after(self, cluster: int, data: bytes, seen: set[int], lost: list[int]) -> int | None:
        """What goes on where a folder's cluster (``data``) breaks off: of these or ``lost``, not ``seen``.

        Its first file is the next on the card: most are written in the order of their entries. Where no long
        name breaks off, the folder may just be full, and what is not next is not its own.
        """
        if self._found is None:
            self._found = self._look()
        wanted, last = _goes_on(data), max(_places(data)[-1:], default=cluster)
        best: tuple[tuple[bool, int], int] | None = None
        for one in dict.fromkeys([*lost, *self._found]):
            if self._chains.owner[one] or one in seen or not _fits(head := self._head(one), wanted):
                continue
            first = min(_places(head)[:1], default=one)
            order = (first < last, abs(first - last))
            if (wanted is not None or first > last) and (best is None or order < best[0]):
                best = order, one
        return best[1] if best else None

    def _look(self) -> list[int]:
        silent = self._chains.silent()
        return [c for c in silent[:_MOST].tolist() if self._begins_like_one(c)]

    def _head(self, cluster: int) -> bytes:
        return read_within(self._medium, self._system.cluster_offset(cluster), 512)

    def _begins_like_one(self, cluster: int) -> bool:
        data = self._head(cluster)
        slots = [data[at : at + SIZE] for at in range(0, len(data), SIZE)]
        used = [slot for slot in slots if any(slot)]
        if not used or slots[0] not in used or dots(data)[0] is not None:
            return False
        return all(self._is_slot(slot) for slot in used)

    def _is_slot(self, slot: bytes) -> bool:
        if slot[11] & 0x3F == LONG:
            order = slot[0] & 0x3F
            return (slot[0] == DELETED or 1 <= order <= 20) and slot[12] == 0 and slot[26:28] == b"\0\0"
        return slot[0] != 0 and oddness(slot, self._chains.limit) == 0


def _places(data: bytes) -> list[int]:
    """First clusters of the files and folders that stand in a folder's bytes."""
    slots = [data[at : at + SIZE] for at in range(0, len(data), SIZE)]
    shorts = [s for s in slots if any(s) and s[0] != DELETED and s[11] & 0x3F != LONG]
    return [cluster for s in shorts if (cluster := Found(0, s, "", b"").cluster)]


def _goes_on(data: bytes) -> tuple[int, int] | None:
    """Order (0: the 8.3 entry) and tie of the next part of a long name that breaks off; None for none."""
    last = data[-SIZE:]
    if last[11] & 0x3F != LONG or last[0] == DELETED:
        return None
    return (last[0] & 0x3F) - 1, last[13]


def _fits(data: bytes, wanted: tuple[int, int] | None) -> bool:
    first = data[:SIZE]
    long = first[11] & 0x3F == LONG and first[0] != DELETED
    if wanted is None:
        return not long or bool(first[0] & 0x40)
    order, tie = wanted
    return not long if order == 0 else long and (first[0], first[13]) == (order, tie)
