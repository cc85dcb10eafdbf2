"""Files cut short or damaged: what was decoded before the fault is kept, and what is lost is said."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import soundfile as sf
from audio_files import converted, decoded, sound_file

from firmware.profiles import load
from librarian.convert import plan_file
from librarian.decode import open_audio
from librarian.errors import ConvertError

FRAMES = 24_000
NOISE = np.random.default_rng(5).standard_normal((FRAMES, 2))
TONES = 0.5 * np.sin(np.arange(FRAMES)[:, None] * np.array([0.05, 0.08])) + 0.1 * NOISE
UNREADABLE = ("RAW", "SD2")
SILENT = ("PAF", "PVF", "IRCAM", "XI")  # their headers do not say how much audio there is
BREAKS = {"HTK": "format not recognised", "VOC PCM_U8": "the header promises"}  # libsndfile reads none of it
COUNT = re.compile(r"(?:about )?([\d,]+) of its ([\d,]+) frames are lost")


def formats() -> list[tuple[str, str]]:
    return [(f, s) for f in sf.available_formats() if f not in UNREADABLE for s in sf.available_subtypes(f)]


def written(container: str, subtype: str) -> tuple[bytes, np.ndarray]:
    """A file at a rate that the SX takes where it can be, and what it decodes to."""
    tones = np.tile(TONES, (4, 1)) if container == "OGG" else TONES  # its header alone has 4 KB
    for rate, channels in ((44_100, 2), (48_000, 2), (8_000, 1)):
        try:
            data = sound_file(tones[:, :channels], rate, container=container, subtype=subtype)
            return data, decoded(data)[0]
        except (sf.SoundFileError, ValueError):
            continue
    return b"", np.zeros((0, 1))


@pytest.mark.parametrize(("container", "subtype"), formats())
def test_what_is_before_a_cut_is_kept_and_the_loss_is_counted(container: str, subtype: str) -> None:
    data, whole = written(container, subtype)
    if not len(whole):
        pytest.skip(f"this libsndfile does not write and read {container} {subtype} here")
    lossless = subtype.startswith(("PCM", "FLOAT", "DOUBLE", "ULAW", "ALAW"))
    for share in (0.95, 0.7, 0.5):
        cut = data[: int(len(data) * share)]
        if why := BREAKS.get(container, BREAKS.get(f"{container} {subtype}")):
            with pytest.raises(ConvertError, match=why):
                plan_file(io.BytesIO(cut), len(cut), load("sp404sx"))
            continue
        made, recipe, outcome = converted(cut, "sp404sx")
        values = decoded(made)[0]
        ratio = recipe.target.rate / recipe.source.rate
        assert 0.2 * len(whole) < len(values) / ratio < len(whole)
        assert outcome.losses[:1] == ((outcome.audio_lost,) if outcome.audio_lost else ())
        if container not in SILENT:
            assert ("the end is missing" in outcome.audio_lost) or container == "SDS", outcome.audio_lost
        if found := COUNT.search(outcome.audio_lost):
            lost, all_ = (int(one.replace(",", "")) for one in found.groups())
            assert abs(all_ - lost - len(values) / ratio) < 2
            assert all_ == pytest.approx(FRAMES, rel=0.03)
        if lossless and ratio == 1 and f"{container} {subtype}" != "PAF PCM_24":  # blocks nobody can count
            assert np.abs(values - whole[: len(values)]).max() < 2.5 / 32_768


@pytest.mark.parametrize(
    ("container", "subtype"),
    [("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"), ("WAV", "GSM610"), ("SDS", "PCM_16")],
)
def test_a_block_that_is_not_whole_makes_no_noise(container: str, subtype: str) -> None:
    data, whole = written(container, subtype)
    for share in (0.93, 0.61, 0.37):
        made, recipe, _ = converted(data[: int(len(data) * share)], "generic")
        values = decoded(made)[0]
        assert recipe.target.rate == recipe.source.rate
        assert np.abs(values - whole[: len(values)]).max() < 3 / 32_768


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
@pytest.mark.parametrize("fault", ["bit", "hole", "zeros"])
def test_flac_is_kept_up_to_a_fault_in_its_middle(subtype: str, fault: str) -> None:
    data, whole = written("FLAC", subtype)
    hurt, at = bytearray(data), len(data) // 2
    if fault == "bit":
        hurt[at] ^= 16
    elif fault == "hole":
        del hurt[at : at + 300]
    else:
        hurt[at : at + 300] = bytes(300)
    made, _, outcome = converted(bytes(hurt), "generic")
    values = decoded(made)[0]
    assert len(values) % 4_096 == 0
    assert len(values) >= 0.3 * FRAMES
    assert np.array_equal(values, whole[: len(values)])
    assert f"{FRAMES - len(values):,} of its {FRAMES:,} frames are lost" in outcome.audio_lost


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_page_that_is_cut_gives_what_it_holds(subtype: str) -> None:
    data, whole = written("OGG", subtype)
    sizes = [int(len(data) * share) for share in (0.97, 0.9, 0.7, 0.5, 0.3)]
    for size in sizes:
        cut = data[:size]
        with open_audio(io.BytesIO(cut), size) as audio:
            values = np.concatenate(list(audio.blocks("float64")))
            assert "how many there were is not known" in audio.loss()
        assert np.array_equal(values, whole[: len(values)])
        assert len(values) > 0.8 * len(whole) * (size - 5_000) / len(data)


@pytest.mark.parametrize("name", ["OGG", "FLAC", "MP3", "CAF"])
def test_a_file_of_which_nothing_is_left_says_that_it_is_cut(name: str) -> None:
    data, _ = written(name, sf.default_subtype(name))
    if name == "CAF":
        data = data[: data.index(b"data") + 14]
    elif name == "MP3":
        data = data[:300]
    else:
        data = data[:200]
    with pytest.raises(ConvertError) as caught:
        converted(data, "generic")
    assert caught.value.id == "truncated"
    assert "copy it again" in str(caught.value)


@pytest.mark.parametrize("at", [0, 1, 50, 125])
def test_a_damaged_sample_dump_ends_at_the_fault_without_a_word(
    at: int, capfd: pytest.CaptureFixture[str]
) -> None:
    data, whole = written("SDS", "PCM_16")
    hurt = bytearray(data)
    hurt[21 + 127 * 300 + at] ^= 0x2A
    made, _, outcome = converted(bytes(hurt), "generic")
    values = decoded(made)[0]
    assert 40 * 300 - 120 <= len(values) <= 40 * 300
    assert np.abs(values - whole[: len(values)]).max() < 2 / 32_768
    assert f"{FRAMES - len(values):,} of its {FRAMES:,} frames are lost" in outcome.audio_lost
    hurt[21 + at] ^= 0x2A
    with pytest.raises(ConvertError, match="damaged"):
        converted(bytes(hurt), "generic")
    with tempfile.TemporaryFile() as out:  # what the C library holds back until its end would show here
        code = "import sys, io; from librarian.decode import open_audio; d = sys.stdin.buffer.read()\n"
        code += "with open_audio(io.BytesIO(d), len(d)) as a: sum(map(len, a.blocks('float64')))"
        hurt[21 + at] ^= 0x2A
        subprocess.run([sys.executable, "-c", code], input=bytes(hurt), stdout=out, check=True)
        assert out.tell() == 0
    assert capfd.readouterr().out == ""


def test_whole_files_lose_nothing() -> None:
    for container, subtype in formats():
        data, whole = written(container, subtype)
        if len(whole):
            recipe = plan_file(io.BytesIO(data), len(data), load("generic"))
            assert not recipe.losses, container
            if not recipe.keep:
                assert not converted(data, "generic")[2].audio_lost, (container, subtype)


def test_an_mp3_without_a_count_of_its_frames_is_not_said_to_be_cut() -> None:
    data, _ = written("MP3", "MPEG_LAYER_III")
    at = max(data.find(b"Xing"), data.find(b"Info"))
    plain = data[:at] + b"none" + data[at + 4 :]
    assert not converted(plain[: len(plain) // 2], "generic")[2].audio_lost
