import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats import FormatError, pad_info
from firmware.formats.pad_info import PadRecord


def test_real_card_round_trips(device_files):
    data = (device_files / "sp404/sx_PAD_INFO.BIN").read_bytes()
    records = pad_info.parse(data)
    assert pad_info.build(records) == data
    assert records[0].user_end == records[0].original_end == 385_388
    assert (records[0].volume, records[0].loop, records[0].gate, records[0].reverse) == (0x57, 0, 0, 1)
    assert (records[0].file_type, records[0].channels, records[0].original_tempo) == (1, 2, 0x44B)
    assert records[pad_info.index("J", 12)].original_end == 53_424


@pytest.mark.parametrize("name", ["DEFAULTS", "OPTIONS_A", "BAD"])
def test_real_records_round_trip(device_files, name):
    data = (device_files / f"sp404/sx_pad_record_{name}.BIN").read_bytes()
    assert PadRecord.from_bytes(data).to_bytes() == data


def test_hand_set_record(device_files):
    record = PadRecord.from_bytes((device_files / "sp404/sx_pad_record_OPTIONS_A.BIN").read_bytes())
    assert (record.lofi, record.loop, record.gate, record.reverse) == (1, 1, 1, 1)
    assert (record.file_type, record.channels, record.tempo_mode) == (pad_info.AIFF, 1, 1)


def test_default_is_the_documented_empty_pad():
    record = PadRecord()
    assert record.is_empty
    data = bytes.fromhex("00000200" * 4 + "7f000001 00010200 000004b0 000004b0".replace(" ", ""))
    assert record.to_bytes() == data


def test_names_and_numbers():
    assert pad_info.file_name("A", 1) == "A0000001.WAV"
    assert pad_info.file_name("J", 12, pad_info.AIFF) == "J0000012.AIF"
    assert [pad_info.index(b, p) for b, p in (("A", 1), ("B", 1), ("J", 12))] == [0, 12, 119]
    with pytest.raises(ValueError, match="no pad 13"):
        pad_info.index("A", 13)


@pytest.mark.parametrize("size", [0, 3839, 3841, 32])
def test_wrong_size_is_one_sentence(size):
    with pytest.raises(FormatError, match=f"{size} bytes"):
        pad_info.parse(bytes(size))


@given(st.binary(min_size=32, max_size=32))
def test_any_record_round_trips(data):
    assert PadRecord.from_bytes(data).to_bytes() == data
