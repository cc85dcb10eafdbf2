from dataclasses import replace

import pytest
from audio_bytes import aiff, by_libsndfile, chunk, fmt, riff, wav
from native._native import lib

from firmware import profiles
from firmware.admission import (
    MOST_BLOCKS,
    MOST_FRAMES,
    MOST_RATIO,
    admit,
    admit_smp,
    admit_speed,
    examine,
    fix,
)
from firmware.catalogue import PadSettings
from firmware.formats import rlnd, smp
from firmware.formats.audio_header import parse_bytes
from native import Engine, ram_device
from native.types import Encoding, EngineConfig, EngineError, Extent, Sample

GENERIC, SX, MK2 = (profiles.load(name) for name in ("generic", "sp404sx", "sp404mk2"))
STREAM = riff(chunk(b"fmt ", fmt()), chunk(b"data", bytes(40_000), size=0xFFFFFFFF), size=0xFFFFFFFF)


def judge(data, profile, name=""):
    return examine(lambda offset, n: data[offset : offset + n], len(data), profile, name)[1]


def remarks(verdict):
    assert verdict.accepted
    return {remark.id: remark.mark for remark in verdict.remarks}


@pytest.mark.parametrize(
    "data",
    [
        wav(),
        wav(bits=24),
        wav(bits=8),
        wav(bits=32),
        wav(bits=32, tag=3),
        wav(rate=11_025, channels=1),
        aiff(),
        aiff(compression=b"sowt"),
        aiff(bits=24),
        by_libsndfile("RF64", "PCM_16"),
        by_libsndfile("WAV", "PCM_16", endian="BIG"),
    ],
)
def test_generic_plays(data):
    assert remarks(judge(data, GENERIC)) == {}


@pytest.mark.parametrize(
    ("data", "why", "words"),
    [
        (b"", "empty-file", "empty"),
        (b"hello", "not-audio", "text"),
        (b"RIFF\0\0\0\0WAVE", "bad-header", "fmt"),
        (riff(chunk(b"fmt ", fmt())), "no-audio-data", "data"),
        (wav(frames=0), "no-audio-data", "no audio"),
        (wav(frames=1000)[:-1], "truncated", "4,000 bytes of audio, but the file holds 3,999"),
        (wav(frames=1000)[:46], "truncated", "not one frame"),
        (
            riff(chunk(b"fmt ", fmt()), chunk(b"data", bytes(400), size=0x7FFFFFFF)),
            "truncated",
            "2,147,483,647",
        ),
        (aiff(frames=1000)[:-8], "truncated", "4,000"),
        (wav(channels=6), "channels", "6 channels"),
        (riff(chunk(b"fmt ", fmt(0, align=0)), chunk(b"data", bytes(40))), "channels", "0 channels"),
        (wav(rate=0), "rate", "0 Hz"),
        (wav(rate=0x7FFFFFF), "rate", "134217727 Hz"),
        (by_libsndfile("WAV", "ULAW"), "codec-not-supported", "mu-law"),
        (by_libsndfile("FLAC", "PCM_16"), "codec-not-supported", "FLAC"),
        (by_libsndfile("WAV", "DOUBLE"), "bit-depth", "64 bits"),
        (aiff(bits=8), "not-simulated", "8-bit PCM in AIFF"),
        (riff(chunk(b"fmt ", fmt(bits=0, align=0)), chunk(b"data", bytes(40))), "bit-depth", "0 bits"),
    ],
)
def test_generic_refuses(data, why, words):
    verdict = judge(data, GENERIC)
    assert (verdict.accepted, verdict.id) == (False, why)
    assert words in verdict.reason
    assert "\n" not in verdict.reason
    assert verdict.mark == "D"


def test_unfinished_files_play_on_the_generic_device_only():
    assert remarks(judge(STREAM, GENERIC)) == {"unfinished": ""}
    verdict = judge(STREAM, MK2)
    assert (verdict.accepted, verdict.id, verdict.mark) == (False, "unfinished", "?")


def test_remarks_of_the_file_itself():
    odd = riff(chunk(b"fmt ", fmt()), chunk(b"data", bytes(41)))
    assert remarks(judge(odd, GENERIC)) == {"partial-frame": ""}
    assert remarks(judge(riff(wav()[12:], size=99_999), GENERIC)) == {"riff-size": ""}


@pytest.mark.parametrize(
    ("data", "why", "mark"),
    [
        (wav(rate=48_000), "rate", "V"),
        (wav(rate=44_100, bits=24), "bit-depth", "V"),
        (wav(rate=44_100, bits=32, tag=3), "bit-depth", "V"),
        (wav(rate=44_100)[:-4], "truncated", "?"),
        (by_libsndfile("MP3", "MPEG_LAYER_III", frames=5000), "codec-not-supported", "V"),
    ],
)
def test_sx_refuses(data, why, mark):
    verdict = judge(data, SX)
    assert (verdict.accepted, verdict.id, verdict.mark) == (False, why, mark)


def test_sx_remarks():
    assert remarks(judge(wav(rate=44_100, frames=44_100), SX)) == {"rlnd-missing": "?"}
    assert remarks(judge(rlnd.build(0, bytes(400), 2), SX)) == {"too-short": "S"}
    assert remarks(judge(rlnd.build(0, bytes(44_100), 2), SX)) == {}
    assert remarks(judge(aiff(rate=44_100, frames=44_100), SX)) == {}


def test_sx_takes_the_makers_own_file(device_files):
    assert remarks(judge((device_files / "sp404/sx_J0000012.WAV").read_bytes(), SX)) == {}


@pytest.mark.parametrize(
    ("data", "why", "mark"),
    [
        (wav(bits=32), "bit-depth", "H"),
        (wav(bits=32, tag=3), "bit-depth", "H"),
        (wav(rate=11_025), "rate", "H"),
        (by_libsndfile("MP3", "MPEG_LAYER_III", frames=5000), "not-simulated", "R"),
        (by_libsndfile("FLAC", "PCM_16"), "codec-not-supported", "R"),
    ],
)
def test_mk2_refuses(data, why, mark):
    verdict = judge(data, MK2)
    assert (verdict.accepted, verdict.id, verdict.mark) == (False, why, mark)


def test_mk2_says_what_the_device_shows():
    assert "Unsupported FILE" in judge(wav(bits=32), MK2).reason


def test_mk2_conflict_of_sources_is_said():
    assert remarks(judge(wav(bits=24), MK2)) == {"bit-depth": "H"}
    assert remarks(judge(wav(bits=16), MK2)) == {}


def test_mk2_limits():
    long = replace(parse_bytes(wav(rate=16_000)), declared_bytes=64_000 * 961, data_bytes=64_000 * 961)
    assert (admit(long, MK2).id, admit(long, MK2).mark) == ("too-long", "R")
    large = replace(parse_bytes(wav(rate=192_000)), declared_bytes=185_000_004, data_bytes=185_000_004)
    assert admit(large, MK2).id == "too-long"
    assert admit(long, GENERIC).accepted


def test_what_the_engine_cannot_count_is_too_long():
    header = parse_bytes(wav(channels=1, bits=8))
    most = replace(header, declared_bytes=MOST_FRAMES, data_bytes=MOST_FRAMES)
    assert admit(most, GENERIC).accepted
    longer = replace(most, declared_bytes=MOST_FRAMES + 1, data_bytes=MOST_FRAMES + 1)
    verdict = admit(longer, GENERIC)
    assert (verdict.id, verdict.mark) == ("too-long", "D")
    data, limit = wav(), MOST_BLOCKS * GENERIC.value("engine.block_bytes")
    sizes = {limit: "", limit + 1: "too-long"}
    assert {size: examine(lambda at, n: data[at : at + n], size, GENERIC)[1].id for size in sizes} == sizes


def test_a_pad_faster_than_the_engine_is_refused():
    assert admit_speed(768_000, PadSettings(), GENERIC) is None
    assert admit_speed(48_000, PadSettings(speed=32), GENERIC) is None
    assert admit_speed(48_000, PadSettings(speed=32, pitch_cents=1), GENERIC).id == "rate"


def test_the_limits_are_the_engines():
    config = EngineConfig(max_samples=3, pool_bytes=1 << 20)
    with Engine(config, ram_device(bytes(64))) as engine:
        assert lib.BP_MAX_RATIO == MOST_RATIO
        for frames, fits in ((MOST_FRAMES, True), (MOST_FRAMES + 1, False)):
            sample = Sample((Extent(0, 1 << 32),), 0, frames, 1, 48_000, Encoding.U8)
            if fits:
                engine.add_sample(sample)
            else:
                with pytest.raises(EngineError):
                    engine.add_sample(sample)
        limit = MOST_BLOCKS * config.block_bytes
        engine.add_sample(Sample((Extent(0, limit),), 0, 1, 1, 48_000, Encoding.U8))
        with pytest.raises(EngineError, match="range"):
            engine.add_sample(Sample((Extent(0, limit + config.block_bytes),), 0, 1, 1, 48_000, Encoding.U8))


@pytest.mark.parametrize(("name", "bad"), [("Café.wav", "é"), ("a#b.wav", "#"), ("日本.wav", "日 本")])
def test_mk2_names(name, bad):
    verdict = judge(wav(), MK2, name)
    assert (verdict.id, verdict.mark) == ("name-characters", "H")
    assert bad in verdict.reason
    assert judge(wav(), GENERIC, name).accepted


def test_mk2_name_length():
    assert remarks(judge(wav(), MK2, "x" * 24 + ".wav")) == {"name-length": "R"}
    assert remarks(judge(wav(), MK2, "x" * 23 + ".wav")) == {}


def test_smp():
    good = smp.build(bytes(400), 2)
    header = smp.parse(good)
    assert admit_smp(header, len(good), MK2).remarks == ()
    wrong = replace(header, digest=bytes(16))
    assert remarks(admit_smp(wrong, len(good), MK2)) == {"smp-md5": "?"}
    assert admit_smp(header, len(good) - 1, MK2).id == "truncated"
    assert admit_smp(replace(header, rate=44_100), len(good), MK2).id == "rate"
    assert admit_smp(replace(header, bits=24), len(good), MK2).id == "bit-depth"
    assert admit_smp(replace(header, channels=3), len(good), MK2).id == "channels"
    assert admit_smp(smp.parse(smp.build(b"", 1)), 512, MK2).id == "no-audio-data"


@pytest.mark.parametrize(
    ("why", "profile", "words"),
    [
        ("bit-depth", MK2, "convert it to 16-bit PCM WAV at 48000 Hz, mono or stereo"),
        ("rate", SX, "convert it to 16-bit PCM WAV at 44100 Hz, mono or stereo"),
        ("codec-not-supported", GENERIC, "convert it to 16-bit PCM WAV, mono or stereo"),
        ("truncated", GENERIC, "copy it again"),
        ("name-characters", MK2, "rename it"),
        ("no-such-id", GENERIC, ""),
    ],
)
def test_what_fixes_it(why, profile, words):
    assert words in fix(why, profile)


def test_a_choice_of_the_simulation_is_said_to_be_one():
    verdict = judge(wav(rate=44_100)[:-4], SX)
    assert "what the device does is not known; the simulation refuses" in verdict.reason


def test_an_odd_chunk_without_padding_before_the_audio_is_in_doubt():
    loose = riff(chunk(b"LIST", b"odd")[:-1], chunk(b"fmt ", fmt(rate=48_000)), chunk(b"data", bytes(48_000)))
    assert remarks(judge(loose, GENERIC)) == {"odd-chunk": "?"}
    padded = riff(chunk(b"LIST", b"odd"), chunk(b"fmt ", fmt(rate=48_000)), chunk(b"data", bytes(48_000)))
    assert remarks(judge(padded, GENERIC)) == {}
