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
from native import Engine, emulated_card, file_device
from native.types import EngineConfig, Extent, PreloadReport, Quality, Sample, Steal
from sdcard_image import FolderCard, open_card
from sdcard_image.types import Card
from sim.errors import InputError
from sim.heads import choose_heads

_LEAST_BLOCKS, _MOST_BLOCKS = 8, 1 << 24  # of the engine's pool
_LEFT_OUT_LISTED = 10


@dataclass(frozen=True, slots=True)
class CardTiming:
    """How slow the emulated card is: ``latency_ms`` a command, ``mb_per_s`` of 10^6 bytes, 0 for no limit."""

    latency_ms: float = 0.0
    mb_per_s: float = 0.0

    def ms(self, reads: int, size_bytes: int) -> float:
        """Time for so many commands that carry so many bytes."""
        return reads * self.latency_ms + (size_bytes / (self.mb_per_s * 1000) if self.mb_per_s else 0.0)


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
    timing: CardTiming | None = None


def profile_for(card: Card, setup: Setup) -> Profile:
    """The device asked for, or the one whose layout the card carries, with what the user overrides."""
    profile = load(setup.device or detect(card))
    _check_ram(setup.ram_bytes, profile.value("engine.block_bytes"))
    overrides: dict[str, Any] = {
        "engine.rate": setup.rate,
        "engine.voices": setup.voices,
        "engine.ram_bytes": setup.ram_bytes,
        "engine.quality": setup.quality,
    }
    facts = {
        key: Fact(value, "D", "the user's choice") for key, value in overrides.items() if value is not None
    }
    return replace(profile, facts={**profile.facts, **facts})


def _check_ram(ram_bytes: int | None, block_bytes: int) -> None:
    least, most = _LEAST_BLOCKS * block_bytes, _MOST_BLOCKS * block_bytes
    if ram_bytes is not None and ram_bytes < least:
        raise InputError(f"{ram_bytes} bytes of sample RAM are too few; the least is {least}")
    if ram_bytes is not None and ram_bytes > most:
        raise InputError(f"{ram_bytes} bytes of sample RAM are too many; the most is {most}")


def engine_config(profile: Profile, samples: int, path: str) -> EngineConfig:
    """The engine that a profile describes, with room for ``samples``."""
    ram, block = profile.value("engine.ram_bytes"), profile.value("engine.block_bytes")
    quality = profile.facts.get("engine.quality")
    return EngineConfig(
        rate=profile.value("engine.rate"),
        max_voices=profile.value("engine.voices"),
        max_samples=max(1, samples),
        pool_bytes=ram // block * block,
        block_bytes=block,
        quality=Quality.HERMITE if quality is None else Quality[str(quality.value).upper()],
        steal=Steal[profile.value("engine.steal").upper()],
        path=path,
    )


class Board:
    """A booted device with a card in it, ready to render. Close it, or use it as a context manager.

    Attributes: ``card``, ``profile``, ``boot`` (what the boot found), ``log`` (the whole boot log),
    ``engine``, ``player``, ``preload`` (what loading the pad heads cost) and ``detected`` (the device was
    recognised from the card's layout, not asked for).
    """

    def __init__(self, card_path: Path, setup: Setup) -> None:
        self.card = open_card(card_path)
        try:
            self._power_on(setup)
        except BaseException:
            self.card.close()
            raise

    def _power_on(self, setup: Setup) -> None:
        timing = setup.timing or CardTiming()
        self.detected = setup.device is None
        self.profile = profile_for(self.card, setup)
        self.boot: BootResult = boot(self.card, self.profile, card_ms=timing.ms, project=setup.project)
        self.engine = self._make_engine(setup)
        try:
            ids = self._add_samples()
            self.player = Player(self.engine, self.boot.catalogue, self.profile, ids)
            self._sample_paths = {number: path for path, number in ids.items()}
            self.preload = self._load_heads(ids)
        except BaseException:
            self.engine.close()
            raise

    def _make_engine(self, setup: Setup) -> Engine:
        samples = len({pad.sample.path for pad in self.boot.catalogue.pads})
        device = file_device([(b.path, b.base, b.length) for b in self.card.backing()])
        if setup.timing is not None:
            device = emulated_card(device, latency_ms=setup.timing.latency_ms, mb_per_s=setup.timing.mb_per_s)
        return Engine(engine_config(self.profile, samples, setup.path), device)

    def _add_samples(self) -> dict[str, int]:
        """Tell the engine each sample on a pad; returns its number for each path."""
        ids: dict[str, int] = {}
        for pad in self.boot.catalogue.pads:
            info = pad.sample
            if info.path not in ids:
                extents = tuple(Extent(run.offset, run.length) for run in self.boot.extents[info.path])
                ids[info.path] = self.engine.add_sample(
                    Sample(extents, info.data_offset, info.frames, info.channels, info.rate, info.encoding)
                )
        return ids

    def _load_heads(self, ids: dict[str, int]) -> PreloadReport:
        """Pin the pad heads, load them, and say so in the boot log."""
        banks = self.player.tags.banks
        heads = choose_heads(self.boot.catalogue.pads, self.profile, banks[self.player.bank])
        for one in heads:
            self.engine.pin(ids[one.pad.sample.path], one.first, one.frames)
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
        self.card.close()

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def check_timing(latency_ms: float | None, mb_per_s: float | None) -> CardTiming | None:
    """The card's timing from what a user gave, None where nothing; InputError where it makes no sense."""
    if latency_ms is None and mb_per_s is None:
        return None
    if latency_ms is not None and not 0 <= latency_ms <= 10_000:
        raise InputError(f"a card latency of {latency_ms} ms is not between 0 and 10000")
    if mb_per_s is not None and not 0.001 <= mb_per_s <= 1_000_000:
        raise InputError(f"a card speed of {mb_per_s} MB/s is not between 0.001 and 1000000")
    return CardTiming(latency_ms or 0.0, mb_per_s or 0.0)
