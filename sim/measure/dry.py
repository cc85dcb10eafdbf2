"""A booted device for measuring: its pads and where their samples lie, but no audio and no bytes of the card.

What is measured here (which blocks are resident, when data comes) does not depend on what the bytes are. So
a card is looked at once, and any number of processes or machines can then play it without having it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from firmware.boot import boot
from firmware.catalogue import Catalogue
from firmware.hal import MidiMessage
from firmware.player import Player
from firmware.profiles import Profile, load
from native import CardModel, Device, Engine, card_device, null_device
from native.types import (
    EngineConfig,
    Extent,
    OnMiss,
    Overload,
    Policy,
    PreloadReport,
    QueueFullError,
    Sample,
    Schedule,
    Steal,
)
from sdcard_image import open_card
from sim.board import Setup, adjusted, engine_config, profile_for
from sim.errors import InputError
from sim.heads import Head, choose_heads
from sim.measure.mash import Key

CHUNK = 8_192  # frames rendered between two looks


@dataclass(frozen=True, slots=True)
class Booted:
    """What a boot found, as plain values that can be sent anywhere."""

    profile: Profile
    catalogue: Catalogue
    extents: dict[str, tuple[Extent, ...]]  # by path: where each sample's file lies

    @property
    def rate(self) -> int:
        """Frames a second of the engine."""
        return int(self.profile.value("engine.rate"))

    def under(self, ram_bytes: int | None = None, voices: int | None = None) -> Profile:
        """The device with so much sample RAM and so many voices, and what follows from that.

        InputError where no engine has so little or so much.
        """
        block = load(self.profile.name).fact("engine.block_bytes")  # it may have shrunk with the RAM already
        whole = replace(self.profile, facts={**self.profile.facts, "engine.block_bytes": block})
        return adjusted(whole, Setup(ram_bytes=ram_bytes, voices=voices))

    @property
    def ram_bytes(self) -> int:
        """Sample RAM."""
        return int(self.profile.value("engine.ram_bytes"))

    @property
    def device_bytes(self) -> int:
        """Where the last extent ends."""
        return max((e.offset + e.length for runs in self.extents.values() for e in runs), default=0)

    @property
    def sample_bytes(self) -> int:
        """Of the audio on the pads, each sample once."""
        infos = {pad.sample.path: pad.sample for pad in self.catalogue.pads}.values()
        return sum(one.frames * one.channels * one.encoding.size_bytes for one in infos)


@dataclass(frozen=True, slots=True)
class Conditions:
    """How a booted device is played. None leaves a choice to the profile.

    ``head_ms`` is how much of each pad's beginning is pinned; 0 pins none.
    """

    ram_bytes: int | None = None
    voices: int | None = None
    card: CardModel | None = None
    seed: int = 0
    policy: Policy = Policy.LRU
    schedule: Schedule = Schedule.DEADLINE
    on_miss: OnMiss = OnMiss.RETURN
    overload: Overload | None = None
    steal: Steal | None = None
    head_ms: float | None = None
    measure: bool = False
    trace_records: int = 0


def boot_card(path: Path, setup: Setup) -> Booted:
    """Boot the device from a card.

    InputError where no pad has a sample, CardError where the card cannot be read.
    """
    with closing(open_card(path)) as card:
        profile = profile_for(card, setup)
        result = boot(card, profile, card_ms=lambda reads, size: 0.0, project=setup.project)
    if not result.catalogue.pads:
        raise InputError(f"{path}: no pad has a sample that plays, so there is nothing to measure")
    extents = {
        path: tuple(Extent(run.offset, run.length) for run in runs) for path, runs in result.extents.items()
    }
    return Booted(profile, result.catalogue, extents)


@dataclass(slots=True)
class Dry:
    """A device that is switched on. ``heads`` are pinned and loaded, at the cost of ``preload``."""

    engine: Engine
    player: Player
    sample_ids: dict[str, int]
    heads: list[Head]
    preload: PreloadReport


@contextmanager
def power_on(
    booted: Booted, conditions: Conditions, around: Callable[[Device], Device] = lambda device: device
) -> Iterator[Dry]:
    """Switch on. ``around`` may put more around the card, such as faults."""
    device = null_device(booted.device_bytes)
    if conditions.card is not None:
        device = card_device(device, conditions.card, conditions.seed)
    with Engine(dry_config(booted, conditions), around(device)) as engine:
        ids = {path: engine.add_sample(sample) for path, sample in number_samples(booted).items()}
        player = Player(engine, booted.catalogue, booted.profile, ids)
        heads = heads_for(booted, conditions)
        for one in heads:
            engine.pin(ids[one.pad.sample.path], one.first, one.frames)
        yield Dry(engine, player, ids, heads, engine.preload())


def dry_config(booted: Booted, conditions: Conditions) -> EngineConfig:
    """The engine under these conditions."""
    paths = {pad.sample.path for pad in booted.catalogue.pads}
    config = engine_config(booted.under(conditions.ram_bytes, conditions.voices), len(paths))
    return replace(
        config,
        policy=conditions.policy,
        schedule=conditions.schedule,
        on_miss=conditions.on_miss,
        overload=config.overload if conditions.overload is None else conditions.overload,
        steal=config.steal if conditions.steal is None else conditions.steal,
        dry=True,
        measure=conditions.measure,
        trace_records=conditions.trace_records,
    )


def heads_for(booted: Booted, conditions: Conditions) -> list[Head]:
    """The heads to pin under these conditions, of the first bank and others, as the device chooses them."""
    profile = booted.under(conditions.ram_bytes)
    if conditions.head_ms == 0:
        return []
    if conditions.head_ms is not None:
        length = replace(profile.fact("engine.head_ms"), value=conditions.head_ms)
        profile = replace(profile, facts={**profile.facts, "engine.head_ms": length})
    return choose_heads(booted.catalogue.pads, profile, str(profile.value("pads.banks"))[0])


def number_samples(booted: Booted) -> dict[str, Sample]:
    """The samples on the pads by their paths, in the order in which an engine numbers them."""
    infos = {pad.sample.path: pad.sample for pad in booted.catalogue.pads}
    return {
        path: Sample(
            booted.extents[path], info.data_offset, info.frames, info.channels, info.rate, info.encoding
        )
        for path, info in infos.items()
    }


def keys(booted: Booted, player: Player) -> list[Key]:
    """The channels and notes that play the pads, in the order of the pads."""
    tags = player.tags
    found = (player.rules.notes.key((tags.banks.index(pad.bank), pad.pad)) for pad in booted.catalogue.pads)
    return [key for key in found if key is not None]


def play(
    dry: Dry, messages: Iterable[MidiMessage], end: int, look: Callable[[], bool] = lambda: True
) -> None:
    """Play the messages up to frame ``end``; ``look`` after each `CHUNK` says whether to go on."""
    engine, waiting = dry.engine, iter(messages)
    out = np.zeros((CHUNK, 2), np.float32)
    message = next(waiting, None)
    while (frame := engine.frame) < end:
        until = min(frame + CHUNK, end)
        while message is not None and message.frame < until:
            try:
                dry.player.play(message)
            except QueueFullError:
                until = max(message.frame, frame + 1)
                break
            message = next(waiting, None)
        engine.render(out[: until - frame])
        if not look():
            return
