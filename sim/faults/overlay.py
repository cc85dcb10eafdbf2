"""A copy of a card that holds only what was written to it: power can be cut at any of its writes."""

from __future__ import annotations

from collections.abc import Callable

from sdcard_image.medium import Medium
from sdcard_image.types import Backing

_SECTOR = 512


class PowerCutError(Exception):
    """Power failed: nothing after this is done."""


class Overlay:
    """A medium whose writes are kept in memory, over another that is never changed. Implements `Medium`.

    ``before_write(offset, bytes)`` is called for each write; it returns how many of the bytes reach the card,
    and where those are not all of them, power fails at the last whole sector.
    """

    def __init__(self, base: Medium, before_write: Callable[[int, int], int]) -> None:
        self.size = base.size
        self._base, self._before_write = base, before_write
        self._sectors: dict[int, bytes] = {}

    def pread(self, offset: int, length: int) -> bytes:
        """See `Medium.pread`."""
        data = bytearray(self._base.pread(offset, length))
        first, last = offset // _SECTOR, -(-(offset + length) // _SECTOR)
        wanted = range(first, last) if last - first < len(self._sectors) else self._sectors
        for number in wanted:
            sector = self._sectors.get(number)
            if sector is None or not first <= number < last:
                continue
            at = number * _SECTOR - offset
            low, high = max(at, 0), min(at + _SECTOR, length)
            data[low:high] = sector[low - at : high - at]
        return bytes(data)

    def pwrite(self, offset: int, data: bytes) -> None:
        """See `Medium.pwrite`. The writer writes whole sectors."""
        done = self._before_write(offset, len(data))
        for at in range(0, done // _SECTOR * _SECTOR, _SECTOR):
            self._sectors[(offset + at) // _SECTOR] = bytes(data[at : at + _SECTOR])
        if done < len(data):
            raise PowerCutError

    def sync(self) -> None:
        """See `Medium.sync`: what was written is on the card."""

    def backing(self) -> list[Backing]:
        """See `Medium.backing`: no host file has these bytes."""
        return []

    def close(self) -> None:
        """See `Medium.close`: the overlay stays, so that what became of the card can be looked at."""
