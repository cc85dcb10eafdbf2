"""One device that is switched on: a board, and where its player leaves what is to be posted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from firmware.player import Player
from native.types import Event
from sim.board import Board, Setup
from sim.faults.script import FaultScript

SPARE_SAMPLES = 256  # that the engine can be told while it plays: auditions, and other samples on pads
_RECORDS = 4_096  # of commands and ends between two glances, a fraction of a second apart


@dataclass(slots=True)
class Outbox:
    """Takes what the player posts, so that all of a message's events go to the engine at once.

    Implements `firmware.hal.VoiceEngine`.
    """

    events: list[Event] = field(default_factory=list)
    frame: int = 0  # nothing here has a time yet

    def post(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    def take(self) -> list[Event]:
        """What was kept, which is forgotten."""
        events, self.events = self.events, []
        return events


class Machine:
    """A booted board for a `native.Live`, which lets go of it before it is closed.

    ``base`` is the session's frame at which its own frame 0 is; ``keys`` the MIDI key of each pad. Faults can
    be posted to its card at any time. Raises as `Board` does.
    """

    def __init__(self, card: Path, setup: Setup, base: int = 0) -> None:
        self.base = base
        self.board = Board(
            card,
            replace(
                setup,
                threaded=True,
                measure=True,
                trace_records=_RECORDS,
                faults=setup.faults or FaultScript(),
                spare_samples=SPARE_SAMPLES,
            ),
        )
        self.outbox = Outbox()
        self.player = self.board.player = Player(
            self.outbox, self.board.boot.catalogue, self.board.profile, self.board.slots[0].ids
        )
        self.keys = {place: key for key, place in self.player.rules.notes.places.items()}

    @property
    def end(self) -> int:
        """The session's frame up to which it was rendered."""
        return self.base + self.board.engine.frame

    def close(self) -> None:
        """Switch off."""
        self.board.close()
