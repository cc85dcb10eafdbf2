"""Recordings: whole or not there, and on their frames."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError
from sim.live.take import MidiTake, WavTake, time_base
from sim.midifile import parse_midi

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "rate", [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000, 384_000]
)
def test_a_tick_is_a_frame_at_every_usual_rate(rate: int):
    division, tempo = time_base(rate)
    assert division * 1_000_000 == rate * tempo
    assert 0 < division < 1 << 15
    assert tempo < 1 << 24


def test_a_rate_that_a_midi_file_cannot_count_is_refused():
    with pytest.raises(InputError, match="65537 frames"):
        time_base(65_537)


@given(
    rate=st.sampled_from([44_100, 48_000, 96_000]),
    steps=st.lists(st.integers(0, 100_000) | st.integers(0, 400_000_000), max_size=20),
)
def test_messages_come_back_on_their_frames(tmp_path_factory, rate: int, steps: list[int]):
    path = tmp_path_factory.mktemp("take") / "take.mid"
    take, frames = MidiTake(path, rate), list(np.cumsum([1 + one for one in steps]))
    if frames and frames[-1] > 24 * 3600 * rate:
        frames = [one for one in frames if one < 24 * 3600 * rate]
    for number, frame in enumerate(frames):
        take.add(int(frame), bytes((0x90, 36 + number, 100)))
    take.close(int(frames[-1]) + 10 if frames else 10)
    found = parse_midi(path.read_bytes(), rate)
    assert [(one.frame, one.data[1]) for one in found] == [(f, 36 + n) for n, f in enumerate(frames)]
    assert take.messages == len(frames)


def test_a_take_is_whole_or_not_there(tmp_path: Path):
    kept, dropped = tmp_path / "kept.mid", tmp_path / "dropped.mid"
    for path in (kept, dropped):
        take = MidiTake(path, 48_000)
        take.add(5, b"\x90\x24\x64")
        take.flush()
        assert not path.exists()
        take.close(100, keep=path is kept)
    assert [one.name for one in tmp_path.iterdir()] == ["kept.mid"]


def test_a_take_ends_where_it_is_closed(tmp_path: Path):
    path = tmp_path / "take.mid"
    take = MidiTake(path, 48_000)
    take.close(96_000)
    data = path.read_bytes()
    assert data[18:22] == (len(data) - 22).to_bytes(4, "big")
    assert data.endswith(b"\x85\xee\x00\xff\x2f\x00")  # 96,000 in groups of seven bits, then the track's end


def test_no_folder_no_file(tmp_path: Path):
    with pytest.raises(OSError, match=r"take\.mid"):
        MidiTake(tmp_path / "none" / "take.mid", 48_000)
    with pytest.raises(InputError, match="not a regular file"):
        MidiTake(tmp_path, 48_000)


def test_sound_is_cut_at_its_length(tmp_path: Path):
    path, block = tmp_path / "take.wav", np.full((300, 2), 0.25, np.float32)
    take = WavTake(path, 48_000, 1_000)
    for _ in range(4):
        take.write(block)
    assert take.full
    take.close()
    sound, rate = soundfile.read(path, dtype="float32")
    assert (sound.shape, rate) == ((1_000, 2), 48_000)
    assert (sound == 0.25).all()


def test_sound_that_failed_is_not_kept(tmp_path: Path):
    take = WavTake(tmp_path / "take.wav", 48_000, None)
    take.write(np.zeros((10, 2), np.float32))
    take.close(keep=False)
    assert list(tmp_path.iterdir()) == []


def test_what_is_on_the_disk_is_a_whole_midi_file_at_any_time(tmp_path: Path):
    path = tmp_path / "take.mid"
    take = MidiTake(path, 48_000)
    for number in range(5):
        take.add(1_000 * number, bytes((0x90, 36 + number, 100)))
        take.flush()
        part = next(tmp_path.iterdir())
        assert len(parse_midi(part.read_bytes(), 48_000)) == number + 1
    take.close(10_000)
    assert path.stat().st_size < 200


def test_a_full_disk_ends_a_recording_and_keeps_what_fits(tmp_path: Path):
    program = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from sim.live.take import MidiTake, WavTake
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder, rate = Path(sys.argv[1]), 48_000
wav, midi = WavTake(folder / "take.wav", rate, None), MidiTake(folder / "take.mid", rate)
midi.add(5, bytes((0x90, 36, 100)))
midi.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
failed = 0
for _ in range(20):
    try:
        wav.write(np.full((1_000, 2), 0.5, np.float32))
    except OSError:
        failed += 1
assert (failed, wav.full) == (1, True)
missing = False
for number in range(30_000):
    midi.add(10 + number, bytes((0x90, 36, 100)))
    try:
        if number % 100 == 0:
            midi.flush()
    except OSError:
        missing = True
assert missing
wav.close()
try:
    midi.close(60_000)
except OSError as error:
    assert "messages are missing" in str(error)
else:
    raise AssertionError("all of it fitted")
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    sound, rate = soundfile.read(tmp_path / "take.wav")
    assert rate == 48_000
    assert 12_000 <= len(sound) <= 12_500
    assert (sound == 0.5).all()
    assert len(parse_midi((tmp_path / "take.mid").read_bytes(), 48_000)) > 15_000
    assert len(list(tmp_path.iterdir())) == 2
