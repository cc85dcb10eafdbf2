"""The wiring: card, device, engine and player made into one simulated sampler. Nothing else wires."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from firmware.boot import BootResult, LogLine, boot
from firmware.layouts import detect
from firmware.player import Player
from firmware.profiles import Fact, Profile, load
from native import MOST_JOINED, CardModel, Device, Engine
from native.types import EngineConfig, OnMiss, Overload, Policy, PreloadReport, Quality, Schedule, Steal
from sdcard_image import FolderCard, open_card
from sdcard_image.types import Card
from sim.errors import InputError
from sim.faults.script import DEFAULT_TIMEOUT_MS, FaultScript
from sim.heads import Head, choose_heads
from sim.slots import Slot, checksums, joined, mirrored, named, open_slots

_LEAST_BLOCKS, _MOST_BLOCKS = 8, 1 << 24  # of the engine's pool
_BLOCKS_WANTED = 8_192
_MOST_TRANSFER, _MOST_AHEAD = 512 << 10, 1 << 20  # bytes in one command, and read ahead for one voice
_LEFT_OUT_LISTED = 10


@dataclass(frozen=True, slots=True)
class Setup:
    """What a user may say about the device and its card; None leaves it to the profile."""

    device: str | None = None
    project: str | None = None
    rate: int | None = None
    voices: int | None = None
    ram_bytes: int | None = None
    quality: str | None = None
    path: str = "auto"
    card: CardModel | None = None  # None: the card takes no time
    seed: int = 0  # of the card's chance
    schedule: Schedule = Schedule.DEADLINE
    on_miss: OnMiss = OnMiss.RETURN
    overload: Overload | None = None
    policy: Policy = Policy.LRU
    dry: bool = False
    measure: bool = False
    trace_records: int = 0
    threaded: bool = False  # a thread reads the card, as in playing live
    spare_samples: int = 0  # that the engine may be told later, beside those on pads
    mirror: Path | None = None  # a second card that answers where the first does not
    setlist: tuple[str, ...] = ()  # paths, folders and pads that the mirror is for; empty: all that it holds
    pins: tuple[str, ...] = ()  # paths, folders and pads whose samples are wholly kept in RAM
    verify: bool = False  # make checksums of all samples, so that wrong data is noticed
    faults: FaultScript | None = None  # what goes wrong with the cards, and when


def profile_for(card: Card, setup: Setup) -> Profile:
    """The device asked for, or the one whose layout the card carries, with what the user overrides."""
    return adjusted(load(setup.device or detect(card)), setup)


def adjusted(profile: Profile, setup: Setup) -> Profile:
    """A profile with what the user overrides, and what follows from it."""
    _check_ram(setup.ram_bytes)
    overrides: dict[str, Any] = {
        "engine.rate": setup.rate,
        "engine.voices": setup.voices,
        "engine.ram_bytes": setup.ram_bytes,
        "engine.quality": setup.quality,
    }
    facts = {
        key: Fact(value, "D", "the user's choice") for key, value in overrides.items() if value is not None
    }
    profile = replace(profile, facts={**profile.facts, **facts})
    block = _block_bytes(profile.value("engine.ram_bytes"), profile.value("engine.block_bytes"))
    small = {"engine.block_bytes": Fact(block, "D", "a small part of the sample RAM")}
    return replace(profile, facts={**profile.facts, **small})


def _block_bytes(ram_bytes: int, most: int) -> int:
    """The cache block for so much RAM: a voice among hundreds must hold a dozen, or rounding costs voices.

    A power of two, at least 512 (a sector) and at most ``most``, the profile's.
    """
    block = 512
    while 2 * block <= most and 2 * block * _BLOCKS_WANTED <= ram_bytes:
        block *= 2
    return block


def _check_ram(ram_bytes: int | None) -> None:
    least, most = _LEAST_BLOCKS * 512, _MOST_BLOCKS * 4096
    if ram_bytes is not None and ram_bytes < least:
        raise InputError(f"{ram_bytes} bytes of sample RAM are too few; the least is {least}")
    if ram_bytes is not None and ram_bytes > most:
        raise InputError(f"{ram_bytes} bytes of sample RAM are too many; the most is {most}")


def engine_config(profile: Profile, samples: int, path: str = "auto") -> EngineConfig:
    """The engine that a profile describes, with room for ``samples``.

    Nobody gives way in it on overload, so that what is measured with it is all that was asked for; a device
    that plays has `overload_of` its profile.
    """
    ram, block = profile.value("engine.ram_bytes"), profile.value("engine.block_bytes")
    quality = profile.find("engine.quality")
    return EngineConfig(
        rate=profile.value("engine.rate"),
        max_voices=profile.value("engine.voices"),
        max_samples=max(1, samples),
        pool_bytes=ram // block * block,
        block_bytes=block,
        max_transfer_blocks=min(_MOST_TRANSFER // block, MOST_JOINED),
        max_ahead_blocks=_MOST_AHEAD // block,
        quality=Quality.HERMITE if quality is None else Quality[str(quality.value).upper()],
        steal=Steal[profile.value("engine.steal").upper()],
        path=path,
    )


def overload_of(profile: Profile, setup: Setup) -> Overload:
    """Which voice gives way when the card cannot keep up: the user's choice, else the profile's."""
    return Overload[profile.value("engine.overload").upper()] if setup.overload is None else setup.overload


def as_set_up(config: EngineConfig, setup: Setup) -> EngineConfig:
    """The engine with what the user chose."""
    return replace(
        config,
        schedule=setup.schedule,
        on_miss=setup.on_miss,
        policy=setup.policy,
        dry=setup.dry,
        measure=setup.measure,
        trace_records=setup.trace_records,
        threaded_reader=setup.threaded,
    )


class Board:
    """A booted device with a card in it, ready to render. Close it, or use it as a context manager.

    Attributes: ``card``, ``profile``, ``boot`` (what the boot found), ``log`` (the whole boot log),
    ``engine``, ``player``, ``preload`` (what loading the pad heads cost), ``detected`` (the device was
    recognised from the card's layout, not asked for), ``slots`` (every card that may come in, the booted one
    first), ``device`` (all of them as one), ``mirrored`` (the paths that the mirror has as well), ``setup``.
    """

    def __init__(self, card_path: Path, setup: Setup) -> None:
        self.card = open_card(card_path)
        self.setup = setup
        self.slots = [Slot(card_path, self.card, 0, setup.card, setup.seed)]
        try:
            self._power_on(setup)
        except BaseException:
            self._close_cards()
            raise

    def _power_on(self, setup: Setup) -> None:
        timing = setup.card or CardModel()
        self.detected = setup.device is None
        self.profile = profile_for(self.card, setup)
        self.boot: BootResult = boot(self.card, self.profile, card_ms=timing.ms, project=setup.project)
        self.slots[0].boot = self.boot
        self._open_others(setup, timing)
        self.device = self._make_device(setup)
        config = engine_config(self.profile, self._count_samples() + setup.spare_samples, setup.path)
        config = replace(as_set_up(config, setup), overload=overload_of(self.profile, setup))
        self.engine = Engine(config, self.device)
        try:
            self._sample_paths: dict[int, str] = {}
            ids = self.add_samples(self.slots[0])
            self.mirrored = self._add_mirror(setup)
            if setup.verify:
                self._add_checksums()
            self.player = Player(self.engine, self.boot.catalogue, self.profile, ids)
            self.pinned = self._pin_samples(setup.pins, ids)
            self.preload = self._load_heads(ids)
        except BaseException:
            self.engine.close()
            raise

    def _open_others(self, setup: Setup, timing: CardModel) -> None:
        """The mirror, and the cards that faults bring in: what is wrong with one is said now."""
        self.mirror: Slot | None = None
        if setup.mirror is not None:
            self.mirror = open_slots([setup.mirror], 1, setup.card, setup.seed)[0]
            self.slots.append(self.mirror)
        others = setup.faults.cards() if setup.faults else ()
        for slot in open_slots(others, len(self.slots), setup.card, setup.seed):
            self.slots.append(slot)
        for slot in self.slots[len(self.slots) - len(others) :]:
            slot.boot = boot(slot.card, self.profile, card_ms=timing.ms)

    def _count_samples(self) -> int:
        return sum(
            len({pad.sample.path for pad in slot.boot.catalogue.pads}) for slot in self.slots if slot.boot
        )

    def _make_device(self, setup: Setup) -> Device:
        breakable = setup.faults is not None or setup.mirror is not None
        timeout_ms = setup.faults.timeout_ms if setup.faults else DEFAULT_TIMEOUT_MS
        return joined([slot.device(timeout_ms if breakable else None) for slot in self.slots])

    def add_samples(self, slot: Slot) -> dict[str, int]:
        """Tell the engine each sample on a pad of a booted card; returns its number for each path."""
        assert slot.boot is not None
        for pad in slot.boot.catalogue.pads:
            info = pad.sample
            if info.path not in slot.ids:
                slot.ids[info.path] = self.engine.add_sample(slot.sample(info))
                self._sample_paths[slot.ids[info.path]] = info.path
        return slot.ids

    def _add_mirror(self, setup: Setup) -> tuple[str, ...]:
        if self.mirror is None:
            return ()
        found = mirrored(self.slots[0], self.mirror, setup.setlist)
        for path, extents in found.items():
            self.engine.add_mirror(self.slots[0].ids[path], extents)
        return tuple(found)

    def _add_checksums(self) -> None:
        for slot in self.slots:
            for path, number in slot.ids.items():
                self.engine.add_checksums(number, checksums(slot.card, path, self.engine.config.block_bytes))

    def _pin_samples(self, names: tuple[str, ...], ids: dict[str, int]) -> int:
        """Keep whole samples in RAM; returns the bytes. InputError where there is not room for all."""
        size, blocks = self.engine.config.block_bytes, 0
        infos = {pad.sample.path: pad.sample for pad in self.boot.catalogue.pads}
        for path in named(self.boot, names) if names else []:
            info = infos[path]
            end = info.data_offset + info.frames * info.channels * info.encoding.size_bytes
            wanted = (end - 1) // size - info.data_offset // size + 1
            got = self.engine.pin_sample(ids[path])
            if got < wanted:
                raise InputError(
                    f"there is no room to keep {path} in RAM: {wanted * size:,} bytes, where half of the RAM"
                    " may be kept in all; name fewer, or give more --ram"
                )
            blocks += got
        return blocks * size

    def _load_heads(self, ids: dict[str, int]) -> PreloadReport:
        """Pin the pad heads, load them, and say so in the boot log."""
        heads = self.pin_heads(self.boot, ids)
        report = self.engine.preload()
        text = (
            f"pad heads in RAM: {len(heads)} of {len(self.boot.catalogue.pads)} pads, {report.bytes:,} bytes"
        )
        if report.errors:
            text += f"; {report.errors} could not be read"
        power_on, volume, *lines = self.boot.log
        heads_loaded = LogLine(self.boot.ms + report.ms, text)
        self.log = (power_on, volume, *self._left_out(volume.ms), *lines, heads_loaded)
        return report

    def pin_heads(self, booted: BootResult, ids: dict[str, int]) -> list[Head]:
        """Pin the heads of a card's pads; they load as the card has time."""
        banks = self.player.tags.banks
        heads = choose_heads(booted.catalogue.pads, self.profile, banks[self.player.bank])
        for one in heads:
            self.engine.pin(ids[one.pad.sample.path], one.first, one.frames)
        return heads

    def _left_out(self, ms: float) -> list[LogLine]:
        """What a host folder holds that cannot be on a card, such as names that differ only in case."""
        skipped = self.card.skipped if isinstance(self.card, FolderCard) else []
        lines = [f"the folder's {one}; it is not on the card" for one in skipped[:_LEFT_OUT_LISTED]]
        if len(skipped) > len(lines):
            lines.append(f"{len(skipped) - len(lines)} more of the folder are not on the card")
        return [LogLine(ms, line) for line in lines]

    def sample_path(self, sample: int) -> str:
        """The path on the card of an engine sample number."""
        return self._sample_paths[sample]

    def close(self) -> None:
        """Switch off: let go of the engine and the card."""
        self.engine.close()
        self._close_cards()

    def _close_cards(self) -> None:
        for slot in self.slots:
            slot.card.close()

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
