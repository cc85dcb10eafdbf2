"""Loop points and markers of WAV and AIFF files: ``smpl``, ``cue `` with its labels, ``MARK`` and ``INST``.

Formats: Multimedia Data Standards Update of 1994 (WAV), Audio Interchange File Format 1.3 (AIFF). What cannot
be believed is left out, never an error: a file plays without its markers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from . import aiff_header, sniff, wav_header
from .header import Read

MAX_WALKED = 1024  # chunks; more are not looked at
MAX_MARKERS = 1024
_LARGEST_CHUNK = 1 << 20  # of markers and labels; audio is not read

_SMPL = struct.Struct("<9I")
_SMPL_LOOP = struct.Struct("<6I")
_CUE = struct.Struct("<II4sIII")
_INST = struct.Struct(">BbBBBBhHHHHHH")
_PLAY_MODES = ("forward", "ping-pong", "backward")  # smpl loop types 0, 1, 2; AIFF play modes 1, 2
_AIFF_MODES = {1: "forward", 2: "ping-pong"}


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk as its header says: ``offset`` is that of its content. It may promise more than there is."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop in frames, ``end`` exclusive. ``count`` 0 is for ever."""

    start: int
    end: int
    mode: str = "forward"  # "forward", "ping-pong", "backward"
    count: int = 0


@dataclass(frozen=True, slots=True)
class Marker:
    """A named position, in frames."""

    frame: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Markers:
    """What a file says beside its audio. ``note`` is the MIDI note that plays it as it is, if it says."""

    loops: tuple[Loop, ...] = ()
    markers: tuple[Marker, ...] = ()
    note: int | None = None


def chunks(read: Read, size: int, container: str) -> Iterator[Chunk]:
    """The chunks of a WAV or AIFF in order, also those behind the audio; at most `MAX_WALKED`."""
    order = "<" if container in ("wav", "rf64") else ">"
    position = 12
    for _ in range(MAX_WALKED):
        head = read(position, 8) if position + 8 <= size else b""
        if len(head) < 8:
            return
        length = struct.unpack(order + "I", head[4:])[0]
        yield Chunk(head[:4].decode("latin-1"), position + 8, length)
        position += 8 + length + (length & 1)


def read_markers(read: Read, size: int) -> Markers:
    """The loops and markers of an audio file of ``size`` bytes; empty for containers that carry none."""
    container = sniff.container(read(0, min(size, 16)))
    if container not in (*wav_header.CONTAINERS, *aiff_header.CONTAINERS) or container == "rifx":
        return Markers()
    bodies = {
        chunk.name: read(chunk.offset, min(chunk.size, _LARGEST_CHUNK))
        for chunk in chunks(read, size, container)
        if chunk.name in ("smpl", "cue ", "LIST", "MARK", "INST")
    }
    return _aiff(bodies) if container in aiff_header.CONTAINERS else _wav(bodies)


def _wav(bodies: dict[str, bytes]) -> Markers:
    names = dict(_labels(bodies.get("LIST", b"")))
    found = Markers(markers=tuple(_cues(bodies.get("cue ", b""), names)))
    smpl = bodies.get("smpl", b"")
    if len(smpl) < _SMPL.size:
        return found
    fields = _SMPL.unpack_from(smpl)
    return replace(
        found, loops=tuple(_smpl_loops(smpl, fields[7])), note=fields[3] if fields[3] < 128 else None
    )


def _smpl_loops(body: bytes, count: int) -> Iterator[Loop]:
    for number in range(min(count, MAX_MARKERS)):
        at = _SMPL.size + number * _SMPL_LOOP.size
        if at + _SMPL_LOOP.size > len(body):
            return
        _, kind, start, last, _, plays = _SMPL_LOOP.unpack_from(body, at)
        yield Loop(start, last + 1, _PLAY_MODES[kind] if kind < 3 else f"type {kind}", plays)


def _cues(body: bytes, names: dict[int, str]) -> Iterator[Marker]:
    count = int.from_bytes(body[:4], "little")
    for at in range(4, min(4 + count * _CUE.size, 4 + MAX_MARKERS * _CUE.size), _CUE.size):
        if at + _CUE.size > len(body):
            return
        ident, _, _, _, _, frame = _CUE.unpack_from(body, at)
        yield Marker(frame, names.get(ident, ""))


def _labels(body: bytes) -> Iterator[tuple[int, str]]:
    """Names of cue points from a LIST chunk of type ``adtl``."""
    if body[:4] != b"adtl":
        return
    at = 4
    while at + 12 <= len(body):
        name, length = body[at : at + 4], int.from_bytes(body[at + 4 : at + 8], "little")
        if name == b"labl":
            text = body[at + 12 : at + 8 + length].split(b"\0", 1)[0]
            yield int.from_bytes(body[at + 8 : at + 12], "little"), text.decode("utf-8", "replace")
        at += 8 + length + (length & 1)


def _aiff(bodies: dict[str, bytes]) -> Markers:
    places = dict(_marks(bodies.get("MARK", b"")))
    inst = bodies.get("INST", b"")
    found = Markers(markers=tuple(places.values()))
    if len(inst) < _INST.size:
        return found
    fields = _INST.unpack_from(inst)
    loops = []
    for mode, begin, end in (fields[7:10], fields[10:13]):
        if mode in _AIFF_MODES and begin in places and end in places:
            loops.append(Loop(places[begin].frame, places[end].frame, _AIFF_MODES[mode]))
    return replace(found, loops=tuple(loops), note=fields[0] if fields[0] < 128 else None)


def _marks(body: bytes) -> Iterator[tuple[int, Marker]]:
    count, at = int.from_bytes(body[:2], "big"), 2
    for _ in range(min(count, MAX_MARKERS)):
        if at + 7 > len(body):
            return
        ident, frame, length = struct.unpack_from(">HIB", body, at)
        name = body[at + 7 : at + 7 + length].decode("utf-8", "replace")
        yield ident, Marker(frame, name)
        at += 7 + length + (1 - (length & 1))  # the text with its count is padded to an even length
