"""A session as a router plays it: its hands, its banks and its knobs."""

from __future__ import annotations

import time

from sim.control.transport import Transport
from sim.live.session import Session


class Playing:
    """Implements `sim.control.router.Instrument` over a session."""

    def __init__(self, session: Session, transport: Transport) -> None:
        self._session, self._transport = session, transport

    def message(self, data: bytes) -> None:
        """A channel message, as the device itself understands it; another bank's pads get ready."""
        before = self._session.machine.player.bank
        self._session.hands.message(data)
        if self._session.machine.player.bank != before:
            self._session.samples.bank_chosen()

    def press(self, bank: int, pad: int, velocity: int) -> None:
        """A pad goes down."""
        self._session.hands.press(bank, pad, velocity)

    def release(self, bank: int, pad: int) -> None:
        """And up."""
        self._session.hands.release(bank, pad)

    def knob(self, name: str, value: float) -> None:
        """Turn a knob, 0 to 1; there is the volume."""
        self._session.hands.volume = value

    def value(self, name: str) -> float:
        """How far a knob is turned."""
        return self._session.hands.volume

    def function(self, name: str, *, down: bool) -> None:
        """One of `sim.control.binding.FUNCTIONS`; all but the pedal act when their key goes down."""
        if name == "sustain":
            self._session.hands.sustain(down=down)
        elif down and name == "panic":
            self.silence()
        elif down and name in ("bank up", "bank down"):
            self._step(1 if name == "bank up" else -1)
        elif down:
            self._transport.do(name, time.monotonic())

    def _step(self, by: int) -> None:
        player = self._session.machine.player
        self._session.samples.choose_bank((player.bank + by) % len(player.tags.banks))

    def silence(self) -> None:
        """Everything falls silent, and nothing is held."""
        self._session.hands.stop_all()

    def settle(self) -> None:
        """What the engine had no room for is posted now, if it has."""
        self._session.hands.settle()
