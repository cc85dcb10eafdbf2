"""MIDI for a session: a thread reads the ports, and everything that can be asked of them from elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from firmware.midi import ACTIVE_SENSING
from firmware.velocity import Curve
from native.types import EngineError
from sim.control.binding import FUNCTIONS, KNOBS, Bindings, Target, Targets
from sim.control.doubles import Doubles
from sim.control.inbox import Inbox, is_whole
from sim.control.playing import Playing
from sim.control.ports import OWN_PORT, Ports
from sim.control.router import Router
from sim.control.sequencer import Sequencer
from sim.control.settings import Settings
from sim.control.transport import Transport
from sim.errors import InputError
from sim.live.session import Session
from sim.metrics import of_player

PANEL = "panel"  # what the browser brings, as if from a port of this name
# Between two looks at the ports: while something comes, and while nothing does.
_BUSY_S, _IDLE_S = 0.001, 0.004
_REST_S = 0.05  # between two looks at all else, while nothing comes
_ALONE_S = 0.02  # between two looks at the transport, where there are no ports
_BUSY_FOR_S = 5.0
_SCAN_S = 1.0
_SENSED_S = 0.42  # without a sign of life the cable is out: 0.3 s (MIDI 1.0), and what a busy system adds
_TURN_S = 0.004  # for acting on messages before the ports are read again
_YIELD_S = 0.0002  # for whoever else waits for the lock meanwhile
_SWITCH_S = 0.0005  # how long a busy interpreter may keep us waiting


class Control:
    """Plays a session from MIDI ports and from what the panel sends. Implements `sim.live.bench.MidiDesk`.

    ``tell`` is given sentences for the user: ports that come and go, bindings, what is wrong with settings.
    Without ``ports`` only the panel and the card's patterns play. Call `start`, and `close` before the
    session ends.
    """

    def __init__(
        self,
        session: Session,
        ports: Ports | None,
        settings: Settings,
        *,
        curve: Curve | None = None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._session, self._ports, self._settings, self._tell = session, ports, settings, tell
        self._lock = threading.RLock()  # of everything below; held for as long as a message takes
        self._over = threading.Event()
        self._switch_interval = sys.getswitchinterval()
        self._inbox = Inbox()
        self._doubles = Doubles(OWN_PORT)
        self._sensed: dict[str, float] = {}
        self._messages = self._refused = self._seconds = 0
        rules = session.machine.player.rules
        now = time.monotonic()
        self._transport = Transport(self._send, now, clock=rules.clock, senses=rules.active_sensing)
        self._targets = Targets(session.machine.player.tags)
        self._playing = Playing(session, self._transport)
        self._router = Router(self._playing, rules, Bindings(), curve or self._saved_curve())
        self._sequencer = Sequencer(session, self._transport)
        self._load()
        session.on_rebuilt.append(self._rebuilt)
        self._names: list[str] = []
        self._lost_at: int | None = None  # messages that had come when the audio server was gone
        self._next_scan = now + _SCAN_S
        self._thread = threading.Thread(target=self._run, name="benchpad midi", daemon=True)

    # beginning and end

    def start(self) -> None:
        """Open what is there, and begin to listen. NoMidiError where not even that can be asked."""
        for note in filter(None, (self._settings.note, *self._sequencer.bad)):
            self._tell(note)
        if self._ports is not None:
            self._scan()
            if missing := self._ports.missing():
                self._tell(missing)
        sys.setswitchinterval(min(_SWITCH_S, self._switch_interval))
        self._thread.start()

    def close(self) -> None:
        """Listen no more; what is held is let go."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
            sys.setswitchinterval(self._switch_interval)
        with self._lock:
            for port in (*self._names, PANEL):
                self._router.unplugged(port)
            if self._ports is not None:
                self._ports.close()

    # the thread

    def _run(self) -> None:
        busy_until = 0.0
        while not self._over.is_set():
            try:
                with self._lock:
                    now = time.monotonic()
                    if self._pass(now):
                        busy_until = now + _BUSY_FOR_S
                    pause = self._pause(now < busy_until)
            except (InputError, EngineError) as error:  # a key that is bound to what cannot be done just now
                self._tell(str(error))
                pause = _BUSY_S
            self._rest(pause)

    def _rest(self, pause: float) -> None:
        """Sleep; where nothing came for long, only the ports are asked meanwhile, which costs little."""
        ports = self._ports
        if ports is None or pause < _IDLE_S:
            time.sleep(pause)
            return
        until = time.monotonic() + min(_REST_S, self._transport.due(time.monotonic()))
        starts = self._transport.starts
        while not (self._over.is_set() or ports.waits()):
            time.sleep(_IDLE_S)
            woken = self._transport.running or self._transport.starts != starts
            if woken or time.monotonic() >= until:
                return

    def _pass(self, now: float) -> bool:
        """Once around; whether there was anything to do."""
        came = self._ports is not None and self._read(now)
        self._act()
        self._transport.tick(now)
        plays = self._sequencer.tick(now)
        if self._ports is not None and now >= self._next_scan:
            self._next_scan = now + _SCAN_S
            self._scan()
        self._watch_cables(now)
        return came or plays

    def _pause(self, busy: bool) -> float:
        """How long to sleep."""
        if len(self._inbox):
            return _YIELD_S
        idle = _IDLE_S if self._ports is not None else _ALONE_S
        return min(_BUSY_S if busy else idle, self._transport.due(time.monotonic()))

    def _read(self, now: float) -> bool:
        """Take what waits at the ports; whether there was anything but signs of life."""
        assert self._ports is not None
        found = False
        for port, message in self._ports.read():
            if message[0] == ACTIVE_SENSING:
                self._sensed[port] = now
                continue
            found = True
            if port in self._sensed:
                self._sensed[port] = now
            if len(self._names) > 1 and self._doubles.is_second(port, message, now):
                self._seconds += 1
            else:
                self._take(port, message, now)
        return found

    def _take(self, port: str, message: bytes, now: float) -> None:
        self._messages += 1
        if message[0] >= 0xF8:
            self._transport.hear(port, message[0], now)
        elif is_whole(message):
            self._inbox.put(port, message)
        else:
            self._refused += 1

    def _act(self) -> int:
        """Act on what came in, but not for too long; returns how many messages still wait."""
        until = time.monotonic() + _TURN_S
        while (one := self._inbox.take()) is not None:
            learnt = self._router.handle(*one)
            if learnt is not None:
                self._keep(learnt)
            if time.monotonic() > until:
                break
        self._playing.settle()
        return len(self._inbox)

    def _scan(self) -> None:
        assert self._ports is not None
        came, gone = self._ports.scan()
        for name in gone:
            self._unplugged(name)
            self._tell(f"MIDI input {name} is gone")
        for name in came:
            self._tell(f"MIDI input {name}")
        self._names = [] if self._are_gone(self._ports) else self._ports.names

    def _are_gone(self, ports: Ports) -> bool:
        """Ports of a JACK that is gone look as before: that nothing is heard any more tells."""
        if ports.api != "jack" or "JACK" not in self._session.lost:
            return False
        if self._lost_at is None:
            self._lost_at = self._messages
        return self._messages == self._lost_at

    def _watch_cables(self, now: float) -> None:
        if not self._router.rules.active_sensing:
            return
        for port in [port for port, last in self._sensed.items() if now - last > _SENSED_S]:
            self._unplugged(port)

    def _unplugged(self, port: str) -> None:
        while self._act():  # what it said before it went
            pass
        self._sensed.pop(port, None)
        self._transport.gone(port)
        self._router.unplugged(port)

    def _send(self, message: bytes) -> None:
        if self._ports is not None:
            self._ports.send(message)

    def _rebuilt(self) -> None:
        """It may be another device now, with other pads and rules."""
        with self._lock:
            player, router = self._session.machine.player, self._router
            self._targets = Targets(player.tags)
            self._router = Router(self._playing, player.rules, Bindings(), router.curve)
            self._sequencer = Sequencer(self._session, self._transport)
            self._load()

    # settings

    def _section(self) -> dict[str, Any]:
        midi = self._settings.values.get("midi")
        return midi if isinstance(midi, dict) else {}

    def _saved_curve(self) -> Curve:
        try:
            return Curve(self._section().get("velocity_curve", Curve.LINEAR.value))
        except ValueError:
            return Curve.LINEAR

    def _load(self) -> None:
        of_devices = self._section().get("bindings")
        texts = of_devices.get(self._device) if isinstance(of_devices, dict) else None
        if isinstance(texts, dict):
            self._router.bindings.load(texts, self._targets)

    @property
    def _device(self) -> str:
        return self._session.board.profile.name

    def _keep(self, learnt: Target) -> None:
        name = self._targets.text(learnt)
        self._tell(f"{name}: {self._router.bindings.texts(self._targets)[name]}")
        self._save()

    def _save(self) -> None:
        section = self._section()
        of_devices = section.get("bindings")
        texts = self._router.bindings.texts(self._targets)
        section["bindings"] = {**(of_devices if isinstance(of_devices, dict) else {}), self._device: texts}
        self._settings.values["midi"] = section
        try:
            self._settings.save()
        except OSError as error:
            self._tell(f"{self._settings.path}: the settings cannot be written ({error.strerror})")

    # what others ask

    def message(self, data: bytes) -> None:
        """One from a browser, as from a port. InputError where it is no message."""
        now = time.monotonic()
        if not data or not (data[0] >= 0xF8 or is_whole(data)):
            raise InputError("that is no MIDI message")
        with self._lock:
            if data[0] != ACTIVE_SENSING:
                self._take(PANEL, data, now)
                self._act()

    def knob(self, name: str, value: float) -> None:
        """Turn a knob, 0 to 1. InputError where there is none of that name."""
        if name not in KNOBS:
            raise InputError(f"there is no knob {name!r}")
        self._playing.knob(name, value)

    def panic(self) -> None:
        """Everything falls silent."""
        with self._lock:
            while self._inbox.take():
                pass
            self._router.panic()

    def transport(self, do: str) -> None:
        """Start, stop or continue. InputError."""
        with self._lock:
            self._transport.do(do, time.monotonic())

    def tempo(self, bpm: float) -> None:
        """Quarter notes a minute, of our own clock. InputError."""
        with self._lock:
            self._transport.tempo(bpm, time.monotonic())

    def learn(self, target: Mapping[str, Any] | None) -> None:
        """Bind what comes next to ``target`` (as in docs/panel-protocol.md); None: no more. InputError."""
        with self._lock:
            self._router.waits_for = None if target is None else self._known(target)

    def forget(self, target: Mapping[str, Any]) -> None:
        """What was bound to ``target`` is so no more. InputError."""
        with self._lock:
            if self._router.bindings.forget(self._known(target)):
                self._save()

    def _known(self, document: Mapping[str, Any]) -> Target:
        target = self._targets.of_document(document)
        if target is None:
            raise InputError("this device has no such pad, knob or function")
        return target

    def status(self) -> dict[str, Any]:
        """Ports and counts, for the status document."""
        return {
            "ports": self._names,
            "messages": self._messages,
            "dropped_notes": self._inbox.dropped,
            "merged": self._inbox.merged,
            "doubles": self._seconds,
            "refused": self._refused,
        }

    def metrics(self) -> dict[str, int | float]:
        """What docs/metrics.md lists of MIDI, from the session's device on."""
        return {
            **of_player(self._session.machine.player.counters),
            "midi.messages": self._messages,
            "midi.merged": self._inbox.merged,
            "midi.dropped_notes": self._inbox.dropped,
            "midi.doubles": self._seconds,
        }

    def about(self) -> Mapping[str, Any]:
        """What a panel shows of this: knobs, functions, whether there is a transport."""
        knobs = [
            {"name": name, "label": label, "value": self._playing.value(name)}
            for name, label in KNOBS.items()
        ]
        clock = self._router.rules.clock
        names = [name for name in FUNCTIONS if clock or name not in ("start", "stop", "continue")]
        return {"knobs": knobs, "functions": names, "transport": clock}

    def state(self) -> Mapping[str, Any]:
        """What a panel shows of this as it changes. Waits for nobody."""
        router = self._router
        waits = router.waits_for
        return {
            "tempo": self._transport.state(),
            "knobs": {name: round(self._playing.value(name), 3) for name in KNOBS},
            "learn": None if waits is None else waits.document(),
            "learnt": router.bindings.texts(self._targets),
        }
