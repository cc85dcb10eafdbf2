"""Title, artist, broadcast data: kept where a WAV has a place for it, else named among the losses."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile as sf
from audio_files import converted, decoded, sine, sound_file

from firmware.formats.audio_header import parse_bytes
from firmware.profiles import load
from librarian.convert import convert_file, plan_file
from librarian.forms import Form
from librarian.tags import Tags, read_tags

SAID = {
    "title": "Ride",
    "artist": "Bär",
    "comment": "take 3",
    "date": "2026",
    "album": "Kit",
    "genre": "Jazz",
}


def tagged(container: str, subtype: str, rate: int = 44_100, **said: str) -> bytes:
    out = io.BytesIO()
    with sf.SoundFile(out, "w", rate, 1, subtype, format=container) as file:
        for name, text in (said or SAID).items():
            setattr(file, name, text)
        file.write(sine(440, rate, 0.5))
    return out.getvalue()


def said(data: bytes) -> dict[str, str]:
    with sf.SoundFile(io.BytesIO(data)) as file:
        return file.copy_metadata()


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


def with_chunks(wav: bytes, *chunks: bytes) -> bytes:
    body = wav[8:] + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bext(time: int = 96_000 * 3_600) -> bytes:
    text = [b"Scene 4".ljust(256, b"\0"), b"Recorder".ljust(32, b"\0"), b"REF".ljust(32, b"\0")]
    head = b"".join(text) + b"2026-11-20" + b"10:00:00" + struct.pack("<Q", time) + struct.pack("<H", 1)
    return head + bytes(254) + b"A=PCM,F=96000\r\n"


@pytest.mark.parametrize(
    ("container", "subtype"),
    [("WAV", "PCM_24"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"), ("RF64", "PCM_24")],
)
def test_what_a_file_says_of_itself_is_kept(container: str, subtype: str) -> None:
    data = tagged(container, subtype)
    before = {name: text for name, text in said(data).items() if name in SAID}
    assert before
    made, _, outcome = converted(data, "sp404sx")
    after = said(made)
    assert {name: after.get(name) for name in before} == before
    assert not outcome.losses
    assert not parse_bytes(made).truncated


def test_an_aiff_says_its_name() -> None:
    data = tagged("AIFF", "PCM_24", title="Ride", artist="B", copyright="(c)", comment="take 3")
    after = said(converted(data, "sp404sx")[0])
    assert (after["title"], after["artist"], after["comment"]) == ("Ride", "B", "take 3")


def test_an_aiff_comment_with_a_date_is_kept() -> None:
    plain = sound_file(sine(440, 44_100), container="AIFF", subtype="PCM_24")
    comment = struct.pack(">HIHH", 1, 0, 0, 6) + b"take 3"
    body = plain[8:] + b"COMT" + struct.pack(">I", len(comment)) + comment
    made, _, outcome = converted(b"FORM" + struct.pack(">I", len(body)) + body, "sp404sx")
    assert said(made)["comment"] == "take 3"
    assert not outcome.losses


def test_broadcast_data_moves_with_the_rate() -> None:
    data = with_chunks(sound_file(sine(440, 96_000), 96_000, subtype="PCM_24"), chunk(b"bext", bext()))
    made = converted(data, "sp404sx")[0]
    read = read_tags(lambda a, n: made[a : a + n], len(made), parse_bytes(made), {})
    assert read.bext[:7] == b"Scene 4"
    assert struct.unpack_from("<Q", read.bext, 338)[0] == 44_100 * 3_600
    assert read.bext[346:] == bext()[346:]


def test_what_has_no_place_is_named() -> None:
    data = with_chunks(
        sound_file(sine(440, 96_000), 96_000, subtype="PCM_24"),
        chunk(b"iXML", b"<x/>"),
        chunk(b"acid", bytes(24)),
    )
    _, recipe, outcome = converted(data, "sp404sx")
    assert outcome.losses == recipe.lost == ("not kept, as the new file has no place for it: iXML, acid",)
    assert not outcome.audio_lost


def test_a_picture_in_a_flac_is_named() -> None:
    data = tagged("FLAC", "PCM_24")
    body = struct.pack(">II9sI4II4s", 3, 9, b"image/png", 0, 1, 1, 24, 0, 4, b"\x89PNG")
    picture = bytes([6]) + len(body).to_bytes(3, "big") + body
    at = 4 + 4 + 34  # after the stream's own block
    _, _, outcome = converted(data[:at] + picture + data[at:], "generic")
    assert "picture" in outcome.losses[0]


def test_the_devices_own_files_have_no_tags() -> None:
    data = with_chunks(tagged("WAV", "PCM_24"), chunk(b"bext", bext()))
    profile = load("sp404sx")
    recipe = plan_file(io.BytesIO(data), len(data), profile).as_form(Form.SX, 3)
    out = io.BytesIO()
    outcome = convert_file(io.BytesIO(data), len(data), recipe, out, profile)
    assert "title" in outcome.losses[0]
    assert "bext" in outcome.losses[0]
    assert b"INAM" not in out.getvalue()


def test_chunks_of_any_bytes_give_tags_or_none() -> None:
    chance = np.random.default_rng(4)
    plain = sound_file(sine(440, 44_100, 0.01), subtype="PCM_24")
    for _ in range(300):
        bodies = [chance.bytes(int(n)) for n in chance.integers(0, 90, 2)]
        data = with_chunks(plain, chunk(b"LIST", b"INFO" + bodies[0]), chunk(b"bext", bodies[1]))
        made, _, outcome = converted(data, "sp404sx")
        assert len(decoded(made)[0]) == outcome.frames == 441
        again = read_tags(lambda a, n, made=made: made[a : a + n], len(made), parse_bytes(made), {})
        assert again.bext == bodies[1]


def test_a_file_without_tags_gets_none() -> None:
    assert Tags().wav_chunks() == b""
    made = converted(sound_file(sine(440, 44_100), subtype="PCM_24"), "sp404sx")[0]
    assert len(made) == 44 + 2 * 44_100
