"""All that clients share: the state, pushed at most 30 times a second, what happened, and the sound."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.panel import state as states
from sim.panel.limits import QuietLog
from sim.panel.port import Happened, Session

if TYPE_CHECKING:
    from sim.panel.client import Client

INTERVAL_S = 1 / 30
_CALM_S = 0.1  # between looks while nothing sounds
_STIR_S = 0.5  # for so long after something was asked for, or sounded, nothing counts as calm
_IDLE_S = 1.0  # without clients: only what happened is kept
_EVENTS = 200
_PIECE_S = 0.01  # of sound, at least, in one message
MOST_CLIENTS = 16
AUDIO_HEAD = struct.Struct("<IQ")  # frames, first frame; a client's sequence number comes before it


class Hub:
    """The clients of one session. All of it runs in the server's event loop.

    ``more`` gives the part of the state that is the panel's own.
    """

    def __init__(self, session: Session, log: QuietLog) -> None:
        self.session, self.log = session, log
        self.clients: set[Client] = set()
        self.events: deque[dict[str, Any]] = deque(maxlen=_EVENTS)
        self.shown = states.Shown(session)
        self.state: states.State | None = None
        # Work that takes time, while the loop goes on: what is done, one after the other; and what is read.
        self.worker = ThreadPoolExecutor(1, "panel")
        self.readers = ThreadPoolExecutor(2, "panel card")
        self.more: Callable[[], Mapping[str, Any]] = dict
        self._number = 0
        self._stir = asyncio.Event()
        self._calm_from = 0.0
        self._waiting: tuple[int, int, list[bytes]] | None = None  # sound: first frame, frames, pieces
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unlisten: Callable[[], None] | None = None

    async def run(self) -> None:
        """Look and tell, until cancelled."""
        self._loop = asyncio.get_running_loop()
        due = self._loop.time()
        while True:
            try:
                self.look()
            except Exception as error:
                self.log.warn(f"the panel could not look at the device: {error}")
            now = self._loop.time()
            due = max(due + INTERVAL_S, now + INTERVAL_S / 2)
            if self.clients and now < self._calm_from:
                await asyncio.sleep(due - now)
                continue
            if not self.clients:
                self.state = None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stir.wait(), _CALM_S if self.clients else _IDLE_S)
            self._stir.clear()

    def stir(self) -> None:
        """Something was asked for: look often for a while."""
        self._calm_from = asyncio.get_running_loop().time() + _STIR_S
        self._stir.set()

    def add(self, client: Client) -> None:
        """A client came."""
        self.clients.add(client)
        self.stir()

    def remove(self, client: Client) -> None:
        """A client went."""
        self.clients.discard(client)
        self.audio_changed()

    def look(self) -> None:
        """One look at the session; clients are told what changed."""
        if self.session.generation != self.shown.generation:
            self.shown = states.Shown(self.session)
        look = self.session.look()
        if look.states or any(look.levels):
            self._calm_from = asyncio.get_running_loop().time() + _STIR_S
        for one in look.happened:
            self._keep(one)
        for underrun in look.underruns:
            self._keep(self._underrun(underrun.frame, underrun.tag, underrun.cause.name.lower()))
        if self.clients:
            self.state = self.shown.state(look, self.more())
            for client in self.clients:
                client.wake()

    def _underrun(self, frame: int, tag: int, cause: str) -> Happened:
        pads = self.shown.tags
        known = 0 <= tag < len(pads.banks) * pads.per_bank
        name = pads.name(tag) if known else "audition"
        return Happened(frame, "underrun", f"{name}: {cause.replace('_', ' ')}", tag, cause)

    def _keep(self, one: Happened) -> None:
        self._number += 1
        made: dict[str, Any] = {
            "t": "event",
            "n": self._number,
            "frame": one.frame,
            "kind": one.kind,
            "text": one.text,
        }
        if one.tag is not None:
            made["tag"] = one.tag
        if one.cause is not None:
            made["cause"] = one.cause
        self.events.append(made)

    def note(self, kind: str, text: str) -> None:
        """Keep something that the panel itself did, for the time line."""
        self._keep(Happened(self.session.now(), kind, text))

    # sound

    def audio_changed(self) -> None:
        """A client began or ceased to listen: the session is listened to while one does."""
        wanted = any(client.hears for client in self.clients)
        if wanted and self._unlisten is None:
            self._unlisten = self.session.listen(self._heard)
        elif not wanted and self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    def _heard(self, frame: int, block: NDArray[np.float32]) -> None:
        """Called by a thread of the session."""
        frames, waiting = len(block), self._waiting
        if self._loop is None or not frames:
            return
        if waiting and waiting[0] + waiting[1] != frame:  # a stretch of time is missing
            self._waiting = waiting = None
        first, so_far, parts = waiting or (frame, 0, [])
        parts.append(to_16_bit(block))
        self._waiting = (first, so_far + frames, parts)
        if so_far + frames < _PIECE_S * self.session.profile.value("engine.rate"):
            return
        self._waiting = None
        data = AUDIO_HEAD.pack(so_far + frames, first) + b"".join(parts)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._spread, so_far + frames, data)

    def _spread(self, frames: int, data: bytes) -> None:
        for client in self.clients:
            if client.hears:
                client.hear(frames, data)

    def close(self) -> None:
        """Listen no more. The worker finishes what it does."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        self.worker.shutdown(wait=True, cancel_futures=True)
        self.readers.shutdown(wait=True, cancel_futures=True)


def to_16_bit(block: NDArray[np.float32]) -> bytes:
    """Interleaved little-endian 16-bit of float32 (frames, 2); beyond full scale it is clipped."""
    scaled = np.clip(block * 32_767.0, -32_768, 32_767)
    made: NDArray[np.int16] = np.rint(scaled).astype("<i2")
    return made.tobytes()
