"""What gives first, and the sentence that says so."""

from __future__ import annotations

import pytest

from sim.stress.judge import first_to_give, sentence
from sim.stress.report import Bound, Relief, Suggestion


def a_bound(ram: int = 8 << 20, command_ms: float = 1.0, mb_per_s: float = 10.0) -> Bound:
    return Bound(50.0, 176_400.0, ram, command_ms, mb_per_s, ram / 50, 5e6)


def reliefs(**gains: int) -> list[Relief]:
    return [Relief(cost.replace("_", " "), "", 40 + gain) for cost, gain in gains.items()]


@pytest.mark.parametrize(
    ("gains", "ram", "expected"),
    [
        ({"RAM": 3, "bandwidth": 20, "command_overhead": 3, "spikes": 0}, 8 << 20, "bandwidth"),
        ({"RAM": 10, "bandwidth": 2, "command_overhead": 10}, 16 << 20, "command overhead"),
        ({"RAM": 10, "bandwidth": 2, "command_overhead": 10}, 1 << 20, "RAM"),
        ({"RAM": 0, "bandwidth": 2, "command_overhead": 10}, 1 << 20, "command overhead"),
        ({"RAM": 30, "bandwidth": 2, "command_overhead": 10}, 64 << 20, "RAM"),
        ({"RAM": 10, "bandwidth": 9, "command_overhead": 8, "spikes": 11}, 8 << 20, "spikes"),
        ({"RAM": 9, "bandwidth": 4, "command_overhead": 4, "spikes": 8}, 1 << 20, "spikes"),
        ({"RAM": 1, "bandwidth": 0, "command_overhead": 0, "spikes": 0}, 8 << 20, "RAM"),
        ({"RAM": 9, "bandwidth": 10, "command_overhead": 9, "spikes": 0}, 8 << 20, "bandwidth"),
    ],
)
def test_the_largest_gain_gives_first(gains: dict[str, int], ram: int, expected: str) -> None:
    assert first_to_give(40, "underruns", reliefs(**gains), a_bound(ram)) == expected


def test_where_nothing_helps_the_larger_term_of_the_bound_decides() -> None:
    none = reliefs(RAM=0, bandwidth=0, command_overhead=0)
    assert first_to_give(40, "underruns", none, a_bound(mb_per_s=1.0)) == "bandwidth"
    assert first_to_give(40, "underruns", none, a_bound(command_ms=500.0)) == "command overhead"
    assert first_to_give(40, "underruns", [], a_bound(command_ms=0.0, mb_per_s=0.0)) == "RAM"


def test_no_underrun_no_blame() -> None:
    assert first_to_give(12, "device", [], a_bound()) == "voices"
    assert first_to_give(12, "asked", [], a_bound()) == "nothing"


def test_the_sentence_ranks_one_change_of_each_kind() -> None:
    told = sentence(
        37,
        (1, 64),
        "underruns",
        "bandwidth",
        [
            Suggestion("a uhs-i card", 90, "card"),
            Suggestion("an a1 card", 80, "card"),
            Suggestion("mono instead of stereo", 70, "mono"),
            Suggestion("defragment", 46, "defragment"),
        ],
    )
    assert told == (
        "37 of 64 voices stream without a gap; the card's bandwidth gives first; what would help:"
        " a uhs-i card: +53 voices; mono instead of stereo: +33; defragment: +9."
    )


@pytest.mark.parametrize(
    ("limited", "gives", "words"),
    [
        ("device", "voices", "All 12 voices that the device has"),
        ("asked", "nothing", "more were not tried"),
        ("underruns", "RAM", "nothing that was tried helps"),
    ],
)
def test_sentences_without_suggestions(limited: str, gives: str, words: str) -> None:
    told = sentence(12, (1, 12), limited, gives, [])
    assert words in told
    assert told.count(".") == 1


@pytest.mark.parametrize(("tried", "words"), [((200, 210), "200 to 210"), ((200, 200), "200")])
def test_a_limit_below_the_range_is_said(tried: tuple[int, int], words: str) -> None:
    told = sentence(98, tried, "underruns", "bandwidth", [])
    assert told.startswith(f"With {words} voices there are underruns: the limit lies below, at 98;")
    assert "98 of" not in told
    assert sentence(199, tried, "underruns", "bandwidth", []).startswith("With"), "none of the range is clean"
    assert sentence(200, (200, 210), "underruns", "bandwidth", []).startswith("200 of 210 voices")
