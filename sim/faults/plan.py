"""A script made concrete: device faults in order of time, and the moments at which rendering stops to act."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from itertools import count

from native import Fault, FaultKind
from sdcard_image.types import CardError
from sim.errors import InputError
from sim.faults.script import FaultScript, FaultSpec, RandomSpec, kind_name
from sim.slots import Slot

_RANDOM_BYTES = 4096  # of a range that chance picks and the script does not size
_EXACT = Context(prec=20)  # a logarithm that is the same on every machine


def ns(seconds: float) -> int:
    """Seconds on the device's clock."""
    return round(seconds * 1e9)


@dataclass(frozen=True, slots=True)
class Posting:
    """A fault for the device in a slot; ``scripted`` numbers what the user sees as one fault."""

    fault: Fault
    slot: Slot
    scripted: int


@dataclass(frozen=True, slots=True)
class Insertion:
    """A card that comes in: another one, or (``slot`` None) the first again."""

    at_s: float
    slot: Slot | None


class Cards:
    """Which card is in the device when. The cards that come in later are `Slot`s of the same board."""

    def __init__(self, slots: list[Slot], mirror: Slot | None, script: FaultScript) -> None:
        self.first, self.mirror = slots[0], mirror
        self._removals = [
            (one.at_s, one.for_s)
            for one in script.faults
            if one.kind is FaultKind.REMOVED and not one.on_mirror
        ]
        by_path = {slot.path: slot for slot in slots[1:] if slot is not mirror}
        self.insertions = sorted(
            (
                Insertion(one.at_s, None if one.image is None else by_path[one.image])
                for one in script.faults
                if one.kind is FaultKind.INSERTED and not one.on_mirror
            ),
            key=lambda one: one.at_s,
        )

    def at(self, at_s: float) -> Slot:
        """The card that the device talks to at a time. A clone (of the same serial number) is the first."""
        now = self.first
        for one in self.insertions:
            if one.at_s > at_s:
                break
            now = self.first if self.is_same(one.slot) else one.slot or self.first
        return now

    def before(self, insertion_s: float) -> Slot:
        """The card that was in when another came."""
        earlier = [one.at_s for one in self.insertions if one.at_s < insertion_s]
        return self.at(earlier[-1]) if earlier else self.first

    def was_taken_out(self, insertion_s: float) -> bool:
        """Whether the slot was empty when a card came."""
        since = max((one.at_s for one in self.insertions if one.at_s < insertion_s), default=0.0)
        return any(
            since <= at_s <= insertion_s and (not for_s or at_s + for_s > insertion_s)
            for at_s, for_s in self._removals
        )

    def is_empty(self, at_s: float) -> bool:
        """Whether no card is in the slot."""
        return self.was_taken_out(at_s) and not any(one.at_s == at_s for one in self.insertions)

    def is_same(self, slot: Slot | None) -> bool:
        """Whether the device takes a card for the first one."""
        return slot is None or slot.serial == self.first.serial

    def place(self, spec: FaultSpec, at_s: float) -> Slot:
        """The card that a fault is for; InputError where there is none."""
        if not spec.on_mirror:
            return self.at(at_s)
        if self.mirror is None:
            raise InputError(
                f"{kind_name(spec.kind)} is for the mirror card, and there is none: give --mirror"
            )
        return self.mirror


def postings(script: FaultScript, cards: Cards, seed: int) -> Iterator[Posting]:
    """All device faults in order of time; without end where the random ones are."""
    number = count()
    scripted = sorted(script.faults, key=lambda one: one.at_s)
    fixed = [posting for one in scripted for posting in _make(one, cards, next(number))]
    fixed.sort(key=lambda one: one.fault.at_ns)
    streams = [_by_chance(one, cards, f"{seed}/{place}", number) for place, one in enumerate(script.randoms)]
    return heapq.merge(fixed, *streams, key=lambda one: one.fault.at_ns)


def _make(spec: FaultSpec, cards: Cards, number: int) -> Iterator[Posting]:
    """The device faults of one entry: one for each piece of its file. A card that comes in ends a stay."""
    slot = cards.place(spec, spec.at_s)
    before = cards.before(spec.at_s)
    exchanged = spec.kind is FaultKind.INSERTED and not spec.on_mirror and before is not slot
    if exchanged and not cards.was_taken_out(spec.at_s):
        yield Posting(Fault(FaultKind.REMOVED, at_ns=ns(spec.at_s)), before, number)
    at = ns(spec.at_s)
    until = ns(spec.at_s + spec.for_s) if spec.for_s else 0
    base = Fault(spec.kind, at_ns=at, until_ns=until, times=spec.times, spike_ns=ns(spec.spike_ms / 1e3))
    for offset, length in _ranges(spec, slot):
        yield Posting(replace(base, offset=offset, length=length), slot, number)


def _ranges(spec: FaultSpec, slot: Slot) -> list[tuple[int, int]]:
    """The stretches of the card that a fault touches."""
    if spec.path is None:
        return [(spec.offset, spec.length)]
    try:
        extents = slot.card.extents(spec.path)
    except CardError as error:
        raise InputError(f"{kind_name(spec.kind)} of {spec.path}: {error}") from None
    end = spec.offset + spec.length if spec.length else sum(run.length for run in extents)
    found, at = [], 0
    for run in extents:
        low, high = max(spec.offset, at), min(end, at + run.length)
        if low < high:
            found.append((run.offset + low - at, high - low))
        at += run.length
    if not found:
        raise InputError(f"{kind_name(spec.kind)}: {spec.path} has no byte {spec.offset}")
    return found


def _by_chance(spec: RandomSpec, cards: Cards, seed: str, number: Iterator[int]) -> Iterator[Posting]:
    chance = random.Random(seed)  # noqa: S311  faults that come again with the seed
    at_s = spec.from_s
    while True:
        at_s += _wait(chance, spec.every_s)
        if spec.until_s and at_s >= spec.until_s:
            return
        fault = replace(spec.fault, at_s=at_s)
        slot = cards.place(fault, at_s)
        if fault.kind in (FaultKind.READ_ERROR, FaultKind.WRONG_DATA) and fault.path is None:
            fault = _somewhere(fault, slot, cards, chance)
        if fault.path is None or slot.card.exists(fault.path):  # another card need not have that file
            yield from _make(fault, cards, next(number))


def _wait(chance: random.Random, mean_s: float) -> float:
    """Exponentially distributed, to the millisecond."""
    u = Decimal(chance.getrandbits(53) + 1) / (1 << 53)
    return round(mean_s * float(-u.ln(_EXACT)), 3)


def _somewhere(fault: FaultSpec, slot: Slot, cards: Cards, chance: random.Random) -> FaultSpec:
    """A stretch of a sample that a pad plays."""
    booted = slot.boot or cards.first.boot
    assert booted is not None
    paths = sorted(booted.extents)
    if not paths:
        return fault
    path = paths[chance.randrange(len(paths))]
    size = sum(run.length for run in booted.extents[path])
    length = fault.length or _RANDOM_BYTES
    return replace(fault, path=path, offset=chance.randrange(max(1, size)), length=length)
