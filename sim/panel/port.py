"""What the panel asks of the session that it shows: a live one, or a scripted one in tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from firmware.boot import BootResult
from firmware.profiles import Profile
from native.types import Underrun, VoiceState
from sim.board import Setup
from sim.metrics import Snapshot

AS_STARTED = "as started"  # the card's timing that the program was started with, beside the presets

AudioTaker = Callable[[int, NDArray[np.float32]], None]


class RefusedError(Exception):
    """One sentence: what the session cannot do as it is, and what to do."""


@dataclass(frozen=True, slots=True)
class Happened:
    """Something at a moment, for the time line: see the protocol's `event`."""

    frame: int
    kind: str
    text: str
    tag: int | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The device at a moment. ``levels`` and ``happened`` are since the look before, the rest as it stands.

    ``audio`` has xruns, late_blocks, frames_lost, p50, p99, p999. ``card`` has in, name, preset, busy,
    mirror; ``alert`` frame, cause, text, advice, heard; ``others`` are state values that pass through as they
    are (midi, tempo, knobs, learn, learnt, recording, bank).
    """

    frame: int
    states: Sequence[VoiceState]
    levels: tuple[float, float]
    metrics: Snapshot
    audio: Mapping[str, Any]
    card: Mapping[str, Any]
    latency_ms: float
    alert: Mapping[str, Any] | None = None
    happened: Sequence[Happened] = ()
    underruns: Sequence[Underrun] = ()
    others: Mapping[str, Any] | None = None
    loaded: Collection[int] | None = None  # tags of pads whose heads are known to be in RAM; None: all chosen


class Session(Protocol):
    """A device that plays. Every method may be called from any thread; none waits for the audio thread.

    What cannot be done raises `RefusedError` (or InputError, CardError, EngineError), each with one sentence.
    """

    @property
    def card_path(self) -> Path: ...  # noqa: D102
    @property
    def writable(self) -> bool: ...  # noqa: D102
    @property
    def project(self) -> str | None: ...  # noqa: D102
    @property
    def setup(self) -> Setup:
        """What the device and its card are now, as the user said it."""
        ...

    @property
    def profile(self) -> Profile: ...  # noqa: D102
    @property
    def boot(self) -> BootResult: ...  # noqa: D102
    @property
    def generation(self) -> int:
        """Grows when the device was rebuilt or its pads changed: then all that was told of them is old."""
        ...

    def about(self) -> Mapping[str, Any]:
        """What the session knows of `hello` (see the protocol).

        bank, rate, block, audio, knobs, functions, transport, ram, ram_range, preset, presets, timing,
        cards, mirror, faults.
        """
        ...

    def modes(self, bank: int, pad: int) -> Mapping[str, bool]:
        """A pad's loop, reverse, gate, hold, mute, pin."""
        ...

    def status(self) -> dict[str, Any]:
        """The status document."""
        ...

    def now(self) -> int:
        """The engine's clock."""
        ...

    def look(self) -> Look:
        """The device now. One caller at a time."""
        ...

    def listen(self, taker: AudioTaker) -> Callable[[], None]:
        """Gives all that is played from now on to ``taker(first frame, float32 of shape (frames, 2))``.

        It is called from a thread of the session and must not wait. Returns what ends it.
        """
        ...

    def press(self, bank: int, pad: int, velocity: int) -> None: ...  # noqa: D102
    def release(self, bank: int, pad: int) -> None: ...  # noqa: D102
    def choose_bank(self, bank: int) -> None: ...  # noqa: D102
    def knob(self, name: str, value: float) -> None: ...  # noqa: D102
    def mode(self, bank: int, pad: int, name: str, on: bool) -> None: ...  # noqa: D102
    def panic(self) -> None: ...  # noqa: D102
    def transport(self, do: str) -> None: ...  # noqa: D102
    def tempo(self, bpm: float) -> None: ...  # noqa: D102
    def midi(self, message: bytes) -> None: ...  # noqa: D102
    def learn(self, target: Mapping[str, Any] | None) -> None: ...  # noqa: D102
    def forget(self, target: Mapping[str, Any]) -> None: ...  # noqa: D102

    def fault(self, do: str, *, ms: float = 200.0, path: str | None = None, times: int = 1) -> None:
        """spike, error, pull, insert, swap or mirror."""
        ...

    def setting(self, *, ram: int | None = None, card: str | Mapping[str, float] | None = None) -> None:
        """Rebuilds the device with so much RAM, or another timing of the card.

        That is the name of a preset, `AS_STARTED`, or ``latency_ms`` and ``mb_per_s`` (0: any speed).
        """
        ...

    def audition(self, path: str | None) -> None:
        """Plays a file of the card without touching the pads; None ends it."""
        ...

    def card_changed(self, silence: Sequence[int]) -> None:
        """The card's pad table was written: take the pads over as they are now.

        ``silence`` are the tags whose sample is another one now.
        """
        ...

    def quiet(self, tags: Sequence[int]) -> None:
        """Fade out what sounds on these pads."""
        ...
