"""The card of a trial: the device that the engine reads from, and what its commands cost on average."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from native import Device, emulated_card, file_device
from sim.board import CardTiming


@dataclass(frozen=True, slots=True)
class Nominal:
    """A card's means: ``command_s`` beside the bytes, ``s_per_byte`` (0: no limit), time free of spikes."""

    command_s: float = 0.0
    s_per_byte: float = 0.0
    free_part: float = 1.0


def nominal(card: CardTiming | None) -> Nominal:
    """What the bound plans with."""
    if card is None:
        return Nominal()
    return Nominal(card.latency_ms / 1000, 1e-6 / card.mb_per_s if card.mb_per_s else 0.0)


def device(card: CardTiming | None, length: int, seed: int) -> Device:
    """``length`` bytes behind the card; what they are is never looked at."""
    inner = file_device([(Path("/dev/zero"), 0, length)])
    if card is None:
        return inner
    return emulated_card(inner, latency_ms=card.latency_ms, mb_per_s=card.mb_per_s)
