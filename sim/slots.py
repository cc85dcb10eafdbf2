"""The cards of a board: each a volume to boot from, and a device with timing and faults to stream from."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firmware.boot import BootResult
from firmware.catalogue import SampleInfo
from native import (
    PAIR_BASE,
    CardModel,
    Device,
    FaultyDevice,
    card_device,
    faulty_device,
    file_device,
    pair_device,
)
from native.types import Extent, Sample
from sdcard_image import open_card
from sdcard_image.types import Card, CardError
from sim.errors import InputError

_SEED_STEP = 0x9E3779B9  # so that each card has chance of its own


@dataclass(slots=True)
class Slot:
    """A card that is or may be in the device. ``place`` counts them; its bytes begin at ``base``.

    ``faulty`` is where its faults are posted, None where nothing can go wrong. ``boot`` is what the device
    found on it, and ``ids`` the engine's number of each of its samples; a mirror has neither.
    """

    path: Path
    card: Card
    place: int
    model: CardModel | None
    seed: int
    faulty: FaultyDevice | None = None
    boot: BootResult | None = None
    ids: dict[str, int] = field(default_factory=dict)

    @property
    def base(self) -> int:
        """Where the card's bytes begin on the device of all cards."""
        return self.place * PAIR_BASE

    @property
    def serial(self) -> str:
        """The volume's serial number, by which the device knows a card again; of a folder its path."""
        info = self.card.info()
        return info.serial or str(self.path)

    def timed(self) -> Device:
        """The card as a device with its timing, new and without faults."""
        device = file_device([(one.path, one.base, one.length) for one in self.card.backing()])
        if self.model is None:
            return device
        return card_device(device, self.model, self.seed + self.place * _SEED_STEP)

    def device(self, timeout_ms: float | None) -> Device:
        """The card as a device; with a ``timeout_ms``, one that faults can be posted to (`faulty`)."""
        if timeout_ms is None:
            return self.timed()
        self.faulty = faulty_device(self.timed(), timeout_ms)
        return self.faulty

    def sample(self, info: SampleInfo) -> Sample:
        """A sample of the booted card as the engine is told of it."""
        assert self.boot is not None
        extents = tuple(Extent(self.base + run.offset, run.length) for run in self.boot.extents[info.path])
        return Sample(extents, info.data_offset, info.frames, info.channels, info.rate, info.encoding)


def joined(devices: Sequence[Device]) -> Device:
    """All as one device: the first at 0, the next at `PAIR_BASE`, and so on."""
    device = devices[-1]
    for one in reversed(devices[:-1]):
        device = pair_device(one, device)
    return device


def open_slots(paths: Iterable[Path], first_place: int, model: CardModel | None, seed: int) -> list[Slot]:
    """Cards beside the first. Raises CardError, and closes what it opened, where one cannot be mounted."""
    slots: list[Slot] = []
    try:
        for place, path in enumerate(paths, first_place):
            slots.append(Slot(path, open_card(path), place, model, seed))
    except BaseException:
        for slot in slots:
            slot.card.close()
        raise
    return slots


def mirrored(slot: Slot, mirror: Slot, wanted: Sequence[str]) -> dict[str, list[Extent]]:
    """Where the mirror has the samples of ``slot`` that are wanted: those of the same path and size."""
    assert slot.boot is not None
    found: dict[str, list[Extent]] = {}
    for path in named(slot.boot, wanted):
        try:
            runs = [Extent(mirror.base + run.offset, run.length) for run in mirror.card.extents(path)]
        except CardError:
            continue
        if sum(run.length for run in runs) == sum(run.length for run in slot.boot.extents[path]):
            found[path] = runs
    return found


def named(booted: BootResult, names: Sequence[str]) -> list[str]:
    """The samples that paths, folders and pads (A1) name, in the pads' order; all where there are no names.

    InputError for a name without a sample.
    """
    pads = {f"{pad.bank}{pad.pad}": pad.sample.path for pad in booted.catalogue.pads}
    for name in names:
        if name not in pads and not any(covers([name], path) for path in pads.values()):
            raise InputError(f"{name} is no pad with a sample, and no sample lies there; see benchpad boot")
    chosen = (path for pad, path in pads.items() if pad in names or covers(names, path))
    return list(dict.fromkeys(chosen))


def covers(setlist: Sequence[str], path: str) -> bool:
    """Whether a setlist has a path: itself, or a folder above it; an empty setlist has all."""
    low = path.casefold()
    return not setlist or any(
        low == one.casefold() or low.startswith(one.casefold().rstrip("/") + "/") for one in setlist
    )


def checksums(card: Card, path: str, block_bytes: int) -> NDArray[np.uint32]:
    """The CRC-32 of each cache block of a file, shape (blocks,). Raises CardError where it cannot be read."""
    data = memoryview(card.read(path))
    return np.array(
        [zlib.crc32(data[at : at + block_bytes]) for at in range(0, len(data), block_bytes)], np.uint32
    )
