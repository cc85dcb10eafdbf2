"""What the panel does for a client: each kind of message to what it means for the session and the card."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from firmware.midi import NOTE_OFF, NOTE_ON
from sim.panel.browser import Browser
from sim.panel.editions import Editions
from sim.panel.hub import Hub
from sim.panel.messages import Message, MessageError
from sim.panel.pads import PadWriter
from sim.panel.port import RefusedError
from sim.panel.stressing import StressDesk

if TYPE_CHECKING:
    from sim.panel.client import Client

_Answer = dict[str, Any] | None
_T = TypeVar("_T")
_NOTE_BYTES = 3


class Desk:
    """Carries out messages. ``hub`` has the session."""

    def __init__(self, hub: Hub, browser: Browser, writer: PadWriter, stress: StressDesk) -> None:
        self._hub, self._session = hub, hub.session
        self.browser, self.stress = browser, stress
        self._writer = writer
        self.editions = Editions(hub.session)
        self._audition: dict[str, Any] | None = None
        self._audition_ends_s = 0.0
        self._quick: Mapping[str, Callable[[Client, Mapping[str, Any]], _Answer]] = {
            "press": self._press,
            "release": self._release,
            "bank": lambda _, v: self._session.choose_bank(self._bank(v["bank"])),
            "knob": lambda _, v: self._session.knob(v["name"], v["value"]),
            "panic": lambda *_: self._session.panic(),
            "transport": lambda _, v: self._session.transport(v["do"]),
            "tempo": lambda _, v: self._session.tempo(v["bpm"]),
            "midi": self._midi,
            "learn": self._learn,
            "forget": lambda _, v: self._session.forget(v["target"]),
            "audio": lambda client, v: client.listens(v["on"]),
            "ping": lambda *_: {"t": "pong", "frame": self._session.now()},
        }
        self._slow: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "mode": lambda v: self._session.mode(*self._place(v), v["name"], v["on"]),
            "fault": self._fault,
            "setting": lambda v: self._session.setting(**v),
            "audition": self._play,
            "assign": lambda v: self._assign(v["path"], *self._place(v)),
            "undo": lambda _: self._undo(),
            "stress": self._stress,
        }

    @property
    def card_name(self) -> str:
        """The card's file name; nothing of where it lies."""
        return self._session.card_path.name

    async def do(self, client: Client, message: Message) -> _Answer:
        """Do what a message says. What cannot be done raises an error that is one sentence."""
        if (quick := self._quick.get(message.kind)) is not None:
            return quick(client, message.values)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._hub.worker, self._slow[message.kind], message.values)
        return None

    def read(self, act: Callable[..., _T], *values: Any) -> Awaitable[_T]:
        """Look something up on the card, while the loop goes on."""
        return asyncio.get_running_loop().run_in_executor(self._hub.readers, act, *values)

    def state(self) -> dict[str, Any]:
        """The panel's own part of the state."""
        if time.monotonic() > self._audition_ends_s:
            self._audition = None
        return {"undo": self._writer.steps, "stress": self.stress.state(), "audition": self._audition}

    def _press(self, client: Client, values: Mapping[str, Any]) -> None:
        place = self._place(values)
        self._session.press(*place, values.get("vel", 127))
        client.holds(*place, held=True)

    def _release(self, client: Client, values: Mapping[str, Any]) -> None:
        place = self._place(values)
        self._session.release(*place)
        client.holds(*place, held=False)

    def _midi(self, client: Client, values: Mapping[str, Any]) -> None:
        data: bytes = values["data"]
        self._session.midi(data)
        kind, channel = data[0] & 0xF0, data[0] & 0x0F
        if kind in (NOTE_ON, NOTE_OFF) and len(data) == _NOTE_BYTES:
            client.holds_key(channel, data[1], held=kind == NOTE_ON and data[2] > 0)

    def _bank(self, bank: int) -> int:
        banks: str = self._hub.shown.tags.banks
        if bank >= len(banks):
            raise MessageError(f"bank must be 0 to {len(banks) - 1}")
        return bank

    def _place(self, values: Mapping[str, Any]) -> tuple[int, int]:
        pads = self._hub.shown.tags
        if values["pad"] > pads.per_bank:
            raise MessageError(f"pad must be 1 to {pads.per_bank}")
        return self._bank(values["bank"]), values["pad"]

    def _learn(self, _: Client, values: Mapping[str, Any]) -> None:
        if values["on"] and "target" not in values:
            raise MessageError("learn: target is missing")
        self._session.learn(self._target(values["target"]) if values["on"] else None)

    def _target(self, target: Mapping[str, Any]) -> Mapping[str, Any]:
        if target["kind"] == "pad":
            self._place(target)
        return target

    def _fault(self, values: Mapping[str, Any]) -> None:
        if (path := values.get("path")) is not None:
            self.browser.check(path)
        self._session.fault(**values)

    def _play(self, values: Mapping[str, Any]) -> None:
        path = values["path"]
        heard = None if path is None else self.browser.sample(path)
        self._session.audition(path if heard is None else heard.path)
        seconds = 0.0 if heard is None else round(heard.frames / heard.rate, 3)
        self._audition = None if heard is None else {"path": heard.path, "seconds": seconds}
        self._audition_ends_s = time.monotonic() + seconds

    def _assign(self, path: str, bank: int, pad: int) -> None:
        self._check_writable()
        self._check_in()
        self._writer.assign(path, bank, pad)
        self.browser.refresh()
        self.editions.assigned(self._hub.shown.tags.tag(bank, pad))

    def _undo(self) -> None:
        self._check_writable()
        self._check_in()
        self._writer.undo()
        self.browser.refresh()
        self.editions.undone()

    def _check_writable(self) -> None:
        if not self._session.writable:
            raise RefusedError(
                "the card was opened for reading only; start again with --writable to change it"
            )

    def _check_in(self) -> None:
        if self._hub.state is not None and self._hub.state["card"].get("in") is False:
            raise RefusedError("the card is out; put it back to change it")

    def _stress(self, values: Mapping[str, Any]) -> None:
        if values.get("do") == "stop":
            self.stress.stop()
        else:
            self.stress.start(values.get("voices"), values.get("seconds"))

    def close(self) -> None:
        """Let go of the card and of what runs."""
        self.stress.close()
        self._writer.close()
        self.browser.close()
