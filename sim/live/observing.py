"""Looking on while it plays: one place drains the engine's records, and keeps what panels and status show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from native import CardModel, Live
from native.types import Counters, VoiceState
from sim.live.machine import Machine
from sim.metrics import Tally
from sim.monitor import Alert, Monitor
from sim.observing import expected
from sim.watching import Glance, Watch

_LEVEL_FALL = 0.7  # of a meter from one look to the next: about 30 dB in a third of a second


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

    def look(self) -> Look:
        """Look now."""
        self._watch.look(self._engine.drain_underruns())
        return self.last

    def _feed(self, glance: Glance) -> None:
        """What `sim.monitor.monitoring` does, and the blocks that came late by our fault."""
        self.tally(glance)
        self.monitor.feed({**self.tally.values(), "audio.xruns": self._live.report().late_blocks})

    def _take(self, glance: Glance) -> None:
        levels = self._engine.levels()
        before = self.last.levels
        self.last = Look(
            self._base + glance.frame,
            glance.counters,
            tuple(glance.states),
            (max(levels[0], before[0] * _LEVEL_FALL), max(levels[1], before[1] * _LEVEL_FALL)),
            self.monitor.active,
        )

    def alerts(self) -> list[dict[str, Any]]:
        """The last alerts as JSON values, their frames counted from the session's beginning."""
        return [{**one.document(), "frame": self._base + one.frame} for one in self.monitor.alerts]
