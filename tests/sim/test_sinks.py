"""WAV, hash and meter, with libsndfile as the judge of what was written."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sim.demo.kit import Sound
from sim.errors import InputError
from sim.sinks import HashSink, MeterSink, WavSink, quantise


def noise(frames: int, peak: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(4).uniform(-peak, peak, (frames, 2))).astype(np.float32)


def test_float_wav_holds_the_values_unlimited(tmp_path):
    audio = noise(5_000, peak=3.0)
    with WavSink(tmp_path / "a.wav", 44_100) as sink:
        sink.write(audio[:1])
        sink.write(audio[1:])
    read, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert rate == 44_100
    assert np.array_equal(read, audio)
    assert soundfile.info(tmp_path / "a.wav").subtype == "FLOAT"


@pytest.mark.parametrize(("bits", "dtype"), [("16", np.int16), ("24", np.int32)])
def test_integer_wav_gives_a_files_own_values_back(tmp_path, bits, dtype):
    width = int(bits)
    scale = 1 << (width - 1)
    values = np.random.default_rng(1).integers(-scale, scale, (3_000, 2))
    with WavSink(tmp_path / "a.wav", 48_000, bits) as sink:
        sink.write((values / scale).astype(np.float32))
    read, _ = soundfile.read(tmp_path / "a.wav", dtype=dtype)
    assert np.array_equal(read >> (0 if width == 16 else 8), values)
    assert sink.clipped == 0


def test_integer_wav_clips_and_counts(tmp_path):
    with WavSink(tmp_path / "a.wav", 48_000, "16") as sink:
        sink.write(np.array([[1.5, -1.5], [1.0, -1.0], [0.5, -0.5]], np.float32))
    read, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert read.tolist() == [[32767, -32768], [32767, -32768], [16384, -16384]]
    assert sink.clipped == 3


def test_values_that_are_no_number_become_silence():
    values, _ = quantise(np.array([[np.nan, np.inf]], np.float32), 16)
    assert values.tolist() == [[0, 32767]]


def test_equal_audio_is_an_equal_file(tmp_path):
    for name in ("a.wav", "b.wav"):
        with WavSink(tmp_path / name, 48_000) as sink:
            sink.write(noise(100))
    data = (tmp_path / "a.wav").read_bytes()
    assert data == (tmp_path / "b.wav").read_bytes()
    at = data.find(b"PEAK")
    assert at > 0
    assert data[at + 12 : at + 16] == bytes(4)


def test_nothing_is_left_and_the_old_file_stays_after_a_failure(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with WavSink(path, 48_000) as sink:
            sink.write(noise(10))
            raise RuntimeError("card gone")

    with pytest.raises(RuntimeError, match="card gone"):
        interrupted()
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]
    assert path.read_bytes() == b"old"


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path):
    code = f"""
import resource, signal, sys
import numpy as np
from pathlib import Path
from sim.sinks import WavSink
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    with WavSink(Path({str(tmp_path / "a.wav")!r}), 48_000) as sink:
        for _ in range(100):
            sink.write(np.zeros((4096, 2), np.float32))
except OSError as error:
    sys.exit("disk is full" not in str(error))
sys.exit(2)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_already_is_a_sentence_and_leaves_nothing(tmp_path):
    code = f"""
import resource, signal, sys
from pathlib import Path
from sim.sinks import WavSink
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8))
try:
    with WavSink(Path({str(tmp_path / "a.wav")!r}), 48_000):
        pass
except OSError as error:
    sys.exit("a.wav: the disk is full" not in str(error))
sys.exit(2)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_long_file_is_rf64(tmp_path):
    with WavSink(tmp_path / "a.wav", 48_000, max_frames=1 << 30) as sink:
        sink.write(noise(10))
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RF64"
    assert np.array_equal(soundfile.read(tmp_path / "a.wav", dtype="float32")[0], noise(10))


def test_a_place_that_cannot_hold_a_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a regular file"):
        WavSink(tmp_path, 48_000)
    with pytest.raises(FileNotFoundError) as missing:
        WavSink(tmp_path / "no" / "a.wav", 48_000)
    assert missing.value.filename == str(tmp_path / "no" / "a.wav")


def test_hash_is_of_interleaved_little_endian_floats():
    audio = noise(1_000)
    sink = HashSink()
    sink.write(audio[:300])
    sink.write(audio[300:])
    assert sink.hexdigest() == hashlib.sha256(audio.astype("<f4").tobytes()).hexdigest()


def test_meter():
    meter = MeterSink()
    assert meter.peak_dbfs is None
    meter.write(np.array([[0.5, -0.25]], np.float32))
    assert meter.peak_dbfs == pytest.approx(-6.0206, abs=1e-4)
    meter.write(np.array([[1.25, -2.0], [1.0, 0]], np.float32))
    assert (meter.peak, meter.over) == (2.0, 2)
    meter.write(np.array([[np.inf, -np.inf], [np.nan, 3.0], [-4.0, 0]], np.float32))
    assert (meter.peak, meter.over, meter.lost) == (4.0, 4, 3)
    assert meter.peak_dbfs == pytest.approx(12.04, abs=0.01)


def test_a_float_file_of_the_kit_does_not_tell_when_it_was_written(tmp_path: Path):
    """libsndfile stamps float files with the time; two cards of the same kit would differ."""
    path = Sound("x.wav", np.ones(8), subtype="FLOAT").save(tmp_path)
    data = path.read_bytes()
    at = data.index(b"PEAK")
    assert data[at + 12 : at + 16] == bytes(4)
