"""Loop points and markers of an audio file: read from WAV and AIFF, moved with the rate, written into WAV.

Formats: the ``smpl``, ``cue `` and ``LIST adtl`` chunks of Microsoft's "New Multimedia Data Types and Data
Techniques" 3.0; ``MARK`` and ``INST`` of Apple's "Audio Interchange File Format" 1.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from firmware.formats.audio_header import AudioHeader, Read

from .chunks import chunks

FORWARD, PING_PONG, REVERSE = "forward", "ping-pong", "reverse"
_SMPL_MODES = (FORWARD, PING_PONG, REVERSE)
_WAV_CHUNKS = frozenset((b"smpl", b"cue ", b"LIST"))
_AIFF_CHUNKS = frozenset((b"MARK", b"INST"))
_MOST = 4096  # loops and markers kept of one file
_MIDDLE_C = 60


@dataclass(frozen=True, slots=True)
class LoopRegion:
    """A loop. ``start`` and ``end`` are frames; ``end`` is the first that no longer belongs to it."""

    start: int
    end: int
    mode: str = FORWARD
    count: int = 0  # 0: for ever


@dataclass(frozen=True, slots=True)
class Marker:
    """A named place, before frame ``frame``."""

    frame: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Markers:
    """What a file says of places in it. ``root_note`` is the MIDI note it sounds at, where it says so."""

    loops: tuple[LoopRegion, ...] = ()
    points: tuple[Marker, ...] = ()
    root_note: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not self.loops and not self.points and self.root_note is None

    def moved(self, ratio: Fraction, frames: int) -> Markers:
        """The same places at ``ratio`` times the rate, in a file of ``frames``; those outside are dropped.

        A place that only rounding puts outside is the nearest that is not: the last frame for a marker and a
        loop's start, the frame after it for a loop's end.
        """
        # The old file's length, and one: writers often count a loop's last frame from one. Where the rate
        # changes, the new file may be a frame shorter than its share.
        length = frames + 1 if ratio == 1 else (frames + 1) / ratio + 1
        last = max(frames - 1, 0)

        def at(frame: int) -> int:
            return min(round(frame * ratio), last)

        loops = tuple(
            replace(one, start=at(one.start), end=max(min(round(one.end * ratio), frames), at(one.start) + 1))
            for one in self.loops
            if one.start < one.end <= length
        )
        points = tuple(replace(one, frame=at(one.frame)) for one in self.points if one.frame <= length)
        return Markers(loops, points, self.root_note)

    def lost(self, *, in_wav: bool) -> tuple[str, ...]:
        """What a new file does not say any more, in one sentence: a pad has one loop, and no markers."""
        if in_wav:
            return ()
        kept = bool(self.loops) and self.loops[0].mode != REVERSE
        loops, points = len(self.loops) - kept, len(self.points)
        said = [f"{points} marker{'s' * (points != 1)}"] if points else []
        said += [f"{loops} loop{'s' * (loops != 1)}{' beyond the first' * kept}"] if loops else []
        return (f"not kept, as a pad has no place for it: {', '.join(said)}",) if said else ()

    def wav_chunks(self, rate: int) -> bytes:
        """The ``smpl``, ``cue `` and ``LIST`` chunks that say the same in a WAV; empty where none is."""
        out = b""
        if self.loops or self.root_note is not None:
            out += _chunk(b"smpl", self._smpl(rate))
        if self.points:
            out += _chunk(b"cue ", self._cue())
            labels = b"".join(
                _chunk(b"labl", struct.pack("<I", number) + one.name.encode() + b"\0")
                for number, one in enumerate(self.points, start=1)
                if one.name
            )
            out += _chunk(b"LIST", b"adtl" + labels) if labels else b""
        return out

    def _smpl(self, rate: int) -> bytes:
        period = round(1_000_000_000 / rate)
        note = _MIDDLE_C if self.root_note is None else self.root_note
        head = struct.pack("<9I", 0, 0, period, note, 0, 0, 0, len(self.loops), 0)
        return head + b"".join(
            struct.pack("<6I", number, _SMPL_MODES.index(one.mode), one.start, one.end - 1, 0, one.count)
            for number, one in enumerate(self.loops)
        )

    def _cue(self) -> bytes:
        return struct.pack("<I", len(self.points)) + b"".join(
            struct.pack("<II4sIII", number, one.frame, b"data", 0, 0, one.frame)
            for number, one in enumerate(self.points, start=1)
        )


NO_MARKERS = Markers()


def read_markers(read: Read, size: int, header: AudioHeader) -> Markers:
    """What a WAV or AIFF says; nothing for other containers. A damaged chunk counts as none."""
    if header.container in ("wav", "rf64", "rifx"):
        order = ">" if header.container == "rifx" else "<"
        found = chunks(read, size, order, header.declared_bytes, _WAV_CHUNKS)
        return _from_wav({name: body for name, body in found if not body.startswith(b"INFO")}, order)
    if header.container in ("aiff", "aifc"):
        return _from_aiff(dict(chunks(read, size, ">", 0, _AIFF_CHUNKS)))
    return Markers()


def _from_wav(found: dict[bytes, bytes], order: str) -> Markers:
    smpl = found.get(b"smpl", b"")
    loops = []
    for at in range(36, min(len(smpl), 36 + 24 * _MOST) - 23, 24):
        _, mode, start, end, _, count = struct.unpack_from(order + "6I", smpl, at)
        if start <= end and mode < len(_SMPL_MODES):
            loops.append(LoopRegion(start, end + 1, _SMPL_MODES[mode], count))
    note = struct.unpack_from(order + "I", smpl, 12)[0] if len(smpl) >= 36 else None
    root = note if note is not None and note <= 127 else None
    points = tuple(_cue_points(found.get(b"cue ", b""), _labels(found.get(b"LIST", b""), order), order))
    return Markers(tuple(loops), points, root)


def _cue_points(cue: bytes, names: dict[int, str], order: str) -> Iterator[Marker]:
    for at in range(4, min(len(cue), 4 + 24 * _MOST) - 23, 24):
        number, _, _, _, _, frame = struct.unpack_from(order + "II4sIII", cue, at)
        yield Marker(frame, names.get(number, ""))


def _labels(body: bytes, order: str) -> dict[int, str]:
    names: dict[int, str] = {}
    at = 4 if body.startswith(b"adtl") else len(body)
    while at + 12 <= len(body) and len(names) < _MOST:
        length = struct.unpack_from(order + "I", body, at + 4)[0]
        if body[at : at + 4] == b"labl" and length >= 4:
            text = body[at + 12 : at + 8 + length].split(b"\0", 1)[0]
            names[struct.unpack_from(order + "I", body, at + 8)[0]] = text.decode("utf-8", "replace")
        at += 8 + length + (length & 1)
    return names


def _from_aiff(found: dict[bytes, bytes]) -> Markers:
    marks = _marks(found.get(b"MARK", b""))
    instrument = found.get(b"INST", b"")
    if len(instrument) < 20:
        return Markers(points=tuple(marks.values()))
    loops, used = [], set()
    for at in (8, 14):  # the sustain loop, then the release loop
        mode, first, last = struct.unpack_from(">3h", instrument, at)
        if mode in (1, 2) and first in marks and last in marks and marks[first].frame < marks[last].frame:
            loops.append(
                LoopRegion(marks[first].frame, marks[last].frame, FORWARD if mode == 1 else PING_PONG)
            )
            used |= {first, last}
    points = tuple(mark for number, mark in marks.items() if number not in used)
    return Markers(tuple(loops), points, instrument[0] if instrument[0] <= 127 else None)


def _marks(body: bytes) -> dict[int, Marker]:
    marks: dict[int, Marker] = {}
    at = 2
    while at + 7 <= len(body) and len(marks) < _MOST:
        number, frame, length = struct.unpack_from(">hIB", body, at)
        marks[number] = Marker(frame, body[at + 7 : at + 7 + length].decode("utf-8", "replace"))
        at += 7 + length + (1 - length % 2)  # the name with its length byte is padded to an even size
    return marks


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)
