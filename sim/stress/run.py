"""A stress run: boot, find the limit, then try at once all that could move it, over all cores."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from firmware.profiles import Profile, load
from native.types import EngineConfig
from sim.board import Setup, adjusted, engine_config
from sim.cards import CardPreset, in_words
from sim.errors import InputError
from sim.heads import choose_heads
from sim.measure.dry import Booted, boot_card
from sim.stress.bound import bound, needed_part
from sim.stress.card import nominal
from sim.stress.changes import Change, reliefs, suggestions
from sim.stress.judge import first_to_give, sentence
from sim.stress.kit import Kit, device_voices, kit_of
from sim.stress.record import Watched, watch
from sim.stress.report import (
    Bound,
    CardFacts,
    Outcome,
    Point,
    Recording,
    Relief,
    StressReport,
    Suggestion,
)
from sim.stress.sweep import Found, Search, find, ladder
from sim.stress.trial import Pin, Plan, Trial, pinned_bytes, run_trial

Job = Search | Trial | Watched
Result = Found | Outcome | tuple[Outcome, Recording | None]
_MARGIN = 1.25  # times as long as the RAM can make up for a lack of bandwidth
_LONGEST_S = 1_800
_BEYOND = 1.4  # times the limit: how far the ladder goes where nobody said


class Mapper(Protocol):
    """`sim.measure.parallel.map_jobs`, or a loop."""

    def __call__(self, function: Callable[[Job], Result], jobs: Sequence[Job], /) -> list[Result]:
        """``[function(job) for job in jobs]``."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What a stress run is asked for. ``voices`` None: from 1 to as many as the device has.

    ``record`` the trials at the limit and beyond it, for pictures.
    """

    plan: Plan = field(default_factory=Plan)
    voices: tuple[int, int] | None = None
    heads: bool = False
    record: bool = False
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """A booted card, ready for trials. ``trial.voices`` does not matter."""

    card: str
    profile: Profile
    setup: Setup
    preset: CardPreset
    trial: Trial
    pinned_bytes: int
    device_voices: int

    def bound(self) -> Bound:
        """Of the scene as it is."""
        return _bound(self.trial, self.pinned_bytes)


def loop(function: Callable[[Job], Result], jobs: Sequence[Job], /) -> list[Result]:
    """One job after the other."""
    return [function(job) for job in jobs]


def set_the_scene(path: Path, setup: Setup, preset: CardPreset, asked: Asked) -> Scene:
    """Boot; InputError where no pad plays anything."""
    booted = boot_card(path, setup)
    kit = kit_of(booted.catalogue.pads, {p: _runs(runs) for p, runs in booted.extents.items()})
    config = _config(booted.profile, kit, setup)
    pins = _pins(booted) if asked.heads else ()
    trial = Trial(kit, 1, config, setup.card, asked.plan, pins, setup.seed)
    most = device_voices(kit, booted.profile)
    return Scene(str(path), booted.profile, setup, preset, trial, pinned_bytes(trial), most)


def _config(profile: Profile, kit: Kit, setup: Setup) -> EngineConfig:
    """Without a choice nobody gives way: it is voices that all play which are counted."""
    config = engine_config(profile, len(kit.samples), setup.path)
    return replace(
        config,
        schedule=setup.schedule,
        on_miss=setup.on_miss,
        overload=config.overload if setup.overload is None else setup.overload,
        policy=setup.policy,
    )


def _double_ram(scene: Scene) -> EngineConfig:
    """The engine that the device would have with twice the RAM: its other sizes follow."""
    setup = replace(scene.setup, ram_bytes=2 * scene.trial.config.pool_bytes)
    return _config(adjusted(load(scene.profile.name), setup), scene.trial.kit, setup)


def _runs(extents: Sequence[Any]) -> list[tuple[int, int]]:
    return [(one.offset, one.length) for one in extents]


def _pins(booted: Booted) -> tuple[Pin, ...]:
    """The pad heads that the device keeps in RAM."""
    pads = booted.catalogue.pads
    heads = choose_heads(pads, booted.profile, str(booted.profile.value("pads.banks"))[0])
    return tuple((pads.index(one.pad), one.first, one.frames) for one in heads)


def stress_run(
    scene: Scene, asked: Asked, mapper: Mapper = loop, tell: Callable[[str], None] = lambda text: None
) -> StressReport:
    """The whole run. ``tell`` is told what is being done."""
    least, most = asked_range(scene, asked)
    limit = scene.bound()
    found, longer = _outlast(scene, _find_limit(scene, least, most, limit, tell), limit)
    clean = found.clean_voices
    limited = "underruns" if clean < most else "asked" if most < scene.device_voices else "device"
    tell("trying what would help")
    curious = limited == "underruns"
    tried = _try_more(scene, asked, found, longer, mapper, curious=curious)
    gives = first_to_give(clean, limited, tried.reliefs, limit)
    return StressReport(
        card=scene.card,
        device=scene.profile.name,
        card_timing=card_facts(scene.preset),
        kit=scene.trial.kit.facts(),
        bound=limit,
        ram_bytes=scene.trial.config.pool_bytes,
        pinned_bytes=scene.pinned_bytes,
        schedule=scene.trial.config.schedule.name.lower(),
        seconds=asked.plan.seconds,
        warm_s=asked.plan.warm_s,
        seed=scene.trial.seed,
        clean_voices=clean,
        least_voices=least,
        most_voices=most,
        limited=limited,
        first_to_give=gives,
        sentence=sentence(clean, (least, most), limited, gives, tried.suggestions),
        points=tried.points,
        suggestions=tried.suggestions,
        reliefs=tried.reliefs,
        at_limit=_with_need(scene, tried.outcomes.get(clean)),
        beyond=_with_need(scene, tried.outcomes.get(clean + 1)),
        options=asked.options,
        recordings=tried.recordings,
    )


def asked_range(scene: Scene, asked: Asked) -> tuple[int, int]:
    """The numbers of voices to try; InputError where the device has not so many."""
    least, most = asked.voices or (1, scene.device_voices)
    if least > scene.device_voices:
        raise InputError(
            f"the device has {scene.device_voices} voices for these pads; ask for no more with --voices"
        )
    return least, min(most, scene.device_voices)


def _find_limit(scene: Scene, least: int, most: int, limit: Bound, tell: Callable[[str], None]) -> Found:
    """The limit in the range; where nothing in it is clean, below it."""

    def say(voices: int) -> None:
        tell(f"trying {voices} voices")

    found = find(Search(scene.trial, least, most, min(limit.voices, float(most))), say)
    if found.clean_voices or least == 1:
        return found
    below = find(Search(scene.trial, 1, least - 1, min(limit.voices, float(least - 1))), say)
    return Found(below.clean_voices, found.outcomes | below.outcomes)


def _outlast(scene: Scene, found: Found, limit: Bound) -> tuple[Found, dict[int, Plan]]:
    """The limit where more voices than the bound are played until they have used up what the RAM held.

    A lack of little bandwidth shows late: where a trial was too short for that, it is played again, longer.
    Also returns the plans of those that then were not clean, by voices.
    """
    outcomes, longer, clean = dict(found.outcomes), dict[int, Plan](), found.clean_voices
    while clean > limit.voices:
        lacking = (clean - limit.voices) * limit.voice_bytes_per_s
        seconds = min(_LONGEST_S, math.ceil(_MARGIN * limit.ram_bytes / lacking))
        if seconds <= scene.trial.plan.seconds:
            break
        plan = replace(scene.trial.plan, seconds=float(seconds))
        outcome = run_trial(replace(scene.trial, voices=clean, plan=plan, stop_early=True))
        if outcome.clean:
            break
        outcomes[clean], longer[clean] = outcome, plan
        clean = max((v for v, one in outcomes.items() if one.clean and v < clean), default=0)
    return Found(clean, outcomes), longer


@dataclass(frozen=True, slots=True)
class _Tried:
    """What the jobs beside the search brought."""

    reliefs: tuple[Relief, ...]
    suggestions: tuple[Suggestion, ...]
    points: tuple[Point, ...]
    outcomes: dict[int, Outcome]
    recordings: tuple[Recording, ...]


def _try_more(
    scene: Scene, asked: Asked, found: Found, longer: dict[int, Plan], mapper: Mapper, *, curious: bool
) -> _Tried:
    """All that does not depend on each other, at once: reliefs, suggestions, and the ladder's open rungs."""
    clean = found.clean_voices
    double = _double_ram(scene)
    eased = reliefs(scene.trial, double) if curious else []
    changed = suggestions(scene.trial, double, scene.preset.name) if curious else []
    rungs = _rungs(scene, asked, clean)
    jobs: list[Job] = [_search(scene, one, clean) for one in (*eased, *changed)]
    for voices in rungs:
        trial = replace(scene.trial, voices=voices, plan=longer.get(voices, scene.trial.plan))
        if voices in (clean, clean + 1):
            jobs.append(Watched(trial, f"{voices} voices" if asked.record else ""))
        elif voices not in found.outcomes or not found.outcomes[voices].clean:
            jobs.append(trial)
    results = mapper(do, jobs)
    gains = [one.clean_voices for one in results if isinstance(one, Found)]
    watched = [one for one in results if isinstance(one, tuple)]
    played = [one for one in results if isinstance(one, Outcome)] + [outcome for outcome, _ in watched]
    outcomes = found.outcomes | {one.voices: one for one in played}
    helped = zip(changed, gains[len(eased) :], strict=True)
    return _Tried(
        tuple(Relief(one.kind, one.text, voices) for one, voices in zip(eased, gains, strict=False)),
        _ranked([Suggestion(one.text, voices, one.kind) for one, voices in helped], clean),
        tuple(_point(scene, outcomes[voices]) for voices in rungs),
        outcomes,
        tuple(recording for _, recording in watched if recording is not None),
    )


def do(job: Job) -> Result:
    """One job of a run, wherever it runs."""
    if isinstance(job, Search):
        return find(job)
    return watch(job) if isinstance(job, Watched) else run_trial(job)


def _search(scene: Scene, change: Change, clean: int) -> Search:
    """The search under a change, begun where the same part of the bound lies."""
    now, then = scene.bound().voices, _bound(change.trial, scene.pinned_bytes).voices
    guess = clean * then / now if 0 < now < math.inf and then < math.inf else then
    guess = min(max(guess, 1.0), float(scene.device_voices))
    return Search(change.trial, 1, scene.device_voices, guess, check=False)


def _ranked(found: Sequence[Suggestion], clean: int) -> tuple[Suggestion, ...]:
    """Those that help, by what they buy."""
    helps = [one for one in found if one.clean_voices > clean]
    return tuple(sorted(helps, key=lambda one: -one.clean_voices))


def _rungs(scene: Scene, asked: Asked, clean: int) -> list[int]:
    least, most = asked_range(scene, asked)
    if asked.voices is None:
        most = min(most, max(round(clean * _BEYOND), clean + 4))
    return ladder(least, most, clean)


def _point(scene: Scene, outcome: Outcome) -> Point:
    return Point(outcome.voices, outcome.underruns, outcome.busy_part, _needed(scene, outcome.voices))


def _with_need(scene: Scene, outcome: Outcome | None) -> Outcome | None:
    return None if outcome is None else replace(outcome, needed_part=_needed(scene, outcome.voices))


def _needed(scene: Scene, voices: int) -> float:
    trial = scene.trial
    ram = trial.config.pool_bytes - scene.pinned_bytes
    return round(needed_part(trial.kit, nominal(trial.card), ram, voices), 5)


def _bound(trial: Trial, pinned: int) -> Bound:
    return bound(trial.kit, nominal(trial.card), trial.config.pool_bytes - pinned)


def card_facts(preset: CardPreset) -> CardFacts:
    """The card's timing as the report says it."""
    model = preset.model
    spikes = in_words(model).partition(", a spike")
    return CardFacts(
        preset.name,
        preset.title,
        model.fixed_ns / 1e6,
        model.read_mb_per_s,
        f"a spike{spikes[2]}" if spikes[1] else "",
        preset.assumptions,
        preset.sources,
    )
