"""A file in the Chrome trace-event format (JSON object form), which Perfetto and Chrome's viewer open.

An event has a phase: X is a span with a duration, i an instant, C a counter, M names a track. Times are
microseconds; a track is a (process, thread) pair of numbers, on which spans must nest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from sim.errors import InputError

MAX_BYTES = 128 << 20  # viewers load a few hundred MB at most
_DETAIL = 7 / 8  # of the size is for everything, the rest for what must not be missed
_TAIL_BYTES = 4_096  # for closing the document


class TraceFile:
    """Writes events as they come, beside ``path``, and moves the file there once it is whole.

    The size is bounded by ``max_bytes``: when most of it is used, details are left out, and then everything;
    ``cut_us`` is when that began, None while it has not. Leaving the ``with`` block by an exception
    leaves nothing. OSError where the file cannot be written, InputError where it is no ordinary file.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: not a regular file, so a trace cannot be put there")
        self.cut_us: float | None = None
        self.left_out = 0
        self.other: dict[str, Any] = {}
        self._path = path.resolve()
        self._part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        self._room = max_bytes - _TAIL_BYTES
        self._details = int(self._room * _DETAIL)
        self._written = 0
        try:
            self._file = self._part.open("x", encoding="ascii", newline="\n")
        except OSError as error:  # the user knows no .part file
            raise OSError(error.errno, error.strerror, str(path)) from error
        self._put('{"traceEvents":[')
        self._comma = ""

    def process(self, pid: int, name: str) -> None:
        """Name a group of tracks; groups are shown in the order of their numbers."""
        self._event({"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": name}}, False)
        order = {"ph": "M", "name": "process_sort_index", "pid": pid, "tid": 0, "args": {"sort_index": pid}}
        self._event(order, False)

    def track(self, pid: int, tid: int, name: str, place: int) -> None:
        """Name a track and give it its place among the others of its group."""
        self._event({"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}, False)
        order = {
            "ph": "M",
            "name": "thread_sort_index",
            "pid": pid,
            "tid": tid,
            "args": {"sort_index": place},
        }
        self._event(order, False)

    def span(
        self,
        track: tuple[int, int],
        name: str,
        ns: tuple[int, int],
        args: Mapping[str, Any],
        *,
        colour: str = "",
        detail: bool = False,
    ) -> None:
        """What lasts from ``ns[0]`` to ``ns[1]``; ``colour`` is one of the viewers' reserved names."""
        begin, end = ns
        event = {"ph": "X", "name": name, "pid": track[0], "tid": track[1], "ts": begin / 1000}
        event |= {"dur": max(0, end - begin) / 1000, "args": args}
        if colour:
            event["cname"] = colour
        self._event(event, detail)

    def instant(self, track: tuple[int, int], name: str, ns: int, args: Mapping[str, Any]) -> None:
        """A mark on a track."""
        event = {"ph": "i", "s": "t", "name": name, "pid": track[0], "tid": track[1], "ts": ns / 1000}
        self._event({**event, "args": args}, False)

    def counter(self, pid: int, name: str, ns: int, values: Mapping[str, int | float]) -> None:
        """The values of a counter from now on; several are stacked."""
        event = {"ph": "C", "name": name, "pid": pid, "tid": 0, "ts": ns / 1000, "args": values}
        self._event(event, True)

    def _event(self, event: Mapping[str, Any], detail: bool) -> None:
        text = f"{self._comma}\n{json.dumps(event, separators=(',', ':'))}"
        if self._written + len(text) > (self._details if detail else self._room):
            self.left_out += 1
            if self.cut_us is None:
                self.cut_us = event.get("ts", 0.0)
            return
        self._put(text)
        self._comma = ","

    def _put(self, text: str) -> None:
        self._file.write(text)
        self._written += len(text)

    def __enter__(self) -> TraceFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
                self._file.close()
                os.replace(self._part, self._path)
        finally:
            self._file.close()
            self._part.unlink(missing_ok=True)

    def _finish(self) -> None:
        other = {"made by": "Benchpad", **self.other}
        if self.cut_us is not None:
            other["left out"] = (
                f"{self.left_out} events, the first at {self.cut_us / 1e6:.3f} s: the file is full"
            )
        self._put(f'\n],"displayTimeUnit":"ms","otherData":{json.dumps(other)}}}\n')
