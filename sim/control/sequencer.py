"""The device's patterns, played as the transport goes."""

from __future__ import annotations

from firmware.formats.pattern import Pattern
from firmware.midi import Place
from firmware.patterns import PatternPlay, Stroke, read_patterns
from sim.control.transport import Transport
from sim.live.session import Session


class Sequencer:
    """Plays one pattern of the current bank: the one that a program change chose, or else the bank's first.

    It is chosen at each start. ``bad`` has a sentence for each pattern on the card that is none. One thread
    at a time calls `tick`.
    """

    def __init__(self, session: Session, transport: Transport) -> None:
        self._session, self._transport = session, transport
        self._patterns, self.bad = read_patterns(session.board.card, session.board.boot.catalogue)
        self._starts = transport.starts
        self._play: PatternPlay | None = None

    def tick(self, now: float) -> bool:
        """Play what is due; whether a pattern plays."""
        if self._transport.starts != self._starts:
            self._starts = self._transport.starts
            self._stop()
            pattern = self._choose()
            self._play = None if pattern is None else PatternPlay(pattern)
        if self._play is None:
            return False
        beats = self._transport.beats(now)
        if not self._transport.running:
            self._stop()
        elif beats is not None:
            self._do(self._play.move(int(beats * self._play.ticks_per_quarter)))
        return self._transport.running

    def _choose(self) -> Pattern | None:
        player = self._session.machine.player
        chosen = player.patterns.get(player.bank)
        if chosen is not None:
            return self._patterns.get((player.bank, chosen + 1))
        own: list[Place] = sorted(place for place in self._patterns if place[0] == player.bank)
        return self._patterns[own[0]] if own else None

    def _stop(self) -> None:
        if self._play is not None:
            self._do(self._play.stop())

    def _do(self, strokes: list[Stroke]) -> None:
        for one in strokes:
            bank, pad = one.place
            if one.velocity:
                self._session.hands.press(bank, pad, one.velocity)
            else:
                self._session.hands.release(bank, pad)
