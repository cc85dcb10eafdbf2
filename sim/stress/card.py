"""The card of a trial: the device that the engine reads from, and what its commands cost on average."""

from __future__ import annotations

from dataclasses import dataclass

from native import CardModel, Device, card_device, null_device


@dataclass(frozen=True, slots=True)
class Nominal:
    """A card's means: what the bound reckons with. All 0 for a card that takes no time.

    ``free_part`` is the part of the time that spikes leave.
    """

    command_s: float = 0.0  # beside the bytes, the mean of the random part included
    page_bytes: int = 0
    page_s: float = 0.0  # for a command that crosses a page
    s_per_byte: float = 0.0  # crossings of allocation units included
    free_part: float = 1.0

    def seconds(self, transfer_bytes: float) -> float:
        """Mean cost of a command beside its bytes; one shorter than a page crosses only sometimes."""
        crosses = min(1.0, transfer_bytes / self.page_bytes) if self.page_bytes else 0.0
        return self.command_s + crosses * self.page_s


def nominal(card: CardModel | None) -> Nominal:
    """What the bound plans with. Of spikes their mean share of the time, not that they come at once."""
    if card is None:
        return Nominal()
    spikes = 0.0
    if card.spike_every_s:
        worst = max(card.spike_ms, card.wear_ms) if card.wear_bytes else card.spike_ms
        spikes = (card.spike_ms + worst) / 2000 / card.spike_every_s
    return Nominal(
        command_s=(card.command_us + card.first_byte_us + card.body_us) / 1e6,
        page_bytes=card.page_bytes,
        page_s=card.page_us / 1e6,
        s_per_byte=card.ps_per_byte / 1e12,
        free_part=max(0.0, 1.0 - spikes),
    )


def device(card: CardModel | None, length: int, seed: int) -> Device:
    """``length`` bytes behind the card; what they are is never looked at."""
    inner = null_device(length)
    return inner if card is None else card_device(inner, card, seed)
