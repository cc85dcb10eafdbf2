from dataclasses import replace

import pytest
from audio_bytes import aiff, wav
from fake_card import FakeCard

from firmware import layouts, profiles
from firmware.formats import pad_info, rlnd
from firmware.formats.pad_info import PadRecord
from native.types import Loop, Retrigger

SX = profiles.load("sp404sx")
SMPL = "/ROLAND/SP-404SX/SMPL"
FRAMES = 10_000
SIZE = 512 + 4 * FRAMES
IN_USE = PadRecord(original_end=SIZE, user_end=SIZE)


def sample(number=0, frames=FRAMES, channels=2):
    return rlnd.build(number, bytes(frames * 2 * channels), channels)


def card(files, records=None, **faults):
    there = {f"{SMPL}/{name}": data for name, data in files.items()}
    if records is not None:
        table = [PadRecord()] * pad_info.RECORDS
        for number, record in records.items():
            table[number] = record
        there[f"{SMPL}/PAD_INFO.BIN"] = pad_info.build(tuple(table))
    return FakeCard(there or {"/x": b""}, **faults)


def recognise(*args, **faults):
    return layouts.recognise(card(*args, **faults), SX)


def noted(catalogue, words):
    return any(words in note for note in catalogue.notes)


def test_pads_and_their_settings():
    record = replace(IN_USE, user_start=512 + 400, user_end=512 + 4000, volume=100, loop=1, gate=0, reverse=1)
    catalogue = recognise({"A0000001.WAV": sample(), "j0000012.wav": sample(119)}, {0: record, 119: IN_USE})
    first, last = catalogue.pads
    assert (first.bank, first.pad, last.bank, last.pad) == ("A", 1, "J", 12)
    made = first.settings
    assert (made.start, made.end, made.level, made.loop_start) == (100, 1000, 100, 100)
    assert (made.loop, made.gate, made.reverse, made.retrigger) == (
        Loop.FORWARD,
        False,
        True,
        Retrigger.TOGGLE,
    )
    assert (last.settings.start, last.settings.end, last.settings.gate, last.settings.bpm) == (
        0,
        0,
        True,
        120.0,
    )
    assert last.settings.retrigger is Retrigger.RESTART
    assert catalogue.notes == ()


def test_mono_offsets_count_two_bytes_a_frame():
    size = 512 + 2 * FRAMES
    record = PadRecord(original_end=size, user_start=512 + 200, user_end=size, channels=1)
    (pad,) = recognise({"A0000001.WAV": sample(channels=1)}, {0: record}).pads
    assert (pad.settings.start, pad.settings.end) == (100, 0)


def test_missing_samples_and_strangers_are_noted():
    catalogue = recognise(
        {"A0000001.WAV": sample(), "kick.wav": sample(), ".DS_Store": b"", "STPINFO.BIN": b""},
        {0: IN_USE, 1: IN_USE, 12: IN_USE},
    )
    assert noted(catalogue, "sample file is missing: A2, B1")
    assert noted(catalogue, "no pad plays: kick.wav")
    assert noted(catalogue, "hidden files")


def test_without_pad_info_samples_play_whole():
    catalogue = recognise({"A0000001.WAV": sample()})
    assert noted(catalogue, "PAD_INFO.BIN is missing")
    assert (catalogue.pads[0].settings.end, catalogue.pads[0].settings.gate) == (0, True)


def test_broken_pad_info_is_refused_and_samples_play_whole():
    broken = FakeCard({f"{SMPL}/A0000001.WAV": sample(), f"{SMPL}/PAD_INFO.BIN": b"short"})
    catalogue = layouts.recognise(broken, SX)
    assert [(bad.path, bad.id) for bad in catalogue.refused] == [(f"{SMPL}/PAD_INFO.BIN", "bad-index")]
    assert len(catalogue.pads) == 1


def test_unreadable_pad_info_is_refused():
    catalogue = recognise({"A0000001.WAV": sample()}, {0: IN_USE}, bad=[f"{SMPL}/PAD_INFO.BIN"])
    assert [bad.id for bad in catalogue.refused] == ["card-error"]
    assert len(catalogue.pads) == 1


def test_a_sample_without_a_record():
    catalogue = recognise({"A0000001.WAV": sample()}, {})
    assert noted(catalogue, "pad A1 is empty")
    assert (catalogue.pads[0].settings.start, catalogue.pads[0].settings.end) == (0, 0)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (replace(IN_USE, user_start=5000, user_end=4000), "begin at byte 5,000 and end at 4,000"),
        (replace(IN_USE, user_start=513, user_end=514), ""),
        (replace(IN_USE, original_end=999), "ends at byte 999"),
        (replace(IN_USE, channels=1), "says 1 channels"),
        (PadRecord(*[0xFFFFFFFF] * 4, *[0xFF] * 8, 0xFFFFFFFF, 0xFFFFFFFF), "begin at byte 4,294,967,295"),
        (replace(IN_USE, volume=200), "volume of 200"),
    ],
)
def test_records_that_cannot_be_true(record, words):
    catalogue = recognise({"A0000001.WAV": sample()}, {0: record})
    made = catalogue.pads[0].settings
    assert (made.start, made.end) == (0, 0)
    assert made.level <= 127
    assert not words or noted(catalogue, words)


def test_device_recordings_are_aiff():
    record = replace(IN_USE, file_type=pad_info.AIFF, original_end=54 + 4 * FRAMES)
    both = {"A0000001.AIF": aiff(rate=44_100, frames=FRAMES), "A0000001.WAV": sample()}
    catalogue = recognise(both, {0: record})
    assert catalogue.pads[0].sample.path.endswith("AIF")
    assert noted(catalogue, "two sample files")
    assert noted(catalogue, "the audio begins at 54")


def test_refused_sample_leaves_its_pad_silent():
    files = {"A0000001.WAV": wav(rate=48_000), "A0000002.WAV": sample(1)}
    catalogue = recognise(files, {0: IN_USE, 1: IN_USE})
    assert [(pad.bank, pad.pad) for pad in catalogue.pads] == [("A", 2)]
    assert [(bad.id, bad.bank, bad.pad, bad.mark) for bad in catalogue.refused] == [("rate", "A", 1, "V")]


def test_lofi_is_said_not_to_be_simulated():
    assert noted(recognise({"A0000001.WAV": sample()}, {0: replace(IN_USE, lofi=1)}), "lo-fi")


def test_no_card_of_this_device():
    catalogue = layouts.recognise(FakeCard({"/A/x.wav": wav()}), SX)
    assert not catalogue.pads
    assert noted(catalogue, "nothing to play")


def test_real_card_bytes(device_files):
    real = device_files / "sp404"
    there = FakeCard(
        {f"{SMPL}/PAD_INFO.BIN": (real / "sx_PAD_INFO.BIN").read_bytes(),
         f"{SMPL}/J0000012.WAV": (real / "sx_J0000012.WAV").read_bytes()}
    )  # fmt: skip
    catalogue = layouts.recognise(there, SX)
    (pad,) = catalogue.pads
    assert (pad.bank, pad.pad, pad.sample.frames, pad.settings.end) == ("J", 12, (53_424 - 512) // 4, 0)
    assert [note for note in catalogue.notes if "missing" not in note] == []
    assert layouts.detect(there) == "sp404sx"
