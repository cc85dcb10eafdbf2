"""Making a failing case small: fewer events, a simpler card, less of everything, as long as it fails alike.

Delta debugging (A. Zeller and R. Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE
28(2), 2002): parts are left out as long as what remains still fails; in the end no single event can be left
out. A smaller case fails alike when it has an underrun of the same cause. The seed stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, TypeVar

from firmware.hal import MidiMessage
from firmware.player import Player
from native import CardModel, Fault
from native.types import Cause, EngineConfig, EngineError, Event, Extent, Sample, Start, Stop
from sim.errors import InputError
from sim.measure.dry import Booted, Conditions, dry_config, heads_for, number_samples
from sim.replay import Case, Pin, run_case

_T = TypeVar("_T")
_MOST_RUNS = 20_000
_AFTER = 64  # frames beyond the failure: a grid interval
_KEPT_OF_STARTS = frozenset({"frame", "sample", "tag"})
_RANK = {cause: rank for rank, cause in enumerate((Cause.LATE, Cause.NO_ROOM, Cause.READ_ERROR, Cause.COLD))}
_CHOICES = ("steal", "schedule", "on_miss", "overload", "policy", "quality")


def capture(
    booted: Booted,
    conditions: Conditions,
    messages: Iterable[MidiMessage],
    frames: int,
    *,
    loops_stop: int | None = None,
    faults: Sequence[Fault] = (),
    about: str = "",
) -> Case:
    """The case in which the device plays ``messages`` for ``frames``, under the conditions.

    At frame ``loops_stop``, which comes after the messages, loops are stopped.
    """
    samples = number_samples(booted)
    ids = {path: number for number, path in enumerate(samples)}
    tape = _Tape()
    player = Player(tape, booted.catalogue, booted.profile, ids)
    for message in messages:
        if message.frame < frames:
            player.play(message)
    if loops_stop is not None:
        tape.events += [Stop(loops_stop, tag) for tag in player.looping_tags()]
    heads = heads_for(booted, conditions)
    return Case(
        config=replace(dry_config(booted, conditions), dry=False, measure=False, trace_records=0),
        samples=tuple(samples.values()),
        events=tuple(tape.events),
        frames=frames,
        card=conditions.card,
        seed=conditions.seed,
        pins=tuple(Pin(ids[one.pad.sample.path], one.first, one.frames) for one in heads),
        faults=tuple(faults),
        names=tuple(samples),
        about=about,
    )


class _Tape:
    """A `firmware.hal.VoiceEngine` that writes down what it is told."""

    frame = 0

    def __init__(self) -> None:
        self.events: list[Event] = []

    def post(self, event: Event) -> None:
        self.events.append(event)


def ddmin(items: Sequence[_T], fails: Callable[[list[_T]], bool]) -> list[_T]:
    """The smallest part of ``items``, in order, that still ``fails``: without any single one it does not.

    ``items`` itself must fail. Few parts are tried where few items matter, n^2 of them at worst.
    """
    kept, pieces = list(items), 1
    while kept:
        size = -(-len(kept) // pieces)
        parts = (kept[:at] + kept[at + size :] for at in range(0, len(kept), size))
        smaller = next((part for part in parts if fails(part)), None)
        if smaller is not None:
            kept, pieces = smaller, max(pieces - 1, 2)
        elif size == 1:
            break
        else:
            pieces = min(len(kept), 2 * pieces)
    return kept


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A case made small: it fails as ``case.expects`` says. ``runs`` is how many cases were tried."""

    case: Case
    before: Case
    runs: int

    def sentence(self) -> str:
        """For people."""
        old, new = self.before, self.case
        return (
            f"{len(old.events):,} events became {len(new.events):,}, {len(old.samples):,} samples"
            f" {len(new.samples):,}, {old.frames:,} frames {new.frames:,}, in {self.runs:,} runs"
        )


def shrink(case: Case, cause: Cause | None = None, say: Callable[[str], None] = lambda text: None) -> Shrunk:
    """Make a failing case as small as it gets; ``say`` is told how it goes on.

    Without a ``cause`` it is late, no room, read error or cold: the first of them that occurs. Raises
    InputError where the case has no underrun, EngineError where it cannot be run at all.
    """
    causes = {one.cause for one in run_case(case).underruns}
    if not causes or cause not in (None, *causes):
        what = "underrun" if cause is None else f"underrun whose cause is {cause.name.lower()}"
        raise InputError(f"there is no {what}, so there is nothing to shrink; a slower card may have one")
    wanted = min(causes, key=lambda one: _RANK[one]) if cause is None else cause
    shrinker = _Shrinker(case, wanted, say)
    shrinker.everything()
    small = shrinker.case
    return Shrunk(replace(small, expects=run_case(small).failure(wanted)), case, shrinker.runs)


class _Shrinker:
    """Tries smaller cases, and goes on from those that fail alike."""

    def __init__(self, case: Case, cause: Cause, say: Callable[[str], None]) -> None:
        self.case = replace(case, expects=None)
        self.runs = 0
        self._cause = cause
        self._say = say

    def everything(self) -> None:
        """Round after round, until nothing gets smaller."""
        before = None
        while self.case != before:
            before = self.case
            self._cut()
            ddmin(self.case.events, lambda part: self._keep(replace(self.case, events=tuple(part))))
            self._cut()
            ddmin(self.case.faults, lambda part: self._keep(replace(self.case, faults=tuple(part))))
            ddmin(self.case.pins, lambda part: self._keep(replace(self.case, pins=tuple(part))))
            for change in (_without_idle_samples, *_simpler_cards(), *_simpler_starts(), *_simpler_choices()):
                self._keep(change(self.case))
            self._keep(_in_one_piece(self.case))
            self._keep(_earlier(self.case))
            self._say(f"{len(self.case.events):,} events left after {self.runs:,} runs")

    def _keep(self, smaller: Case) -> bool:
        """Go on from ``smaller`` if it fails alike."""
        if smaller == self.case or self.runs >= _MOST_RUNS:
            return False
        self.runs += 1
        try:
            failure = run_case(smaller, self._cause).failure(self._cause)
        except EngineError:
            return False
        if failure is not None:
            self.case = smaller
        return failure is not None

    def _cut(self) -> None:
        """What comes after the failure does not matter."""
        failure = run_case(self.case, self._cause).failure(self._cause)
        assert failure is not None
        end = min(failure.frame + _AFTER, self.case.frames)
        events = tuple(one for one in self.case.events if one.frame < end)
        at_ns = end * 1_000_000_000 // self.case.config.rate
        faults = tuple(one for one in self.case.faults if one.at_ns <= at_ns)
        self._keep(replace(self.case, frames=end, events=events, faults=faults))


Change = Callable[[Case], Case]


def _simpler_cards() -> Iterator[Change]:
    """No card's time at all, then each part of it left out; what drives a part goes with it."""
    yield lambda case: replace(case, card=None)
    yield from (partial(_reset_card, name=one.name, value=one.default) for one in fields(CardModel))


def _reset_card(case: Case, *, name: str, value: Any) -> Case:
    return case if case.card is None else replace(case, card=replace(case.card, **{name: value}))


def _simpler_starts() -> Iterator[Change]:
    """Each field of every start as if nobody had said anything about it."""
    for one in fields(Start):
        if one.name not in _KEPT_OF_STARTS:
            yield partial(_reset_starts, name=one.name, value=one.default)


def _reset_starts(case: Case, *, name: str, value: Any) -> Case:
    events = (replace(one, **{name: value}) if isinstance(one, Start) else one for one in case.events)
    return replace(case, events=tuple(events))


def _simpler_choices() -> Iterator[Change]:
    """The engine's choices as they are where nobody chooses."""
    for one in fields(EngineConfig):
        if one.name in _CHOICES:
            yield partial(_reset_choice, name=one.name, value=one.default)


def _reset_choice(case: Case, *, name: str, value: Any) -> Case:
    return replace(case, config=replace(case.config, **{name: value}))


def _without_idle_samples(case: Case) -> Case:
    used = sorted({one.sample for one in (*case.events, *case.pins) if isinstance(one, Start | Pin)})
    new = {old: number for number, old in enumerate(used)}
    return replace(
        case,
        config=replace(case.config, max_samples=max(1, len(used))),
        samples=tuple(case.samples[old] for old in used),
        names=tuple(case.names[old] for old in used if old < len(case.names)),
        events=tuple(
            replace(one, sample=new[one.sample]) if isinstance(one, Start) else one for one in case.events
        ),
        pins=tuple(replace(one, sample=new[one.sample]) for one in case.pins),
    )


def _in_one_piece(case: Case) -> Case:
    """Every file in one piece, where its first piece lies."""
    return replace(case, samples=tuple(_joined(sample) for sample in case.samples))


def _joined(sample: Sample) -> Sample:
    size = sum(one.length for one in sample.extents)
    return replace(sample, extents=(Extent(sample.extents[0].offset, size),))


def _earlier(case: Case) -> Case:
    """Nothing happens before the first event: begin there, on the grid."""
    shift = min((one.frame for one in case.events), default=0) // _AFTER * _AFTER
    if case.faults:
        return case
    events = tuple(replace(one, frame=one.frame - shift) for one in case.events)
    return replace(case, events=events, frames=case.frames - shift)
