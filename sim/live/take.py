"""Recording what was played: sound as a WAV file, messages as a MIDI file in which a tick is a frame."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from sim.sinks import WavSink

_MOST_TICKS = 0x7FFF  # to a quarter note: 15 bits of a MIDI file's header
_MOST_DELTA = 0x0FFF_FFFF  # four bytes of seven bits
_MOST_BYTES = (1 << 32) - 64  # of a track: its length has 32 bits
_RESERVE = 32 << 10  # bytes of a MIDI file that a full disk still takes
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
    """A MIDI file of type 0, written as it comes; ``path`` appears when it is closed, or not at all.

    What is on the disk is a whole file after each `flush`, and a little room is kept beyond its end: so there
    is a take where the disk fills up. `add` may be called by a thread that must not wait for a disk, `flush`
    by one that may.
    """

    def __init__(self, path: Path, rate: int) -> None:
        _check(path)
        division, tempo = time_base(rate)
        self._path = path.resolve()
        self._part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._at = self._kept = 0
        self.messages = 0
        head = b"MThd" + (6).to_bytes(4, "big") + bytes((0, 0, 0, 1)) + division.to_bytes(2, "big")
        begin = b"MTrk" + bytes(4) + b"\x00\xff\x51\x03" + tempo.to_bytes(3, "big")
        self._end = len(head + begin)
        self._file = _create(self._part, path)
        try:
            self._write(0, head + begin)
            self._finish(0)
        except BaseException:
            self._file.close()
            self._part.unlink(missing_ok=True)
            raise

    def add(self, frame: int, message: bytes) -> None:
        """A channel message at a frame, which is not before the last one's."""
        self._waiting.append((frame, message))

    def flush(self) -> None:
        """Write what waits. OSError where there is no room for it: then it waits on."""
        if self._waiting:
            self._flush(None)

    def _flush(self, end: int | None) -> None:
        """Write what waits, and that the track ends there, at ``end`` or with the last message."""
        waiting, at = list(self._waiting), self._at
        made = bytearray()
        for frame, message in waiting:
            made += b"".join(_delta(max(0, frame - at))) + message
            at = max(at, frame)
        if self._end + len(made) > _MOST_BYTES - 64:  # a flood of years
            self._waiting.clear()
            return
        self._reserve(self._end + len(made))
        self._write(self._end, bytes(made))
        before, self._end, self._at = (self._end, self._at), self._end + len(made), at
        try:
            self._finish(max(at, at if end is None else end))
        except OSError:
            self._end, self._at = before
            raise
        for _ in waiting:
            self._waiting.popleft()
        self.messages += len(waiting)

    def _finish(self, frame: int) -> None:
        """Say that the track ends at ``frame``."""
        mark = b"".join(_delta(frame - self._at)) + b"\xff\x2f\x00"
        self._write(self._end, mark)
        self._write(18, (self._end + len(mark) - 22).to_bytes(4, "big"))
        self._size = self._end + len(mark)

    def _reserve(self, end: int) -> None:
        """Keep room on the disk beyond ``end``."""
        if end + _RESERVE > self._kept:
            with suppress(OSError):
                self._write(end, bytes(2 * _RESERVE))
                self._kept = end + 2 * _RESERVE

    def _write(self, at: int, data: bytes) -> None:
        left = memoryview(data)
        self._file.seek(at)
        while left:
            left = left[self._file.write(left) :]

    def close(self, frame: int, *, keep: bool = True) -> None:
        """End the track at ``frame`` and put the file in its place; without ``keep`` nothing is left.

        OSError where messages are missing because there was no room for them; the file is there then, too.
        """
        missing: OSError | None = None
        try:
            with self._file:
                if keep:
                    try:
                        self._flush(frame)
                    except OSError as error:
                        missing = error
                    self._file.truncate(self._size)
            if keep:
                os.replace(self._part, self._path)
        finally:
            self._part.unlink(missing_ok=True)
        if missing is not None and self._waiting:
            left = len(self._waiting)
            raise OSError(
                f"{self._path}: the disk is full or failed, and the last {left} messages are missing"
            )


def _check(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: not a regular file, so a recording cannot be put there")


def _create(part: Path, path: Path) -> FileIO:
    try:
        return part.open("xb", buffering=0)
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
        """Append a block, shape (frames, 2). OSError where the disk is full: it then ends, ``full``."""
        block = block[: self._room]
        if not len(block):
            return
        try:
            self._sink.write(block)
        except OSError:
            self.full, self._room = True, 0
            raise
        self._room -= len(block)
        self.frames += len(block)
        self.full = self._room == 0

    def close(self, *, keep: bool = True) -> None:
        """Put what there is in its place; without ``keep`` nothing is left."""
        self._sink.__exit__(None if keep else InputError, None, None)
