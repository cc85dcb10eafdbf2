from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.formats import FormatError, padconf

FILES = [
    "mk2_PADCONF_104pads.BIN",
    "mk2_PADCONF_padparams.BIN",
    "mk2_PADCONF_fourchops.BIN",
    "mk2_PADCONF_nochops.BIN",
    "mk2_project/PADCONF.BIN",
]


def read(device_files, name):
    return (device_files / "sp404" / name).read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_real_files_round_trip(device_files, name):
    data = read(device_files, name)
    config = padconf.parse(data)
    assert config.version == 3
    assert config.to_bytes() == data


def test_pads_in_use(device_files):
    config = padconf.parse(read(device_files, "mk2_PADCONF_104pads.BIN"))
    assert sum(not pad.is_empty for pad in config.pads) == 104
    assert config.project_name == "PROJECT_03"
    assert (config.bank_bpm(0), config.bank_bpm(1)) == (126.0, 90.0)
    assert padconf.text(config.names[0]) == "Wave Race 64 - M"
    first = config.pads[0]
    assert (first.size_bytes, first.start, first.end) == (0xE3DF58, 512, 0xE3DF58)
    assert (first.loop, first.loop_start, first.bpm, first.gate) == (padconf.LOOP_ON, 0x7BA5A8, 8100, 0)
    assert first.flags == padconf.FIXED_VELOCITY | padconf.VARI_ENSEMBLE


def test_parameters_set_one_by_one(device_files):
    pads = padconf.parse(read(device_files, "mk2_PADCONF_padparams.BIN")).pads
    assert pads[0].gate == 1
    assert pads[1].loop == padconf.LOOP_ON
    assert [pad.mute_group for pad in pads[2:4]] == [1, 2]
    assert [pad.link for pad in pads[4:6]] == [1, 10]
    assert [pad.bus for pad in pads[7:9]] == [2, 0]
    assert [pad.roll for pad in pads[9:12]] == [0, 4, 7]
    assert pads[12].flags & padconf.LEGATO
    assert pads[13].flags & padconf.POLY


def test_chop_points(device_files):
    four = padconf.parse(read(device_files, "mk2_PADCONF_fourchops.BIN")).chops[0].frames
    assert four == (0, 0x7000, 0xF800, 0x17800, *[padconf.UNUSED_CHOP] * 12)
    none = padconf.parse(read(device_files, "mk2_PADCONF_nochops.BIN")).chops[0].frames
    assert none == (padconf.UNUSED_CHOP,) * 16


def test_new_project_differs_from_the_devices_own_only_where_it_must(device_files):
    real = padconf.parse(read(device_files, "mk2_PADCONF_nochops.BIN"))
    made = padconf.new(real.project_name)
    assert made.header == real.header
    assert made.pads[1:] == real.pads[1:]
    assert made.to_bytes()[0x7B20:] == real.to_bytes()[0x7B20:]


def test_bank_volumes_lie_in_swapped_pairs():
    header = bytearray(padconf.new("x").header)
    header[0x6C:0x70] = bytes([0, 7, 0, 3])  # B: 127 - 7, A: 127 - 3
    config = replace(padconf.new("x"), header=bytes(header))
    assert [config.bank_volume(n) for n in range(3)] == [124, 120, 127]


def test_project_tempo_bits():
    header = bytearray(padconf.new("x").header)
    header[0x10:0x14] = (1 << 16 | 12_345).to_bytes(4, "big")
    header[0x40:0x44] = (15_000 << 1 | 1).to_bytes(4, "big")
    config = replace(padconf.new("x"), header=bytes(header))
    assert (config.uses_project_bpm, config.project_bpm) == (True, 123.45)
    assert (config.bank_protected(0), config.bank_bpm(0)) == (True, 150.0)
    assert not config.bank_protected(1)


def test_version_2_has_its_own_places():
    data = bytearray(b"RFPD".ljust(31_488, b"\0"))
    data[0x80:0x84] = (1234).to_bytes(4, "big")
    data[0x6C00:0x6C04] = b"kick"
    config = padconf.parse(bytes(data))
    assert (config.version, config.pads[0].size_bytes, padconf.text(config.names[0])) == (2, 1234, "kick")
    assert config.project_name == ""
    assert config.to_bytes() == bytes(data)


@pytest.mark.parametrize(
    "data", [b"", b"RFPD", bytes(52_000), b"RFPD".ljust(52_001, b"\0"), b"RFPD".ljust(52_000, b"\1")]
)
def test_refused(data):
    with pytest.raises(FormatError, match="PADCONF"):
        padconf.parse(data)


@pytest.mark.parametrize("name", ["é", "x" * 33])
def test_bad_project_names(name):
    with pytest.raises(FormatError, match="project name"):
        padconf.new(name)


@settings(max_examples=20)
@given(st.sampled_from([31_488, 52_000]), st.binary(min_size=64, max_size=4096), st.integers(0, 51_000))
def test_any_content_round_trips(size, noise, at):
    data = bytearray(b"RFPD\0\0\0\xa0\x03".ljust(size, b"\0"))
    at = 9 + at % (size - 9)
    data[at : at + len(noise)] = noise[: size - at]
    assert padconf.parse(bytes(data)).to_bytes() == bytes(data)
