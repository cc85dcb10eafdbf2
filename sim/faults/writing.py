"""Writing to a card while it plays: on a copy, a command at a time, and cut off where a fault cuts it."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from contextlib import suppress
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
_MOST_BYTES = 64 << 10  # of a command: between two, the voices get theirs
_TRIES = 3  # of a read


@dataclass(frozen=True, slots=True)
class Cut:
    """When power fails: at a time of the device's clock, or in the write of that number (0: none)."""

    at_ns: int | None = None
    write: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """A command for the card of ``copy``: a write of ``data``, or where that is None a read."""

    copy: Copy
    offset: int
    length: int
    data: bytes | None


class Copy:
    """A card and all that was written to it. The image file itself is never changed."""

    def __init__(self, slot: Slot, seed: int) -> None:
        if not slot.card.info().size_bytes:
            raise InputError(f"{slot.path} is a folder; what is written to a card needs an image")
        self.base = slot.base
        self.chance = random.Random(f"{seed}/write/{slot.place}")  # noqa: S311  cuts that come again
        self._file = FileMedium(slot.path)
        self.medium: Medium = Overlay(self._file, lambda offset, length: self._kept)
        self._kept = 0

    def put(self, offset: int, data: bytes, keep: int) -> None:
        """Write so many bytes of ``data``; PowerCutError where they are not all."""
        self._kept = keep
        self.medium.pwrite(offset, data)

    def look(self) -> Card:
        """The copy as it is now, mounted anew."""
        return mount(self.medium)

    def read(self, path: str) -> bytes | None:
        """A file of the copy as it is now, None where it is not there."""
        card = self.look()
        return card.read(path) if card.exists(path) else None

    def close(self) -> None:
        """Let go of the image."""
        self._file.close()


class Sketch(Overlay):
    """What a change would do to a copy, noted in ``commands``; the copy stays as it is."""

    def __init__(self, copy: Copy, commands: list[Command]) -> None:
        super().__init__(copy.medium, lambda offset, length: length)
        self._copy, self._commands = copy, commands
        self.reads_count = False

    def pread(self, offset: int, length: int) -> bytes:
        """See `Medium.pread`."""
        if self.reads_count:
            for at in range(0, length, _MOST_BYTES):
                size = min(_MOST_BYTES, length - at)
                self._commands.append(Command(self._copy, offset + at, size, None))
        return super().pread(offset, length)

    def pwrite(self, offset: int, data: bytes) -> None:
        """See `Medium.pwrite`."""
        for at in range(0, len(data), _MOST_BYTES):
            part = bytes(data[at : at + _MOST_BYTES])
            self._commands.append(Command(self._copy, offset + at, len(part), part))
        super().pwrite(offset, data)


def sketched(
    copy: Copy,
    act: Callable[[WritableCard], object],
    commands: list[Command] | None = None,
    *,
    reads_count: bool = False,
) -> list[Command]:
    """``commands``, and what ``act`` asks of the copy as it is now. What mounting reads, the device knows."""
    commands = [] if commands is None else commands
    sketch = Sketch(copy, commands)
    card = mount(sketch, writable=True)
    assert isinstance(card, VolumeWriter)
    sketch.reads_count = reads_count
    act(card)
    card.close()
    return commands


def sketched_source(copy: Copy, commands: list[Command]) -> Card:
    """The copy as it is now; what is read of it is noted."""
    sketch = Sketch(copy, commands)
    card = mount(sketch)
    sketch.reads_count = True
    return card


class Job:
    """Commands given to the cards one by one, each when the one before is done, until one fails.

    ``outcome`` is "" while it goes on, then "done", "refused", "removed", "not read" or "power cut";
    ``done`` counts the commands that were carried out.
    """

    def __init__(self, commands: list[Command], device: Device, cut: Cut) -> None:
        self._commands, self._device, self._cut = deque(commands), device, cut
        self._writes = self._failures = 0
        self.done = 0
        self.outcome = "" if commands else "done"
        self.was_cut = False  # power failed in a write of that number

    def step(self, now_ns: int) -> int:
        """Issue the next command at a time of the device's clock; returns when it is done."""
        one = self._commands.popleft()
        done_ns = self._read(one, now_ns) if one.data is None else self._write(one, one.data, now_ns)
        if not self.outcome and not self._failures:
            self.done += 1
            self.outcome = "" if self._commands else "done"
        return done_ns

    def _read(self, one: Command, now_ns: int) -> int:
        data, done_ns = self._device.read(one.copy.base + one.offset, one.length, now_ns)
        self._failures = self._failures + 1 if data is None else 0
        if self._failures == _TRIES:
            self.outcome = "not read"
        elif data is None:
            self._commands.appendleft(one)
        return done_ns

    def _write(self, one: Command, data: bytes, now_ns: int) -> int:
        self._writes += 1
        if self._writes == self._cut.write:
            self.was_cut = True
            return self._fail(one, data, "power cut", now_ns)
        try:
            done_ns = self._device.write(one.copy.base + one.offset, one.length, now_ns)
        except WriteProtectedError:
            self.outcome = "refused"
            return now_ns
        except EngineError:
            return self._fail(one, data, "removed", now_ns)
        if self._cut.at_ns is not None and done_ns > self._cut.at_ns:
            return self._fail(one, data, "power cut", self._cut.at_ns)
        one.copy.put(one.offset, data, one.length)
        return done_ns

    def _fail(self, one: Command, data: bytes, why: str, at_ns: int) -> int:
        """Cut off within the write: some of its sectors are on the card."""
        self.outcome = why
        keep = one.copy.chance.randrange(max(1, one.length // _SECTOR)) * _SECTOR
        with suppress(PowerCutError):
            one.copy.put(one.offset, data, keep)
        return at_ns


def old_or_new(copy: Copy, path: str, old: bytes | None, new: bytes) -> str:
    """What a file is after a change that was cut off: "old", "new", or "damaged", which would be a defect."""
    try:
        now = copy.read(path)
    except CardError:
        return "damaged"
    return "new" if now == new else "old" if now == old else "damaged"
