"""A session: a device that is played in real time, until its time is over or somebody stops it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from native import CardModel, Engine, Live
from sim.board import Board, Setup
from sim.errors import InputError
from sim.live.backends import Backend, ClockBackend
from sim.live.hands import Hands
from sim.live.machine import Machine
from sim.live.observing import Look, Observer
from sim.live.priority import lock_memory, unlock_memory
from sim.live.samples import Samples
from sim.live.status import state_document, status_document
from sim.live.take import MidiTake, WavTake
from sim.live.trouble import Troubles

Listener = Callable[[int, NDArray[np.float32]], None]

# Between two looks: while somebody listens, while something sounds, while nothing does.
_SOON_S, _BUSY_S, _IDLE_S = 0.005, 1 / 30, 0.2
_CHUNK = 8_192  # frames taken from what was played at a time
_FADE_S = 0.5  # the longest wait for it: a server may have stopped to ask
_PATIENCE_S = 3.0  # with an audio server that asks for nothing
_GRACE_S = 10.0  # beyond its seconds, for an audio server that stopped to ask


class MidiPorts(Protocol):
    """What the status says of MIDI; whoever brings messages sets a session's ``midi`` to one of these."""

    def status(self) -> dict[str, Any]:
        """``ports`` (a list of names) and ``messages`` (how many came in)."""
        ...


@dataclass(frozen=True, slots=True)
class Recording:
    """Files to leave behind. After ``seconds`` the session ends, and the files are exactly so long."""

    wav: Path | None = None
    midi: Path | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing was played for ``ms`` at ``frame``, because of ``why``."""

    frame: int
    ms: float
    why: str


class Session:
    """Plays a card through a backend. Every method may be called from any thread, unless it says otherwise.

    ``hands`` plays, ``troubles`` brings faults, ``midi`` says what ports there are. What belongs to the
    machine (``board``, ``engine``) changes when the device is rebuilt: do not keep it;
    ``on_rebuilt`` are called after that. Frames count from the session's beginning.
    """

    def __init__(
        self, card: Path, setup: Setup, backend: Backend, recording: Recording = Recording()
    ) -> None:
        self.backend, self.recording = backend, recording
        self.card = card
        self.setup = replace(setup, rate=backend.rate)
        self.midi: MidiPorts | None = None
        self.on_rebuilt: list[Callable[[], None]] = []
        self.gaps: list[Gap] = []
        self.complaints: list[str] = []  # what became of recordings that cannot be written
        self.error: Exception | None = None
        self.memory_locked = self.prioritised = self._tried = False
        self.machine = Machine(card, self.setup)
        try:
            self.live = Live(self.engine)
        except BaseException:
            self.machine.close()
            raise
        self.live.read(0)  # keep what is played, from the first frame on
        self.observer = Observer(self.machine, self.live, self.setup.card)
        self.hands = Hands(self.machine, self.live, backend.block)
        self.troubles = Troubles(self)
        self.samples = Samples(self)
        self.wav: WavTake | None = None  # what is being recorded
        self._listeners: tuple[tuple[Listener, bool], ...] = ()
        self._over = threading.Event()
        self.lost = ""  # what became of the audio server, where it is gone
        self._blocks, self._asked_s = 0, time.monotonic()
        self.generation = 0  # grows when the device was rebuilt, or its pads are others
        self._closed = False
        self._heard = 0  # frames of the session that were passed on
        self._changing = threading.Lock()  # held while another machine is made and put in
        self._looking = threading.Lock()  # held by whoever looks at the machine, or exchanges it
        self._began_s = 0.0
        self._thread = threading.Thread(target=self._look_on, name="benchpad session", daemon=True)

    @property
    def board(self) -> Board:
        """The board that is switched on."""
        return self.machine.board

    @property
    def engine(self) -> Engine:
        """Its engine; post to it through ``hands`` only."""
        return self.machine.board.engine

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self.backend.rate

    @property
    def block(self) -> int:
        """Frames rendered at once."""
        return self.backend.block

    @property
    def frame(self) -> int:
        """What is due now."""
        return self.machine.base + self.live.now()

    # beginning and end

    def start(self) -> None:
        """Begin to play. Where that is not possible nothing is left: NoAudioError, OSError, InputError."""
        try:
            self._open_files()
            self.memory_locked = lock_memory()
            self._run()
        except BaseException as error:
            self._end(error)
            raise
        self._began_s = time.monotonic()
        self._thread.start()

    def _open_files(self) -> None:
        wanted = self.recording
        if wanted.wav is not None:
            most = None if wanted.seconds is None else round(wanted.seconds * self.rate)
            self.wav = WavTake(wanted.wav, self.rate, most)
        if wanted.midi is not None:
            self.hands.take = MidiTake(wanted.midi, self.rate)

    def _run(self) -> None:
        self.live.start_reader()
        self.backend.start(self.live)

    def wait(self, timeout: float | None = None) -> bool:
        """Until it is over, or somebody asked it to stop; False where the ``timeout`` came first."""
        return self._over.wait(timeout)

    def ask_to_stop(self) -> None:
        """End it: whoever is in `wait` goes on, and calls `stop`."""
        self._over.set()
        self.hands.touched.set()

    def stop(self) -> None:
        """End it, and put the recordings in their place. OSError where they could not be written."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join()
        self._end(None)
        if self.error is not None:
            raise self.error

    def _end(self, error: BaseException | None) -> None:
        with self.hands.lock, self._looking:
            if self._closed:
                return
            self._closed = True
            if not self.backend.stop():
                self.live.disconnect()
            with suppress(Exception):  # a listener's; what was recorded is kept
                self._pass_on()
            end = self.machine.end
            self.live.close()
            self.machine.close()
            unlock_memory()
            self._close_files(end, error)

    def _close_files(self, end: int, error: BaseException | None) -> None:
        seconds = self.recording.seconds
        take, self.hands.take = self.hands.take, None
        wav, self.wav = self.wav, None
        try:
            if wav is not None:
                wav.close(keep=error is None)
        finally:
            if take is not None:
                take.close(end if seconds is None else round(seconds * self.rate), keep=error is None)

    def __enter__(self) -> Session:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # looking on

    def listen(self, listener: Listener, *, soon: bool = True) -> None:
        """Give ``listener`` all that is played from now on: the first frame and a block, of shape (n, 2).

        It is called by another thread and must return at once. ``soon``: every few milliseconds, for ears.
        """
        with self._looking:
            self._listeners = (*self._listeners, (listener, soon))

    def stop_listening(self, listener: Listener) -> None:
        """Give it no more."""
        with self._looking:
            self._listeners = tuple(one for one in self._listeners if one[0] != listener)

    def _look_on(self) -> None:
        """The session's own thread."""
        last_look = next_look = 0.0
        while not self._over.is_set():
            try:
                now = time.monotonic()
                with self._looking:
                    self._pass_on()
                    if now >= next_look:
                        last_look, next_look = now, now + self._look(now)
            except Exception as error:  # whoever stops the session is told
                self.error = error
                self._over.set()
            if any(soon for _, soon in self._listeners):
                self._over.wait(_SOON_S)
            elif self.hands.touched.wait(max(0.0, next_look - time.monotonic())):
                self.hands.touched.clear()
                next_look = last_look + _BUSY_S  # what was pressed is shown soon
                self._over.wait(max(0.0, next_look - time.monotonic()))

    def _look(self, now: float) -> float:
        """Look at the engine; returns the seconds until it is worth looking again."""
        if self.hands.take is not None:
            try:
                self.hands.take.flush()
            except OSError as error:
                self._complain(
                    f"{self.recording.midi}: the MIDI file cannot be written now ({error.strerror})"
                )
        if not self._tried:
            self._tried = self.live.report().blocks > 0
            self.prioritised = self._tried and self.live.prioritise()
        self._mind_the_server(now)
        self.troubles.look()
        last = self.observer.look()
        seconds = self.recording.seconds
        if seconds is not None:
            left = seconds - self.machine.end / self.rate
            if left <= 0 or now > self._began_s + seconds + _GRACE_S:
                self._over.set()
            return min(max(left, 0.001), _BUSY_S)
        return _BUSY_S if last.counters.sounding else _IDLE_S

    def _mind_the_server(self, now: float) -> None:
        """Where the audio server has ceased to ask, time goes on by a clock, and nobody hears it."""
        blocks = self.live.report().blocks + self.live.report().paused_frames
        if blocks != self._blocks or isinstance(self.backend, ClockBackend):
            self._blocks, self._asked_s = blocks, now
        elif now - self._asked_s > _PATIENCE_S:
            if not self.backend.stop():
                self.live.disconnect()
            self.lost = f"{self.backend.device} stopped to ask for sound; playing on without"
            self.gaps.append(Gap(self.machine.end, 1000 * (now - self._asked_s), self.lost))
            self.backend = ClockBackend("none", self.backend.rate, self.backend.block)
            self.backend.start(self.live)
            self._tried = False

    def _pass_on(self) -> None:
        """Give what was played to the recording and to all who listen."""
        while len(block := self.live.read(_CHUNK)):
            if self.wav is not None and not self.wav.full:
                try:
                    self.wav.write(block)
                except OSError as error:
                    self._complain(f"{error}; the recording ends here, and playing goes on")
            for listener, _ in self._listeners:
                listener(self._heard, block)
            self._heard += len(block)

    def _complain(self, text: str) -> None:
        """Say it once."""
        if text not in self.complaints:
            self.complaints.append(text)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the device for a moment in which the engine can be told anything; silence is played."""
        with self.hands.lock, self._looking, self.live.paused():
            yield

    def look(self) -> Look:
        """What was last seen of the engine."""
        return self.observer.last

    def status(self) -> dict[str, Any]:
        """The document of ``/api/status``."""
        return status_document(self)

    def state(self) -> dict[str, Any]:
        """What a panel shows, as of the last look."""
        return state_document(self)

    # other devices

    def change(
        self, *, ram_bytes: int | None = None, card: CardModel | None = None, image: Path | None = None,
        mirror: Path | None = None, why: str = "the device was changed",
    ) -> Gap:  # fmt: skip
        """Switch the device off, and on again with other RAM, card timing, card image or mirror.

        What sounds ends, and nothing plays meanwhile: the gap is returned, and kept in ``gaps``. Where the
        new device cannot be made, the old one plays on: CardError, InputError, EngineError.
        """
        setup = replace(
            self.setup,
            ram_bytes=self.setup.ram_bytes if ram_bytes is None else ram_bytes,
            card=self.setup.card if card is None else card,
            mirror=self.setup.mirror if mirror is None else mirror,
        )
        if self._closed:
            raise InputError("the session is over")
        if image is None:
            self.troubles.check_in()
        with self._changing:
            made = Machine(image or self.card, setup)  # what is wrong with it is said while the old one plays
            with self.hands.lock:
                gap = self._exchange(made, why)
                self.setup, self.card = setup, image or self.card
                self.troubles.rebuilt()
                self.samples.rebuilt()
                self.generation += 1
        for tell in self.on_rebuilt:
            tell()
        return gap

    def _fade_out(self) -> None:
        """Silence before the device goes, and not a step in what is heard."""
        frame, until = self.hands.stop_all() + self.engine.config.fade_frames, time.monotonic() + _FADE_S
        while self.machine.end < frame and time.monotonic() < until:
            time.sleep(0.001)

    def _exchange(self, made: Machine, why: str) -> Gap:
        """Let another machine play. The audio server is played silence meanwhile."""
        if self._closed:
            made.close()
            raise InputError("the session is over")
        self._fade_out()
        with self._looking:
            began, old = time.monotonic(), self.machine
            with self.live.paused():
                made.base = old.end
                self.live.exchange(made.board.engine)
                self.machine = self.hands.machine = made
            gap = Gap(made.base, 1000 * (time.monotonic() - began), why)
            self._pass_on()
            self.observer = Observer(made, self.live, made.board.setup.card)
            old.close()
            self.memory_locked = lock_memory()  # what is new
        self.gaps.append(gap)
        return gap
