import pytest
from audio_bytes import wav
from fake_card import FakeCard
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import profiles
from firmware.boot import boot
from sdcard_image.types import CardError

GENERIC = profiles.load("generic")


def card_ms(reads, size):
    return 1.0 * reads + size / 1000


def start(files, project=None, device="generic", **faults):
    return boot(FakeCard(files, **faults), profiles.load(device), card_ms=card_ms, project=project)


def said(result, words):
    return any(words in line.text for line in result.log)


def test_a_boot_tells_what_it_found():
    result = start({"/A/a.wav": wav(), "/A/b.wav": wav()[:50], "/B/c.wav": wav()}, pieces={"/B/c.wav": 3})
    assert (result.device, result.layout) == ("generic", "generic")
    assert [f"{pad.bank}{pad.pad}" for pad in result.catalogue.pads] == ["A1", "B1"]
    assert said(result, "FAT32 volume 'TEST' 1234-ABCD, 1,074 MB, clusters of 32 KB")
    assert said(result, "refused /A/b.wav (pad A2 stays silent): the header promises 4,000 bytes")
    assert said(result, "1 fragmented, most of all /B/c.wav (3 pieces)")
    assert said(result, "[D]; copy it again: its end is missing")
    assert said(result, "ready: 2 pads in banks A, B, 1 refused")
    assert {path: len(runs) for path, runs in result.extents.items()} == {"/A/a.wav": 1, "/B/c.wav": 3}
    assert sum(run.length for run in result.extents["/B/c.wav"]) == len(wav())


def test_time_is_the_cards_and_only_its_own():
    card = FakeCard({"/A/a.wav": wav()})
    card.read("/A/a.wav")
    result = boot(card, GENERIC, card_ms=card_ms)
    assert result.ms == result.log[-1].ms == pytest.approx(1 + len(wav()) / 1000)
    stamps = [line.ms for line in result.log]
    assert stamps[0] == 0
    assert stamps == sorted(stamps)


def test_a_broken_chain_costs_one_pad():
    result = start({"/A/a.wav": wav(), "/A/b.wav": wav()}, lost=["/A/a.wav"])
    assert [pad.pad for pad in result.catalogue.pads] == [2]
    (bad,) = result.catalogue.refused
    assert (bad.path, bad.id, bad.bank, bad.pad) == ("/A/a.wav", "card-error", "A", 1)
    assert "/A/a.wav" not in result.extents


def test_a_card_that_is_no_card():
    with pytest.raises(CardError):
        start({"/A/a.wav": wav()}, bad=["/"])


def test_an_unknown_project():
    with pytest.raises(CardError, match="no project"):
        start({"/IMPORT/a.wav": wav()}, project="nope", device="sp404mk2")


def test_an_empty_card_boots():
    result = start({})
    assert said(result, "ready: 0 pads, 0 refused")


NAMES = st.sampled_from(
    ["a.wav", "b.aif", "c.smp", ".x.wav", "PADCONF.BIN", "PAD_INFO.BIN", "A0000001.WAV", "t.txt"]
)
FOLDERS = st.sampled_from(
    ["", "/A", "/kit", "/IMPORT", "/EXPORT/PROJECT/P", "/ROLAND/SP-404SX/SMPL", "/SMPL"]
)
CONTENT = st.one_of(
    st.binary(max_size=80), st.just(wav()), st.just(wav(rate=44_100)), st.just(b"RFPD".ljust(52_000, b"\0"))
)


@settings(max_examples=60)
@given(
    st.sampled_from(["generic", "sp404sx", "sp404mk2"]),
    st.dictionaries(st.tuples(FOLDERS, NAMES), CONTENT, max_size=6),
    st.lists(st.tuples(FOLDERS, NAMES), max_size=2),
)
def test_whatever_lies_on_the_card_it_boots(device, content, broken):
    files = {f"{folder}/{name}": data for (folder, name), data in content.items()}
    paths = [f"{folder}/{name}" for folder, name in broken]
    result = start(files, device=device, bad=paths, lost=paths)
    assert all(pad.sample.frames > 0 for pad in result.catalogue.pads)
    assert set(result.extents) == {pad.sample.path for pad in result.catalogue.pads}
    assert all(bad.id and bad.reason and "\n" not in bad.reason for bad in result.catalogue.refused)
