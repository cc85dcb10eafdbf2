"""What a run did, as a trace: a track for each voice, the card, the audio blocks, faults, and counters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from native import PAIR_BASE
from native.types import VoiceEnd, VoiceState
from sim.tracefile import TraceFile
from sim.watching import Glance, Happening, Names

BENCH, VOICES, BUFFERS = 1, 2, 3  # groups of tracks
_BLOCKS, _CARD, _HAPPENINGS = 1, 2, 50
_FIRST_VOICE = 100
_LANES = 1_024  # places between the tracks of two pads: more than a pad has voices
_NEVER = (1 << 64) - 1  # a deadline that is none


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
        self._shown: dict[tuple[int, str], object] = {}
        self._frame = 0
        for pid, name in ((BENCH, "bench"), (VOICES, "voices"), (BUFFERS, "ms until underrun")):
            file.process(pid, name)
        file.track(BENCH, _BLOCKS, "audio blocks", 1)
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
        """Write the voices that still sound."""
        for (tag, sample), starts in self._sounding.voices.items():
            for start in starts:
                args = {"sample": self._names.sample(sample), "ended": "still sounding when the trace ends"}
                self._span(tag, start, self._frame, args, "")

    def _ns(self, frame: int) -> int:
        return frame * 1_000_000_000 // self._rate

    def _ms(self, frames: int | None) -> float | None:
        return None if frames is None else round(frames * 1000 / self._rate, 2)

    def _block(self, glance: Glance) -> None:
        least = min((one.slack for one in glance.states), default=None)
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
        for one in glance.commands:
            self._command({name: int(one[name]) for name in one.dtype.names})

    def _command(self, one: dict[str, int]) -> None:
        track = BENCH, _CARD + one["offset"] // PAIR_BASE
        args: dict[str, Any] = {
            "bytes": one["bytes"],
            "pad": self._names.pad(one["tag"]),
            "sample": self._names.sample(one["sample"]),
            "offset": one["offset"] % PAIR_BASE,
            "streams waiting": one["depth"],
        }
        late = one["deadline_ns"] < one["done_ns"]
        if one["deadline_ns"] != _NEVER:
            args["slack ms"] = round((one["deadline_ns"] - one["done_ns"]) / 1e6, 3)
        failed = one["status"] < 0
        if failed:
            args["status"] = one["status"]
        name = "read failed" if failed else "read, late" if late else "read"
        colour = "terrible" if failed else "bad" if late else ""
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
        tid = _FIRST_VOICE + tag * _LANES + lane
        if self._changed(VOICES, str(tid), "named"):
            name = self._names.pad(tag) + (f" ({lane + 1})" if lane else "")
            self._file.track(VOICES, tid, name, tid)
        return VOICES, tid

    def _counters(self, glance: Glance) -> None:
        c, span_ms = glance.counters, (glance.frame - glance.since) * 1000 / self._rate
        busy = min(1.0, (c.busy_ms - glance.before.busy_ms) / span_ms) if span_ms else 0.0
        if len(glance.commands):
            self._count(BENCH, "queue depth", "streams", int(glance.commands["depth"][-1]))
        self._count(BENCH, "resident blocks", "blocks", c.resident_bytes // self._block_bytes)
        self._count(BENCH, "voices", "voices", c.sounding)
        self._count(BENCH, "underruns", "underruns", c.underruns)
        self._count(BENCH, "card busy", "percent", round(100 * busy))
        slack = _least(glance.states)
        for name in [name for pid, name in self._shown if pid == BUFFERS]:
            slack.setdefault(int(name), 0)
        for tag, frames in slack.items():
            if self._changed(BUFFERS, str(tag), frames):
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
        self.voices: dict[tuple[int, int], list[int]] = {}

    def update(self, glance: Glance) -> None:
        counts: defaultdict[tuple[int, int], int] = defaultdict(int)
        for state in glance.states:
            counts[state.tag, state.sample] += 1
        for end in glance.ends:
            starts = self.voices.get((end.tag, end.sample), [])
            later = [start for start in starts if start >= end.started]
            if later:
                starts.remove(min(later))
        for key in list(self.voices):
            del self.voices[key][counts[key] :]
        for key, count in counts.items():
            starts = self.voices.setdefault(key, [])
            starts.extend([glance.since] * (count - len(starts)))
        self.voices = {key: starts for key, starts in self.voices.items() if starts}


def _least(states: Sequence[VoiceState]) -> dict[int, int]:
    """The least slack of each tag that plays."""
    least: dict[int, int] = {}
    for one in states:
        least[one.tag] = min(least.get(one.tag, one.slack), one.slack)
    return least


def _words(name: str) -> str:
    return name.lower().replace("_", " ")
