"""The soak itself: a dry engine, endless hands, faults on the clock, and a look at it all each second."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from firmware.hal import MidiMessage
from firmware.player import pad_start
from native import Device, FaultyDevice, faulty_device
from native.types import Loop, OnMiss, QueueFullError, Start, Steal
from sim.measure.dry import Booted, Conditions, Dry, keys, number_samples, power_on
from sim.measure.mash import mash
from sim.measure.parallel import Progress, map_jobs
from sim.soak.drift import Drift, Probe, increment
from sim.soak.trouble import Account, troubles

CHUNK = 65_536  # frames between two looks
_RECORDS = 1 << 16
_NS = 1_000_000_000
_Choice = TypeVar("_Choice", bound=IntEnum)
_PROBES = ((1.0, Loop.FORWARD, False), (0.7310585, Loop.PING_PONG, False), (1.3, Loop.FORWARD, True))
_PROBE_GAIN = 8.0  # the loudest of all: the quietest voice is what is stolen
_SETTLED = 0.5  # of the run, after which memory may not grow any more
_GROWTH_BYTES = 4 << 20  # beyond which it is not flat
_OWN_BYTES = 16 << 20  # the interpreter and its modules, beside what the engine takes


@dataclass(frozen=True, slots=True)
class SoakJob:
    """One run of so many simulated ``hours``; ``seed`` is for the hands, the card and its faults."""

    booted: Booted
    conditions: Conditions
    hours: float
    seed: int
    faults_per_hour: float


@dataclass(slots=True)
class SoakRun:
    """What came of it. ``problems`` are sentences on what must not be."""

    seed: int
    settings: dict[str, str]
    frames: int = 0
    messages: int = 0
    voices_started: int = 0
    voices_stolen: int = 0
    voices_peak: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    underruns: dict[str, int] = field(default_factory=dict)
    underruns_without_fault: int = 0
    reads: int = 0
    read_bytes: int = 0
    retries: int = 0
    faults: dict[str, Any] = field(default_factory=dict)
    drift: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    engine_bytes: int = 0
    resident_bytes_begin: int | None = None
    resident_bytes_settled: int | None = None
    resident_bytes_end: int | None = None

    @property
    def growth_bytes(self) -> int | None:
        """How much more memory the process had at the end than when it had settled."""
        if self.resident_bytes_end is None or self.resident_bytes_settled is None:
            return None
        return self.resident_bytes_end - self.resident_bytes_settled

    @property
    def beyond_engine_bytes(self) -> int | None:
        """How much more it had at the end than before it began, less what the engine takes at start."""
        if self.resident_bytes_end is None or self.resident_bytes_begin is None:
            return None
        return self.resident_bytes_end - self.resident_bytes_begin - self.engine_bytes


def soak(
    booted: Booted,
    conditions: Conditions,
    hours: float,
    *,
    seed: int,
    runs: int,
    faults_per_hour: float,
    cluster: str | None = None,
    progress: Progress = lambda done: None,
) -> list[SoakRun]:
    """``runs`` soaks of ``hours`` each over all cores, with seeds from ``seed`` on; see `varied`."""
    jobs = [
        SoakJob(booted, varied(conditions, number), hours, seed + number, faults_per_hour)
        for number in range(runs)
    ]
    return map_jobs(run_soak, jobs, cluster=cluster, progress=progress)


def varied(conditions: Conditions, number: int) -> Conditions:
    """The settings of a run: the first has the user's, each next one the choices that follow."""
    return replace(
        conditions,
        policy=_following(conditions.policy, number),
        on_miss=_following(conditions.on_miss, number),
        schedule=_following(conditions.schedule, number),
    )


def _following(choice: _Choice, steps: int) -> _Choice:
    choices = list(type(choice))
    return choices[(choices.index(choice) + steps) % len(choices)]


def run_soak(job: SoakJob) -> SoakRun:
    """One run, in this process."""
    faulty: list[FaultyDevice] = []

    def around(device: Device) -> Device:
        faulty.append(faulty_device(device))
        return faulty[0]

    conditions = replace(
        job.conditions, seed=job.seed, measure=True, trace_records=_RECORDS, steal=Steal.QUIETEST
    )
    begin = resident_bytes()
    with power_on(job.booted, conditions, around) as dry:
        planned = troubles(job.seed, job.booted.device_bytes, job.faults_per_hour)
        result = _Soak(job, dry, Account(faulty[0], planned)).run()
        result.resident_bytes_begin, result.engine_bytes = begin, dry.engine.memory_bytes
        if grown(result):
            result.problems.append(f"memory grew by {result.growth_bytes} bytes after it had settled")
        return result


def grown(run: SoakRun) -> bool:
    """Whether memory grew in the second half, other than what is the engine's from the start."""
    growth, beyond = run.growth_bytes, run.beyond_engine_bytes
    return growth is not None and growth > _GROWTH_BYTES and beyond is not None and beyond > _OWN_BYTES


class _Soak:
    """One run under way."""

    def __init__(self, job: SoakJob, dry: Dry, account: Account) -> None:
        conditions = job.conditions
        self._result = SoakRun(
            job.seed,
            {
                "policy": conditions.policy.name.lower(),
                "on_miss": conditions.on_miss.name.lower(),
                "schedule": conditions.schedule.name.lower(),
            },
        )
        self._engine = dry.engine
        self._player = dry.player
        self._rate = job.booted.rate
        self._end = round(job.hours * 3600 * self._rate)
        self._messages = mash(keys(job.booted, dry.player), self._rate, job.seed)
        self._account = account
        self._samples = dict(enumerate(number_samples(job.booted).values()))
        self._drift = Drift(self._starts(job.booted, dry), self._samples, self._rate)
        self._probes = self._make_probes(job.booted) if conditions.on_miss is OnMiss.RETURN else {}
        self._holds = conditions.on_miss is OnMiss.HOLD
        self._ends: Counter[str] = Counter()
        self._underruns: Counter[str] = Counter()
        self._out = np.zeros((CHUNK, 2), np.float32)

    def _starts(self, booted: Booted, dry: Dry) -> dict[int, Start]:
        tags = dry.player.tags
        return {
            (tag := tags.tag(tags.banks.index(pad.bank), pad.pad)): pad_start(
                pad, dry.sample_ids[pad.sample.path], tag, self._rate
            )
            for pad in booted.catalogue.pads
        }

    def _make_probes(self, booted: Booted) -> dict[int, Probe]:
        """Loops over the longest samples, at ratios that are no whole numbers."""
        longest = sorted(self._samples, key=lambda one: (-self._samples[one].frames, one))
        first_tag = int(booted.profile.value("pads.per_bank")) * len(booted.profile.value("pads.banks"))
        probes = {}
        for number, (speed, loop, reverse) in enumerate(_PROBES):
            sample, tag = longest[number % len(longest)], first_tag + number
            start = Start(0, sample, tag, reverse=reverse, loop=loop, gain=_PROBE_GAIN, speed=speed)
            inc = increment(start, self._samples[sample], self._rate)
            probes[tag] = Probe(start, self._samples[sample], inc)
        return probes

    def run(self) -> SoakRun:
        engine, result = self._engine, self._result
        settled = round(self._end * _SETTLED)
        message = next(self._messages, None)
        self._start_probes(self._probes)
        while (frame := engine.frame) < self._end:
            until = min(frame + CHUNK, self._end)
            self._account.post_until(until * _NS // self._rate + _NS)
            message, until = self._post(message, until)
            engine.render(self._out[: until - frame])
            self._look()
            if frame < settled <= until:
                result.resident_bytes_settled = resident_bytes()
        result.resident_bytes_end = resident_bytes()
        return self._finished()

    def _post(self, message: MidiMessage | None, until: int) -> tuple[MidiMessage | None, int]:
        """Play the messages before ``until``; where the queue is full, render up to where it was."""
        while message is not None and message.frame < until:
            try:
                self._player.play(message)
            except QueueFullError:
                return message, max(message.frame, self._engine.frame + 1)
            self._result.messages += 1
            message = next(self._messages, None)
        return message, until

    def _start_probes(self, tags: Iterable[int]) -> None:
        for tag in tags:
            probe = self._probes[tag]
            probe.began = self._engine.frame
            self._engine.post(replace(probe.start, frame=probe.began))

    def _look(self) -> None:
        """Check and count what happened since the last look."""
        engine, account = self._engine, self._account
        frame = engine.frame
        found = {state.tag: state for state in engine.states() if state.tag in self._probes}
        for tag, state in found.items():
            self._drift.probe(self._probes[tag], state, frame)
        account.check(engine.drain_commands())
        for end in engine.drain_ends():
            self._ends[end.cause.name.lower()] += 1
            if not (end.underruns and self._holds):  # one that waited ends later
                self._drift.end(end)
        for underrun in engine.drain_underruns():
            self._underruns[underrun.cause.name.lower()] += 1
            near = account.near(underrun.frame * _NS // self._rate)
            self._result.underruns_without_fault += not near
        account.forget_before(frame * _NS // self._rate - 60 * _NS)
        self._start_probes(sorted(self._probes.keys() - found.keys()))

    def _finished(self) -> SoakRun:
        counters, result = self._engine.counters(), self._result
        result.frames = self._engine.frame
        result.voices_started, result.voices_stolen = counters.voices_started, counters.voices_stolen
        result.voices_peak, result.retries = counters.voices_peak, counters.retries
        result.reads, result.read_bytes = counters.reads, counters.read_bytes
        result.ends = dict(sorted(self._ends.items()))
        result.underruns = dict(sorted(self._underruns.items()))
        result.faults = self._account.document()
        drift = self._drift
        result.drift = {"checked": drift.checked, "off": drift.off, "worst_frames": drift.worst_frames}
        result.problems = [*self._account.gaps(counters.read_errors), *self._gaps()]
        return result

    def _gaps(self) -> Iterator[str]:
        counters, result = self._engine.counters(), self._result
        if result.frames != self._end:
            yield f"{result.frames} frames were rendered, not {self._end}"
        ended, playing = sum(self._ends.values()), len(self._engine.states())
        if counters.voices_started != ended + playing:
            yield f"{counters.voices_started} voices began, {ended} ended with a cause and {playing} play"
        if counters.underruns != sum(self._underruns.values()):
            yield f"{counters.underruns} underruns were counted, {sum(self._underruns.values())} reported"
        if self._drift.off:
            yield f"{self._drift.off} voices were off, by up to {self._drift.worst_frames} frames"


def resident_bytes() -> int | None:
    """Memory that this process has; None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def soak_document(runs: list[SoakRun], hours: float, faults_per_hour: float) -> dict[str, Any]:
    """As JSON values; the same for the same seed but for what stands under ``machine``."""
    return {
        "hours": hours,
        "faults_per_hour": faults_per_hour,
        "problems": [f"run {run.seed}: {text}" for run in runs for text in run.problems],
        "runs": [_run_document(run) for run in runs],
        "machine": {
            "resident_bytes_settled": [run.resident_bytes_settled for run in runs],
            "resident_bytes_end": [run.resident_bytes_end for run in runs],
            "growth_bytes": [run.growth_bytes for run in runs],
            "beyond_engine_bytes": [run.beyond_engine_bytes for run in runs],
        },
    }


def _run_document(run: SoakRun) -> dict[str, Any]:
    return {
        one.name: getattr(run, one.name) for one in fields(run) if not one.name.startswith("resident_bytes")
    }
