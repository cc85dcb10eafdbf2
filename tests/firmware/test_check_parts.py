"""The parts of a check, one by one: spelling, names, chunks, and what is heard."""

from __future__ import annotations

import numpy as np
import pytest
from audio_bytes import chunk, fmt, riff
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.catalogue import PadSettings, SampleInfo
from firmware.checks.audio import Listener, decode, full_scale, judge, seam
from firmware.checks.byte_order import ByteOrder
from firmware.checks.chunks import chunk_problems
from firmware.checks.layout import check_layout, edit_distance, seen_by
from firmware.checks.tree import Tree
from firmware.formats import FormatError
from firmware.formats.audio_header import parse_bytes
from firmware.profiles import load
from native.types import Encoding, Loop
from sdcard_image.types import Entry

GENERIC, SX, MK2 = (load(name) for name in ("generic", "sp404sx", "sp404mk2"))
RATE = 44_100
TONE = 0.5 * np.sin(2 * np.pi * 441 * np.arange(RATE) / RATE)


def encode(wave, encoding: Encoding) -> bytes:
    """PCM bytes of a wave, by a way of its own."""
    values = np.asarray(wave, np.float64).reshape(-1)
    order = "<" if encoding.name.endswith("LE") else ">"
    if encoding in (Encoding.F32_LE, Encoding.F32_BE):
        return values.astype(order + "f4").tobytes()
    if encoding is Encoding.U8:
        return bytes(np.clip(np.round(values * 127) + 128, 0, 255).astype(np.uint8))
    top = 2 ** (8 * encoding.size_bytes - 1) - 1
    whole = [int(v) for v in np.clip(np.round(values * top), -top - 1, top)]
    size, byte_order = encoding.size_bytes, "little" if order == "<" else "big"
    return b"".join(v.to_bytes(size, byte_order, signed=True) for v in whole)


def heard(wave, encoding=Encoding.S16_LE, channels=1):
    listener = Listener(channels, encoding)
    listener.feed(encode(wave, encoding))
    return listener.content()


def found(wave, encoding=Encoding.S16_LE, channels=1, start=0) -> set[str]:
    return {one.id for one in judge(heard(wave, encoding, channels), RATE, path="/x", start=start)}


@pytest.mark.parametrize("encoding", Encoding)
def test_every_encoding_is_heard_alike(encoding: Encoding) -> None:
    wave = np.concatenate((np.zeros(2205), TONE[:8820]))
    content = heard(wave, encoding)
    assert content.frames == len(wave)
    assert content.peak == pytest.approx(0.5, abs=0.01)
    assert content.first_audible == pytest.approx(2206, abs=1)
    assert content.offset < 0.005
    assert content.rms == pytest.approx(np.sqrt(np.mean(wave**2)), abs=0.01)
    assert found(wave, encoding) == {"leading-silence"}
    assert found(wave, encoding, start=2100) == set()
    back = decode(encode(wave, encoding), encoding) / full_scale(encoding)
    assert np.abs(back - wave).max() < 0.01


@pytest.mark.parametrize("encoding", [e for e in Encoding if not e.name.startswith("F")])
def test_clipping_is_counted_once_across_blocks(encoding: Encoding) -> None:
    wave = np.tile(TONE * 0.1, 4)
    wave[1000:1005] = wave[70_000:70_003] = 1.0
    wave[65_530:65_550] = -2.0  # a block ends at 65,536
    wave[80_000:80_002] = 1.0  # too short a run
    assert heard(wave, encoding).clipped == 3


def test_what_is_no_fault() -> None:
    assert found(TONE) == set()
    assert found(np.repeat(TONE[:, None], 2, axis=1), channels=2) == set()
    one_sided = np.stack((TONE, np.zeros_like(TONE)), axis=1)
    assert found(one_sided, channels=2) == set()
    noise = np.random.default_rng(2).uniform(-0.9, 0.9, (RATE, 2))
    assert found(noise, channels=2) == set()
    assert found(np.random.default_rng(2).uniform(-0.9, 0.9, RATE), Encoding.S16_BE) == set()
    wide = np.stack((TONE, np.roll(TONE, 25)), axis=1)
    assert found(wide, channels=2) == set()
    assert "dc-offset" not in found(np.abs(TONE[:200]))  # half a cycle is no offset


def test_floats() -> None:
    wave = TONE.copy()
    wave[5], wave[6], wave[7] = np.nan, np.inf, 1.5
    content = heard(wave, Encoding.F32_LE)
    assert (content.not_numbers, content.over, content.clipped) == (2, 1, 0)
    assert np.isfinite(content.rms)
    assert found(wave, Encoding.F32_BE) == {"over-full-scale"}
    assert found(np.full(1000, 1e38), Encoding.F32_LE) == {"over-full-scale"}


def test_mono() -> None:
    assert "mono-cancel" in found(np.stack((TONE, -TONE), axis=1), channels=2)
    assert "mono-cancel" not in found(np.stack((TONE, -0.3 * TONE), axis=1), channels=2)


def seems_swapped(*blocks, channels: int = 1) -> bool:
    order = ByteOrder()
    for block in blocks:
        order.look(block, channels)
    return order.is_swapped


def test_swapped_bytes() -> None:
    values = decode(encode(TONE, Encoding.S16_LE), Encoding.S16_LE)
    chance = np.random.default_rng(1)
    assert not seems_swapped(values)
    assert seems_swapped(values.byteswap())
    assert not seems_swapped(np.zeros(1000, np.int16))
    coarse = (values[::5] // 256 * 256).astype(np.int16)  # was 8-bit once
    assert not seems_swapped(coarse + chance.integers(-1, 2, len(coarse), np.int16))
    eight_bit_noise = (chance.integers(-128, 128, 8000) * 256).astype(np.int16)
    assert not seems_swapped(eight_bit_noise)


def test_swapped_bytes_of_a_bright_or_one_sided_sound() -> None:
    chance = np.random.default_rng(4)
    noise = chance.normal(0, 1, RATE)
    rough = np.convolve(noise, [0.85**n for n in range(60)], "same")  # what a snare has after its attack
    values = (rough / np.abs(rough).max() * 20_000).astype(np.int16)
    assert not seems_swapped(values)
    assert seems_swapped(values.byteswap())
    right = np.stack((np.zeros_like(values), values), axis=1).ravel()
    assert not seems_swapped(right, channels=2)
    assert seems_swapped(right.byteswap(), channels=2)


def test_swapped_bytes_are_looked_for_in_all_of_the_file() -> None:
    quiet = np.zeros(1 << 16, np.int16)
    tone = np.tile(decode(encode(TONE, Encoding.S16_LE), Encoding.S16_LE), 2)
    listener = Listener(1, Encoding.S16_BE)
    listener.feed(np.concatenate((quiet, tone)).astype("<i2").tobytes())
    assert listener.content().swapped
    listener = Listener(1, Encoding.S16_LE)
    listener.feed(np.concatenate((quiet, tone)).astype("<i2").tobytes())
    assert not listener.content().swapped


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=4000), st.sampled_from(list(Encoding)), st.sampled_from([1, 2]))
def test_any_bytes_can_be_heard(data: bytes, encoding: Encoding, channels: int) -> None:
    width = encoding.size_bytes * channels
    listener = Listener(channels, encoding)
    listener.feed(data[: len(data) // width * width])
    list(judge(listener.content(), RATE, path="/x"))


@pytest.mark.parametrize(("period", "clicks"), [(100, False), (150, True)])
def test_a_loop_that_clicks(period: int, clicks: bool) -> None:
    pcm = encode(TONE, Encoding.S16_LE)
    sample = SampleInfo("/x", RATE, RATE, 1, 16, Encoding.S16_LE, 0)
    looped = PadSettings(start=0, end=40 * 100 + period - 85, loop_start=15, loop=Loop.FORWARD)

    def read(first: int, frames: int) -> bytes:
        return pcm[2 * first : 2 * (first + frames)]

    assert bool(list(seam(read, sample, looped, path="/x", pad="A1"))) is clicks
    once = PadSettings(start=0, end=4025, loop_start=15)
    assert not list(seam(read, sample, once, path="/x", pad="A1"))


DATA = chunk(b"data", bytes(100))


@pytest.mark.parametrize(
    ("data", "ids"),
    [
        (riff(chunk(b"fmt ", fmt()), DATA), []),
        (riff(chunk(b"fmt ", fmt()), chunk(b"LIST", b"odd"), DATA), []),
        (riff(chunk(b"fmt ", fmt()), chunk(b"LIST", b"odd")[:-1], DATA), ["odd-chunk"]),
        (
            riff(chunk(b"fmt ", fmt()), DATA, chunk(b"LIST", b"odd")[:-1], chunk(b"cue ", bytes(4))),
            ["odd-chunk"],
        ),
        (riff(chunk(b"LIST", b"odd")[:-1], chunk(b"fmt ", fmt()), DATA), ["odd-chunk"]),
        (riff(chunk(b"fmt ", fmt()), DATA, chunk(b"LIST", b"x", size=5000)), ["absurd-size"]),
        (riff(chunk(b"fmt ", fmt()), chunk(b"data", b"xy", size=5000)), []),  # admission's to say
        (b"RIFF", []),
        (b"fLaC" + bytes(100), []),
    ],
)
def test_chunks(data: bytes, ids: list[str]) -> None:
    try:
        header = parse_bytes(data)
    except FormatError:
        header = None
    problems = chunk_problems(lambda offset, n: data[offset : offset + n], len(data), header)
    assert [one for one, _ in problems] == ids


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_chunks(data: bytes) -> None:
    data = b"RIFF\0\0\0\0WAVE" + data
    list(chunk_problems(lambda offset, n: data[offset : offset + n], len(data), None))


def test_edit_distance() -> None:
    assert edit_distance("SMPL", "SMPL") == 0
    assert edit_distance("SMLP", "SMPL") == 1  # neighbours swapped
    assert edit_distance("SAMPL", "SMPL") == 1
    assert edit_distance("ROLND", "ROLAND") == 1
    assert edit_distance("", "ABC") == 3
    assert edit_distance("IMPORT", "EXPORT") == 2


def tree(*paths: str) -> Tree:
    entries: dict[str, Entry] = {}
    for path in paths:
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts) + 1):
            here = "/" + "/".join(parts[:depth])
            is_dir = depth < len(parts) or path.endswith("/")
            entries.setdefault(here.casefold(), Entry(here, parts[depth - 1], is_dir, 0, None))
    return Tree(entries.values())


def layout(profile, *paths: str) -> dict[str, str]:
    return {one.id: one.path for one in check_layout(tree(*paths), profile)}


def test_folders_that_are_not_misspelt() -> None:
    assert layout(MK2, "/IMPORT/kick.wav", "/EXPORT/PROJECT/") == {}
    assert "misspelt-folder" not in layout(MK2, "/EXPORT/", "/ROLAND/")


@pytest.mark.parametrize(
    ("profile", "path", "bad"),
    [
        (MK2, "/IMPROT/kick.wav", "/IMPROT"),
        (MK2, "/import s/kick.wav", "/import s"),
        (SX, "/ROLAND/SP-404 SX/SMPL/A0000001.WAV", "/ROLAND/SP-404 SX"),
        (SX, "/ROLAND/SP-404SX/SAMPL/A0000001.WAV", "/ROLAND/SP-404SX/SAMPL"),
        (SX, "/Rolland/SP-404SX/SMPL/A0000001.WAV", "/Rolland"),
    ],
)
def test_misspelt_folders(profile, path: str, bad: str) -> None:
    assert layout(profile, path)["misspelt-folder"] == bad


def test_hexadecimal_patterns_are_told_their_number() -> None:
    base = "/ROLAND/SP-404SX"
    paths = [f"{base}/SMPL/PAD_INFO.BIN", f"{base}/PTN/PTN0002C.BIN", f"{base}/PTN/PTN00044.BIN"]
    (one,) = check_layout(tree(*paths, f"{base}/SMPL/A0000001.WAV"), SX)
    assert (one.id, one.path) == ("pattern-hex", paths[1])
    assert "PTN00044.BIN" in one.what


def test_what_a_device_sees() -> None:
    card = tree("/ROLAND/SP-404SX/SMPL/A0000001.WAV", "/BACKUP/A0000001.WAV")
    assert [e.path for e in card.entries if not e.is_dir and seen_by(card, SX)(e)] == [
        "/ROLAND/SP-404SX/SMPL/A0000001.WAV"
    ]
    assert seen_by(card, MK2)(card.entries[-1])  # nothing of an MKII's: all is a heap of files
