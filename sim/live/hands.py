"""Playing by hand: pads and messages from any thread, each on a frame of its own, noted for a recording."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from firmware.hal import MidiMessage
from firmware.midi import CONTROL_CHANGE, NOTE_OFF, NOTE_ON, SUSTAIN
from native import Live
from native.types import Bend, Event, Pin, QueueFullError, Release, Start, Stop
from sim.errors import InputError
from sim.live.machine import Machine
from sim.live.pads import PadModes
from sim.live.take import MidiTake

Notes = tuple[bytes, ...]

_FULL_QUEUE_S = 0.02  # how long an end waits for room before it is kept for later
_AGAIN_S = 0.002


class Hands:
    """Turns presses and messages into events of one machine at a time.

    Every call is given a frame of its own, ``lead`` frames after what is due, so that it sounds as long
    after it came, whatever the block; and so that a recording renders to the same sound. ``lock`` is held
    while posting: whoever exchanges the machine takes it. It is never waited for by the audio thread.
    """

    def __init__(self, machine: Machine, live: Live, lead: int) -> None:
        self.lock = threading.RLock()
        self.modes = PadModes()
        self.take: MidiTake | None = None
        self.touched = threading.Event()  # set when something was posted, for whoever looks on
        self.last_frame = 0  # of the session's frames: the last that something was posted for
        self.dropped = 0  # starts for which the engine's queue had no room
        self.volume = 1.0  # of what starts from now on
        self.unrecorded = 0  # what no message of the device can say
        self._owed: dict[Event, None] = {}  # ends for which there was no room: posted before all else
        self._live, self._lead = live, lead
        self.machine = machine

    def press(self, bank: int, pad: int, velocity: int = 127) -> int:
        """Start a pad; ``bank`` from 0, ``pad`` from 1, ``velocity`` 1 to 127. Returns the frame."""
        self._check(bank, pad)
        velocity = min(max(velocity, 1), 127)
        return self._play(
            lambda: self.machine.player.press(0, bank, pad, velocity),
            self._note(NOTE_ON, bank, pad, velocity),
        )

    def release(self, bank: int, pad: int) -> int:
        """Let a pad go. Returns the frame."""
        self._check(bank, pad)
        return self._play(
            lambda: self.machine.player.release(0, bank, pad), self._note(NOTE_OFF, bank, pad, 0)
        )

    def message(self, data: bytes) -> int:
        """A channel message as the device itself understands it. Returns the frame."""
        return self._play(lambda: self.machine.player.play(MidiMessage(0, data)), (data,))

    def sustain(self, *, down: bool) -> int:
        """The pedals of all channels, whether or not the device listens to one."""
        notes = tuple(bytes((CONTROL_CHANGE | channel, SUSTAIN, 127 * down)) for channel in range(16))
        return self._play(lambda: self.machine.player.sustain(0, down=down), notes)

    def bend(self, tags: list[int], cents: float) -> int:
        """Change the pitch of what sounds on the pads of these tags. No recording keeps it."""
        return self._play(lambda: self._post_all([Bend(0, tag, cents) for tag in tags]), ())

    def order(self, pins: Sequence[Pin]) -> bool:
        """What to keep in RAM from now on, or no more. False where the engine's queue had no room."""
        with self.lock:
            return self._send(pins)

    def settle(self) -> None:
        """Post the ends for which there was no room."""
        if self._owed:
            with self.lock:
                self._send([])

    def stop_all(self) -> int:
        """Silence, now: everything fades out, and nothing is held any more."""
        with self.lock:
            self._owed.clear()
            self.machine.player.let_go()
            return self._play(lambda: self._post_all([Stop(0)]), ())

    def start(self, event: Start) -> int:
        """Start a voice that is on no pad. No recording keeps it."""
        return self._play(lambda: self._post_all([event]), ())

    def stop(self, tags: Iterable[int]) -> int:
        """Fade out what sounds for these tags."""
        return self._play(lambda: self._post_all([Stop(0, tag) for tag in tags]), ())

    def switch(self, bank: int, pad: int, name: str, *, on: bool) -> None:
        """Change how a pad plays: see `sim.live.pads`. InputError where there is no such switch."""
        self._check(bank, pad)
        tag = self.machine.player.tags.tag(bank, pad)
        with self.lock:
            self._send(self.modes.switch(tag, name, on))

    def _check(self, bank: int, pad: int) -> None:
        tags = self.machine.player.tags
        if not (0 <= bank < len(tags.banks) and 1 <= pad <= tags.per_bank):
            raise InputError(f"there is no pad {pad} in bank {bank}")

    def _note(self, kind: int, bank: int, pad: int, velocity: int) -> Notes:
        key = self.machine.keys.get((bank, pad))
        return () if key is None else (bytes((kind | key[0], key[1], velocity)),)

    def _post_all(self, events: list[Event]) -> None:
        for event in events:
            self.machine.outbox.post(event)

    def _play(self, act: Callable[[], None], notes: Notes) -> int:
        """Act, and keep ``notes``, the messages that say the same."""
        with self.lock:
            self.machine.player.gates = self.modes.gates
            act()
            events = self.modes.apply(self.machine.outbox.take())
            if self.volume != 1.0:
                events = [self._turned(one) for one in events]
            recorded = () if self.take is None else notes
            if not events:  # a pedal, say, or a press without a sample: what follows depends on the one
                recorded = tuple(one for one in recorded if one[0] & 0xF0 != NOTE_ON)
            if (events or recorded) and self._send(events):
                self._keep(recorded, len(events))
            return self.last_frame

    def _send(self, events: Sequence[Event | Pin]) -> bool:
        """Post, after the ends that are owed; False where the queue stayed full, and then ends are owed."""
        until = time.monotonic() + (_FULL_QUEUE_S if _ends(events) else _AGAIN_S)
        while True:
            try:
                frame = self._live.post([*self._owed, *events], self._lead)
            except QueueFullError:
                if time.monotonic() > until:
                    self._owe(events)
                    return False
                time.sleep(_AGAIN_S)
            else:
                self._owed.clear()
                self.last_frame = self.machine.base + frame
                self.touched.set()
                return True

    def _owe(self, events: Sequence[Event | Pin]) -> None:
        self._owed.update(dict.fromkeys(one for one in events if isinstance(one, Release | Stop)))
        self.dropped += sum(isinstance(one, Start) for one in events)

    def _keep(self, notes: Notes, heard: int) -> None:
        if self.take is None:
            return
        if heard and not notes:
            self.unrecorded += 1
        for note in notes:
            self.take.add(self.last_frame, note)

    def _turned(self, event: Event) -> Event:
        return replace(event, gain=event.gain * self.volume) if isinstance(event, Start) else event


def _ends(events: Sequence[Event | Pin]) -> bool:
    return any(isinstance(one, Release | Stop) for one in events)
