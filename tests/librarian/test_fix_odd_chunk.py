"""A card whose files lack padding bytes is repaired without the loss of any audio."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from audio_files import decoded, sound_file

from firmware.formats.audio_header import parse_bytes
from librarian.markers import LoopRegion, read_markers
from sim.check import run_check
from sim.check.fixing import make_fixed

NOISE = np.random.default_rng(5).uniform(-0.9, 0.9, (9_000, 2))


def loose(data: bytes, at: int, name: bytes, length: int) -> bytes:
    return data[:at] + name + struct.pack("<I", length) + bytes(length) + data[at:]


@pytest.mark.parametrize("device", ["generic", "sp404sx", "sp404mk2"])
@pytest.mark.parametrize(("at", "name", "length"), [(12, b"LIST", 13), (36, b"LIST", 13), (12, b"bext", 603)])
def test_the_audio_behind_an_odd_chunk_is_kept(tmp_path, device, at, name, length) -> None:
    good = sound_file(NOISE)
    folder = tmp_path / "in" / "A"
    folder.mkdir(parents=True)
    (folder / "kick.wav").write_bytes(loose(good, at, name, length))
    report = run_check(tmp_path / "in", device)
    assert [one.mark for one in report.findings if one.id == "odd-chunk"] == ["?"]
    assert "bad-header" not in {one.id for one in report.findings}
    _, _, after = make_fixed(report, tmp_path / "out")
    assert not {"odd-chunk", "bad-header"} & {one.id for one in after.findings}
    (made,) = [path for path in (tmp_path / "out").rglob("*") if path.suffix.lower() == ".wav"]
    assert np.array_equal(decoded(made.read_bytes())[0], decoded(good)[0])


def test_a_loop_behind_an_odd_chunk_is_found() -> None:
    smpl = struct.pack("<9I", 0, 0, 0, 60, 0, 0, 0, 1, 0) + struct.pack("<6I", 0, 0, 100, 199, 0, 0)
    good = sound_file(NOISE) + b"smpl" + struct.pack("<I", len(smpl)) + smpl
    data = loose(good, 12, b"LIST", 13)
    markers = read_markers(lambda at, n: data[at : at + n], len(data), parse_bytes(data))
    assert markers.loops == (LoopRegion(100, 200),)
