from dataclasses import replace

import pytest
from audio_bytes import by_libsndfile, wav
from fake_card import FakeCard

from firmware import layouts, profiles
from firmware.catalogue import PadSettings
from native.types import Encoding

GENERIC = profiles.load("generic")


def recognise(files, **faults):
    return layouts.recognise(FakeCard(files, **faults), GENERIC)


def placed(catalogue):
    return {f"{pad.bank}{pad.pad}": pad.sample.path for pad in catalogue.pads}


def noted(catalogue, words):
    return any(words in note for note in catalogue.notes)


def test_bank_folders_in_case_insensitive_name_order():
    names = ["b.wav", "A.wav", "c.WAV", "_.aif"]
    catalogue = recognise({f"/A/{name}": wav() for name in names} | {"/j/x.wav": wav(), "/K/y.wav": wav()})
    assert placed(catalogue) == {
        "A1": "/A/_.aif",
        "A2": "/A/A.wav",
        "A3": "/A/b.wav",
        "A4": "/A/c.WAV",
        "J1": "/j/x.wav",
    }
    assert noted(catalogue, "no banks are not read: /K")


def test_folders_inside_a_bank_are_noted():
    catalogue = recognise({"/A/x.wav": wav(), "/A/more/y.wav": wav(), "/B/deep/z.wav": wav()})
    assert placed(catalogue) == {"A1": "/A/x.wav"}
    assert noted(catalogue, "inside a bank's folder are not read: /A/more, /B/deep")


def test_a_sample_too_fast_for_the_engine_is_refused():
    files = {"/A/1.wav": wav(rate=256_000), "/A/2.wav": wav(rate=256_001)}
    facts = {**GENERIC.facts, "engine.rate": profiles.Fact(8_000, "D")}
    catalogue = layouts.recognise(FakeCard(files), replace(GENERIC, facts=facts))
    assert placed(catalogue) == {"A1": "/A/1.wav"}
    (refused,) = catalogue.refused
    assert (refused.path, refused.id, refused.bank, refused.pad) == ("/A/2.wav", "rate", "A", 2)


def test_sample_and_settings():
    (pad,) = recognise({"/B/x.wav": wav(frames=77, channels=1, rate=32_000, bits=24)}).pads
    sample = pad.sample
    assert (sample.frames, sample.channels, sample.rate, sample.bits) == (77, 1, 32_000, 24)
    assert (sample.encoding, sample.data_offset) == (Encoding.S24_LE, 44)
    assert pad.settings == PadSettings()


def test_more_files_than_pads():
    files = {f"/A/{n:03d}.wav": wav() for n in range(20)}
    files["/A/018.wav"] = b"not audio"
    catalogue = recognise(files)
    assert list(placed(catalogue)) == [f"A{n}" for n in range(1, 17)]
    assert noted(catalogue, "3 files without a pad, as bank A has 16 pads")
    assert [(bad.path, bad.id, bad.pad) for bad in catalogue.refused] == [("/A/018.wav", "not-audio", 0)]


@pytest.mark.parametrize("folder", ["", "/kit", "/my kit/drums"])
def test_any_other_place_is_laid_from_a1_over_the_banks(folder):
    catalogue = recognise({f"{folder}/{n:03d}.wav": wav() for n in range(170)})
    pads = placed(catalogue)
    assert len(pads) == 160
    assert (pads["A1"], pads["A16"], pads["B1"], pads["J16"]) == tuple(
        f"{folder}/{n:03d}.wav" for n in (0, 15, 16, 159)
    )
    assert noted(catalogue, "10 files without a pad")


def test_root_comes_before_its_folders():
    catalogue = recognise({"/x/a.wav": wav(), "/z.wav": wav(), "/Y/b.wav": wav()})
    assert list(placed(catalogue).values()) == ["/z.wav", "/x/a.wav", "/Y/b.wav"]


def test_empty_bank_folders_do_not_hide_audio():
    assert placed(recognise({"/A/readme.txt": b"hello", "/k.wav": wav()})) == {"A1": "/k.wav"}


def test_hidden_and_other_files_are_noted_only():
    catalogue = recognise(
        {"/A/._a.wav": b"\0\5\x16\7", "/A/.DS_Store": b"x", "/A/readme.txt": b"hi", "/A/b.wav": wav(),
         "/.Trashes/c.wav": wav(), "/loose.wav": wav()}
    )  # fmt: skip
    assert placed(catalogue) == {"A1": "/A/b.wav"}
    assert not catalogue.refused
    assert noted(catalogue, "2 files with a hidden name")
    assert noted(catalogue, "1 file without an audio name ignored: /A/readme.txt")
    assert noted(catalogue, "outside the folders A to J without a pad: /loose.wav")


def test_hidden_folders_below_a_folder_are_not_read():
    catalogue = recognise({"/kit/.cache/a.wav": wav(), "/kit/b.wav": wav()})
    assert list(placed(catalogue).values()) == ["/kit/b.wav"]


def test_a_refused_file_leaves_its_pad_silent_and_moves_no_other():
    catalogue = recognise(
        {"/A/1.wav": wav(), "/A/2.wav": wav()[:100], "/A/3.flac": by_libsndfile("FLAC", "PCM_16"),
         "/A/4.wav": wav(), "/A/5.wav": wav(), "/A/6.wav": wav()},
        bad=["/A/5.wav"],
    )  # fmt: skip
    assert list(placed(catalogue)) == ["A1", "A4", "A6"]
    assert [(bad.path, bad.id, bad.bank, bad.pad) for bad in catalogue.refused] == [
        ("/A/2.wav", "truncated", "A", 2),
        ("/A/3.flac", "codec-not-supported", "A", 3),
        ("/A/5.wav", "card-error", "A", 5),
    ]


def test_an_unreadable_folder_is_refused_and_the_rest_goes_on():
    catalogue = recognise({"/A/a.wav": wav(), "/B/b.wav": wav()}, bad=["/A"])
    assert placed(catalogue) == {"B1": "/B/b.wav"}
    assert [(bad.path, bad.id) for bad in catalogue.refused] == [("/A", "card-error")]
    flat = recognise({"/k/a.wav": wav(), "/m/x/b.wav": wav(), "/n.wav": wav()}, bad=["/m/x"])
    assert list(placed(flat).values()) == ["/n.wav", "/k/a.wav"]


def test_a_card_without_audio():
    for files in ({}, {"/readme.txt": b"x"}):
        catalogue = recognise(files)
        assert not catalogue.pads
        assert noted(catalogue, "no audio on the card")


def test_the_generic_device_has_no_projects():
    with pytest.raises(layouts.LayoutError, match="no projects"):
        layouts.recognise(FakeCard({}), GENERIC, project="x")
