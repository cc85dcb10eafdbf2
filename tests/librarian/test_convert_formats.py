"""Whatever libsndfile can write becomes a file that the device's own admission accepts."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile as sf
from audio_files import converted, decoded, sound_file

from firmware.admission import examine
from firmware.profiles import load
from librarian.convert import convert_file, plan_file
from librarian.errors import ConvertError

DEVICES = ("sp404sx", "sp404mk2", "generic")
# Headerless, or with its header in a resource fork: nothing says what the bytes are.
UNREADABLE = ("RAW", "SD2")
NOISE = np.random.default_rng(3).uniform(-0.9, 0.9, (1_200, 2))
# Tones: libsndfile's own ALAC does not give noise back as it was.
TONES = 0.7 * np.sin(np.arange(1_200)[:, None] * np.array([0.05, 0.08]))
# Coders that pad to whole blocks, by at most this many frames.
PADDING = 4096


def writable() -> list[tuple[str, str]]:
    return [(f, s) for f in sf.available_formats() if f not in UNREADABLE for s in sf.available_subtypes(f)]


def written(container: str, subtype: str) -> list[tuple[bytes, int, int]]:
    """Files of one format, with rate and channels: those that libsndfile writes and reads again."""
    out = []
    for rate, channels in ((8_000, 1), (44_100, 2), (96_000, 2)):
        try:
            data = sound_file(TONES[:, :channels], rate, container=container, subtype=subtype)
            again, kept = sf.read(io.BytesIO(data))
        except (sf.SoundFileError, ValueError):
            continue
        if len(again):
            out.append((data, kept, channels))
    return out


@pytest.mark.parametrize(("container", "subtype"), writable())
def test_every_format_becomes_one_that_the_device_takes(container, subtype) -> None:
    files = written(container, subtype)
    if not files:
        pytest.skip(f"this libsndfile does not write and read {container} {subtype} here")
    for data, rate, channels in files:
        for device in DEVICES:
            profile = load(device)
            stream, out = io.BytesIO(data), io.BytesIO()
            recipe = plan_file(stream, len(data), profile)
            if recipe.keep:
                assert examine(lambda a, n, data=data: data[a : a + n], len(data), profile)[1].taken
                continue
            outcome = convert_file(stream, len(data), recipe, out, profile)
            made = out.getvalue()
            header, verdict = examine(lambda a, n, made=made: made[a : a + n], len(made), profile)
            assert verdict.accepted, (device, verdict)
            assert header is not None
            assert not header.truncated
            values, made_rate = decoded(made)
            assert made_rate == recipe.target.rate == header.rate
            assert len(values) == outcome.frames == header.frames
            assert values.shape[1] == channels
            expected = len(NOISE) * made_rate / rate
            assert expected - 2 <= len(values) <= expected + PADDING * made_rate / rate
            assert np.abs(values).max() > 0.1


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"hello, this is text", "no audio file"),
        (b"RIFF\x24\0\0\0WAVE", "no audio file"),
        (b"MThd\0\0\0\x06\0\0\0\x01\0\x60", "MIDI"),
        (sound_file(NOISE)[:44], "no audio"),
        (sound_file(NOISE, rate=500, subtype="PCM_24"), "not within"),
        (sound_file(np.zeros((10, 9)), subtype="PCM_24"), "9 channels"),
    ],
)
def test_what_cannot_be_helped_is_refused_with_a_sentence(data, why) -> None:
    with pytest.raises(ConvertError, match=why):
        plan_file(io.BytesIO(data), len(data), load("sp404mk2"))


def test_a_file_cut_short_keeps_what_is_there_and_says_so() -> None:
    data = sound_file(NOISE)
    made, _, outcome = converted(data[: 44 + 4000], "sp404sx")
    assert outcome.frames == 1000
    assert np.array_equal(decoded(made)[0], decoded(data)[0][:1000])
    assert "the end is missing" in " ".join(outcome.notes)


def test_a_wav_with_an_odd_unpadded_chunk_is_read_where_the_device_would_read_it() -> None:
    data = sound_file(NOISE, subtype="PCM_24")
    broken = data + b"odd \x03\0\0\0abc" + b"junk"
    made, _, _ = converted(broken, "sp404sx")
    assert len(decoded(made)[0]) == len(NOISE)


@pytest.mark.parametrize("device", ["generic", "sp404sx", "sp404mk2"])
@pytest.mark.parametrize("length", [13, 603])
@pytest.mark.parametrize("at", [12, 36])  # before the format, before the audio
def test_an_odd_unpadded_chunk_before_the_audio_costs_nothing_of_it(device, length, at) -> None:
    data = sound_file(NOISE)
    loose = data[:at] + b"LIST" + length.to_bytes(4, "little") + bytes(length) + data[at:]
    made, recipe, _ = converted(loose, device)
    assert not recipe.keep
    assert "no padding byte" in " ".join(recipe.why)
    assert np.array_equal(decoded(made)[0], decoded(data)[0])


def test_damaged_files_never_raise_anything_else() -> None:
    chance = np.random.default_rng(11)
    seeds = [sound_file(NOISE, container=c, subtype=s) for c, s in (("WAV", "PCM_24"), ("FLAC", "PCM_24"))]
    seeds += [sound_file(NOISE, container=c, subtype=s) for c, s in (("AIFF", "PCM_24"), ("CAF", "ALAC_16"))]
    seeds += [sound_file(NOISE, container="OGG", subtype="VORBIS"), sound_file(NOISE, subtype="MS_ADPCM")]
    profile, refused = load("sp404sx"), 0
    for _ in range(300):
        data = bytearray(seeds[chance.integers(len(seeds))])
        for _ in range(chance.integers(1, 12)):
            data[chance.integers(min(len(data), 200))] = chance.integers(256)
        data = data[: chance.integers(1, len(data) + 1)]
        stream = io.BytesIO(data)
        try:
            recipe = plan_file(stream, len(data), profile)
            if not recipe.keep:
                convert_file(stream, len(data), recipe, io.BytesIO(), profile)
        except ConvertError:
            refused += 1
    assert 0 < refused < 300
