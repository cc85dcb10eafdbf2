"""What no reader can beat: the most voices that a card and a pool of RAM allow.

A voice that consumes R bytes a second has R/q commands a second where each brings q bytes. Each command costs
a fixed time t and its bytes at the bandwidth W; the card is one, so that

    V R (t/q + 1/W) <= 1.

With V voices and M bytes of RAM no transfer is longer than q = M/V: it must fit where the voice keeps what it
has not played yet. Nor is one longer than the piece of the file in which it lies. Voices of different R, in
pieces of different lengths L, add up: sum(R_i t / min(M/V, L_i)) + sum(R_i)/W <= 1.
"""

from __future__ import annotations

import math

from sim.stress.card import Nominal
from sim.stress.kit import Kit, Source
from sim.stress.report import Bound

MOST_VOICES = 1_000_000.0


def bound(kit: Kit, card: Nominal, ram_bytes: int) -> Bound:
    """The bound for the pads of ``kit`` in turn, lap after lap, through ``ram_bytes`` that nothing else holds.

    ``voices`` is where the card is used up exactly, between two whole numbers as a rule.
    """
    voices = _solve(kit.sources, card, ram_bytes)
    at = min(voices, MOST_VOICES)
    rate, commands = _demand(kit.sources, at, ram_bytes)
    return Bound(
        voices=voices,
        voice_bytes_per_s=rate / at,
        ram_bytes=ram_bytes,
        command_ms=card.command_s * 1000,
        mb_per_s=1e-6 / card.s_per_byte if card.s_per_byte else 0.0,
        transfer_bytes=rate / commands,
        piece_bytes=sum(one.piece_bytes for one in kit.sources) / len(kit.sources),
    )


def _solve(sources: tuple[Source, ...], card: Nominal, ram_bytes: int) -> float:
    if _load(sources, card, MOST_VOICES, ram_bytes) <= card.free_part:
        return math.inf
    low, high = 0.0, 1.0
    while _load(sources, card, high, ram_bytes) <= card.free_part:
        low, high = high, high * 2
    for _ in range(60):
        middle = (low + high) / 2
        if _load(sources, card, middle, ram_bytes) <= card.free_part:
            low = middle
        else:
            high = middle
    return low


def _load(sources: tuple[Source, ...], card: Nominal, voices: float, ram_bytes: int) -> float:
    """The part of the card's time that so many voices need at the least."""
    rate, commands = _demand(sources, voices, ram_bytes)
    return commands * card.command_s + rate * card.s_per_byte


def _demand(sources: tuple[Source, ...], voices: float, ram_bytes: int) -> tuple[float, float]:
    """Bytes and commands a second of the first so many voices, the last one in part."""
    room = ram_bytes / voices
    laps, rest = divmod(voices, len(sources))
    rate = commands = 0.0
    for place, one in enumerate(sources):
        times = laps + min(max(rest - place, 0.0), 1.0)
        rate += times * one.bytes_per_s
        commands += times * one.bytes_per_s / min(room, one.piece_bytes)
    return rate, commands
