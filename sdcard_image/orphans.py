"""Clusters that hold the rest of a folder, found by what is in them, where no FAT says any more."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from sdcard_image.chains import Chains
from sdcard_image.direntry import DELETED, LONG, SIZE
from sdcard_image.medium import Medium, read_within
from sdcard_image.slots import Found, dots, oddness
from sdcard_image.system_area import System

_LOOKED_AT = 1 << 16  # clusters: on a slow card, half a minute
_MOST = 4096  # that are kept


@dataclass(frozen=True, slots=True)
class _Begin:
    """How the rest of a folder begins.

    ``order`` (as stored) and ``tie`` of a part of a long name, order 0 for none; where its first file begins.
    """

    order: int
    tie: int
    first: int

    def fits(self, wanted: tuple[int, int] | None) -> bool:
        """Whether it follows where `_goes_on` says what is wanted."""
        if wanted is None:
            return self.order == 0 or bool(self.order & 0x40)
        return self.order == wanted[0] and (self.order == 0 or self.tie == wanted[1])


class Orphans:
    """Clusters of which the FATs say nothing and that begin with entries of a folder, but no dot entries."""

    def __init__(self, medium: Medium, system: System, chains: Chains) -> None:
        self._medium, self._system, self._chains = medium, system, chains
        self._found: list[int] | None = None
        self._begins: dict[int, _Begin | None] = {}

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
            self._chains.work -= 1
            if self._chains.work < 0 or self._chains.owner[one] or one in seen:
                continue
            begin = self._begin(one)
            if begin is None or not begin.fits(wanted):
                continue
            order = (begin.first < last, abs(begin.first - last))
            if (wanted is not None or begin.first > last) and (best is None or order < best[0]):
                best = order, one
        return best[1] if best else None

    def _look(self) -> list[int]:
        silent = self._chains.silent()[:_LOOKED_AT].tolist()
        return list(islice((c for c in silent if self._begin(c) is not None), _MOST))

    def _begin(self, cluster: int) -> _Begin | None:
        """How a cluster begins, if it is the rest of a folder; read once."""
        if cluster not in self._begins:
            self._begins[cluster] = self._read(cluster)
        return self._begins[cluster]

    def _read(self, cluster: int) -> _Begin | None:
        data = read_within(self._medium, self._system.cluster_offset(cluster), 512)
        slots = [data[at : at + SIZE] for at in range(0, len(data), SIZE)]
        used = [slot for slot in slots if any(slot)]
        if not any(slots[0]) or dots(data)[0] is not None or not all(self._is_slot(slot) for slot in used):
            return None
        head = slots[0]
        long = head[11] & 0x3F == LONG and head[0] != DELETED
        return _Begin(head[0] if long else 0, head[13], min(_places(data)[:1], default=cluster))

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
