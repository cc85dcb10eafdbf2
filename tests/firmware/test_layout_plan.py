import numpy as np
import pytest
from audio_bytes import aiff, by_libsndfile, chunk, fmt, riff, wav
from fake_card import FakeCard

from firmware import layouts, profiles
from firmware.boot import boot
from firmware.formats import pad_info, rlnd
from firmware.formats.audio_header import parse_bytes
from firmware.profiles import ProfileError

SMPL = "/ROLAND/SP-404SX/SMPL"


def noise(frames=5000, channels=2):
    return np.random.default_rng(frames).integers(-9999, 9999, frames * channels).astype("<i2")


def card_wav(pcm, channels=2, rate=44_100):
    return riff(chunk(b"fmt ", fmt(channels, rate)), chunk(b"data", pcm.tobytes()))


def carry_out(source_files, device):
    """The card that a plan makes, as the bench would make it, and the plan."""
    source = FakeCard(source_files)
    plan = layouts.plan_card(device, source)
    files = {}
    for item in plan.items:
        if item.is_dir:
            continue
        data = item.make() if item.make is not None else source.read(item.source)
        assert len(data) == item.size_bytes
        files[item.path] = data
    _folders_come_first(plan)
    return FakeCard(files), plan


def _folders_come_first(plan):
    seen = {""}
    for item in plan.items:
        assert item.path.rpartition("/")[0] in seen, f"{item.path} comes before its folder"
        if item.is_dir:
            seen.add(item.path)


def booted(card, device):
    return boot(card, profiles.load(device), card_ms=lambda reads, size: 0.0).catalogue


def test_generic_is_the_tree_as_it_is():
    files = {"/A/a.wav": wav(), "/A/deep/readme.txt": b"hi", "/.hidden": b"", "/x.bin": b"1"}
    card, plan = carry_out(files, "generic")
    assert card.files == files
    assert (plan.notes, plan.label) == ((), "")
    assert {item.path for item in plan.items if item.is_dir} == {"/A", "/A/deep"}


def test_mk2_puts_audio_below_import_as_it_is():
    files = {
        "/b/x.wav": wav(),
        "/a.aif": aiff(),
        "/b/y.wav": wav(bits=32),
        "/notes.txt": b"",
        "/b/._x.wav": b"",
    }
    card, plan = carry_out(files, "sp404mk2")
    assert card.files == {f"/IMPORT{path}": files[path] for path in ("/a.aif", "/b/x.wav", "/b/y.wav")}
    assert any("/b/y.wav is copied, but will be refused" in note and "[H]" in note for note in plan.notes)
    assert sum("left out" in note for note in plan.notes) == 2
    assert [pad.sample.path for pad in booted(card, "sp404mk2").pads] == ["/IMPORT/a.aif", "/IMPORT/b/x.wav"]


@pytest.mark.parametrize(
    ("device", "files"),
    [
        ("sp404mk2", {"/IMPORT/a.wav": wav(), "/other.txt": b"x"}),
        ("sp404mk2", {"/PADCONF.BIN": b"x", "/SMPL/BANK1-01.SMP": b"y"}),
        ("sp404sx", {f"{SMPL}/A0000001.WAV": b"x", "/ROLAND/SP-404SX/PTN/PTN00001.BIN": b"y"}),
    ],
)
def test_a_tree_that_is_a_card_of_the_device_already_stays(device, files):
    card, plan = carry_out(files, device)
    assert card.files == files
    assert not plan.notes


def test_sx_lays_samples_in_name_order_without_loss():
    stereo, mono = noise(), noise(7000, 1)
    big_endian = aiff(5000, rate=44_100)[:-20_000] + stereo.astype(">i2").tobytes()
    files = {"/b.wav": card_wav(mono, 1), "/a.wav": card_wav(stereo), "/sub/c.aif": big_endian}
    card, plan = carry_out(files, "sp404sx")
    assert plan.label == "SP-404SX"
    assert not plan.notes
    for name, pcm, channels in (("A0000001", stereo, 2), ("A0000002", mono, 1), ("A0000003", stereo, 2)):
        data = card.files[f"{SMPL}/{name}.WAV"]
        assert data[512:] == pcm.tobytes()
        assert parse_bytes(data).channels == channels
        assert rlnd.find(data).pad_index == int(name[1:]) - 1
    records = pad_info.parse(card.files[f"{SMPL}/PAD_INFO.BIN"])
    assert [record.is_empty for record in records] == [False] * 3 + [True] * 117
    assert (records[1].channels, records[1].user_end) == (1, 512 + 14_000)
    catalogue = booted(card, "sp404sx")
    assert [(pad.bank, pad.pad) for pad in catalogue.pads] == [("A", 1), ("A", 2), ("A", 3)]
    assert (catalogue.notes, catalogue.refused) == ((), ())


def test_sx_bank_folders():
    files = {"/B/x.wav": card_wav(noise()), "/j/y.wav": card_wav(noise()), "/z.wav": card_wav(noise())}
    card, plan = carry_out(files, "sp404sx")
    assert sorted(path for path in card.files if path.endswith("WAV")) == [
        f"{SMPL}/B0000001.WAV",
        f"{SMPL}/J0000001.WAV",
    ]
    assert plan.notes == ("/z.wav is left out: it is in none of the folders A to J",)


def test_sx_names_what_it_leaves_out():
    files = {
        "/a.wav": wav(rate=48_000),
        "/b.wav": card_wav(noise()),
        "/c.flac": by_libsndfile("FLAC", "PCM_16"),
        "/d.txt": b"hello",
        "/e.wav": card_wav(noise())[:-100],
        "/f.wav": card_wav(noise(400)),
    }
    card, plan = carry_out(files, "sp404sx")
    assert sorted(path for path in card.files if path.endswith("WAV")) == [
        f"{SMPL}/A0000002.WAV",
        f"{SMPL}/A0000005.WAV",
    ]
    text = "\n".join(plan.notes)
    assert "/a.wav is left out: the rate is 48000 Hz" in text
    assert "/c.flac is left out: the file is FLAC" in text
    assert "/d.txt is left out: it is no audio file" in text
    assert "/e.wav is left out: the header promises 20,000 bytes" in text
    assert "/f.wav: the sample lasts 9 ms" in text


def test_sx_has_room_for_120():
    _, plan = carry_out({f"/{n:03d}.wav": card_wav(noise()) for n in range(121)}, "sp404sx")
    assert plan.notes == ("/120.wav is left out: the card has 120 pads",)
    _, plan = carry_out({f"/A/{n:03d}.wav": card_wav(noise()) for n in range(13)}, "sp404sx")
    assert plan.notes == ("/A/012.wav is left out: bank A has 12 pads",)


def test_nothing_to_lay():
    card, plan = carry_out({"/x.txt": b""}, "sp404sx")
    assert list(card.files) == [f"{SMPL}/PAD_INFO.BIN"]
    assert len(plan.notes) == 1


def test_unknown_device():
    with pytest.raises(ProfileError, match="sp999"):
        layouts.plan_card("sp999", FakeCard({}))
