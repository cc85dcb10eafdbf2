"""Looking on while it plays: one place drains the engine's records, and keeps what panels and status show."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from native import CardModel, Live
from native.types import Counters, Underrun, VoiceState
from sim.live.machine import Machine
from sim.metrics import Tally
from sim.monitor import Alert, Monitor
from sim.observing import expected
from sim.watching import Glance, Watch

_KEPT = 1_000  # underruns and alerts, where nobody takes them


@dataclass(slots=True)
class Look:
    """What was last seen. ``frame`` counts from the session's beginning; levels are magnitudes."""

    frame: int = 0
    counters: Counters = field(default_factory=Counters)
    voices: tuple[VoiceState, ...] = ()
    levels: tuple[float, float] = (0.0, 0.0)
    alert: Alert | None = None


class Observer:
    """Watches one machine; `look` now and then, by one thread."""

    def __init__(self, machine: Machine, live: Live, card: CardModel | None) -> None:
        board = machine.board
        self._engine, self._base = board.engine, machine.base
        self._live = live
        self.monitor = Monitor(board.engine.config.rate, expected(card))
        self.tally = Tally()
        self._watch = Watch(board.engine, [self._feed, self._take])
        self.last = Look(self._base)
        self.underruns: deque[Underrun] = deque(maxlen=_KEPT)  # for whoever takes them from here
        self.alerts: deque[Alert] = deque(maxlen=_KEPT)

    def look(self) -> Look:
        """Look now."""
        self._watch.look(self._engine.drain_underruns())
        return self.last

    def _feed(self, glance: Glance) -> None:
        """What `sim.monitor.monitoring` does, and the blocks that came late by our fault."""
        self.tally(glance)
        self.underruns.extend(replace(one, frame=self._base + one.frame) for one in glance.underruns)
        alert = self.monitor.feed(self.values())
        if alert is not None:
            self.alerts.append(replace(alert, frame=self._base + alert.frame))

    def values(self) -> dict[str, int | float]:
        """The metrics as of the last look."""
        report = self._live.report()
        return {
            **self.tally.values(),
            "audio.xruns": report.xruns,
            "audio.late_blocks": report.late_blocks,
        }

    def _take(self, glance: Glance) -> None:
        levels = self._engine.levels()
        self.last = Look(
            self._base + glance.frame,
            glance.counters,
            tuple(glance.states),
            (max(levels[0], self.last.levels[0]), max(levels[1], self.last.levels[1])),
            self.monitor.active,
        )

    def take_levels(self) -> tuple[float, float]:
        """The largest magnitudes since this was last asked."""
        levels, self.last.levels = self.last.levels, (0.0, 0.0)
        return levels

    def told(self) -> list[dict[str, Any]]:
        """The last alerts as JSON values, their frames counted from the session's beginning."""
        return [{**one.document(), "frame": self._base + one.frame} for one in self.monitor.alerts]
