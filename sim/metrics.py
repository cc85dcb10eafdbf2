"""Every number that the device counts, with a stable name and a unit; docs/metrics.md is made from here.

    python -m sim.metrics > docs/metrics.md

A snapshot is a dict from name to number. Reports, alerts and panels read snapshots and nothing else, so
a number has one name everywhere.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from firmware.player import PlayerCounters
from native import FaultCount, FaultKind
from native.types import Cause, Counters, EndCause
from sim.watching import Glance

Snapshot = Mapping[str, int | float]
FRAME = "engine.frames"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number. A ``total`` only grows, ``now`` goes up and down, ``peak`` is the most or least so far."""

    name: str
    unit: str
    kind: str
    about: str
    field: str = ""  # of `native.types.Counters`, where it comes from there


_ENDS = {
    EndCause.END: "at their own end",
    EndCause.RELEASED: "by their key's release",
    EndCause.STOLEN: "to make room for a newer one",
    EndCause.CHOKED: "by their mute group",
    EndCause.STOPPED: "by a stop",
    EndCause.RETRIGGERED: "because their pad was hit again",
    EndCause.LATE: "because their data came late",
    EndCause.BANDWIDTH: "because the card cannot keep up with all",
    EndCause.NO_ROOM: "because every cache block was held",
    EndCause.READ_ERROR: "because the card failed to read",
    EndCause.CPU: "because rendering did not keep up",
}
_MISSES = {
    Cause.COLD: "where nothing was resident when the voice began",
    Cause.LATE: "because the card delivered after the deadline",
    Cause.NO_ROOM: "because every cache block was held by others or pinned",
    Cause.READ_ERROR: "because the card failed to read the block",
}

_FAULTS = {
    FaultKind.SPIKE: "spikes",
    FaultKind.STUCK: "times of being stuck",
    FaultKind.READ_ERROR: "read errors",
    FaultKind.WRONG_DATA: "wrong data",
    FaultKind.REMOVED: "removals",
    FaultKind.INSERTED: "insertions",
    FaultKind.READ_ONLY: "write protections",
    FaultKind.POWER_CUT: "power cuts",
}

METRICS: tuple[Metric, ...] = (
    Metric(FRAME, "frames", "total", "frames rendered: the clock of everything else", "frames"),
    Metric("voices.playing", "voices", "now", "voices that play, in units of their cost", "voices"),
    Metric("voices.sounding", "voices", "now", "voices not silent yet, those that fade included", "sounding"),
    Metric("voices.peak", "voices", "peak", "most voices that played at once", "voices_peak"),
    Metric("voices.started", "voices", "total", "voices started", "voices_started"),
    Metric("voices.stolen", "voices", "total", "voices ended early to make room", "voices_stolen"),
    Metric("voices.refused", "voices", "total", "starts refused for want of a voice", "voices_refused"),
    Metric("voices.dropped", "voices", "total", "voices ended by a miss or by overload", "dropped"),
    Metric(
        "voices.held_frames", "frames", "total", "output that voices spent waiting for data", "held_frames"
    ),
    Metric("voices.least_slack", "frames", "now", "output until the first playing voice would underrun"),
    Metric("voices.underruns", "underruns", "total", "times that a voice reached missing data", "underruns"),
    *(
        Metric(f"voices.underruns_{one.name.lower()}", "underruns", "total", f"of them, {why}")
        for one, why in _MISSES.items()
    ),
    *(
        Metric(f"voices.ended_{one.name.lower()}", "voices", "total", f"voices that ended {why}")
        for one, why in _ENDS.items()
    ),
    Metric("cache.hits", "blocks", "total", "blocks that voices asked for and found resident", "hits"),
    Metric("cache.misses", "blocks", "total", "blocks that voices asked for and had to wait for", "misses"),
    Metric("cache.hit_rate", "ratio", "total", "hits ÷ (hits + misses); 1 before the first of either"),
    Metric("cache.evictions", "blocks", "total", "blocks that gave way to others", "evictions"),
    Metric("cache.resident_bytes", "bytes", "now", "sample data in RAM", "resident_bytes"),
    Metric("cache.pinned_bytes", "bytes", "now", "of it, kept there whatever happens", "pinned_bytes"),
    Metric("card.reads", "commands", "total", "read commands to the card", "reads"),
    Metric("card.read_bytes", "bytes", "total", "bytes that they asked for", "read_bytes"),
    Metric("card.busy_ms", "ms", "total", "time that the card was busy, on its own clock", "busy_ms"),
    Metric("card.read_errors", "commands", "total", "read commands that failed", "read_errors"),
    Metric("card.slowest_ms", "ms", "peak", "the longest command so far"),
    Metric("reader.wasted_bytes", "bytes", "total", "bytes read and then not wanted", "wasted_bytes"),
    Metric("reader.retries", "commands", "total", "reads tried again after an error", "retries"),
    Metric("reader.failovers", "commands", "total", "reads that the mirror card answered", "failovers"),
    Metric("reader.queue_depth", "streams", "now", "streams with requests at the last command"),
    Metric("reader.queue_depth_peak", "streams", "peak", "most streams with requests at a command"),
    *(
        Metric(f"faults.{kind.name.lower()}_{part}", unit, "total", f"{about}: {what}")
        for kind, about in _FAULTS.items()
        for part, unit, what in (
            ("begun", "faults", "faults whose time has come"),
            ("met", "faults", "of them, those that a command met"),
            ("commands", "commands", "commands that were late, failed, refused or wrong for it"),
        )
    ),
    Metric("audio.xruns", "times", "total", "the audio server was not served in time; only live"),
    Metric(
        "audio.late_blocks", "blocks", "total", "blocks that took longer to render than to play; only live"
    ),
    Metric("midi.notes", "notes", "total", "notes that reached a pad"),
    Metric("midi.unmapped", "notes", "total", "notes that are no pad of the device"),
    Metric("midi.empty_pads", "notes", "total", "notes on pads without a sample"),
    Metric("midi.messages", "messages", "total", "messages that came in through ports; only live"),
    Metric(
        "midi.merged", "messages", "total", "of them, those that a later one replaced in a flood; only live"
    ),
    Metric("midi.dropped_notes", "notes", "total", "notes that a flood left no room for; only live"),
    Metric("midi.doubles", "messages", "total", "messages that came by two ways, heard once; only live"),
)
METRIC = {one.name: one for one in METRICS}


def of_counters(counters: Counters) -> dict[str, int | float]:
    """What the engine counts by itself, and the hit rate."""
    values = {one.name: getattr(counters, one.field) for one in METRICS if one.field}
    asked = counters.hits + counters.misses
    values["cache.hit_rate"] = counters.hits / asked if asked else 1.0
    return values


def of_player(heard: PlayerCounters) -> dict[str, int | float]:
    """What became of the notes."""
    return {
        "midi.notes": heard.notes,
        "midi.unmapped": heard.unmapped.total(),
        "midi.empty_pads": heard.empty.total(),
    }


def of_faults(counts: Mapping[FaultKind, FaultCount]) -> dict[str, int | float]:
    """What became of the faults that a run put to its cards."""
    return {
        f"faults.{kind.name.lower()}_{part}": getattr(count, part)
        for kind, count in counts.items()
        for part in ("begun", "met", "commands")
    }


class Tally:
    """Counts what only the records tell: causes, slack, queue depth. Takes glances (see `sim.watching`)."""

    def __init__(self) -> None:
        self._counters = Counters()
        self._misses: Counter[Cause] = Counter()
        self._ends: Counter[EndCause] = Counter()
        self._slack: int | None = None
        self._depth = self._depth_peak = 0
        self._slowest_ns = 0

    def __call__(self, glance: Glance) -> None:
        """Count one glance."""
        self._counters = glance.counters
        self._misses.update(one.cause for one in glance.underruns)
        self._ends.update(one.cause for one in glance.ends)
        playing = (one.slack for one in glance.states if one.state != "fading")
        self._slack = min((slack for slack in playing if slack is not None), default=None)
        if len(commands := glance.commands):
            self._depth = int(commands["depth"][-1])
            self._depth_peak = max(self._depth_peak, int(commands["depth"].max()))
            self._slowest_ns = max(self._slowest_ns, int((commands["done_ns"] - commands["start_ns"]).max()))

    def values(self) -> dict[str, int | float]:
        """The snapshot as of the last glance. Where all that plays is in RAM, there is no least slack."""
        return {
            **of_counters(self._counters),
            **({} if self._slack is None else {"voices.least_slack": self._slack}),
            **{f"voices.underruns_{one.name.lower()}": self._misses[one] for one in Cause},
            **{f"voices.ended_{one.name.lower()}": self._ends[one] for one in EndCause},
            "card.slowest_ms": self._slowest_ns / 1e6,
            "reader.queue_depth": self._depth,
            "reader.queue_depth_peak": self._depth_peak,
        }


_HEAD = """# Metrics

What the bench counts, with names and units that stay. This file is made from sim/metrics.py by
`python -m sim.metrics`; a test keeps the two equal, and another finds anything counted that is not listed.

A **total** only grows from power-on, **now** goes up and down, a **peak** is the most so far. Time is the
simulated device's: a frame is one instant of output, a millisecond one of the card's clock. The preload of
pad heads counts as card use, though the clock of frames has not begun then.

`render --json` and `stress --midi ... --json` have under `metrics` those that the run could tell; alerts are
made from differences between two snapshots, and from nothing else.
"""


def document() -> str:
    """docs/metrics.md."""
    lines = [_HEAD]
    for group in dict.fromkeys(one.name.partition(".")[0] for one in METRICS):
        lines += [f"## {group}", "", "| name | unit | kind | what |", "|---|---|---|---|"]
        lines += [
            f"| `{one.name}` | {one.unit} | {one.kind} | {one.about} |"
            for one in METRICS
            if one.name.startswith(f"{group}.")
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
