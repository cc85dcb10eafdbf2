import pytest

from firmware import profiles
from firmware.midi import midi_rules
from firmware.profiles import ProfileError
from native.types import Overload, Steal

NAMES = ["generic", "sp404mk2", "sp404sx"]


def test_what_ships():
    assert profiles.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_has_a_mark_and_a_device_fact_its_source(name):
    profile = profiles.load(name)
    for key, fact in profile.facts.items():
        assert fact.mark in ("D",) if name == "generic" else fact.mark in tuple("VRSH?"), key
        if name != "generic":
            assert fact.source, key
        if fact.mark == "?":
            assert "not known" in fact.source or "no " in fact.source, key


@pytest.mark.parametrize("name", NAMES)
def test_what_the_engine_and_the_player_need(name):
    value = profiles.load(name).value
    assert value("engine.rate") in (44_100, 48_000)
    assert 1 <= value("engine.voices") <= 1024
    assert value("engine.voices_per_stereo_sample") in (1, 2)
    assert value("engine.steal").upper() in Steal.__members__
    assert value("engine.overload").upper() in Overload.__members__
    size = value("engine.block_bytes")
    assert 512 <= size <= 65_536
    assert size & (size - 1) == 0
    assert value("engine.ram_bytes") % size == 0
    assert value("engine.head_ms") > 0
    assert (len(value("pads.banks")), value("pads.per_bank")) in ((10, 16), (10, 12))
    assert midi_rules(profiles.load(name)).notes.places


def test_what_is_not_there():
    with pytest.raises(ProfileError, match="generic, sp404mk2, sp404sx"):
        profiles.load("sp303")
    profile = profiles.load("generic")
    with pytest.raises(ProfileError, match=r"audio\.colour"):
        profile.value("audio.colour")
    assert profile.find("audio.colour") is None
