"""What a header promises against what a file holds, in containers that are only recognised."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile as sf

from firmware.formats import FormatError
from firmware.formats.audio_header import parse_bytes

CONTAINERS = ("AU", "W64", "CAF", "SVX", "FLAC", "OGG", "MP3", "RF64", "AIFF", "WAV", "WAVEX")
CUTS = (0.999, 0.97, 0.9, 0.5, 0.2)
FORMATS = [(c, s) for c in CONTAINERS if c in sf.available_formats() for s in sf.available_subtypes(c)]


def written(container: str, subtype: str, frames: int) -> bytes:
    """A file of noisy tones, or no bytes where libsndfile does not write it; little noise codes well."""
    noise = np.random.default_rng(5).standard_normal((frames, 2))
    tones = 0.5 * np.sin(np.arange(frames)[:, None] * np.array([0.05, 0.08])) + 0.1 * noise
    for rate, channels in ((48_000, 2), (8_000, 1)):
        out = io.BytesIO()
        try:
            with sf.SoundFile(out, "w", rate, channels, subtype, format=container) as file:
                file.write(tones[:, :channels])
        except (sf.SoundFileError, ValueError):
            continue
        return out.getvalue()
    return b""


@pytest.mark.parametrize(("container", "subtype"), FORMATS)
@pytest.mark.parametrize("frames", [9_000, 60_000])
def test_a_cut_is_told_and_a_whole_file_is_not(container: str, subtype: str, frames: int) -> None:
    data = written(container, subtype, frames)
    if not data:
        pytest.skip(f"this libsndfile does not write {container} {subtype}")
    assert not parse_bytes(data).truncated
    for share in CUTS:
        header = parse_bytes(data[: int(len(data) * share)])
        assert header.truncated, (share, header)
        assert header.cut


@pytest.mark.parametrize("missing", [1, 2, 100, 5_000])
def test_a_few_bytes_of_flac_are_missed(missing: int) -> None:
    data = written("FLAC", "PCM_16", 20_000)
    assert "promises 20,000 frames" in parse_bytes(data[:-missing]).cut


def test_a_flac_with_an_old_tag_behind_it_is_whole() -> None:
    data = written("FLAC", "PCM_24", 20_000) + b"TAG" + bytes(125)
    assert not parse_bytes(data).truncated


def test_flac_blocks_of_any_size_are_understood() -> None:
    for frames in (1, 16, 191, 192, 4_095, 4_096, 4_097, 65_537):
        data = written("FLAC", "PCM_16", frames)
        assert not parse_bytes(data).truncated, frames
        assert parse_bytes(data[:-1]).truncated, frames


def test_lengths_that_were_never_filled_in_promise_nothing() -> None:
    au = bytearray(written("AU", "PCM_16", 100))
    au[8:12] = b"\xff" * 4
    caf = bytearray(written("CAF", "PCM_16", 100))
    at = caf.index(b"data") + 4
    caf[at : at + 8] = b"\xff" * 8
    for data in (au, caf):
        assert not parse_bytes(bytes(data[:-50])).truncated


def test_any_bytes_give_a_length_or_none() -> None:
    chance = np.random.default_rng(8)
    seeds = [
        written(c, sf.default_subtype(c), 5_000) for c in ("AU", "W64", "CAF", "SVX", "FLAC", "OGG", "MP3")
    ]
    for _ in range(600):
        data = bytearray(seeds[chance.integers(len(seeds))])
        for _ in range(chance.integers(1, 8)):
            data[chance.integers(4, min(len(data), 120))] = chance.integers(256)
        try:
            header = parse_bytes(bytes(data[: chance.integers(4, len(data) + 1)]))
        except FormatError:
            continue
        assert header.data_bytes <= len(data)
