"""The container of Standard MIDI files: bytes to tracks of channel messages and tempo changes.

mido would read them too, but stops at what the standard tells a player to pass over (chunks and meta events
that it does not know), and at what players pass over in practice (real-time bytes, events after a track's
end). To hand it cleaned bytes one must have walked every event already, which is all that is done here.
Format: the Standard MIDI Files 1.0 specification; RMID: RP-029, Bundling SMF and DLS data in an RMID file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sim.errors import InputError

META, TEMPO, END_OF_TRACK = 0xFF, 0x51, 0x2F
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_COMMON_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # system common messages; the others have no data
_LONGEST_NUMBER = 4  # bytes, by the standard


@dataclass(frozen=True, slots=True)
class TrackEvent:
    """Something at ``tick``: a channel message with its status byte, or (``data`` empty) a new ``tempo``."""

    tick: int
    data: bytes
    tempo: int = 0  # microseconds a quarter note


@dataclass(frozen=True, slots=True)
class SongFile:
    """A file's header and tracks. ``division`` is signed, as in the file: below 0 it is SMPTE."""

    kind: int
    division: int
    tracks: list[list[TrackEvent]]


def parse_smf(data: bytes) -> SongFile:
    """The tracks of a Standard MIDI file, also inside an RMID file.

    Unknown chunks, meta events, system exclusive and real-time messages are passed over. InputError with the
    reason where the bytes are no MIDI file, are cut short, or leave the grammar of events.
    """
    data = _unwrapped(data)
    if not data.startswith(b"MThd"):
        raise InputError("it is not a MIDI file (it does not begin with MThd)")
    if len(data) < 14:
        raise InputError("it is cut short")
    size, kind, count, division = struct.unpack_from(">IHHh", data, 4)
    if size < 6:
        raise InputError("it is damaged (its header is too short)")
    tracks: list[list[TrackEvent]] = []
    at = 8 + size
    while len(tracks) < count:
        if at + 8 > len(data):
            raise InputError("it is cut short")
        begin, end = at + 8, at + 8 + int.from_bytes(data[at + 4 : at + 8])
        if end > len(data):
            raise InputError("it is cut short")
        if data[at : at + 4] == b"MTrk":
            tracks.append(list(_Track(data, begin, end).events()))
        at = end
    return SongFile(kind, division, tracks)


def _unwrapped(data: bytes) -> bytes:
    """The MIDI file inside an RMID file; any other bytes as they are."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return data
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)
    raise InputError("it is an RMID file without a song in it")


class _Track:
    """Walks the events of one track, which lies at [``at``, ``end``) of the file."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data = data
        self._at = at
        self._end = end

    def events(self) -> Iterator[TrackEvent]:
        tick = status = 0
        while self._at < self._end:
            tick += self._number()
            byte = self._byte()
            if byte == META:
                kind, payload = self._byte(), self._block()
                if kind == END_OF_TRACK:
                    return
                if kind == TEMPO and len(payload) >= 3:
                    yield TrackEvent(tick, b"", int.from_bytes(payload[:3]))
            elif byte in (0xF0, 0xF7):
                self._block()
            elif byte >= 0xF0:
                for _ in range(_COMMON_BYTES.get(byte, 0)):
                    self._value()
            else:
                if byte >= 0x80:
                    status, first = byte, self._value()
                elif status:
                    first = byte
                else:
                    raise InputError("it is damaged (a message without a status)")
                two = _DATA_BYTES[status & 0xF0] == 2
                yield TrackEvent(tick, bytes((status, first, self._value()) if two else (status, first)))

    def _byte(self) -> int:
        if self._at >= self._end:
            raise InputError("it is damaged (a track ends within an event)")
        self._at += 1
        return self._data[self._at - 1]

    def _value(self) -> int:
        """A data byte; real-time bytes may stand before it."""
        while (byte := self._byte()) >= 0xF8:
            pass
        if byte >= 0x80:
            raise InputError(f"it is damaged (a data byte of {byte:#04x})")
        return byte

    def _number(self) -> int:
        """A variable-length quantity."""
        value = 0
        for _ in range(_LONGEST_NUMBER):
            byte = self._byte()
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise InputError("it is damaged (a number without end)")

    def _block(self) -> bytes:
        """Bytes with their length before them."""
        size = self._number()
        if self._at + size > self._end:
            raise InputError("it is damaged (a track ends within an event)")
        self._at += size
        return self._data[self._at - size : self._at]
