"""Start, stop and tempo: by the clock that comes in, or else by our own, which goes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from firmware.midi import ACTIVE_SENSING, CLOCK, CONTINUE, START, STOP
from firmware.tempo import FASTEST, PULSES, SLOWEST, PulseTrain, TempoEstimate
from sim.errors import InputError

_SENSE_S = 0.25  # between two signs of life: at most 0.3 s (MIDI 1.0)
_ORDERS = {"start": START, "continue": CONTINUE, "stop": STOP}


class Transport:
    """Follows the clock of the port that sends one, and sends its own while none does.

    ``send`` takes what goes out. A device without a clock (``clock`` false) neither sends nor follows one.
    Times are seconds from any beginning; nothing is done but by `hear` and `tick`.
    """

    def __init__(self, send: Callable[[bytes], None], now: float, *, clock: bool, senses: bool) -> None:
        self._send, self._clock, self._senses = send, clock, senses
        self._estimate = TempoEstimate()
        self._train = PulseTrain(120.0, now)
        self._master: str | None = None  # the port whose clock is followed
        self._sense_due = now
        self._passed = 0  # pulses since the start, while running
        self._pulse_at = now
        self.running = False
        self.starts = 0  # times that it was started from the beginning

    def hear(self, port: str, byte: int, now: float) -> None:
        """A real-time message."""
        if not self._clock:
            return
        if byte == CLOCK and self._master in (None, port):
            self._master = port
            self._estimate.pulse(now)
            self._pass(now)
        elif byte in (START, CONTINUE, STOP) and self._master in (None, port):
            self._run(byte)

    def _run(self, byte: int) -> None:
        self.running = byte != STOP
        if byte == START:
            self._passed = 0
            self.starts += 1

    def _pass(self, now: float) -> None:
        self._passed += self.running
        self._pulse_at = now

    def beats(self, now: float) -> float | None:
        """Quarter notes since the first pulse after the start; None where it has not come, or all stands."""
        bpm = self.state()["bpm"]
        if not self.running or self._passed == 0:
            return None
        part = (now - self._pulse_at) * PULSES * bpm / 60 if bpm else 0.0
        return (self._passed - 1 + min(max(part, 0.0), 1.0)) / PULSES

    def tick(self, now: float) -> None:
        """Send what is due."""
        if self._estimate.is_silent(now):
            self._estimate.forget()
            self._master = None
            self._train.restart(now)
        if self._clock and self._master is None:
            for _ in range(self._train.take(now)):
                self._send(bytes((CLOCK,)))
                self._pass(now)
        if self._senses and now >= self._sense_due:
            self._sense_due = now + _SENSE_S
            self._send(bytes((ACTIVE_SENSING,)))

    def due(self, now: float) -> float:
        """Seconds until `tick` has something to do; the least is 0."""
        due = self._sense_due if self._senses else now + 1.0
        if self._clock and self._master is None:
            due = min(due, self._train.due)
        return max(0.0, due - now)

    def do(self, order: str, now: float) -> None:
        """Start, continue or stop, and say so to whoever follows us. InputError for what is none of them."""
        if not self._clock:
            raise InputError("this device has no clock to start")
        if order not in _ORDERS:
            raise InputError(f"{order!r} is no order; there are {', '.join(_ORDERS)}")
        self._run(_ORDERS[order])
        self._send(bytes((_ORDERS[order],)))
        if order == "start" and self._master is None:
            self._train.restart(now)

    def tempo(self, bpm: float, now: float) -> None:
        """Our own tempo, for while no clock comes in. InputError out of range."""
        if not self._clock:
            raise InputError("this device has no clock")
        if not SLOWEST <= bpm <= FASTEST:
            raise InputError(f"{bpm:g} beats a minute: {SLOWEST:g} to {FASTEST:g} can be played")
        self._train.change(bpm, now)

    def gone(self, port: str) -> None:
        """The port is gone, and its clock with it."""
        if self._master == port:
            self._estimate.forget()
            self._master = None

    def state(self) -> dict[str, Any]:
        """``bpm`` (None: not known), ``running``, ``source`` (internal or midi)."""
        own = self._master is None
        bpm = round(self._train.bpm, 1) if own else self._estimate.bpm
        return {"bpm": bpm, "running": self.running, "source": "internal" if own else "midi"}
