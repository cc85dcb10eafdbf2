"""Loop points and markers: what two kinds of writers put into WAV and AIFF files."""

from __future__ import annotations

import struct

from audio_bytes import chunk, comm, fmt, form, riff

from firmware.formats.markers import Loop, Marker, Markers, chunks, read_markers


def of(data: bytes) -> Markers:
    return read_markers(lambda offset, n: data[offset : offset + n], len(data))


def smpl(*loops: tuple[int, int, int, int], note: int = 60, count: int | None = None) -> bytes:
    head = struct.pack("<9I", 0, 0, 20833, note, 0, 0, 0, len(loops) if count is None else count, 0)
    return head + b"".join(struct.pack("<6I", 0, kind, start, end, 0, n) for kind, start, end, n in loops)


def wav(*more: bytes) -> bytes:
    return riff(chunk(b"fmt ", fmt()), chunk(b"data", bytes(400)), *more)


def test_wav_loops_and_cues_behind_the_audio() -> None:
    cue = struct.pack("<I", 2) + b"".join(
        struct.pack("<II4sIII", ident, frame, b"data", 0, 0, frame) for ident, frame in ((7, 10), (9, 50))
    )
    labels = b"adtl" + chunk(b"labl", struct.pack("<I", 9) + b"Break\0")
    found = of(
        wav(chunk(b"smpl", smpl((0, 5, 94, 0), (1, 1, 2, 3))), chunk(b"cue ", cue), chunk(b"LIST", labels))
    )
    assert found.loops == (Loop(5, 95), Loop(1, 3, "ping-pong", 3))
    assert found.markers == (Marker(10), Marker(50, "Break"))
    assert found.note == 60


def test_aiff_marks_and_instrument() -> None:
    def mark(ident: int, frame: int, name: bytes) -> bytes:
        text = bytes([len(name)]) + name
        return struct.pack(">HI", ident, frame) + text + b"\0" * (len(text) & 1)

    marks = struct.pack(">H", 2) + mark(1, 3, b"in") + mark(2, 80, b"out")
    inst = struct.pack(">BbBBBBhHHHHHH", 48, 0, 0, 127, 1, 127, 0, 2, 1, 2, 0, 0, 0)
    ssnd = struct.pack(">II", 0, 0) + bytes(400)
    data = form(
        chunk(b"COMM", comm(frames=100), ">"),
        chunk(b"MARK", marks, ">"),
        chunk(b"INST", inst, ">"),
        chunk(b"SSND", ssnd, ">"),
    )
    assert of(data) == Markers((Loop(3, 80, "ping-pong"),), (Marker(3, "in"), Marker(80, "out")), 48)


def test_a_lying_count_gives_what_is_there() -> None:
    assert of(wav(chunk(b"smpl", smpl((0, 1, 2, 0), count=0xFFFFFFFF)))).loops == (Loop(1, 3),)
    assert of(wav(chunk(b"cue ", b"\xff" * 20))).markers == ()
    assert of(b"RIFF") == of(b"") == Markers()


def test_the_walk_is_bounded() -> None:
    data = riff(*[chunk(b"junk", b"")] * 5000)
    assert sum(1 for _ in chunks(lambda offset, n: data[offset : offset + n], len(data), "wav")) == 1024
