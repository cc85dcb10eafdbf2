"""Writing to a card while it plays: on a copy, in the card's own time, and cut off where a fault cuts it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from native import Device, WriteProtectedError
from native.types import EngineError
from sdcard_image import mount
from sdcard_image.medium import FileMedium, Medium
from sdcard_image.types import Card, CardError, WritableCard
from sdcard_image.writer import VolumeWriter
from sim.errors import InputError
from sim.faults.overlay import Overlay, PowerCutError
from sim.slots import Slot

_SECTOR = 512


@dataclass(frozen=True, slots=True)
class Cut:
    """When power fails: at a time of the device's clock, or in the write of that number (0: none)."""

    at_ns: int | None = None
    write: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a change: ``outcome`` is "done", "refused", "removed" or "power cut"."""

    outcome: str
    done_ns: int
    writes: int


class Copy:
    """A card and all that was written to it. The image file itself is never changed."""

    def __init__(self, slot: Slot, device: Device, feed: Callable[[int], None], seed: int) -> None:
        if not slot.card.info().size_bytes:
            raise InputError(f"{slot.path} is a folder; what is written to a card needs an image")
        self._slot, self._device, self._feed = slot, device, feed
        self._chance = random.Random(f"{seed}/write/{slot.place}")  # noqa: S311  cuts that come again
        self._base = FileMedium(slot.path)
        self._clock_ns = self._writes = 0
        self._cut = Cut()
        self._failure = ""
        self.medium: Medium = Overlay(self._base, self._before_write)

    def change(self, at_ns: int, cut: Cut, act: Callable[[WritableCard], object]) -> Written:
        """Mount the copy at a time of the device's clock, do ``act`` with it, and close it."""
        self._clock_ns, self._writes, self._cut, self._failure = at_ns, 0, cut, ""
        outcome = "done"
        try:
            card = mount(self.medium, writable=True)
            assert isinstance(card, VolumeWriter)
            act(card)
            card.close()
        except WriteProtectedError:
            outcome = "refused"
        except PowerCutError:
            outcome = self._failure
        return Written(outcome, self._clock_ns, self._writes)

    def look(self) -> Card:
        """The copy as it is now, mounted anew."""
        return mount(self.medium)

    def read(self, path: str) -> bytes | None:
        """A file of the copy as it is now, None where it is not there."""
        card = self.look()
        return card.read(path) if card.exists(path) else None

    def close(self) -> None:
        """Let go of the image."""
        self._base.close()

    def _before_write(self, offset: int, length: int) -> int:
        """Charge the card's time for a write; returns how much of it reaches the card."""
        self._writes += 1
        if self._cut.write and self._writes == self._cut.write:
            return self._fail("power cut", length)
        self._feed(self._clock_ns)
        try:
            done_ns = self._device.write(self._slot.base + offset, length, self._clock_ns)
        except WriteProtectedError:
            raise
        except EngineError:
            return self._fail("removed", length)
        if self._cut.at_ns is not None and done_ns > self._cut.at_ns:
            return self._fail("power cut", length)
        self._clock_ns = done_ns
        return length

    def _fail(self, why: str, length: int) -> int:
        """Cut off within the write: some of its sectors are on the card."""
        self._failure = why
        return self._chance.randrange(max(1, length // _SECTOR)) * _SECTOR


def old_or_new(copy: Copy, path: str, old: bytes | None, new: bytes) -> str:
    """What a file is after a change that was cut off: "old", "new", or "damaged", which would be a defect."""
    try:
        now = copy.read(path)
    except CardError:
        return "damaged"
    return "new" if now == new else "old" if now == old else "damaged"
