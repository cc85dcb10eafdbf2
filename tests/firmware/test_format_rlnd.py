import io

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats import FormatError, rlnd
from firmware.formats.audio_header import parse_bytes
from native.types import Encoding


def test_the_makers_own_file(device_files):
    data = (device_files / "sp404/sx_J0000012.WAV").read_bytes()
    header = parse_bytes(data)
    assert (header.channels, header.rate, header.bits) == (2, 44_100, 16)
    assert (header.data_offset, header.data_bytes, header.encoding) == (512, len(data) - 512, Encoding.S16_LE)
    chunk = rlnd.find(data)
    assert chunk is not None
    assert chunk.pad_index == 119
    assert data[:512] == rlnd.header(119, len(data) - 512, 2)
    assert data == rlnd.build(119, data[512:], 2)


def test_the_bare_chunk_round_trips(device_files):
    data = (device_files / "sp404/sx_rlnd_chunk.bin").read_bytes()
    chunk = rlnd.Rlnd.from_bytes(data[8:])
    assert chunk.to_bytes() == data[8:]
    assert chunk.pad_index == 0


@pytest.mark.parametrize("channels", [1, 2])
def test_other_readers_agree(channels):
    pcm = np.arange(-300, 300, dtype="<i2")
    made, rate = sf.read(io.BytesIO(rlnd.build(5, pcm.tobytes(), channels)), dtype="int16", always_2d=True)
    assert rate == 44_100
    assert np.array_equal(made.ravel(), pcm)


@pytest.mark.parametrize(
    ("pad", "pcm", "channels"), [(120, b"", 1), (-1, b"", 1), (0, b"", 3), (0, b"abc", 1)]
)
def test_what_the_format_cannot_hold(pad, pcm, channels):
    with pytest.raises(FormatError):
        rlnd.build(pad, pcm, channels)


def test_too_large_for_a_wav():
    with pytest.raises(FormatError, match="fit a WAV"):
        rlnd.header(0, 1 << 32, 2)


@given(st.binary(max_size=600))
def test_find_in_any_bytes(data):
    try:
        chunk = rlnd.find(data)
    except FormatError:
        return
    assert chunk is None or chunk.to_bytes() == data[46:504]
