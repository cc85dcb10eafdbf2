"""The most voices that a card and a pool of RAM allow.

A voice that consumes R bytes a second has R/q commands a second where each brings q bytes. Each command costs
a fixed time t and its bytes at the bandwidth W; the card is one, so that

    V R (t/q + 1/W) <= 1.

With V voices that have each its own part of M bytes of RAM, no transfer is longer than q = M/V: it must fit
where the voice keeps what it has not played yet. Nor does one go beyond the piece of the file in which it
lies: a piece of length L takes ceil(L/q) commands. Voices of different R add up.

Voices that lend each other room can do better: what a transfer of q bytes brought is half played on average,
so that q/2 for each voice must fit, and q = 2M/V. That is what no reader at all can beat.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from native.types import Sample
from sim.stress.card import Nominal
from sim.stress.kit import Kit
from sim.stress.report import Bound

MOST_VOICES = 1_000_000.0
_HALVINGS = 60


def bound(kit: Kit, card: Nominal, ram_bytes: int) -> Bound:
    """The bound for the pads of ``kit`` in turn, lap after lap, with ``ram_bytes`` that nothing else holds.

    ``voices`` is where the card is used up exactly, between two whole numbers as a rule; infinite for a card
    that takes no time.
    """
    demand = _Demand(kit, card, ram_bytes)
    voices = _solve(demand, card.free_part)
    shared = _solve(_Demand(kit, card, 2 * ram_bytes), card.free_part)
    at = min(voices, MOST_VOICES)
    rate, commands, busy_s = demand.of(at)
    return Bound(
        voices=round(voices, 4),
        shared_voices=round(shared, 4),
        voice_bytes_per_s=round(rate / at, 1),
        ram_bytes=ram_bytes,
        command_ms=round(busy_s / commands * 1000, 4),
        mb_per_s=round(1e-6 / card.s_per_byte, 4) if card.s_per_byte else 0.0,
        transfer_bytes=round(rate / commands, 1),
        piece_bytes=round(sum(one.piece_bytes for one in kit.sources) / len(kit.sources), 1),
    )


def needed_part(kit: Kit, card: Nominal, ram_bytes: int, voices: float) -> float:
    """The part of the card's time that so many voices need at the least: the left side of the bound.

    Their commands at the length that transfers could have, their bytes, and what spikes take on average; 1 is
    the bound. A card is busy for longer, since a reader that has nothing urgent reads ahead.
    """
    return _Demand(kit, card, ram_bytes).load(voices) + 1.0 - card.free_part


def _solve(demand: _Demand, free_part: float) -> float:
    if demand.load(MOST_VOICES) <= free_part:
        return math.inf
    low, high = 0.0, 1.0
    while demand.load(high) <= free_part:
        low, high = high, high * 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if demand.load(middle) <= free_part:
            low = middle
        else:
            high = middle
    return low


@dataclass(slots=True)
class _Demand:
    """What voices ask of the card, where each has its equal part of the RAM."""

    kit: Kit
    card: Nominal
    ram_bytes: int
    _pieces: dict[Sample, list[tuple[int, int]]]

    def __init__(self, kit: Kit, card: Nominal, ram_bytes: int) -> None:
        self.kit, self.card, self.ram_bytes = kit, card, ram_bytes
        self._pieces = {one: list(Counter(e.length for e in one.extents).items()) for one in kit.samples}

    def load(self, voices: float) -> float:
        """The part of the card's time that so many voices need at the least."""
        rate, _, busy_s = self.of(voices)
        return busy_s + rate * self.card.s_per_byte

    def of(self, voices: float) -> tuple[float, float, float]:
        """Bytes, commands, and seconds spent on commands beside their bytes, all a second."""
        laps, rest = divmod(voices, len(self.kit.sources))
        transfers = self._transfers(self.ram_bytes / voices)
        rate = commands = busy_s = 0.0
        for place, one in enumerate(self.kit.sources):
            consumed = one.bytes_per_s * (laps + min(max(rest - place, 0.0), 1.0))
            transfer = transfers[one.sample]
            rate += consumed
            commands += consumed / transfer
            busy_s += consumed / transfer * self.card.seconds(transfer)
        return rate, commands, busy_s

    def _transfers(self, room: float) -> dict[Sample, float]:
        """The mean transfer of each sample, where none is longer than ``room``."""
        made = {}
        for sample, pieces in self._pieces.items():
            size = sum(length * count for length, count in pieces)
            made[sample] = size / sum(math.ceil(length / room) * count for length, count in pieces)
        return made
