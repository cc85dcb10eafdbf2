"""Looking at an engine while it plays: one place drains its records, and hands them to whoever wants them.

A record can be drained once only, so traces, pictures, metrics and alerts do not drain: they are given a
`Glance` after each block, and all see the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from native.types import Counters, Underrun, VoiceEnd, VoiceState

RECORDS = 16_384  # `EngineConfig.trace_records` that hold what happens between two glances


class WatchedEngine(Protocol):
    """What watching asks of `native.Engine`, made with ``measure`` and ``trace_records``."""

    @property
    def frame(self) -> int: ...  # noqa: D102
    def counters(self) -> Counters: ...  # noqa: D102
    def states(self) -> list[VoiceState]: ...  # noqa: D102
    def drain_commands(self) -> NDArray[Any]: ...  # noqa: D102
    def drain_ends(self) -> list[VoiceEnd]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Names:
    """What people call a tag (A1) and a sample number (its path on the card)."""

    pad: Callable[[int], str]
    sample: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Glance:
    """The engine at ``frame`` (the next to be rendered), and what happened since frame ``since``.

    ``before`` are the counters as of then. ``commands`` has the fields start_ns, done_ns, deadline_ns,
    offset, bytes, tag, sample, depth, status.
    """

    since: int
    frame: int
    before: Counters
    counters: Counters
    states: Sequence[VoiceState]
    commands: NDArray[Any]
    ends: Sequence[VoiceEnd]
    underruns: Sequence[Underrun]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that is no voice's doing, from ``frame`` to ``until`` (the same: an instant).

    ``kind`` is "fault", "alert" or "note"; ``text`` says what for people.
    """

    kind: str
    frame: int
    until: int
    text: str


Taker = Callable[[Glance], None]


class Watch:
    """Gives ``takers`` a glance after every block, or after the block that completes ``every`` frames."""

    def __init__(self, engine: WatchedEngine, takers: Sequence[Taker], every: int = 0) -> None:
        self._engine = engine
        self._takers = tuple(takers)
        self._every = every
        self._since = engine.frame
        self._before = engine.counters()
        self._underruns: list[Underrun] = []

    def look(self, underruns: Sequence[Underrun]) -> None:
        """To be called after each render, with the underruns that it reported."""
        self._underruns.extend(underruns)
        if self._engine.frame - self._since >= max(1, self._every):
            self._glance()

    def close(self) -> None:
        """The last glance, at what is left."""
        if self._engine.frame > self._since or self._underruns:
            self._glance()

    def _glance(self) -> None:
        engine = self._engine
        glance = Glance(
            self._since,
            engine.frame,
            self._before,
            engine.counters(),
            engine.states(),
            engine.drain_commands(),
            engine.drain_ends(),
            self._underruns,
        )
        self._since, self._before, self._underruns = glance.frame, glance.counters, []
        for taker in self._takers:
            taker(glance)
