"""Fault scripts: what they say, when it comes, and one clear sentence for what is wrong."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from itertools import islice, takewhile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native import FaultKind
from sdcard_image import Item, build_image, open_card
from sim.errors import InputError
from sim.faults.plan import Cards, postings
from sim.faults.script import kind_name, parse_script, read_script
from sim.slots import Slot


def script(text: str):
    return parse_script(tomllib.loads(text))


def test_all_that_can_be_said():
    told = script(
        """
        timeout_ms = 250
        [[fault]]
        kind = "spike"
        at_ms = 1500
        ms = 80
        times = 2
        [[fault]]
        kind = "read-error"
        at_s = 2
        for_ms = 500
        path = "/A/kick.wav"
        offset = 100
        length = 50
        card = "mirror"
        [[fault]]
        kind = "insert"
        at_s = 3
        image = "other.img"
        [[random]]
        kind = "stuck"
        every_s = 4
        for_ms = 30
        [[write]]
        at_s = 5
        path = "/x"
        size = 10
        cut_at = 2
        [[resync]]
        at_s = 6
        """
    )
    spike, error, insert = told.faults
    assert told.timeout_ms == 250
    assert (spike.kind, spike.at_s, spike.spike_ms, spike.times) == (FaultKind.SPIKE, 1.5, 80, 2)
    assert (error.path, error.offset, error.length, error.on_mirror) == ("/A/kick.wav", 100, 50, True)
    assert (error.at_s, error.for_s) == (2, 0.5)
    assert told.cards() == (insert.image,)
    assert (told.randoms[0].every_s, told.randoms[0].fault.for_s) == (4, 0.03)
    assert (told.writes[0].size, told.writes[0].cut_at, told.resyncs) == (10, 2, (6,))
    assert script("").faults == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[fault]]\nat_s = 1", "kind is missing"),
        ('[[fault]]\nkind = "fire"\nat_s = 1', "one of spike"),
        ('[[fault]]\nkind = "spike"', "at_s or at_ms"),
        ('[[fault]]\nkind = "spike"\nat_s = 1\nat_ms = 1', "at_s or at_ms"),
        ('[[fault]]\nkind = "spike"\nat_s = -1', "at_s is -1"),
        ('[[fault]]\nkind = "spike"\nat_s = nan', "must be a number"),
        ('[[fault]]\nkind = "spike"\nat_s = 1\nfor_s = 1', "no 'for_s'"),
        ('[[fault]]\nkind = "spike"\nat_s = 1\nmss = 1', "did you mean ms"),
        ('[[fault]]\nkind = "spike"\nat_s = 1\ntimes = 1.5', "whole number"),
        ('[[fault]]\nkind = "spike"\nat_s = 1\ncard = "third"', "one of main, mirror"),
        ('[[fault]]\nkind = "insert"\nat_s = 1\ncard = "mirror"\nimage = "x"', "main card only"),
        ('[[random]]\nkind = "spike"', "every_s is 0"),
        ('[[random]]\nkind = "power-cut"\nevery_s = 1', "script it"),
        ('[[random]]\nkind = "remove"\nevery_s = 1', "for how long"),
        ("[[write]]\nat_s = 1\nsize = 1", "path is missing"),
        ('[[write]]\nat_s = 1\npath = "/x"', "source"),
        ('[[write]]\nat_s = 1\npath = ""\nsize = 1', "must be a text"),
        ("[fault]\nx = 1", "[[fault]]"),
        ("fault = 3", "[[fault]]"),
        ("timeout_ms = 0", "timeout_ms is 0"),
        ("faults = 3", "did you mean fault"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(text: str, said: str):
    with pytest.raises(InputError) as told:
        script(text)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["fault", "random", "write", "resync", "x"]),
        st.recursive(
            st.one_of(st.integers(), st.floats(), st.text(max_size=5), st.booleans()),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(
                    st.sampled_from(["kind", "at_s", "path", "size", "every_s"]), inner, max_size=4
                ),
            ),
            max_leaves=8,
        ),
    )
)
def test_any_document_is_a_script_or_refused(document: dict[str, object]):
    with suppress(InputError):
        parse_script(document)


@pytest.mark.parametrize("data", [b"\xff", b"a = ", b"[" * 100_000, b"#" * (1 << 21)])
def test_a_file_that_is_no_script(tmp_path: Path, data: bytes):
    (tmp_path / "x.toml").write_bytes(data)
    with pytest.raises(InputError, match=r"x\.toml"):
        read_script(tmp_path / "x.toml")
    with pytest.raises(InputError, match="no such file"):
        read_script(tmp_path / "y.toml")


# when faults come


@pytest.fixture(scope="module")
def slots(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("slots")
    found = []
    for place, name in enumerate(("one", "two")):
        build_image(folder / name, [Item("/a.wav", bytes(9_000))], size_bytes=64 << 20, label=name.upper())
        found.append(Slot(folder / name, open_card(folder / name), place, None, 0))
    yield found
    for slot in found:
        slot.card.close()


def plan(slots: list[Slot], text: str, seed: int = 0, until_s: float = 100):
    told = script(text.replace("TWO", str(slots[1].path)))
    coming = postings(told, Cards(slots, None, told), seed)
    return list(islice(takewhile(lambda one: one.fault.at_ns <= until_s * 1e9, coming), 10_000))


def test_faults_come_in_order_of_time_and_the_same_for_a_seed(slots: list[Slot]):
    text = """
        [[random]]
        kind = "spike"
        every_s = 0.5
        from_s = 10
        until_s = 60
        [[random]]
        kind = "stuck"
        every_s = 2
        for_ms = 10
        [[fault]]
        kind = "spike"
        at_s = 5
    """
    found = plan(slots, text)
    times = [one.fault.at_ns for one in found]
    assert times == sorted(times)
    assert found == plan(slots, text)
    assert found != plan(slots, text, seed=1)
    spikes = [one.fault.at_ns / 1e9 for one in found if one.fault.kind is FaultKind.SPIKE]
    assert spikes[0] == 5
    assert all(10 <= one < 60 for one in spikes[1:])
    assert 60 < len(spikes) < 150
    assert 25 < len(found) - len(spikes) < 80


def test_a_file_is_where_its_bytes_are(slots: list[Slot]):
    extent = slots[0].card.extents("/a.wav")[0]
    text = '[[fault]]\nkind = "read-error"\nat_s = 1\npath = "/a.wav"\n'
    (whole,) = plan(slots, text)
    assert (whole.fault.offset, whole.fault.length) == (extent.offset, 9_000)
    (part,) = plan(slots, text + "offset = 512\nlength = 100")
    assert (part.fault.offset, part.fault.length) == (extent.offset + 512, 100)
    for wrong in (text + "offset = 9000", text.replace("/a", "/b")):
        with pytest.raises(InputError, match="read-error"):
            plan(slots, wrong)
    with pytest.raises(InputError, match="give --mirror"):
        plan(slots, '[[fault]]\nkind = "spike"\nat_s = 1\ncard = "mirror"')


def test_a_card_that_comes_in_ends_the_stay_of_the_other(slots: list[Slot]):
    inserted = '[[fault]]\nkind = "insert"\nat_s = 5\nimage = "TWO"\n'
    found = plan(slots, inserted + '[[fault]]\nkind = "spike"\nat_s = 6\n')
    assert [(one.fault.kind, one.slot.place) for one in found] == [
        (FaultKind.REMOVED, 0),
        (FaultKind.INSERTED, 1),
        (FaultKind.SPIKE, 1),
    ]
    back = inserted + '[[fault]]\nkind = "remove"\nat_s = 7\n[[fault]]\nkind = "insert"\nat_s = 8\n'
    assert [(one.fault.kind, one.slot.place) for one in plan(slots, back)][2:] == [
        (FaultKind.REMOVED, 1),
        (FaultKind.INSERTED, 0),
    ]


def test_the_documented_script_is_one():
    text = (Path(__file__).resolve().parents[2] / "docs" / "faults.md").read_text("utf-8")
    told = script(text.split("```toml")[1].split("```")[0])
    assert {one.kind for one in told.faults} == set(FaultKind)
    assert (len(told.randoms), len(told.writes), len(told.resyncs)) == (1, 1, 1)
    for name in parse_names():
        assert f'kind = "{name}"' in text


def parse_names() -> list[str]:
    return [kind_name(kind) for kind in FaultKind]
