"""Names made safe and unique."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.profiles import load
from librarian.names import Names, safe_stem
from sdcard_image.names import check_name, fold

MK2, GENERIC = load("sp404mk2"), load("generic")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Kick 01", "Kick 01"),
        (unicodedata.normalize("NFD", "Größe é"), "Grosse e"),
        ("Łódź \u2013 ćma", "Lodz - cma"),
        ("a/b:c*?d", "a_b_c_d"),
        ("\U0001f941\U0001f941 drum", "_ drum"),
        ("شرق", "sample"),
        ("trail. ", "trail"),
        ("CON", "_CON"),
        (".hidden", "hidden"),
        ("x" * 40, "x" * 23),
        ("tab\there", "tab_here"),
        ("fin\u202egpj", "fin_gpj"),
    ],
)
def test_names_for_the_mk2(old, new) -> None:
    assert safe_stem(old, MK2) == new


def test_a_device_that_takes_every_name_keeps_letters() -> None:
    assert safe_stem(unicodedata.normalize("NFD", "Größe é"), GENERIC) == "Größe é"
    assert safe_stem("شرق", GENERIC) == "شرق"
    assert safe_stem("a:b", GENERIC) == "a_b"
    assert safe_stem("a\x9d\u200fb", GENERIC) == "a_b"


def test_names_are_unique_whatever_their_case() -> None:
    names = Names(MK2)
    given_names = [
        names.give(n) for n in ("Kick.wav", "kick.WAV", "KICK.wav", "Kick-2.wav", "é.wav", "è.wav")
    ]
    assert given_names == ["Kick.wav", "kick-2.WAV", "KICK-3.wav", "Kick-2-2.wav", "e.wav", "e-2.wav"]
    long = [names.give("y" * 40 + f"{n}.wav") for n in range(12)]
    assert len({fold(n) for n in long}) == 12
    assert all(len(n.removesuffix(".wav")) <= 23 for n in long)


def test_thousands_of_the_same_name_stay_quick() -> None:
    names = Names(MK2)
    assert len({names.give("snare.wav") for _ in range(20_000)}) == 20_000


@given(st.lists(st.text(max_size=300), max_size=8))
def test_any_names_become_names_that_fat_and_device_take(olds) -> None:
    for profile in (MK2, GENERIC):
        names = Names(profile)
        new = [names.give(old, ".wav") for old in olds]
        assert len({fold(n) for n in new}) == len(new)
        for name in new:
            assert check_name(name) == name
            assert not name.startswith(".")
            if profile is MK2:
                assert set(name) <= set(MK2.value("names.safe"))
                assert len(name) - 4 <= 23
