"""Recording what was played: sound as a WAV file, messages as a MIDI file in which a tick is a frame."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from io import BufferedWriter
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from sim.sinks import WavSink

_MOST_TICKS = 0x7FFF  # to a quarter note: 15 bits of a MIDI file's header
_MOST_DELTA = 0x0FFF_FFFF  # four bytes of seven bits
_MOST_BYTES = (1 << 32) - 64  # of a track: its length has 32 bits
WAV_FRAMES = ((1 << 32) - 4096) // 8  # of float32 stereo that a WAV file holds


def time_base(rate: int) -> tuple[int, int]:
    """Ticks to a quarter note, and microseconds for one, so that a tick lasts one frame of ``rate`` exactly.

    InputError where there are none: a MIDI file cannot count such frames.
    """
    for parts in range(1, 1001):  # of a second, each a quarter note
        if rate % parts == 0 and 1_000_000 % parts == 0 and rate // parts <= _MOST_TICKS:
            return rate // parts, 1_000_000 // parts
    raise InputError(f"a MIDI file cannot count {rate} frames a second exactly; play at another --rate")


def _varied(value: int) -> bytes:
    """A number in groups of seven bits, as MIDI files have them."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))


def _delta(frames: int) -> Iterator[bytes]:
    """Time that passes, over empty texts where it is longer than one event can say."""
    while frames > _MOST_DELTA:
        yield _varied(_MOST_DELTA) + b"\xff\x01\x00"
        frames -= _MOST_DELTA
    yield _varied(frames)


class MidiTake:
    """A MIDI file of type 0, written as it comes; ``path`` appears when it is whole, or not at all.

    `add` may be called by a thread that must not wait for a disk, `flush` by one that may.
    """

    def __init__(self, path: Path, rate: int) -> None:
        _check(path)
        division, tempo = time_base(rate)
        self._path = path.resolve()
        self._part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._at = 0
        self.messages = 0
        self._file = _create(self._part, path)
        self._file.write(b"MThd" + (6).to_bytes(4, "big") + bytes((0, 0, 0, 1)) + division.to_bytes(2, "big"))
        self._file.write(b"MTrk" + bytes(4) + b"\x00\xff\x51\x03" + tempo.to_bytes(3, "big"))

    def add(self, frame: int, message: bytes) -> None:
        """A channel message at a frame, which is not before the last one's."""
        self._waiting.append((frame, message))

    def flush(self) -> None:
        """Write what waits."""
        while self._waiting:
            frame, message = self._waiting.popleft()
            self._put(frame, message)
            self.messages += 1

    def _put(self, frame: int, event: bytes) -> None:
        if self._file.tell() > _MOST_BYTES - 16:
            return  # a flood of years
        for part in _delta(max(0, frame - self._at)):
            self._file.write(part)
        self._file.write(event)
        self._at = max(self._at, frame)

    def close(self, frame: int, *, keep: bool = True) -> None:
        """End the track at ``frame`` and put the file in its place; without ``keep`` nothing is left."""
        try:
            with self._file:
                if keep:
                    self.flush()
                    self._put(frame, b"\xff\x2f\x00")
                    length = self._file.tell() - 22
                    self._file.seek(18)
                    self._file.write(length.to_bytes(4, "big"))
            if keep:
                os.replace(self._part, self._path)
        finally:
            self._part.unlink(missing_ok=True)


def _check(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: not a regular file, so a recording cannot be put there")


def _create(part: Path, path: Path) -> BufferedWriter:
    try:
        return part.open("xb")
    except OSError as error:  # the folder is missing or read-only; the user knows no .part file
        raise OSError(error.errno, error.strerror, str(path)) from error


class WavTake:
    """What was heard from the first frame on, at most ``most`` frames; see `sim.sinks.WavSink`."""

    def __init__(self, path: Path, rate: int, most: int | None) -> None:
        self._room = WAV_FRAMES if most is None else most
        self.full = False
        self.frames = 0
        self._sink = WavSink(path, rate, "32f", self._room if most is not None else 0)

    def write(self, block: NDArray[np.float32]) -> None:
        """Append a block, shape (frames, 2)."""
        block = block[: self._room]
        self._room -= len(block)
        self.frames += len(block)
        self.full = self._room == 0
        if len(block):
            self._sink.write(block)

    def close(self, error: BaseException | None = None) -> None:
        """Put the file in its place; after an ``error`` nothing is left."""
        kind: type[BaseException] | None = None if error is None else type(error)
        trace: TracebackType | None = None
        self._sink.__exit__(kind, error, trace)
