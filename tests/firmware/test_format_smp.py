from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats import FormatError, smp
from native.types import Encoding


@pytest.mark.parametrize(("name", "channels"), [("BANK1-01", 2), ("BANK2-01", 2)])
def test_real_samples(device_files, name, channels):
    data = (device_files / f"sp404/mk2_project/SMPL/{name}.SMP").read_bytes()
    header = smp.parse(data)
    assert header.to_bytes() == data[:512]
    assert header.digest_ok
    assert header.size_field == len(data) - 8
    assert (header.rate, header.bits, header.channels) == (48_000, 16, channels)
    audio = header.audio(len(data))
    assert audio.frames == (len(data) - 512) // (2 * channels)
    assert audio.encoding is Encoding.S16_BE


def test_built_file_parses_with_its_md5():
    data = smp.build(b"\x01\x02" * 6, 2)
    header = smp.parse(data)
    assert header.digest_ok
    assert header.size_field == len(data) - 8
    assert header.audio(len(data)).frames == 3
    assert not smp.parse(replace(header, digest=bytes(16)).to_bytes()).digest_ok


def test_truncated_audio_shows():
    data = smp.build(bytes(4000), 2)
    audio = smp.parse(data).audio(2000)
    assert audio.truncated
    assert audio.data_bytes == 2000 - 512


def test_refused():
    with pytest.raises(FormatError, match="RFWV"):
        smp.parse(b"RIFF" + bytes(600))
    with pytest.raises(FormatError, match="cut short"):
        smp.parse(b"RFWV" + bytes(100))
    with pytest.raises(FormatError, match="channels"):
        smp.build(b"", 3)
    with pytest.raises(FormatError, match="whole"):
        smp.build(b"123", 1)


def test_file_name():
    assert smp.file_name(10, 7) == "BANK10-07.SMP"


@given(st.binary(min_size=508, max_size=508))
def test_any_header_round_trips(rest):
    data = b"RFWV" + rest
    assert smp.parse(data).to_bytes() == data
