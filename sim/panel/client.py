"""One WebSocket client: what it says is checked and done, what it must know is sent as it can take it."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from firmware.layouts import LayoutError
from firmware.midi import NOTE_OFF
from native.types import EngineError
from sdcard_image.types import CardError
from sim.errors import InputError
from sim.panel import state as states
from sim.panel.desk import Desk
from sim.panel.hub import Hub
from sim.panel.limits import Allowance
from sim.panel.messages import MessageError, parse
from sim.panel.port import RefusedError

SAYS = (RefusedError, InputError, CardError, EngineError, LayoutError)  # errors that are one sentence
_MOST_REFUSED, _REFUSED_S = 50, 60.0
_MOST_MESSAGES, _MESSAGES_S = 2_000, 1.0
_MOST_ANSWERS = 64  # wait for a client that does not read; then nothing more of it is read
_MOST_AUDIO_S = 0.2
_POLICY_VIOLATION = 1008
_SEQUENCE = struct.Struct("<I")


class Client:
    """A connected client of a `Hub`, from `run` on until that returns."""

    def __init__(self, socket: WebSocket, hub: Hub, desk: Desk) -> None:
        self._socket, self._hub, self._desk = socket, hub, desk
        self.hears = False
        self._held: set[tuple[int, int]] = set()  # banks and pads
        self._keys: set[tuple[int, int]] = set()  # MIDI channels and notes
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_MOST_ANSWERS)
        self._audio: deque[tuple[int, bytes]] = deque()
        self._audio_frames = self._sequence = 0
        self._awake = asyncio.Event()
        self._sent: states.State | None = None
        self._generation: tuple[int, int] | None = None
        self._hello: dict[str, Any] = {}
        self._pads: dict[int, dict[str, Any]] = {}
        self._event = 0
        self._refused = Allowance(_MOST_REFUSED, _REFUSED_S, time.monotonic)
        self._messages = Allowance(_MOST_MESSAGES, _MESSAGES_S, time.monotonic)

    def wake(self) -> None:
        """There may be something to send."""
        self._awake.set()

    async def run(self) -> None:
        """Serve the client until it goes, or has to."""
        sender = asyncio.create_task(self._send_all())
        receiver = asyncio.create_task(self._receive_all())
        try:
            done, _ = await asyncio.wait((sender, receiver), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is not None and not isinstance(error, WebSocketDisconnect | RuntimeError | OSError):
                    raise error
        finally:
            for task in (sender, receiver):
                task.cancel()
            await asyncio.gather(sender, receiver, return_exceptions=True)
            self._let_go()

    def _let_go(self) -> None:
        """What was held is released: no note hangs for a lost connection."""
        session = self._hub.session
        for bank, pad in self._held:
            self._end(session.release, bank, pad)
        for channel, note in self._keys:
            self._end(session.midi, bytes((NOTE_OFF | channel, note, 0)))
        self._held.clear()
        self._keys.clear()

    def _end(self, release: Callable[..., None], *values: Any) -> None:
        """One release; that it fails keeps nobody from the next."""
        try:
            release(*values)
        except Exception as error:
            self._hub.log.warn(f"what a panel held could not be released: {error}")

    # what it says

    async def _receive_all(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if not await self._take(message.get("text")):
                await self._close("too many messages were refused")
                return

    async def _take(self, text: str | None) -> bool:
        """One message; False where the client has to go."""
        number = None
        try:
            if not self._messages.take():
                raise MessageError(f"more than {_MOST_MESSAGES:,} messages a second")
            if text is None:
                raise MessageError("a message is text, not bytes")
            message = parse(text)
            number = message.number
            if message.kind != "ping":
                self._hub.stir()
            answer = await self._desk.do(self, message)
        except MessageError as error:
            self._hub.log.warn(f"a message of a panel was refused: {error}")
            await self._answer(
                {"t": "error", "text": str(error)}, number if error.number is None else error.number
            )
            return self._refused.take()
        except SAYS as error:
            await self._answer({"t": "error", "text": str(error)}, number)
            return True
        except Exception as error:  # what nobody foresaw: this message failed, and nothing else
            self._hub.log.warn(f"a message of a panel failed: {type(error).__name__}: {error}")
            await self._answer({"t": "error", "text": f"the panel failed at this: {error}"}, number)
            return True
        if answer is not None:
            await self._answer(answer, number)
        elif number is not None:
            await self._answer({"t": "done"}, number)
        return True

    async def _answer(self, answer: dict[str, Any], number: int | None) -> None:
        await self._answers.put(answer if number is None else {**answer, "id": number})
        self._awake.set()

    async def _close(self, why: str) -> None:
        self._hub.log.warn(f"a panel's connection is closed: {why}")
        await self._socket.close(_POLICY_VIOLATION, why)

    def holds(self, bank: int, pad: int, *, held: bool) -> None:
        """Keep in mind what to release when the client goes."""
        (self._held.add if held else self._held.discard)((bank, pad))

    def holds_key(self, channel: int, note: int, *, held: bool) -> None:
        """The same for a key of MIDI."""
        (self._keys.add if held else self._keys.discard)((channel, note))

    def listens(self, on: bool) -> None:
        """Send audio, or no more of it."""
        self.hears = on
        self._audio.clear()
        self._audio_frames = self._sequence = 0
        self._hub.audio_changed()

    # what it is told

    def hear(self, frames: int, data: bytes) -> None:
        """A piece of audio; the oldest that wait are dropped where it does not keep up."""
        self._audio.append((frames, _SEQUENCE.pack(self._sequence & 0xFFFFFFFF) + data))
        self._sequence += 1
        self._audio_frames += frames
        most = _MOST_AUDIO_S * self._hub.session.profile.value("engine.rate")
        while self._audio_frames > most and len(self._audio) > 1:
            self._audio_frames -= self._audio.popleft()[0]
        self._awake.set()

    async def _send_all(self) -> None:
        while True:
            await self._awake.wait()
            self._awake.clear()
            await self._send_hello()
            while not self._answers.empty():
                await self._send(self._answers.get_nowait())
            await self._send_audio()
            await self._send_events()
            await self._send_state()

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send_text(json.dumps(message, separators=(",", ":"), allow_nan=False))

    async def _send_audio(self) -> None:
        while self._audio:
            frames, data = self._audio.popleft()
            self._audio_frames -= frames
            await self._socket.send_bytes(data)

    async def _send_hello(self) -> None:
        """The first message; again when the device was rebuilt. Other pads alone are sent as `pads`."""
        session = self._hub.session
        generation = session.generation, self._desk.editions.count
        if generation == self._generation:
            return
        first = self._generation is None
        hello = states.hello(session, self._desk.card_name, self._desk.editions.of)
        pads = {one["tag"]: one for one in hello["pads"]}
        same = {**hello, "pads": None} == {**self._hello, "pads": None} if not first else False
        self._generation, self._hello, before, self._pads = generation, hello, self._pads, pads
        if first or not same:
            self._sent = None
            await self._send(hello)
            return
        changed = [one for tag, one in pads.items() if before.get(tag) != one]
        gone = [states.empty_pad(self._hub.shown.tags, tag) for tag in before if tag not in pads]
        if changed or gone:
            await self._send({"t": "pads", "pads": changed + gone})

    async def _send_events(self) -> None:
        for event in [one for one in self._hub.events if one["n"] > self._event]:
            self._event = event["n"]
            await self._send(event)

    async def _send_state(self) -> None:
        state = self._hub.state
        if state is None or state is self._sent:
            return
        changed = states.changes(self._sent, state)
        self._sent = state
        if len(changed) > 1:
            await self._send({"t": "state", **changed})

    async def bye(self, text: str) -> None:
        """The program ends."""
        try:
            await asyncio.wait_for(self._send({"t": "bye", "text": text}), 0.5)
            await asyncio.wait_for(self._socket.close(1001, text), 0.5)
        except (TimeoutError, RuntimeError, OSError, WebSocketDisconnect):
            return
