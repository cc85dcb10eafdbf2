"""Boot from a card on which one chain is damaged: that file is refused, and all others play."""

import struct

import pytest
from audio_bytes import wav

from firmware import profiles
from firmware.boot import boot
from sdcard_image import CardError, Item, build_image, open_card

SAMPLE = wav(40_000)


def damaged(tmp_path, kind):
    path = tmp_path / "card.img"
    items = [Item(f"/A/{i}.wav", SAMPLE) for i in range(4)] + [Item("/B/y.wav", SAMPLE)]
    build_image(path, items, size_bytes=40 << 20, partition=False)
    card = open_card(path)
    broken, other = card.entry("/B/y.wav").first_cluster, card.entry("/A/1.wav").first_cluster
    folder = card.cluster_offset(card.entry("/B").first_cluster)
    with path.open("r+b") as raw:
        if kind == "shared head":
            raw.seek(folder)
            data = raw.read(512)
            raw.seek(folder + data.index(b"Y       WAV") + 26)
            raw.write(struct.pack("<H", other))
        else:
            value = {"cross-link": other + 20, "loop": broken + 3, "out of range": 0x00FF_FFF0}[kind]
            for copy in range(2):
                raw.seek(card._fat_offset(copy) + 4 * (broken + 50))
                raw.write(struct.pack("<I", value))
    card.close()
    return path


@pytest.mark.parametrize("kind", ["shared head", "cross-link", "loop", "out of range"])
def test_a_damaged_chain_costs_its_own_pads_only(tmp_path, kind):
    card = open_card(damaged(tmp_path, kind))
    bad = {"/B/y.wav"} | ({"/A/1.wav"} if kind in ("shared head", "cross-link") else set())
    result = boot(card, profiles.load("generic"), card_ms=lambda reads, size: 0.0)
    assert {refused.path: refused.id for refused in result.catalogue.refused} == dict.fromkeys(
        bad, "card-error"
    )
    sound = {"/A/0.wav", "/A/1.wav", "/A/2.wav", "/A/3.wav"} - bad
    assert {pad.sample.path for pad in result.catalogue.pads} == sound
    facts = card.info()
    assert (facts.files, facts.damaged, facts.fragments_per_file) == (5, len(bad), 1.0)
    card.close()


@pytest.mark.parametrize("kind", ["shared head", "cross-link"])
@pytest.mark.parametrize("path", ["/A/1.wav", "/B/y.wav"])
def test_a_shared_chain_is_refused_whatever_was_read_before(tmp_path, kind, path):
    image = damaged(tmp_path, kind)
    said = set()
    for before in ((), ("/A/0.wav",), ("/A/1.wav", "/B/y.wav")):
        card = open_card(image)
        for other in before:
            card.entry(other)
        with pytest.raises(CardError) as told:
            card.read(path)
        said.add(str(told.value))
        card.close()
    (sentence,) = said
    assert sentence.count(path) == 1
