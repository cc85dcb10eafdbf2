"""Names: which are one to FAT, which only look alike, and which some computer cannot use."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.checks.folding import fold
from firmware.checks.names import Named, check_names, hidden
from firmware.checks.tree import Tree
from firmware.profiles import load
from librarian.names import Names, safe_stem
from sdcard_image.types import Entry

GENERIC, SX, MK2 = (load(name) for name in ("generic", "sp404sx", "sp404mk2"))
NFD = unicodedata.normalize("NFD", "/A/\u00e9.wav")


def names(*paths: str, profile=GENERIC) -> list[tuple[str, str]]:
    named = [Named(path, path.rpartition("/")[2]) for path in paths]
    return [(one.id, one.path) for one in check_names(named, profile)]


@pytest.mark.parametrize(
    "name",
    [
        "kick.wav",
        "Schl\u00e4ger.wav",
        "\u05e9\u05dc\u05d5\u05dd.wav",
        "\U0001f941.wav",
        "\u65e5\u672c.wav",
        "console.wav",
        "com10.wav",
        "my nul.wav",
        "a.b.c.wav",
        "no ending",
    ],
)
def test_names_that_are_fine_on_fat(name: str) -> None:
    assert names(f"/A/{name}") == []


def test_names_that_are_not() -> None:
    assert names(NFD) == [("name-nfd", NFD)]
    assert names("/A/x ", "/A/x.") == [("name-trailing", "/A/x "), ("name-trailing", "/A/x.")]
    assert [one for one, _ in names("/A/" + "x" * 256)] == ["name-not-fat"]
    assert [one for one, _ in names("/A/bad\udcff.wav")] == ["name-not-fat"]
    assert [one for one, _ in names("/A/\U0001f468\u200d\U0001f469.wav")] == ["name-invisible"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KICK", "kick"),
        ("\u00c4", "\u00e4"),
        ("\u0178", "\u00ff"),
        ("\u042f", "\u044f"),
        ("\u03a3", "\u03c3"),
        ("\u03a3", "\u03c2"),
    ],
)
def test_names_that_are_one_to_fat(one: str, other: str) -> None:
    assert names(f"/A/{one}.wav", f"/A/{other}.wav") == [("name-duplicate", f"/A/{other}.wav")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I", "\u0131"),  # dotless i
        ("i", "\u0130"),
        ("S", "\u017f"),  # long s
        ("ss", "\u00df"),  # sharp s
        ("\u00b5", "\u03bc"),  # the micro sign and mu
        ("\U00010400", "\U00010428"),  # two units each
    ],
)
def test_names_that_only_unicode_takes_for_one(one: str, other: str) -> None:
    assert names(f"/A/{one}.wav", f"/A/{other}.wav") == []
    folder = Tree(Entry(f"/{name}", name, is_dir=True, size=0, modified=None) for name in (one, other))
    assert [folder.get(f"/{name}").name for name in (one, other)] == [one, other]


def test_composed_and_decomposed_are_two_files_that_look_alike() -> None:
    assert names("/A/\u00e9.wav", NFD) == [("name-lookalike", NFD)]
    assert names(NFD, "/A/\u00c9.wav") == [("name-nfd", NFD), ("name-lookalike", "/A/\u00c9.wav")]
    assert fold(NFD) != fold("/A/\u00e9.wav")


@pytest.mark.parametrize("name", ["CON", "aux", "nul.wav", "Com1.tar.wav", "LPT9 .wav"])
def test_names_that_windows_keeps_for_itself(name: str) -> None:
    found = list(check_names([Named(f"/A/{name}", name)], SX))
    assert [(one.id, one.severity, one.mark) for one in found if one.id == "name-reserved"] == [
        ("name-reserved", "warning", "V")
    ]
    assert "Windows" in found[-1].what


@pytest.mark.parametrize("name", ["trail .wav", "dot..wav"])
def test_what_stands_before_the_ending(name: str) -> None:
    (one,) = check_names([Named(f"/A/{name}", name)], SX)
    assert (one.id, one.severity, one.mark, one.fixable) == ("name-stem", "note", "?", True)
    assert names(f"/A/{name}.") == [("name-trailing", f"/A/{name}.")]


def test_a_name_beyond_what_windows_opens() -> None:
    assert names(f"/A/{'x' * 201}.wav") == [("name-long", f"/A/{'x' * 201}.wav")]
    assert names(f"/A/{'x' * 200}.wav") == []


@settings(max_examples=400, deadline=None)
@given(
    st.text(st.sampled_from("ab .,-_\u00e9e\u0301\u0131\U0001f941\u200d\n?*|:\udcff"), min_size=1, max_size=9)
)
def test_nothing_is_renamed_without_a_finding(stem: str) -> None:
    for profile in (GENERIC, SX):
        if safe_stem(stem, profile) != stem:
            assert names(f"/A/{stem.replace('/', '_')}.wav", profile=profile)


def test_hidden_folders_are_named_once() -> None:
    named = [Named("/.Trashes", ".Trashes", True), Named("/.Trashes/501/\u0301x.wav", "\u0301x.wav")]
    assert [(one.id, one.path) for one in check_names(named, MK2)] == [("hidden-file", "/.Trashes")]
    assert (hidden("._kick.wav"), hidden("Thumbs.db"), hidden("kick.wav")) == ("macOS", "Windows", "")


@pytest.mark.parametrize("name", ["nul.wav", "Com1.tar.wav", "LPT9 .wav", "aux"])
def test_what_windows_keeps_for_itself_is_renamed_by_a_correction(name: str) -> None:
    given_name = Names(GENERIC).give(name)
    assert names(f"/A/{given_name}") == []
