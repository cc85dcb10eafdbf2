"""Keeps what the pictures of a song need, in bounded memory: a `Recording` for a run of any length."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native.types import Underrun, VoiceEnd
from sim.stress.report import Recording
from sim.watching import Glance, Names

MOST_ROWS = 1_024  # beyond which neighbours are joined
MOST_COMMANDS = 1 << 18  # beyond which every second is dropped, and of the next ones too
MOST_LISTED = 10_000  # underruns, ends
_MOST_VOICES = 4_096


@dataclass(slots=True)
class _Row:
    """A stretch of time up to frame ``mark``; ``slack`` is the least, by column."""

    mark: int
    slack: dict[int, float] = field(default_factory=dict)
    busy_ms: float = 0.0
    hits: int = 0
    asked: int = 0
    resident: int = 0
    pinned: int = 0
    sounding: int = 0

    def join(self, later: _Row) -> None:
        """Take in the stretch that follows."""
        self.mark, self.resident, self.pinned = later.mark, later.resident, later.pinned
        for column, slack in later.slack.items():
            self.slack[column] = min(slack, self.slack.get(column, slack))
        self.busy_ms += later.busy_ms
        self.hits += later.hits
        self.asked += later.asked
        self.sounding = max(self.sounding, later.sounding)


class Recorder:
    """Takes glances (see `sim.watching`) and makes a `Recording` of them. A column is a pad.

    Time is kept in at most ``rows`` stretches, each the least slack and the sum of the card's work in it;
    commands are thinned out evenly, lists are cut: what is drawn stays true, and memory bounded.
    """

    def __init__(self, title: str, rate: int, names: Names, rows: int = MOST_ROWS) -> None:
        self._title = title
        self._rate = rate
        self._names = names
        self._most_rows = rows
        self._rows: list[_Row] = []
        self._joined = 1  # glances in a full row
        self._last = 0  # glances in the last row
        self._columns: dict[int, int] = {}
        self._voices: list[str] = []
        self._begins: int | None = None
        self._commands: list[NDArray[Any]] = []
        self._kept = 0
        self._stride, self._phase = 1, 0
        self._underruns: list[Underrun] = []
        self._ends: list[VoiceEnd] = []

    def __call__(self, glance: Glance) -> None:
        """Keep one glance."""
        if self._begins is None:
            self._begins = glance.since
        for one in glance.underruns[: MOST_LISTED - len(self._underruns)]:
            self._underruns.append(replace(one, tag=self._column(one.tag, one.sample)))
        for end in glance.ends[: MOST_LISTED - len(self._ends)]:
            self._ends.append(replace(end, tag=self._column(end.tag, end.sample)))
        self._keep_commands(glance.commands)
        self._keep_row(self._row(glance))

    def _column(self, tag: int, sample: int) -> int:
        column = self._columns.get(tag)
        if column is None:
            column = min(len(self._voices), _MOST_VOICES - 1)
            self._columns[tag] = column
            if column == len(self._voices):
                self._voices.append(f"{self._names.pad(tag)} {self._names.sample(sample).rpartition('/')[2]}")
        return column

    def _row(self, glance: Glance) -> _Row:
        b, c = glance.before, glance.counters
        hits = c.hits - b.hits
        row = _Row(glance.frame, {}, c.busy_ms - b.busy_ms, hits, hits + c.misses - b.misses)
        row.resident, row.pinned, row.sounding = c.resident_bytes, c.pinned_bytes, c.sounding
        for state in glance.states:
            if state.state == "fading":
                continue  # what fades needs no more data
            column = self._column(state.tag, state.sample)
            slack = math.inf if state.slack is None else state.slack  # all of its data is there
            row.slack[column] = min(slack, row.slack.get(column, slack))
        return row

    def _keep_row(self, row: _Row) -> None:
        if self._rows and self._last < self._joined:
            self._rows[-1].join(row)
            self._last += 1
            return
        if len(self._rows) == self._most_rows:
            for first, second in zip(self._rows[::2], self._rows[1::2], strict=True):
                first.join(second)
            del self._rows[1::2]
            self._joined *= 2
        self._rows.append(row)
        self._last = 1

    def _keep_commands(self, commands: NDArray[Any]) -> None:
        kept = commands[self._phase :: self._stride].copy()
        self._phase = (self._phase - len(commands)) % self._stride
        self._commands.append(kept)
        self._kept += len(kept)
        if self._kept > MOST_COMMANDS:
            whole = np.concatenate(self._commands)
            self._phase += self._stride * (len(whole) % 2)
            self._commands = [whole[::2].copy()]
            self._kept = len(self._commands[0])
            self._stride *= 2

    def _all_commands(self) -> NDArray[np.void]:
        return np.concatenate(self._commands) if self._commands else np.empty(0, np.void)

    def recording(self) -> Recording:
        """What was recorded so far."""
        rows, rate = self._rows, self._rate
        begins = self._begins or 0
        marks = np.array([row.mark for row in rows], np.uint64)
        spans_ms = np.diff(marks.astype(np.float64), prepend=begins) * 1000 / rate
        slack = np.full((len(rows), len(self._voices)), np.nan, np.float32)
        for at, row in enumerate(rows):
            slack[at, list(row.slack)] = [frames * 1000 / rate for frames in row.slack.values()]
        asked = np.array([row.asked for row in rows], np.float64)
        hits = np.array([row.hits for row in rows], np.float64)
        return Recording(
            self._title,
            rate,
            begins,
            tuple(self._voices),
            marks,
            slack,
            (np.array([row.busy_ms for row in rows]) / np.maximum(spans_ms, 1e-9)).astype(np.float32),
            np.where(asked > 0, hits / np.maximum(asked, 1), 1.0).astype(np.float32),
            np.array([row.resident for row in rows], np.uint64),
            np.array([row.pinned for row in rows], np.uint64),
            np.array([row.sounding for row in rows], np.uint32),
            self._all_commands(),
            tuple(self._underruns),
            tuple(self._ends),
        )
