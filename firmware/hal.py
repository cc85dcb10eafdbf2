"""The device's ports to the world. Firmware reaches nothing else: no wall clock, thread, socket or chance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from native.types import Event


@dataclass(frozen=True, slots=True)
class MidiMessage:
    """A channel message (1 to 3 bytes, status first) that arrives at ``frame``."""

    frame: int
    data: bytes


class AudioOut(Protocol):
    """Takes what was rendered: float32, shape (frames, 2)."""

    def write(self, block: NDArray[np.float32]) -> None:
        """Consume one block; the array is only valid during the call."""
        ...


class MidiIn(Protocol):
    """Gives messages in order of frame."""

    def until(self, frame: int) -> Iterable[MidiMessage]:
        """The messages not yet given whose frame is below ``frame``."""
        ...


class Clock(Protocol):
    """Time in frames; only rendering advances it."""

    @property
    def frame(self) -> int:
        """The next frame to be rendered."""
        ...


class VoiceEngine(Clock, Protocol):
    """What the firmware asks of the engine while playing."""

    def post(self, event: Event) -> None:
        """Queue one event, in order of frame."""
        ...
