"""A panel's messages without any MIDI port: implements `sim.live.bench.MidiDesk`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.live.session import Session
from sim.panel.port import RefusedError


class PlainMidi:
    """Plays what the browser brings as the device would, and turns the volume."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._messages = 0

    def status(self) -> dict[str, Any]:
        """No ports."""
        return {"ports": [], "messages": self._messages}

    def message(self, data: bytes) -> None:
        """As from a port."""
        self._messages += 1
        self._session.hands.message(data)

    def knob(self, name: str, value: float) -> None:
        """The volume, which is the only knob here."""
        if name != "volume":
            raise RefusedError(f"there is no knob {name!r}")
        self._session.hands.volume = value

    def transport(self, do: str) -> None:
        """There is nothing to start."""
        raise RefusedError("MIDI is off: there is no clock to start")

    def tempo(self, bpm: float) -> None:
        """There is no clock."""
        raise RefusedError("MIDI is off: there is no clock")

    def panic(self) -> None:
        """Everything falls silent."""
        self._session.hands.stop_all()

    def learn(self, target: Mapping[str, Any] | None) -> None:
        """Nothing comes in."""
        if target is not None:
            raise RefusedError("MIDI is off: there is nothing to learn from")

    def forget(self, target: Mapping[str, Any]) -> None:
        """Nothing was learnt."""

    def about(self) -> Mapping[str, Any]:
        """See `sim.live.bench.MidiDesk.about`."""
        knobs = [{"name": "volume", "label": "Volume", "value": self._session.hands.volume}]
        return {"knobs": knobs, "functions": ["panic"], "transport": False}

    def state(self) -> Mapping[str, Any]:
        """See `sim.live.bench.MidiDesk.state`."""
        return {"knobs": {"volume": self._session.hands.volume}, "learn": None, "learnt": {}, "tempo": None}
