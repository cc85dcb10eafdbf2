"""What a run did, as a trace: a track for each voice, the card, the audio blocks, faults, and counters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from native import PAIR_BASE
from native.types import VoiceEnd, VoiceState
from sim.tracefile import TraceFile
from sim.watching import Glance, Happening, Names

BENCH, VOICES, BUFFERS = 1, 2, 3  # groups of tracks
_BLOCKS, _CARD, _HAPPENINGS = 11, 12, 50  # a track with its group's number would be its main one
# Tracks are shown in the order of their numbers: pads stay together.
_FIRST_VOICE, _LANES = 100, 16
_FIRST_CROWD, _CROWD = 1 << 20, 4_096  # where more voices of one pad sound at once
_FIELDS = ("start_ns", "done_ns", "deadline_ns", "offset", "bytes", "tag", "sample", "depth", "status")
_NEVER_NS = 3_600_000_000_000  # a deadline further off is none


class Tracer:
    """Turns glances (see `sim.watching`) into trace events. Call `close` after the last glance.

    ``cards`` are what people call the cards of a device that has several, by `native.PAIR_BASE`.
    """

    def __init__(
        self,
        file: TraceFile,
        rate: int,
        block_bytes: int,
        names: Names,
        *,
        cards: Sequence[str] = ("card",),
    ) -> None:
        self._file = file
        self._rate = rate
        self._block_bytes = block_bytes
        self._names = names
        self._lanes = _Lanes()
        self._tids: dict[tuple[str, int], int] = {}
        self._sounding = _Sounding()
        self._busy_ms = 0.0  # charged, and not passed yet: a long command lasts into the blocks that follow
        self._shown: dict[tuple[int, str], object] = {}
        self._frame = 0
        for pid, name in ((BENCH, "bench"), (VOICES, "voices"), (BUFFERS, "ms until underrun")):
            file.process(pid, name)
        file.track(BENCH, _BLOCKS, "audio blocks", _BLOCKS)
        for at, card in enumerate(cards):
            file.track(BENCH, _CARD + at, card, _CARD + at)

    def __call__(self, glance: Glance) -> None:
        """Write what happened since the glance before."""
        self._frame = glance.frame
        self._commands(glance)
        self._block(glance)
        for underrun in glance.underruns:
            pad, cause = self._names.pad(underrun.tag), _words(underrun.cause.name)
            track = self._voice_track(underrun.tag, 0)
            args = {"pad": pad, "sample": self._names.sample(underrun.sample), "cause": cause}
            self._file.instant(track, f"underrun: {cause}", self._ns(underrun.frame), args)
        for end in sorted(glance.ends, key=lambda one: (one.frame, one.started, one.tag)):
            self._voice(end)
        self._sounding.update(glance)
        self._counters(glance)

    def happening(self, what: Happening) -> None:
        """A fault, an alert: on a track of its own kind. To be given in the order in which they begin."""
        lane = self._lanes.take(what.kind, what.frame, what.until)
        tid = self._tids.setdefault((what.kind, lane), _HAPPENINGS + len(self._tids))
        if self._changed(BENCH, str(tid), "named"):
            self._file.track(BENCH, tid, f"{what.kind}s", tid)
        if what.until > what.frame:
            span = self._ns(what.frame), self._ns(what.until)
            self._file.span((BENCH, tid), what.text, span, {}, colour="terrible")
        else:
            self._file.instant((BENCH, tid), what.text, self._ns(what.frame), {})

    def close(self) -> None:
        """Write the voices that sounded until now, and whose end nobody has told."""
        for (tag, sample), starts in self._sounding.untold():
            for start in starts:
                args = {"sample": self._names.sample(sample), "ended": "with the trace"}
                self._span(tag, start, self._frame, args, "")

    def _ns(self, frame: int) -> int:
        return frame * 1_000_000_000 // self._rate

    def _ms(self, frames: int | None) -> float | None:
        return None if frames is None else round(frames * 1000 / self._rate, 2)

    def _block(self, glance: Glance) -> None:
        least = min((one.slack for one in glance.states if one.slack is not None), default=None)
        args = {
            "first frame": glance.since,
            "frames": glance.frame - glance.since,
            "voices": glance.counters.voices,
            "least slack ms": self._ms(least),
        }
        span = self._ns(glance.since), self._ns(glance.frame)
        colour = "terrible" if glance.underruns else ""
        name = "block, underrun" if glance.underruns else "block"
        self._file.span((BENCH, _BLOCKS), name, span, args, colour=colour, detail=True)

    def _commands(self, glance: Glance) -> None:
        columns = [glance.commands[name].tolist() for name in _FIELDS]
        for values in zip(*columns, strict=True):
            self._command(dict(zip(_FIELDS, values, strict=True)))

    def _command(self, one: dict[str, int]) -> None:
        track = BENCH, _CARD + one["offset"] // PAIR_BASE
        args: dict[str, Any] = {
            "bytes": one["bytes"],
            "pad": self._names.pad(one["tag"]),
            "sample": self._names.sample(one["sample"]),
            "offset": one["offset"] % PAIR_BASE,
            "streams waiting": one["depth"],
        }
        slack_ns = one["deadline_ns"] - one["done_ns"]
        if slack_ns < _NEVER_NS:
            args["slack ms"] = round(slack_ns / 1e6, 3)
        failed = one["status"] < 0
        if failed:
            args["status"] = one["status"]
        name = "read failed" if failed else "read, late" if slack_ns < 0 else "read"
        colour = "terrible" if failed else "bad" if slack_ns < 0 else ""
        span = one["start_ns"], one["done_ns"]
        self._file.span(track, name, span, args, colour=colour, detail=True)

    def _voice(self, end: VoiceEnd) -> None:
        args = {
            "sample": self._names.sample(end.sample),
            "ended": _words(end.cause.name),
            "least slack ms": self._ms(end.least_slack),
            "first percentile slack ms": self._ms(end.p1_slack),
            "underruns": end.underruns,
        }
        self._span(end.tag, end.started, end.frame, args, "bad" if end.underruns else "")

    def _span(self, tag: int, start: int, end: int, args: dict[str, Any], colour: str) -> None:
        pad = self._names.pad(tag)
        lane = self._lanes.take(f"voice {tag}", start, end)
        track = self._voice_track(tag, lane)
        self._file.span(track, pad, (self._ns(start), self._ns(end)), args, colour=colour)

    def _voice_track(self, tag: int, lane: int) -> tuple[int, int]:
        few, many = _FIRST_VOICE + tag * _LANES + lane, _FIRST_CROWD + tag * _CROWD + lane
        tid = few if lane < _LANES else many
        if self._changed(VOICES, str(tid), "named"):
            name = self._names.pad(tag) + (f" ({lane + 1})" if lane else "")
            self._file.track(VOICES, tid, name, tid)
        return VOICES, tid

    def _counters(self, glance: Glance) -> None:
        c, span_ms = glance.counters, (glance.frame - glance.since) * 1000 / self._rate
        charged = self._busy_ms + c.busy_ms - glance.before.busy_ms
        self._busy_ms = max(0.0, charged - span_ms)
        busy = min(1.0, charged / span_ms) if span_ms else 0.0
        if len(glance.commands):
            self._count(BENCH, "queue", "streams", int(glance.commands["depth"][-1]))
        self._count(BENCH, "resident", "blocks", c.resident_bytes // self._block_bytes)
        self._count(BENCH, "voices", "sounding", c.sounding)
        self._count(BENCH, "underruns", "so far", c.underruns)
        self._count(BENCH, "card busy", "percent", round(100 * busy))
        slack = _least(glance.states)
        for name in [name for pid, name in self._shown if pid == BUFFERS]:
            slack.setdefault(int(name), 0)
        for tag, frames in slack.items():
            if frames is not None and self._changed(BUFFERS, str(tag), frames):
                values = {"ms": self._ms(frames) or 0.0}
                self._file.counter(BUFFERS, self._names.pad(tag), self._ns(self._frame), values)

    def _count(self, pid: int, name: str, unit: str, value: int) -> None:
        if self._changed(pid, name, value):
            self._file.counter(pid, name, self._ns(self._frame), {unit: value})

    def _changed(self, pid: int, name: str, value: object) -> bool:
        if self._shown.get((pid, name)) == value:
            return False
        self._shown[pid, name] = value
        return True


class _Lanes:
    """Puts spans on as few tracks as do without overlap: they must come in order of end, or of start."""

    def __init__(self) -> None:
        self._ends: defaultdict[str, list[int]] = defaultdict(list)

    def take(self, name: str, start: int, end: int) -> int:
        """The lane for a span: of the free ones that which was busy last, or a new one."""
        ends = self._ends[name]
        free = [lane for lane, busy in enumerate(ends) if busy <= start]
        if not free:
            ends.append(end)
            return len(ends) - 1
        lane = max(free, key=lambda one: (ends[one], -one))
        ends[lane] = end
        return lane


class _Sounding:
    """The voices that sound, with the frame at which each was first seen: states do not say their start."""

    def __init__(self) -> None:
        self._voices: dict[tuple[int, int], list[int]] = {}
        self._gone: dict[tuple[int, int], list[int]] = {}

    def update(self, glance: Glance) -> None:
        """Follow the voices through a glance; of those of one pad that leave untold the eldest go first."""
        for end in glance.ends:
            key = end.tag, end.sample
            if not _forget(self._gone.get(key, []), end.started):
                _forget(self._voices.get(key, []), end.started)
        counts = Counter((state.tag, state.sample) for state in glance.states)
        self._gone = {key: starts[: len(starts) - counts[key]] for key, starts in self._voices.items()}
        self._voices = {key: self._voices.get(key, [])[-count:] for key, count in counts.items()}
        for key, count in counts.items():
            starts = self._voices[key]
            starts.extend([glance.since] * (count - len(starts)))

    def untold(self) -> list[tuple[tuple[int, int], list[int]]]:
        """What sounds, and what was gone at the last glance: the engine tells an end a moment later."""
        return [*self._voices.items(), *self._gone.items()]


def _forget(starts: list[int], started: int) -> bool:
    """Take out the voice that began at ``started``: within the block at whose begin it is noted."""
    noted = [start for start in starts if start <= started]
    if noted:
        starts.remove(max(noted))
    return bool(noted)


def _least(states: Sequence[VoiceState]) -> dict[int, int | None]:
    """The least slack of each tag that plays; None where all of its data is there."""
    least: dict[int, int | None] = {}
    for one in states:
        if one.state == "fading":
            continue  # what fades needs no more data
        known = [slack for slack in (least.get(one.tag), one.slack) if slack is not None]
        least[one.tag] = min(known, default=None)
    return least


def _words(name: str) -> str:
    return name.lower().replace("_", " ")
