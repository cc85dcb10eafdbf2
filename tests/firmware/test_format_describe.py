"""`firmware.formats.describe`: every kind of file is told by its bytes and explained by its facts."""

from __future__ import annotations

import struct

import pytest
from audio_bytes import aiff, by_libsndfile, chunk, comm, form, wav

from firmware.formats import FormatError, pad_info, padconf, pattern, rlnd, smp
from firmware.formats.describe import describe, is_card
from firmware.formats.description import Description
from firmware.formats.pad_info import PadRecord


def of(data: bytes, name: str = "", device: pattern.Device | None = None) -> Description:
    return describe(lambda offset, n: data[offset : offset + n], len(data), name, device)


REAL = {
    "sx_PAD_INFO.BIN": "pad-info",
    "sx_pad_record_BAD.BIN": "pad-record",
    "sx_pad_record_DEFAULTS.BIN": "pad-record",
    "sx_pad_record_OPTIONS_A.BIN": "pad-record",
    "sx_STPINFO.BIN": "stpinfo",
    "sx_J0000012.WAV": "sx-wav",
    "sx_rlnd_chunk.bin": "rlnd",
    "mk2_PADCONF_104pads.BIN": "padconf",
    "mk2_project/PADCONF.BIN": "padconf",
    "mk2_project/PTN/PTN00001.BIN": "mk2-pattern",
    "mk2_project/SMPL/BANK1-01.SMP": "smp",
}


@pytest.mark.parametrize(("path", "kind"), REAL.items(), ids=REAL)
@pytest.mark.parametrize("named", [True, False], ids=["named", "nameless"])
def test_real_files_are_told(device_files, path, kind, named) -> None:
    file = device_files / "sp404" / path
    assert of(file.read_bytes(), file.name if named else "").kind == kind


def test_pad_info_of_a_real_card(device_files) -> None:
    told = of((device_files / "sp404/sx_PAD_INFO.BIN").read_bytes()).document()
    assert told["records"] == len(told["pads"]) == 120
    first, last = told["pads"][0], told["pads"][119]
    assert {
        "pad": "A1",
        "original_end": 385388,
        "volume": 87,
        "reverse": 1,
        "original_tempo": 1099,
        "original_bpm": 109.9,
        "empty": False,
    }.items() <= first.items()
    assert (last["pad"], last["original_end"]) == ("J12", 53424)
    assert told["remarks"] == []


def test_a_hand_set_and_a_bad_record(device_files) -> None:
    hand = of((device_files / "sp404/sx_pad_record_OPTIONS_A.BIN").read_bytes())
    meanings = {field.name: field.meaning for field in hand.fields}
    assert (meanings["file_type"], meanings["channels"], meanings["tempo_mode"]) == (
        "AIFF",
        "mono",
        "pattern",
    )
    bad = of((device_files / "sp404/sx_pad_record_BAD.BIN").read_bytes())
    assert "volume is 255, above 127" in bad.remarks
    assert "channels is 255, neither 1 nor 2" in bad.remarks


def test_padconf_of_real_projects(device_files) -> None:
    told = of((device_files / "sp404/mk2_PADCONF_104pads.BIN").read_bytes()).document()
    assert (told["version"], told["project_name"], told["pads_used"]) == (3, "PROJECT_03", 104)
    assert told["banks"][0] == {"bank": "A", "protect": False, "bpm": 126.0, "volume": 127}
    pad = told["pads"][0]
    assert (pad["smp_file_size"], pad["bpm"], pad["loop_start"]) == (14933848, 81.0, 8103336)
    assert pad["flag_names"] == ["fixed velocity", "vari ensemble"]
    assert pad["unknown"]["word_6"] == 1
    chopped = of((device_files / "sp404/mk2_PADCONF_fourchops.BIN").read_bytes()).document()["pads"][0]
    assert chopped["chops"] == [0, 28672, 63488, 96256]


def test_padconf_version_2_has_no_name_and_no_chops() -> None:
    data = b"RFPD" + bytes(31_488 - 4)
    told = of(data).document()
    assert (told["version"], told["project_name"]) == (2, None)
    assert "chops" not in told["pads"][0]


def test_patterns_event_by_event(device_files) -> None:
    told = of((device_files / "sp404/mk2_project/PTN/PTN00020.BIN").read_bytes()).document()
    assert (told["bars"], told["ticks"], told["time_signature"], told["loop_end"]) == (1, 1920, 0, 1)
    assert told["events"][0] == {
        "tick": 0,
        "ticks_to_next": 0,
        "type": "note",
        "pad": "F1",
        "velocity": 90,
        "length": 119,
        "pitch": 0,
        "byte_2": 1,
        "byte_3": 0x8D,
        "note_off_velocity": 64,
    }
    assert told["events"][-1]["type"] == "end"


def test_an_sx_pattern_has_its_own_order() -> None:
    data = bytes((96, 58, 0x40, 0, 127, 0x40, 1, 2, 0, 0x8C, *bytes(6), 0, 1, *bytes(6)))
    told = of(data).document()
    assert (told["kind"], told["bars"]) == ("sx-pattern", 1)
    assert (told["events"][0]["pad"], told["events"][0]["length"]) == ("F12", 258)


def test_a_doubtful_pattern_asks_for_the_device() -> None:
    data = bytes((0, 0x8C, *bytes(6), *bytes(8)))
    with pytest.raises(FormatError, match="--device"):
        of(data)
    assert of(data, device=pattern.Device.MK2).kind == "mk2-pattern"


def test_controls_and_strange_events() -> None:
    body = bytes((0, 0x8E, 3, 0, 0, 16, 99, 0, 0, 200, 1, 2, 3, 4, 5, 6, 0, 0x8C, *bytes(6)))
    told = of(body + bytes((1, 0, 0, 0, 1, 0x80, 1, 1))).document()
    assert told["events"][0] | {"tick": 0} == {
        "tick": 0,
        "ticks_to_next": 0,
        "type": "control",
        "channel": 3,
        "controller": 16,
        "value": 99,
    }
    assert (told["events"][1]["type"], told["events"][1]["byte_1"]) == ("unknown", 200)
    assert told["remarks"] == ["1 events are of no known kind"]
    assert told["time_signature"] == 1


def test_smp_says_whether_its_digest_is_right() -> None:
    good = smp.build(bytes(400), 2)
    assert of(good).document()["digest_ok"] is True
    bad = good[:0x20] + bytes(16) + good[0x30:]
    assert of(bad).document()["digest_ok"] is False
    assert "says 912 bytes, but the file has 812" in of(good[:-100]).remarks[0]


def test_audio_of_no_device() -> None:
    told = of(wav(100)).document()
    assert (told["kind"], told["frames"], told["rate"], told["chunks"]) == (
        "wav",
        100,
        48000,
        ["fmt ", "data"],
    )
    assert of(aiff(8, compression=b"sowt")).kind == "aiff"
    assert of(by_libsndfile("FLAC", "PCM_16")).document()["codec"] == "FLAC"
    assert "cut short" in of(wav(100)[:-50]).remarks[-1]


def test_an_sx_recording_names_its_pad() -> None:
    appl = bytearray(0x1C2)
    appl[:4] = b"RLND"
    data = bytearray(
        form(
            chunk(b"COMM", comm(frames=4), ">"),
            chunk(b"APPL", bytes(appl), ">"),
            chunk(b"SSND", bytes(24), ">"),
        )
    )
    data[62] = 7
    assert of(bytes(data)).document()["pad_index"] == 7


def test_an_sx_wav_whose_audio_lies_elsewhere_is_remarked() -> None:
    data = rlnd.build(5, bytes(400), 2)
    assert of(data).document()["pad_index"] == 5
    moved = data[:504] + chunk(b"junk", b"") + data[504:]
    assert "byte 512" in of(moved).remarks[-1]


def test_picture_and_chain() -> None:
    head = struct.pack("<2sIII", b"BM", 1086, 0, 62) + struct.pack(
        "<IiiHHIIiiII", 40, 128, 64, 1, 1, 0, 1024, 0, 0, 2, 2
    )
    bmp = (head + bytes(8)).ljust(1086, b"\0")
    told = of(bmp).document()
    assert (told["kind"], told["width"], told["height"], told["bits"], told["remarks"]) == (
        "picture",
        128,
        64,
        1,
        [],
    )
    assert of(bmp + b"x").remarks
    chain = of(b'<?xml version="1.0"?>\n<CHAIN n="1"><P>7</P></CHAIN>').document()
    assert chain["root"] == "CHAIN"
    assert chain["elements"][1] == {"tag": "P", "attributes": {}, "text": "7"}


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"<a>",
        b"<a>\xff</a>",
        b"<" + b"a" * (2 << 20),
        b"<a>" * 140_000 + b"</a>" * 140_000,
    ],
    ids=["entities", "open", "no text", "huge", "deep"],
)
def test_bad_chains_are_one_sentence(data) -> None:
    with pytest.raises(FormatError) as told:
        of(data)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"", "x", "empty"),
        (bytes(3839), "PAD_INFO.BIN", "3,840 bytes"),
        (bytes(125), "STPINFO.BIN", "124 bytes"),
        (bytes(52_000), "PADCONF.BIN", "begins with RFPD"),
        (b"RFPD" + bytes(100), "PADCONF.BIN", "52,000"),
        (b"RFWV", "BANK1-01.SMP", "cut short"),
        (b"RLND" + bytes(100), "x", "466 bytes"),
        (b"BM", "x.bmp", "cut short"),
        (bytes(20), "PTN00001.BIN", "whole events"),
        (b"hello there", "x.txt", "looks like text"),
        (bytes(510) + b"\x55\xaa", "card.img", "card info"),
    ],
)
def test_what_is_damaged_or_not_known_is_told(data, name, said) -> None:
    with pytest.raises(FormatError, match=said):
        of(data, name)


def test_a_boot_sector_is_a_card() -> None:
    assert is_card(b"\xeb\x58\x90".ljust(510, b"\7") + b"\x55\xaa")
    assert not is_card(bytes(512))


def test_records_that_this_house_writes_have_no_doubts() -> None:
    record = PadRecord(original_end=5000, user_start=600, user_end=4000)
    assert of(record.to_bytes()).remarks == ()
    assert of(pad_info.build((record,) * 120)).remarks == ()
    assert of(padconf.new("X").to_bytes()).remarks == ()
