"""From messages to what is played: what the device's map says, or what the user bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from firmware.midi import CONTROL_CHANGE, NOTE_OFF, SUSTAIN, MidiRules
from firmware.velocity import Curve, curved
from sim.control.binding import Bindings, Target, Trigger, trigger_of
from sim.control.inbox import is_note_off, is_note_on

_HALF = 64  # a controller from here on is a key held down


class Instrument(Protocol):
    """What is played. Nothing here may wait for audio."""

    def message(self, data: bytes) -> None:
        """A channel message, as the device itself understands it."""
        ...

    def press(self, bank: int, pad: int, velocity: int) -> None: ...  # noqa: D102
    def release(self, bank: int, pad: int) -> None: ...  # noqa: D102
    def knob(self, name: str, value: float) -> None: ...  # noqa: D102
    def function(self, name: str, *, down: bool) -> None:
        """One of `binding.FUNCTIONS`: its key goes down, or up."""
        ...

    def silence(self) -> None:
        """Everything falls silent, and nothing is held."""
        ...


@dataclass(slots=True)
class Held:
    """What one port holds down: keys with what they play (None: what the device's map says), and pedals."""

    keys: dict[Trigger, Target | None] = field(default_factory=dict)
    pedals: set[int] = field(default_factory=set)


class Router:
    """Acts on whole channel messages, in order.

    Whatever a key plays ends when that key is let go, when its port goes, or with `panic`, even if it was
    bound to something else meanwhile. ``waits_for`` is the target to which the next note or controller will
    be bound.
    """

    def __init__(self, instrument: Instrument, rules: MidiRules, bindings: Bindings, curve: Curve) -> None:
        self.bindings = bindings
        self.curve = curve
        self.rules = rules
        self.waits_for: Target | None = None
        self._instrument = instrument
        self._held: dict[str, Held] = {}

    def handle(self, port: str, message: bytes) -> Target | None:
        """Act on one message; returns the target that it was bound to just now, where it was."""
        held = self._held.setdefault(port, Held())
        trigger = trigger_of(message)
        if trigger is not None and trigger in held.keys and (not trigger.is_note or is_note_off(message)):
            self._held_on(held, trigger, message)
        elif trigger is None or is_note_off(message):
            self._instrument.message(message)
        elif self.waits_for is not None and message[2] > 0:
            return self._learn(trigger)
        elif (target := self.bindings.get(trigger)) is not None:
            self._bound(held, trigger, target, message[2])
        else:
            self._unbound(held, trigger, message)
        return None

    def _held_on(self, held: Held, trigger: Trigger, message: bytes) -> None:
        """More from a key that is down: a note that ends, or a controller that moves."""
        if trigger.is_note or message[2] < _HALF:
            self._let_go(held, trigger)

    def _learn(self, trigger: Trigger) -> Target:
        target, self.waits_for = self.waits_for, None
        assert target is not None
        self.bindings.bind(trigger, target)
        return target

    def _bound(self, held: Held, trigger: Trigger, target: Target, value: int) -> None:
        if trigger == Trigger(False, trigger.channel, SUSTAIN) and trigger.channel in held.pedals:
            self._lift(held, trigger.channel)  # it was bound while it was down
        if target.kind == "knob":
            self._instrument.knob(target.name, value / 127)
            return
        if not trigger.is_note and value < _HALF:
            return
        self._let_go(held, trigger)
        held.keys[trigger] = target
        if target.kind == "pad":
            velocity = curved(value, self.curve) if trigger.is_note else 127
            self._instrument.press(target.bank, target.pad, velocity)
        else:
            self._instrument.function(target.name, down=True)

    def _unbound(self, held: Held, trigger: Trigger, message: bytes) -> None:
        if is_note_on(message):
            held_before = held.keys.get(trigger)
            if held_before is not None:
                self._let_go(held, trigger)
            held.keys[trigger] = None
            message = bytes((message[0], message[1], curved(message[2], self.curve)))
        elif trigger.number == SUSTAIN:
            (held.pedals.add if message[2] >= _HALF else held.pedals.discard)(trigger.channel)
        self._instrument.message(message)

    def _let_go(self, held: Held, trigger: Trigger) -> None:
        """A key goes up, or is taken as if it did. Nothing where it was not down."""
        if trigger not in held.keys:
            return
        target = held.keys.pop(trigger)
        if target is None:
            self._instrument.message(bytes((NOTE_OFF | trigger.channel, trigger.number, 0)))
        elif target.kind == "pad":
            self._instrument.release(target.bank, target.pad)
        else:
            self._instrument.function(target.name, down=False)

    def unplugged(self, port: str) -> None:
        """A port is gone: what the device does then, and no key of it stays down."""
        held = self._held.pop(port, Held())
        if self.rules.unplug == "stop":
            self._instrument.silence()
        for trigger in list(held.keys):
            self._let_go(held, trigger)
        for channel in list(held.pedals):
            self._lift(held, channel)

    def _lift(self, held: Held, channel: int) -> None:
        """A pedal goes up."""
        held.pedals.discard(channel)
        self._instrument.message(bytes((CONTROL_CHANGE | channel, SUSTAIN, 0)))

    def panic(self) -> None:
        """Silence, and every key counts as up."""
        self._held.clear()
        self._instrument.silence()
