"""A test case: what is played, from which card, and how it fails, in one file that needs nothing else.

What a dry run decides depends on where the samples lie and what shape they have, not on their bytes. So a
case holds exactly that, and the card itself is not needed to replay it. The file is JSON; its fields are
those of `native.types` and `native.CardModel`, what has its default left out.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from enum import IntEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from native import CardModel, Device, Engine, Fault, FaultKind, card_device, faulty_device, null_device
from native.types import (
    Bend,
    Cause,
    Encoding,
    EngineConfig,
    EngineError,
    Event,
    Extent,
    Loop,
    OnMiss,
    Overload,
    Policy,
    Quality,
    QueueFullError,
    Release,
    Retrigger,
    Sample,
    Schedule,
    Start,
    Steal,
    Stop,
    Underrun,
)
from sim.errors import InputError

FORMAT = "benchpad case 1"
MAX_FILE_BYTES = 32 << 20
MAX_FRAMES = 24 * 3600 * 48_000
_CHUNK = 8_192
_MOST_UNDERRUNS = 10_000

_ENUMS: dict[str, type[IntEnum]] = {
    "encoding": Encoding,
    "quality": Quality,
    "loop": Loop,
    "retrigger": Retrigger,
    "steal": Steal,
    "schedule": Schedule,
    "on_miss": OnMiss,
    "overload": Overload,
    "policy": Policy,
    "kind": FaultKind,
    "cause": Cause,
}
_EVENTS: dict[str, Callable[..., Event]] = {
    "start": Start,
    "bend": Bend,
    "release": Release,
    "stop": Stop,
}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Pin:
    """Frames of a sample that are kept in RAM from the beginning."""

    sample: int
    first: int
    frames: int


@dataclass(frozen=True, slots=True)
class Failure:
    """How a case fails: the number of its underruns, and the first of the cause that matters."""

    underruns: int
    frame: int
    tag: int
    sample: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that a dry run depends on. ``frames`` is how long it lasts, ``expects`` how it then failed.

    ``names`` are the samples' paths and ``about`` a line for people; nothing depends on them.
    """

    config: EngineConfig
    samples: tuple[Sample, ...]
    events: tuple[Event, ...]
    frames: int
    card: CardModel | None = None
    seed: int = 0
    pins: tuple[Pin, ...] = ()
    faults: tuple[Fault, ...] = ()
    names: tuple[str, ...] = ()
    about: str = ""
    expects: Failure | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """What a case did. ``underruns`` holds the first 10,000; ``count`` says how many there were."""

    underruns: tuple[Underrun, ...]
    count: int
    reads: int
    read_bytes: int

    def failure(self, cause: Cause | None = None) -> Failure | None:
        """How it failed: the first underrun of this ``cause``, or of any."""
        first = next((one for one in self.underruns if cause in (None, one.cause)), None)
        if first is None:
            return None
        return Failure(self.count, first.frame, first.tag, first.sample, first.cause)


def run_case(case: Case, until: Cause | None = None) -> Replay:
    """Play it, dry; to its end, or to the first underrun of the cause ``until``.

    Raises EngineError where the engine cannot be made so.
    """
    with Engine(replace(case.config, dry=True), _device(case)) as engine:
        for sample in case.samples:
            engine.add_sample(sample)
        for pin in case.pins:
            engine.pin(pin.sample, pin.first, pin.frames)
        engine.preload()
        underruns = _play(engine, case, until)
        counters = engine.counters()
        return Replay(tuple(underruns), counters.underruns, counters.reads, counters.read_bytes)


def _device(case: Case) -> Device:
    length = max((e.offset + e.length for sample in case.samples for e in sample.extents), default=0)
    device = null_device(length)
    if case.card is not None:
        device = card_device(device, case.card, case.seed)
    if case.faults:
        faulty = faulty_device(device)
        for fault in case.faults:
            faulty.post(fault)
        device = faulty
    return device


def _play(engine: Engine, case: Case, stop: Cause | None) -> list[Underrun]:
    events, found = deque(case.events), list[Underrun]()
    out = np.zeros((_CHUNK, 2), np.float32)
    while (frame := engine.frame) < case.frames:
        until = min(frame + _CHUNK, case.frames)
        while events and events[0].frame < until:
            try:
                engine.post(events[0])
            except QueueFullError:
                until = max(events[0].frame, frame + 1)
                break
            events.popleft()
        engine.render(out[: until - frame])
        new = engine.drain_underruns()
        found += new[: _MOST_UNDERRUNS - len(found)]
        if any(one.cause is stop for one in new):
            break
    return found


# ---- as a file ----


def case_document(case: Case) -> dict[str, Any]:
    """The case as JSON values."""
    config = _plain(case.config)
    return {
        "format": FORMAT,
        "about": case.about,
        "frames": case.frames,
        "seed": case.seed,
        "engine": config,
        "card": None if case.card is None else _plain(case.card),
        "samples": [
            {
                "name": _name(case, n),
                **_plain(sample),
                "extents": [[e.offset, e.length] for e in sample.extents],
            }
            for n, sample in enumerate(case.samples)
        ],
        "pins": [_plain(pin) for pin in case.pins],
        "events": [{"event": type(one).__name__.lower(), **_plain(one)} for one in case.events],
        "faults": [_plain(one) for one in case.faults],
        "expects": None if case.expects is None else _plain(case.expects),
    }


def _name(case: Case, number: int) -> str:
    return case.names[number] if number < len(case.names) else ""


def _plain(value: Any) -> dict[str, Any]:
    """A dataclass's fields that have not their defaults, enumerations by name."""
    document = {}
    for one in fields(value):
        found = getattr(value, one.name)
        if found != one.default:
            document[one.name] = found.name.lower() if isinstance(found, IntEnum) else found
    return document


def write_case(case: Case) -> bytes:
    """The bytes of a case file: one line for each sample, event and fault, so that a person can read it."""
    document = case_document(case)
    lines = []
    for key, value in document.items():
        if isinstance(value, list):
            items = ",\n".join(f"  {json.dumps(one)}" for one in value)
            lines.append(f"{json.dumps(key)}: [\n{items}\n ]" if value else f"{json.dumps(key)}: []")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return ("{\n " + ",\n ".join(lines) + "\n}\n").encode("ascii")


def read_case(path: Path) -> Case:
    """The case in a file; InputError in one sentence where there is none that can be played."""
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    try:
        if len(data) > MAX_FILE_BYTES:
            raise InputError(f"it is larger than {MAX_FILE_BYTES >> 20} MiB")
        return parse_case(data)
    except InputError as error:
        raise InputError(f"{path} is no case that can be replayed: {error}") from None


def parse_case(data: bytes) -> Case:
    """The case in the bytes of a file; InputError with the reason where there is none."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"it is not JSON ({error})") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f"it does not say that its format is {FORMAT!r}")
    case = Case(
        config=_made(EngineConfig, document.get("engine"), "engine"),
        samples=tuple(_sample(one, f"sample {n}") for n, one in enumerate(_list(document, "samples"))),
        events=tuple(_event(one, f"event {n}") for n, one in enumerate(_list(document, "events"))),
        frames=_whole(document.get("frames"), "frames", MAX_FRAMES),
        card=None if document.get("card") is None else _made(CardModel, document["card"], "card"),
        seed=_whole(document.get("seed", 0), "seed", 2**64 - 1),
        pins=tuple(_made(Pin, one, f"pin {n}") for n, one in enumerate(_list(document, "pins"))),
        faults=tuple(_made(Fault, one, f"fault {n}") for n, one in enumerate(_list(document, "faults"))),
        names=tuple(_text(one, "name") for one in _list(document, "samples")),
        about=_text(document, "about"),
        expects=None
        if document.get("expects") is None
        else _made(Failure, document["expects"], "what it expects"),
    )
    _check_order(case)
    _check_samples(case)
    return case


def _check_samples(case: Case) -> None:
    """InputError where the case plays or keeps a sample that it does not describe."""
    count = len(case.samples)
    users = [*((f"pin {n}", one.sample) for n, one in enumerate(case.pins))]
    users += [(f"event {n}", one.sample) for n, one in enumerate(case.events) if isinstance(one, Start)]
    lacking = next(((what, sample) for what, sample in users if not 0 <= sample < count), None)
    if lacking is not None:
        what, sample = lacking
        has = (
            f"it describes {count} sample{'s' if count != 1 else ''}" if count else "it describes no samples"
        )
        raise InputError(f"{has}, and {what} is of sample {sample} (they are numbered from 0)")


def _check_order(case: Case) -> None:
    for events, what in ((case.events, "event"), (case.faults, "fault")):
        times = [one.at_ns if isinstance(one, Fault) else one.frame for one in events]
        late = next((n for n, (a, b) in enumerate(pairwise(times), 1) if b < a), None)
        if late is not None:
            raise InputError(f"{what} {late} comes before the one that stands before it")


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    found = document.get(key, [])
    if not isinstance(found, list):
        raise InputError(f"{key} is no list")
    return found


def _text(document: Any, key: str) -> str:
    found = document.get(key, "") if isinstance(document, dict) else ""
    return found if isinstance(found, str) else ""


def _whole(value: Any, what: str, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise InputError(f"{what} is {_shown(value)}; it must be a whole number from 0 to {most}")
    return value


def _sample(document: Any, what: str) -> Sample:
    if not isinstance(document, dict):
        raise InputError(f"{what} is no object")
    runs = document.get("extents")
    if not isinstance(runs, list) or not all(isinstance(run, list) and len(run) == 2 for run in runs):
        raise InputError(f"{what}: extents must be a list of [offset, length]")
    extents = tuple(Extent(*(_whole(n, f"{what}: an extent", 2**62) for n in run)) for run in runs)
    rest = {key: value for key, value in document.items() if key not in ("name", "extents")}
    return _made(Sample, rest, what, extents=extents)


def _event(document: Any, what: str) -> Event:
    kind = document.get("event") if isinstance(document, dict) else None
    if not isinstance(kind, str) or kind not in _EVENTS:
        raise InputError(f"{what} is none of {', '.join(_EVENTS)}")
    return _made(_EVENTS[kind], {key: value for key, value in document.items() if key != "event"}, what)


def _made(make: Callable[..., _T], document: Any, what: str, **more: Any) -> _T:
    """A dataclass from JSON values, each of the type of its field."""
    if not isinstance(document, dict):
        raise InputError(f"{what} is no object")
    known = {one.name: one for one in fields(make)}  # type: ignore[arg-type]  # always a dataclass
    values = dict(more)
    for key, value in document.items():
        if key not in known or key in more:
            raise InputError(f"{what} has no {key!r}")
        values[key] = _value(str(known[key].type), key, value, what)
    missing = [one.name for one in known.values() if one.default is MISSING and one.name not in values]
    if missing:
        raise InputError(f"{what} lacks {missing[0]!r}")
    try:
        return make(**values)
    except EngineError as error:
        raise InputError(f"{what}: {error}") from None


def _value(kind: str, key: str, value: Any, what: str) -> Any:
    if key in _ENUMS:
        names = [one.name.lower() for one in _ENUMS[key]]
        if value not in names:
            raise InputError(f"{what}: {key} is {_shown(value)}; it must be one of {', '.join(names)}")
        return _ENUMS[key][value.upper()]
    if key == "tag" and value is None:
        return None
    fits = {
        "bool": isinstance(value, bool),
        "str": isinstance(value, str),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
    }.get(kind, isinstance(value, int) and not isinstance(value, bool))
    if not fits:
        raise InputError(f"{what}: {key} is {_shown(value)}, which is no {kind}")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def failure_document(failure: Failure | None) -> dict[str, Any] | None:
    """A failure as JSON values."""
    return None if failure is None else {**asdict(failure), "cause": failure.cause.name.lower()}
