"""Offline rendering: the same step as live, asked for as fast as it will go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from firmware.hal import AudioOut, MidiMessage
from firmware.player import Player
from native.types import Event, QueueFullError, Stop, Underrun
from sim.faults.overlay import PowerCutError
from sim.midifile import MessageList
from sim.watching import Watch

MAX_UNDERRUNS_LISTED = 10_000
_CHUNK_FRAMES = 65_536  # what the sinks get at a time: large, so that Python's share of the work is small
_RING_GRID = 512  # after the last event, look whether all is quiet at multiples of this, whatever the block
_RING_SECONDS = 3_600  # the longest that voices may ring on: twice the longest sample a device takes


_T = TypeVar("_T")


class OfflineEngine(Protocol):
    """What offline rendering asks of `native.Engine`."""

    @property
    def frame(self) -> int: ...  # noqa: D102
    @property
    def sounding(self) -> int: ...  # noqa: D102
    def post(self, event: Event) -> None: ...  # noqa: D102
    def render(self, out: NDArray[np.float32]) -> None: ...  # noqa: D102
    def drain_underruns(self) -> list[Underrun]: ...  # noqa: D102


class Conductor(Protocol):
    """What happens beside the music, at frames of its own."""

    def prepare(self, frame: int, target: int) -> int:
        """Do what is due at ``frame``, and say up to where may be rendered, at most to ``target``.

        PowerCutError where the run ends here.
        """
        ...


class OfflineRun:
    """Plays messages through an engine into sinks, ``block`` frames at a time.

    What is heard and reported does not depend on ``block``. ``underruns`` holds the first
    `MAX_UNDERRUNS_LISTED`. ``progress`` is told the frames rendered since it was last told; ``watch`` looks
    after every block, and ``conductor`` acts at frames of its own.
    """

    def __init__(
        self,
        engine: OfflineEngine,
        player: Player,
        sinks: Sequence[AudioOut],
        block: int,
        progress: Callable[[int], None] = lambda frames: None,
        *,
        watch: Watch | None = None,
        conductor: Conductor | None = None,
    ) -> None:
        self.underruns: list[Underrun] = []
        self._engine = engine
        self._player = player
        self._sinks = sinks
        self._block = block
        self._progress = progress
        self._watch = watch
        self._conductor = conductor
        self._chunk = np.zeros((max(1, _CHUNK_FRAMES // block) * block, 2), np.float32)
        self._filled = 0

    def play(
        self, messages: list[MidiMessage], rate: int, tail_s: float, length_s: float | None = None
    ) -> None:
        """Render until the last message's voices have ended, or exactly ``length_s`` seconds.

        Looping voices are faded out ``tail_s`` seconds after the last message.
        """
        source = MessageList(messages)
        with suppress(PowerCutError):
            if length_s is not None:
                self._play_until(source, round(length_s * rate))
            elif messages:
                self._play_until(source, messages[-1].frame + 1)
                self._ring_out(round(tail_s * rate), rate)
        self._flush()
        if self._watch is not None:
            self._watch.close()

    def _play_until(self, source: MessageList, end: int) -> None:
        engine = self._engine
        while (frame := engine.frame) < end:
            target = self._prepared(frame, min(frame + self._block, end))
            for message in source.until(target):
                self._post(message.frame, self._player.play, message)
            self._render(target)

    def _post(self, frame: int, post: Callable[[_T], None], what: _T) -> None:
        """Post at ``frame``; where the queue is full, first render what lies before."""
        while True:
            try:
                return post(what)
            except QueueFullError:
                self._render(max(frame, self._engine.frame + 1))

    def _ring_out(self, tail: int, rate: int) -> None:
        engine = self._engine
        self._quiet_by(engine.frame + tail)
        for tag in self._player.looping_tags():
            self._post(engine.frame, engine.post, Stop(engine.frame, tag))
        self._quiet_by(engine.frame + _RING_SECONDS * rate)
        self._post(engine.frame, engine.post, Stop(engine.frame))
        self._quiet_by(engine.frame + rate)

    def _quiet_by(self, end: int) -> None:
        """Render until nothing sounds, not even a fade, at most up to frame ``end``."""
        engine = self._engine
        while engine.sounding and engine.frame < end:
            grid = (engine.frame // _RING_GRID + 1) * _RING_GRID
            self._render(self._prepared(engine.frame, min(grid, end)))

    def _prepared(self, frame: int, target: int) -> int:
        return target if self._conductor is None else self._conductor.prepare(frame, target)

    def _render(self, target: int) -> None:
        """Render up to frame ``target``, in blocks."""
        engine = self._engine
        while (frame := engine.frame) < target:
            frames = min(self._block, target - frame, len(self._chunk) - self._filled)
            engine.render(self._chunk[self._filled : self._filled + frames])
            self._filled += frames
            self._take_underruns()
            if self._filled == len(self._chunk):
                self._flush()

    def _take_underruns(self) -> None:
        """Empty the engine's queue, so that its room is never what limits the list."""
        found = self._engine.drain_underruns()
        if found:
            self.underruns.extend(found[: MAX_UNDERRUNS_LISTED - len(self.underruns)])
        if self._watch is not None:
            self._watch.look(found)

    def _flush(self) -> None:
        if self._filled:
            for sink in self._sinks:
                sink.write(self._chunk[: self._filled])
            self._progress(self._filled)
            self._filled = 0
