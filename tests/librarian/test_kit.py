"""kit.toml: what it says, and how it says what is wrong."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from librarian.kit import KitError, KitPattern, Position, parse

KIT = """
[kit]
name = "LATE NIGHT"
bpm = 92.5

[bank.b]
bpm = 120
volume = 100

[pad.a1]
file = "drums/./kick.wav"
volume = 110
start = 1200
end = "1.5 s"
loop = true
chops = [0, "250 ms"]

[pad]
J16 = "x.wav"

[pattern.C2]
file = "beat.mid"
keys = "generic"
"""


def test_a_kit() -> None:
    kit = parse(KIT)
    assert (kit.name, kit.bpm, kit.project, kit.automatic) == ("LATE NIGHT", 92.5, 1, False)
    assert (kit.banks["B"].bpm, kit.banks["B"].volume) == (120.0, 100)
    pad = kit.pads["A", 1]
    assert (pad.file, pad.volume, pad.loop, pad.gate) == ("/drums/kick.wav", 110, "forward", True)
    assert (pad.start, pad.end) == (Position(1200), Position(seconds=Fraction(3, 2)))
    assert pad.chops[1].at(48_000) == 12_000
    assert pad.given == {"file", "volume", "start", "end", "loop", "chops"}
    assert kit.pads["J", 16].file == "/x.wav"
    assert kit.patterns == {("C", 2): KitPattern("/beat.mid", "generic")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[pad.A1\n", "at line 1"),
        ("", "puts nothing on any pad"),
        ("[kit]\nbpm = 90", "puts nothing on any pad"),
        ("x = 1", "line 1: x: there is no such key; known: kit, bank, pad, pattern"),
        ("pad = 1", "line 1: pad: it must be a table"),
        ("[pad]\nA1 = 5", "line 2: pad.A1: it must be a table of settings"),
        (
            "\n[pad.A1]\nfile='a'\nvolume = 200",
            "line 4: pad.A1.volume: it must be a whole number from 0 to 127, and is 200",
        ),
        ("[pad.A1]\nfile='a'\nvolume = true", "line 3: pad.A1.volume"),
        ("[pad.A1]\nfile='a'\nvolum = 3", "line 3: pad.A1.volum: there is no such key"),
        ("[pad.A1]\nvolume = 3", "line 1: pad.A1: it needs a key 'file'"),
        ("[pad.K1]\nfile='a'", "line 1: pad.K1: pads are A1 to J16"),
        ("[pad.A17]\nfile='a'", "pads are A1 to J16"),
        ("[pad.A0]\nfile='a'", "pads are A1 to J16"),
        ("[pad.A1]\nfile='a'\n[pad.a1]\nfile='b'", "line 3: pad.a1: the pad is there twice"),
        ("[pad.A1]\nfile='../a'", "line 2: pad.A1.file"),
        ("[pad.A1]\nfile='/a'", "line 2: pad.A1.file"),
        ("[pad.A1]\nfile='a\\b'", "line 2: pad.A1.file"),
        ("[pad.A1]\nfile='a'\nstart='soon'", "line 3: pad.A1.start: it must be a frame"),
        ("[pad.A1]\nfile='a'\nloop='twice'", "line 3: pad.A1.loop"),
        ("[pad.A1]\nfile='a'\nbpm=nan", "line 3: pad.A1.bpm"),
        ("[pad.A1]\nfile='a'\nchops=[]", "line 3: pad.A1.chops"),
        ("[pad.A1]\nfile='a'\nvolume=0x" + "f" * 5000, "huge number"),
        ("[pad.A1]\nfile='a'\nvolume=" + "9" * 5000, "not well-formed"),
        ("[bank.K]\nbpm=90", "line 1: bank.K"),
        ("[bank.a]\nbpm=90\n[bank.A]\nbpm=91", "line 3: bank.A"),
        ("[pattern.A1]\nfile='a'\nkeys='piano'", "line 3: pattern.A1.keys"),
        ("a = " + "[" * 5000, "nested too deep"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_line(text, said) -> None:
    with pytest.raises(KitError) as told:
        parse(text)
    assert said in str(told.value)
    assert len(str(told.value)) < 500
    assert str(told.value).startswith("kit.toml")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "[pad.A1]",
                "[pad]",
                "[kit]",
                "[bank.A]",
                "file = 'x'",
                "A2 = 'y'",
                "volume = 1",
                "bpm = 'a'",
                "[[pad]]",
                "pad.B1.file='z'",
                "start = 1979-05-27",
                "=",
                "\x00",
                "chops = [1, '2 s']",
            ]
        ),
        max_size=8,
    )
)
def test_any_toml_is_a_kit_or_a_sentence(lines) -> None:
    said = ""
    try:
        kit = parse("\n".join(lines))
        assert kit.pads or kit.patterns
    except KitError as error:
        said = str(error)
    assert "\n" not in said
