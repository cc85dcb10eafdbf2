"""Loop points and markers: read from files as others write them, moved with the rate, written back."""

from __future__ import annotations

import struct
from fractions import Fraction

import numpy as np
import pytest
from audio_files import converted, sine, sound_file

from firmware.formats.audio_header import parse_bytes
from librarian.markers import FORWARD, PING_PONG, LoopRegion, Marker, Markers, read_markers


def _chunk(name: bytes, body: bytes, order: str = "<") -> bytes:
    return name + struct.pack(order + "I", len(body)) + body + b"\0" * (len(body) & 1)


def _with_chunks(wav: bytes, *chunks: bytes) -> bytes:
    body = wav[8:] + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _smpl(*loops: tuple[int, int, int, int], note: int = 62) -> bytes:
    head = struct.pack("<9I", 0, 0, 22_675, note, 0, 0, 0, len(loops), 0)
    body = b"".join(struct.pack("<6I", n, m, s, e, 0, c) for n, (m, s, e, c) in enumerate(loops))
    return _chunk(b"smpl", head + body)


def _markers(data: bytes) -> Markers:
    return read_markers(lambda a, n: data[a : a + n], len(data), parse_bytes(data))


CUE = _chunk(b"cue ", struct.pack("<I", 1) + struct.pack("<II4sIII", 7, 4_410, b"data", 0, 0, 4_410))
INFO = _chunk(b"LIST", b"INFO" + _chunk(b"INAM", b"name"))
LABEL = _chunk(b"LIST", b"adtl" + _chunk(b"labl", struct.pack("<I", 7) + b"break\0"))


def _aiff() -> bytes:
    base = sound_file(sine(440, 44_100), container="AIFF", subtype="PCM_24")
    marks = [(1, 1_000, b"beg"), (2, 20_000, b"end!"), (3, 4_410, b"break")]
    mark = struct.pack(">H", len(marks)) + b"".join(
        struct.pack(">hIB", n, at, len(text)) + text + b"\0" * (1 - len(text) % 2) for n, at, text in marks
    )
    inst = struct.pack(">6bh3h3h", 62, 0, 0, 127, 1, 127, 0, 1, 1, 2, 0, 0, 0)
    body = base[8:] + _chunk(b"MARK", mark, ">") + _chunk(b"INST", inst, ">")
    return b"FORM" + struct.pack(">I", len(body)) + body


def test_a_wav_loop_and_cue_are_kept_at_the_new_rate() -> None:
    wav = _with_chunks(sound_file(sine(440, 48_000), 48_000), _smpl((0, 4_800, 9_599, 0)), CUE, LABEL, INFO)
    assert _markers(wav) == Markers((LoopRegion(4_800, 9_600),), (Marker(4_410, "break"),), 62)
    made, _, outcome = converted(wav, "sp404sx")
    expected = Markers((LoopRegion(4_410, 8_820),), (Marker(4_052, "break"),), 62)
    assert outcome.markers == expected
    assert _markers(made) == expected
    assert parse_bytes(made).frames == 44_100


def test_an_aiff_loop_becomes_the_same_in_wav() -> None:
    data = _aiff()
    expected = Markers((LoopRegion(1_000, 20_000, FORWARD),), (Marker(4_410, "break"),), 62)
    assert _markers(data) == expected
    assert _markers(converted(data, "sp404sx")[0]) == expected


def test_what_lies_outside_is_dropped() -> None:
    moved = Markers((LoopRegion(0, 10), LoopRegion(5, 99, PING_PONG)), (Marker(12),), None)
    assert moved.moved(Fraction(1), 10) == Markers((LoopRegion(0, 10),), (), None)


def test_chunks_of_any_bytes_give_markers_or_none() -> None:
    chance = np.random.default_rng(2)
    plain = sound_file(sine(440, 44_100, 0.01))
    for _ in range(300):
        sizes = chance.integers(0, 90, 3)
        chunks = [
            _chunk(name, chance.bytes(n)) for name, n in zip((b"smpl", b"cue ", b"LIST"), sizes, strict=True)
        ]
        found = _markers(_with_chunks(plain, *chunks))
        for one in found.loops:
            assert one.start < one.end
        found.moved(Fraction(1), 441).wav_chunks(44_100)


@pytest.mark.parametrize("rate", [8_000, 32_000, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("frames", [999, 1_000, 1_001, 1_007])
def test_what_is_on_the_last_frame_stays_within_the_file(rate: int, frames: int) -> None:
    """The last frame of a loop is inclusive in ``smpl``, and a cue point is a frame that there is."""
    tone = np.tile(sine(440, 44_100), 5)[:frames]
    cue = _chunk(
        b"cue ", struct.pack("<I", 1) + struct.pack("<II4sIII", 7, frames - 1, b"data", 0, 0, frames - 1)
    )
    loops = ((0, 10, frames - 1, 0), (0, frames - 1, frames - 1, 0), (0, 0, frames, 0))
    made, _, outcome = converted(_with_chunks(sound_file(tone, rate), _smpl(*loops), cue), "sp404sx")
    assert len(outcome.markers.loops) == 3
    smpl, place = made.index(b"smpl") + 8, made.index(b"cue ") + 8
    for number in range(3):
        start, end = struct.unpack_from("<II", made, smpl + 36 + 24 * number + 8)
        assert start <= end <= outcome.frames - 1
    assert struct.unpack_from("<I", made, place + 8)[0] == outcome.frames - 1 or rate < 44_100
    assert struct.unpack_from("<I", made, place + 8)[0] <= outcome.frames - 1
