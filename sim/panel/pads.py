"""Putting samples on pads, written to the card, and taking that back for as long as the session lasts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from sdcard_image import open_card
from sdcard_image.types import WritableCard
from sim.panel import assign, change
from sim.panel.change import Step
from sim.panel.port import RefusedError, Session
from sim.panel.state import tags_of

OpenCard = Callable[[Path], WritableCard]


def _open(path: Path) -> WritableCard:
    return open_card(path, writable=True)


@dataclass(frozen=True, slots=True)
class _Undo:
    card: Path
    steps: tuple[Step, ...]
    tag: int


class PadWriter:
    """Assigns samples to the pads of a session's card. ``steps`` counts what can be undone.

    Old contents are kept in a folder of the host that goes when this is closed. ``open_writable`` opens the
    card.
    """

    def __init__(self, session: Session, open_writable: OpenCard = _open) -> None:
        self._session, self._open = session, open_writable
        self._lock = Lock()
        self._history: list[_Undo] = []
        self._kept = tempfile.TemporaryDirectory(prefix="benchpad-undo-")
        self._number = 0

    @property
    def steps(self) -> int:
        """How many assignments can be taken back: those of the card that is in."""
        return sum(one.card == self._session.card_path for one in self._history)

    def assign(self, path: str, bank: int, pad: int) -> None:
        """Put a file of the card on a pad; ``bank`` from 0, ``pad`` from 1. RefusedError, CardError."""
        session = self._session
        _check_in(session)
        tags = tags_of(session)
        with self._lock, tempfile.TemporaryDirectory(prefix="benchpad-assign-") as scratch:
            with closing(self._open(session.card_path)) as card:
                change.recover(card)
                asked = assign.Assignment(
                    card,
                    session.boot,
                    session.profile,
                    session.project,
                    card.entry(path),
                    tags.banks[bank],
                    pad,
                    Path(scratch),
                )
                steps = assign.steps(asked)
                old = [self._save(card, step.path) for step in reversed(steps)]
                self._write(card, steps, tags.tag(bank, pad))
            self._take_over(tags.tag(bank, pad), old)
            self._history.append(_Undo(session.card_path, tuple(old), tags.tag(bank, pad)))

    def undo(self) -> None:
        """Take the last assignment back. RefusedError where there is none."""
        session = self._session
        _check_in(session)
        with self._lock:
            mine = [one for one in self._history if one.card == session.card_path]
            if not mine:
                raise RefusedError("there is no assignment to take back")
            last = mine[-1]
            with closing(self._open(session.card_path)) as card:
                change.recover(card)
                again = [self._save(card, step.path) for step in reversed(last.steps)]
                self._write(card, last.steps, last.tag)
            self._take_over(last.tag, again)
            self._history.remove(last)
            _forget([*again, *last.steps])

    def _take_over(self, tag: int, old: Sequence[Step]) -> None:
        """Have the device play what is on the card now; where it cannot, the card is again as it was."""
        session = self._session
        path = session.card_path
        try:
            session.card_changed([tag])
        except BaseException:
            with closing(self._open(path)) as card:
                change.recover(card)
                change.write(card, old)
            raise

    def _save(self, card: WritableCard, path: str) -> Step:
        self._number += 1
        return change.save(card, path, Path(self._kept.name) / str(self._number))

    def _write(self, card: WritableCard, steps: Sequence[Step], tag: int) -> None:
        """What sounds on the pad ends first: its file's place on the card may soon hold other bytes."""
        self._session.quiet([tag])
        change.write(card, steps)

    def close(self) -> None:
        """Nothing can be undone any more."""
        self._history.clear()
        self._kept.cleanup()


def _check_in(session: Session) -> None:
    """RefusedError where the card is out: nobody writes to that."""
    card = session.status().get("card") or {}
    if not card.get("present", True):
        raise RefusedError("the card is out; put it back first")


def _forget(steps: Sequence[Step]) -> None:
    """Old contents that nobody brings back any more."""
    for step in steps:
        if isinstance(step.content, Path):
            step.content.unlink(missing_ok=True)
