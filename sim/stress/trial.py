"""One trial: so many voices of a kit stream for a while, and either all of them are served in time or not."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from native import CardModel, Engine
from native.types import Counters, EngineConfig, EngineError, Loop, OnMiss, Overload, Start, Steal, Underrun
from sim.stress.card import device
from sim.stress.kit import Kit, Source
from sim.stress.report import Outcome

LOOK = 1_024  # frames between two looks at a trial that is watched
_CHUNK = 8_192  # the same at one that is not
_MOMENT_S = 0.01
_GAIN = 0.01  # so that many voices do not overdrive anything

Look = Callable[[Sequence[Underrun]], None]
Pin = tuple[int, int, int]  # place of the source in the kit, first frame, frames


@dataclass(frozen=True, slots=True)
class Plan:
    """How the voices begin, and how long they play.

    ``seconds`` count, after ``warm_s`` in which the buffers fill. The voices begin one after the other over
    ``spread_s``; with ``lap_s`` a whole lap of the pads begins at once, and the next so much later.
    ``own_heads_ms`` pins what each voice plays first, as if it were a pad of its own.
    """

    seconds: float = 60.0
    warm_s: float = 15.0
    spread_s: float = 5.0
    lap_s: float | None = None
    own_heads_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What is played, by how many voices, from which card. The same trial gives the same outcome, always.

    ``pins`` are kept in RAM, as pad heads are. With ``stop_early`` it ends at the first underrun that counts.
    """

    kit: Kit
    voices: int
    config: EngineConfig
    card: CardModel | None = None
    plan: Plan = Plan()
    pins: tuple[Pin, ...] = ()
    seed: int = 0
    stop_early: bool = False


def run_trial(trial: Trial, *, dry: bool = True) -> Outcome:
    """Play it. Where the engine cannot even be made with so many voices, that is one underrun for each.

    Not ``dry`` computes the audio as well, of bytes that nobody knows; the outcome is the same.
    """
    try:
        with playing(trial, dry=dry) as run:
            run.until(trial.plan.warm_s)
            run.begin()
            run.until(trial.plan.warm_s + trial.plan.seconds, stop=trial.stop_early)
            return run.outcome()
    except EngineError:
        return Outcome(trial.voices, 0.0, trial.voices, {"no room": trial.voices}, 0, 0, 0, 0.0, 0.0, True)


def pinned_bytes(trial: Trial) -> int:
    """What the pins of a trial take of the RAM."""
    with playing(trial) as run:
        run.until(_MOMENT_S)  # counters are as of the last render
        return run.engine.counters().pinned_bytes


@contextmanager
def playing(trial: Trial, trace_records: int = 0, *, dry: bool = True) -> Iterator[Run]:
    """The trial at frame 0, ``trace_records`` and ``dry`` as in `EngineConfig`."""
    kit = trial.kit
    made = replace(
        trial.config,
        max_voices=trial.voices,
        max_samples=len(kit.samples),
        steal=Steal.REFUSE,
        dry=dry,
        measure=True,
        trace_records=trace_records,
    )
    with Engine(made, device(trial.card, kit.device_bytes, trial.seed)) as engine:
        for sample in kit.samples:
            engine.add_sample(sample)
        events = starts(kit, trial.voices, trial.plan, made.rate)
        for place, first, frames in trial.pins:
            engine.pin(kit.samples[kit.sources[place].sample], first, frames)
        if trial.plan.own_heads_ms:
            _pin_own(engine, kit, events, trial.plan.own_heads_ms)
        engine.preload()
        yield Run(trial, engine, deque(events))


class Run:
    """A trial under way. What happens before `begin` does not count, but a voice that is silent then does."""

    def __init__(self, trial: Trial, engine: Engine, events: deque[Start]) -> None:
        self.engine = engine
        self.underruns: list[Underrun] = []
        self.began = 0
        self._trial = trial
        self._events = events
        self._out = np.zeros((_CHUNK, 2), np.float32)
        self._before = Counters()
        self._silent = 0
        self._broke_off = False

    def begin(self) -> None:
        """From now on it counts."""
        self.engine.drain_underruns()
        self.underruns.clear()
        if self.engine.frame:
            heard = sum(one.state in ("playing", "returning") for one in self.engine.states())
            self._silent = self._trial.voices - heard
        self._before = self.engine.counters()
        self.began = self.engine.frame

    def until(self, seconds: float, *, stop: bool = False, look: Look | None = None) -> None:
        """Play up to so many seconds after frame 0; ``stop`` at the first underrun that counts.

        ``look`` is told each `LOOK` frames what underruns there were since the last time.
        """
        end = round(seconds * self.engine.config.rate)
        chunk = _CHUNK if look is None else LOOK
        while (frame := self.engine.frame) < end:
            if stop and (self.underruns or self._silent or self._dropped()):
                self._broke_off = True
                return
            until = min(frame + chunk, end)
            while self._events and self._events[0].frame < until:
                self.engine.post(self._events.popleft())
            self.engine.render(self._out[: until - frame])
            found = self.engine.drain_underruns()
            self.underruns += found
            if look is not None:
                look(found)

    def _dropped(self) -> int:
        """Voices that gave way to the others; those that a miss ended had their underrun."""
        config = self.engine.config
        if config.overload is Overload.NONE or config.on_miss is OnMiss.DROP:
            return 0
        return self.engine.counters().dropped - self._before.dropped

    def outcome(self) -> Outcome:
        """What happened since `begin`."""
        now, before = self.engine.counters(), self._before
        seconds = (self.engine.frame - self.began) / self.engine.config.rate
        hits, misses = now.hits - before.hits, now.misses - before.misses
        causes = Counter(one.cause.name.lower().replace("_", " ") for one in self.underruns)
        if self._silent:
            causes["late"] += self._silent
        if dropped := self._dropped():
            causes["dropped"] += dropped
        return Outcome(
            voices=self._trial.voices,
            seconds=round(seconds, 6),
            underruns=now.underruns - before.underruns + self._silent + dropped,
            causes=dict(sorted(causes.items())),
            reads=now.reads - before.reads,
            read_bytes=now.read_bytes - before.read_bytes,
            wasted_bytes=now.wasted_bytes - before.wasted_bytes,
            busy_part=round((now.busy_ms - before.busy_ms) / 1000 / seconds, 5) if seconds else 0.0,
            hit_part=round(hits / (hits + misses), 5) if hits + misses else 0.0,
            broke_off=self._broke_off,
        )


def starts(kit: Kit, voices: int, plan: Plan, rate: int) -> list[Start]:
    """The pads in turn, lap after lap, looping. Each lap begins elsewhere in the samples.

    So no voice lives off what another has read, unless the sample is short or the memory large.
    """
    laps = -(-voices // len(kit.sources))
    made = []
    for voice in range(voices):
        lap, place = divmod(voice, len(kit.sources))
        one = kit.sources[place]
        begin = voice * plan.spread_s / voices if plan.lap_s is None else lap * plan.lap_s
        first, end = _lap_region(one, lap, laps)
        made.append(
            Start(
                frame=round(begin * rate),
                sample=kit.samples[one.sample],
                tag=voice,
                start=first,
                end=end,
                loop_start=one.settings.start,
                reverse=one.settings.reverse,
                loop=Loop.FORWARD,
                gain=_GAIN,
                pitch_cents=one.settings.pitch_cents,
                speed=one.settings.speed,
            )
        )
    return made


def _lap_region(one: Source, lap: int, laps: int) -> tuple[int, int]:
    """What a voice plays: a reverse one ends elsewhere, where it begins."""
    start, end = one.region
    shift = (end - start) * lap // laps
    return (start, end - shift) if one.settings.reverse else (start + shift, end)


def _pin_own(engine: Engine, kit: Kit, events: Sequence[Start], head_ms: float) -> None:
    for voice, event in enumerate(events):
        one = kit.sources[voice % len(kit.sources)]
        ratio = event.speed * 2 ** (event.pitch_cents / 1200)
        frames = min(event.end - event.start, round(head_ms / 1000 * one.sample.rate * ratio) + 1)
        engine.pin(event.sample, event.end - frames if event.reverse else event.start, frames)
