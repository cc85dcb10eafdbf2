"""What is watched of a board while it plays a song: metrics, alerts, and a trace of everything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from native import CardModel
from sim.board import Board
from sim.metrics import Tally, of_player
from sim.monitor import Alert, Expectation, Monitor, happenings, monitoring
from sim.slots import Slot
from sim.tracefile import TraceFile
from sim.tracing import Tracer
from sim.watching import Happening, Names, Watch


@dataclass(frozen=True, slots=True)
class Observed:
    """What came of it. ``left_out`` counts the events that the trace had no room for."""

    metrics: dict[str, int | float]
    alerts: tuple[Alert, ...]
    left_out: int


class Observation:
    """Watches a board whose `Setup` says ``measure`` and ``trace_records``, and writes a trace to ``path``.

    Give ``watch`` to the run, then call `finish` with what else happened. The file is there, whole, once the
    ``with`` block is left without an exception.
    """

    def __init__(self, board: Board, card: CardModel | None, path: Path) -> None:
        engine = board.engine
        rate = engine.config.rate
        self._board = board
        self._file = TraceFile(path)
        names = Names(board.player.tags.name, board.sample_path)
        cards = [_card_name(slot, board) for slot in board.slots]
        self._tracer = Tracer(self._file, rate, engine.config.block_bytes, names, cards=cards)
        self._tally = Tally()
        self._monitor = Monitor(rate, expected(card))
        self.watch = Watch(engine, [monitoring(self._monitor, self._tally), self._tracer])

    def finish(self, happened: Iterable[Happening] = ()) -> Observed:
        """Put into the trace what happened beside the music, and say what was measured."""
        alerts = tuple(self._monitor.alerts)
        end = self._board.engine.frame
        for one in sorted((*happened, *happenings(alerts, end)), key=lambda one: (one.frame, one.until)):
            self._tracer.happening(one)
        self._tracer.close()
        metrics = {**self._tally.values(), **of_player(self._board.player.counters)}
        return Observed(metrics, alerts, self._file.left_out)

    def __enter__(self) -> Observation:
        self._file.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)


def expected(card: CardModel | None) -> Expectation:
    """What the card should take; None: a card that takes no time."""
    return Expectation() if card is None else Expectation(card.fixed_ns / 1e6, card.read_mb_per_s)


def _card_name(slot: Slot, board: Board) -> str:
    if slot.place == 0:
        return "card"
    return "mirror card" if slot is board.mirror else f"card {slot.path.name}"
