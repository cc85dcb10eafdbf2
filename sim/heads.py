"""Which pad heads to keep in RAM, so that a pad starts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from firmware.catalogue import Pad
from firmware.profiles import Profile

_OTHER_BANKS_SHARE = 4  # heads of other banks than the current may fill one part in so many of the RAM


@dataclass(frozen=True, slots=True)
class Head:
    """What a pad plays first: ``frames`` of its sample from ``first`` on, and the RAM they take."""

    pad: Pad
    first: int
    frames: int
    bytes: int


def head(pad: Pad, head_ms: float, block_bytes: int) -> Head:
    """The head of a pad: ``head_ms`` at the speed it plays, in whole cache blocks' worth of RAM."""
    settings, sample = pad.settings, pad.sample
    end = settings.end or sample.frames
    ratio = settings.speed * 2 ** (settings.pitch_cents / 1200)
    frames = min(end - settings.start, round(head_ms / 1000 * sample.rate * ratio) + 1)
    first = end - frames if settings.reverse else settings.start
    size = frames * sample.channels * sample.encoding.size_bytes
    return Head(pad, first, frames, (size // block_bytes + 2) * block_bytes)


def choose_heads(pads: Sequence[Pad], profile: Profile, bank: str) -> list[Head]:
    """The heads to pin: all of the current ``bank``, then whole other banks while they take little RAM."""
    ram = profile.value("engine.ram_bytes")
    make = [head(pad, profile.value("engine.head_ms"), profile.value("engine.block_bytes")) for pad in pads]
    chosen = [one for one in make if one.pad.bank == bank]
    used = sum(one.bytes for one in chosen)
    others = sorted((one for one in make if one.pad.bank != bank), key=lambda one: one.pad.bank)
    for _, group in groupby(others, key=lambda one: one.pad.bank):
        heads = list(group)
        used += sum(one.bytes for one in heads)
        if used > ram // _OTHER_BANKS_SHARE:
            break
        chosen.extend(heads)
    return chosen
