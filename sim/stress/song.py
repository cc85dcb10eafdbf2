"""A song under stress: played from the booted board, and watched all along."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware.hal import MidiMessage
from native.types import EndCause, Underrun, VoiceEnd
from sim.board import Board, Setup
from sim.metrics import Tally, of_player
from sim.monitor import Alert, Expectation, Monitor, happenings, monitoring, weightiest
from sim.offline import OfflineRun
from sim.pictures.recorder import Recorder
from sim.rendering import DEFAULT_BLOCK, DEFAULT_TAIL_S, report_of
from sim.report import RenderReport
from sim.stress.card import nominal
from sim.stress.report import Recording
from sim.tracefile import TraceFile
from sim.tracing import Tracer
from sim.watching import Glance, Happening, Names, Watch

_PERCENTILES = (50.0, 95.0, 99.0, 100.0)
_NAMES = ("p50", "p95", "p99", "max")
# In a render's document, but about audio, which is not computed here, or about this machine.
_NOT_THE_SONGS = (
    "sha256",
    "peak_dbfs",
    "over_full_scale",
    "beyond_float",
    "clipped",
    "wall_s",
    "realtime_factor",
)


@dataclass(frozen=True, slots=True)
class VoiceSlack:
    """Of one pad's voices: the least time to an underrun, the least first percentile, and the underruns."""

    pad: str
    least_ms: float | None
    p1_ms: float | None
    underruns: int


@dataclass(frozen=True, slots=True)
class SongReport:
    """What happened. ``latency_ms`` are of the card's commands: p50, p95, p99 and max."""

    card: str
    midi: str
    render: RenderReport
    metrics: dict[str, int | float]
    ends: dict[str, int]  # by cause
    slack: tuple[VoiceSlack, ...]  # the worst first
    latency_ms: dict[str, float]
    mean_depth: float
    alerts: tuple[Alert, ...]
    recording: Recording
    needed_part: float = (
        0.0  # of the time, by the bound, for what was read and played; 0: a card without time
    )
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> str:
        """The profile's name."""
        return self.render.device

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self.render.rate

    @property
    def frames(self) -> int:
        """How long it played."""
        return self.render.frames

    @property
    def underrun_count(self) -> int:
        """All of them, however many are listed."""
        return self.render.counters.underruns

    @property
    def underruns(self) -> tuple[tuple[int, str, str, str], ...]:
        """Frame, pad, path and cause of each."""
        return tuple((one.frame, one.pad, one.sample, one.cause) for one in self.render.underruns)

    @property
    def sentence(self) -> str:
        """What happened, for a person, with the cause under which most of it fell."""
        dropped = self.render.counters.dropped
        gone = f" {dropped:,} voice{'s were' if dropped != 1 else ' was'} dropped." if dropped else ""
        alert = weightiest(self.alerts, [one.frame for one in self.render.underruns], self.render.frames)
        why = f" {alert.text[:1].upper()}{alert.text[1:]}." if alert else ""
        if not self.underrun_count:
            who = "every voice that was not dropped" if dropped else "every voice"
            return f"No underrun: {who} had its data in time.{gone}{why}"
        causes = Counter(one.cause for one in self.render.underruns).most_common()
        told = ", ".join(f"{count:,} {cause}" for cause, count in causes)
        first = self.render.underruns[0]
        count = f"{self.underrun_count:,} underrun{'s' if self.underrun_count != 1 else ''}"
        return f"{count} ({told}), the first at {first.frame / self.rate:.3f} s on {first.pad}.{gone}{why}"

    @property
    def happenings(self) -> Sequence[Happening]:
        """The alerts on the clock."""
        return happenings(self.alerts, self.render.frames)

    def document(self) -> dict[str, Any]:
        """As JSON values; the same for the same seed, however long it took."""
        played = self.render.document()
        for name in _NOT_THE_SONGS:
            played.pop(name)
        return {
            "sentence": self.sentence,
            "card": self.card,
            "midi": self.midi,
            **{name: value for name, value in played.items() if name not in ("card", "options")},
            "causes": dict(sorted(Counter(one.cause for one in self.render.underruns).items())),
            "ends": self.ends,
            "slack": [asdict(one) for one in self.slack],
            "latency_ms": self.latency_ms,
            "mean_depth": self.mean_depth,
            "needed_part": self.needed_part,
            "alerts": [
                {"frame": one.frame, "state": one.state, "cause": one.trouble.value, "text": one.text}
                for one in self.alerts
            ],
            "metrics": self.metrics,
            "options": self.options,
        }


def play_song(
    card: Path,
    midi: Path,
    setup: Setup,
    messages: Callable[[int], list[MidiMessage]],
    *,
    seconds: float | None = None,
    trace: Path | None = None,
    options: dict[str, Any] | None = None,
    progress: Callable[[int], None] = lambda frames: None,
) -> SongReport:
    """Boot ``card`` and play ``messages``, which is asked with the device's rate.

    ``setup`` must ask the engine to measure and to keep records; ``seconds`` None plays until the last voice
    has ended. The trace is written to ``trace``, whole or not at all.
    """
    with ExitStack() as stack:
        board = stack.enter_context(Board(card, setup))
        rate = int(board.profile.value("engine.rate"))
        names = Names(board.player.tags.name, board.sample_path)
        tally, recorder, commands = Tally(), Recorder(midi.name, rate, names), _Commands()
        monitor = Monitor(rate, _expected(setup))
        takers: list[Callable[[Glance], None]] = [monitoring(monitor, tally), recorder, commands]
        tracer = None
        if trace is not None:
            file = stack.enter_context(TraceFile(trace))
            tracer = Tracer(file, rate, board.engine.config.block_bytes, names)
            takers.append(tracer)
        watch = Watch(board.engine, takers)
        run = OfflineRun(board.engine, board.player, [], DEFAULT_BLOCK, progress, watch=watch)
        run.play(messages(rate), rate, DEFAULT_TAIL_S, seconds)
        watch.close()
        if tracer is not None:
            for one in happenings(tuple(monitor.alerts), board.engine.frame):
                tracer.happening(one)
            tracer.close()
        return SongReport(
            card=str(card),
            midi=str(midi),
            render=report_of(board, run, 0.0),
            metrics=dict(sorted({**tally.values(), **of_player(board.player.counters)}.items())),
            ends={cause.name.lower(): count for cause, count in sorted(commands.causes.items())},
            slack=_slacks(commands.slack, run.underruns, names, rate),
            latency_ms=commands.latency_ms(),
            mean_depth=commands.mean_depth(),
            alerts=tuple(monitor.alerts),
            recording=recorder.recording(),
            needed_part=_needed_part(setup, board),
            options=options or {},
        )


def _needed_part(setup: Setup, board: Board) -> float:
    """The part of the time that the card had to be busy for what it read and was played.

    Its bytes, and its commands at the length that they could have: each of the voices at the peak with
    its own part of the RAM. That a voice came to nothing, and so read less, makes it less.
    """
    config, counters, card = board.engine.config, board.engine.counters(), nominal(setup.card)
    room = (config.pool_bytes - counters.pinned_bytes) / max(1, counters.voices_peak)
    transfer = max(1.0, min(room, config.max_transfer_blocks * config.block_bytes))
    size = counters.read_bytes - counters.wasted_bytes
    busy_s = size * card.s_per_byte + size / transfer * card.seconds(transfer)
    seconds = counters.frames / config.rate
    return round(busy_s / seconds + 1.0 - card.free_part, 5) if seconds and busy_s else 0.0


def _expected(setup: Setup) -> Expectation:
    if setup.card is None:
        return Expectation()
    return Expectation(setup.card.fixed_ns / 1e6, setup.card.read_mb_per_s)


class _Commands:
    """Takes glances and keeps what distributions are made of: 8 bytes for each command."""

    def __init__(self) -> None:
        self.causes: Counter[EndCause] = Counter()
        self.slack: dict[int, tuple[int, int]] = {}  # by tag: least, and least first percentile
        self._took_ns: list[NDArray[np.uint64]] = []
        self._depths = 0

    def __call__(self, glance: Glance) -> None:
        if len(glance.commands):
            self._took_ns.append(glance.commands["done_ns"] - glance.commands["start_ns"])
            self._depths += int(glance.commands["depth"].sum())
        for end in glance.ends:
            self._end(end)
        for state in glance.states:
            if state.slack is not None and state.state != "fading":  # what fades needs no more data
                least, p1 = self.slack.get(state.tag, (state.slack, state.slack))
                self.slack[state.tag] = min(least, state.slack), p1

    def _end(self, end: VoiceEnd) -> None:
        self.causes[end.cause] += 1
        if end.least_slack is not None and end.p1_slack is not None:
            least, p1 = self.slack.get(end.tag, (end.least_slack, end.p1_slack))
            self.slack[end.tag] = min(least, end.least_slack), min(p1, end.p1_slack)

    def latency_ms(self) -> dict[str, float]:
        """Of the commands so far."""
        took = self._all()
        if not len(took):
            return {}
        found = np.percentile(took, _PERCENTILES) / 1e6
        return {name: round(float(ms), 4) for name, ms in zip(_NAMES, found, strict=True)}

    def mean_depth(self) -> float:
        """Streams that had requests when a command was sent."""
        count = len(self._all())
        return round(self._depths / count, 3) if count else 0.0

    def _all(self) -> NDArray[np.uint64]:
        return np.concatenate(self._took_ns) if self._took_ns else np.empty(0, np.uint64)


def _slacks(
    found: dict[int, tuple[int, int]], underruns: Sequence[Underrun], names: Names, rate: int
) -> tuple[VoiceSlack, ...]:
    counts = Counter(one.tag for one in underruns)
    made = [
        VoiceSlack(names.pad(tag), round(least * 1000 / rate, 2), round(p1 * 1000 / rate, 2), counts[tag])
        for tag, (least, p1) in sorted(found.items(), key=lambda item: (item[1], item[0]))
    ]
    return tuple(made)
