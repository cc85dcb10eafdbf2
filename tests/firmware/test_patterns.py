"""Patterns as they are played: every press has its end, whatever the steps in which time goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats.pattern import END, Device, Pattern, PatternEvent
from firmware.patterns import PatternPlay, Stroke, _place


def pattern(notes: list[tuple[int, int, int]], ticks: int = 96 * 4) -> Pattern:
    """Notes (tick, pad of bank A, length), as an SX pattern."""
    events, at = [], 0
    for tick, pad, length in sorted(notes):
        events.append((tick, PatternEvent(0, 0x2E + pad, 0, 0, 100, 0x40, length)))
    events.append((ticks, PatternEvent(0, END)))
    made = []
    at = 0
    steps = [(0, PatternEvent(0, 0x80)), *events]
    for (here, event), (there, _) in zip(steps, [*steps[1:], (ticks, None)], strict=True):
        gap = there - here
        if gap > 255:  # fillers, as the devices write them
            made.append(PatternEvent(255, event.code, event.bank_half, 0, event.velocity, 0x40, event.length))
            gap -= 255
            while gap > 255:
                made.append(PatternEvent(255, 0x80))
                gap -= 255
            made.append(PatternEvent(gap, 0x80))
        else:
            made.append(PatternEvent(gap, event.code, event.bank_half, 0, event.velocity, 0x40, event.length))
    del at
    return Pattern(Device.SX, tuple(made), bytes(8))


def test_notes_are_pressed_and_let_go_on_their_ticks_round_and_round() -> None:
    play = PatternPlay(pattern([(0, 1, 10), (96, 2, 500)]))
    assert play.move(95) == [Stroke(0, (0, 1), 100), Stroke(10, (0, 1), 0)]
    assert play.move(96 * 4 + 95) == [
        Stroke(96, (0, 2), 100),
        Stroke(384, (0, 1), 100),
        Stroke(394, (0, 1), 0),
    ]
    assert play.move(96 * 5) == [Stroke(480, (0, 2), 0), Stroke(480, (0, 2), 100)]
    assert play.stop() == [Stroke(480, (0, 2), 0)]
    assert play.stop() == []


NOTES = st.lists(st.tuples(st.integers(0, 383), st.integers(1, 5), st.integers(0, 900)), max_size=20)


@given(NOTES, st.lists(st.integers(0, 200), max_size=40))
def test_the_steps_make_no_difference_and_every_press_ends(notes: list, steps: list[int]) -> None:
    by_steps, at_once = PatternPlay(pattern(notes)), PatternPlay(pattern(notes))
    at, strokes, whole = -1, [], []
    for step in steps:
        at += step
        strokes += by_steps.move(at)
    for tick in range(at + 1):
        whole += at_once.move(tick)
    assert strokes == whole
    strokes += by_steps.stop()
    held = set()
    for one in strokes:
        if one.velocity:
            assert one.place not in held
            held.add(one.place)
        else:
            held.remove(one.place)
    assert held == set()


def test_a_jump_gives_one_round_at_most_and_an_empty_pattern_nothing() -> None:
    assert len(PatternPlay(pattern([(0, 1, 10), (96, 2, 500)])).move(10**12)) <= 6
    assert PatternPlay(Pattern(Device.SX, (PatternEvent(0, END),), bytes(8))).move(1_000) == []


@pytest.mark.parametrize(
    ("name", "device", "place"),
    [
        ("PTN00001.BIN", Device.SX, (0, 1)), ("PTN00038.BIN", Device.SX, (3, 2)),
        ("ptn00160.bin", Device.MK2, (9, 16)),
        ("PTN00161.BIN", Device.MK2, None), ("PTN00000.BIN", Device.MK2, None),
        ("PTN0001.BIN", Device.MK2, None),
        ("PTN00001.BAK", Device.MK2, None), ("PATTERNCHAIN_00.CHN", Device.MK2, None),
    ],
)  # fmt: skip
def test_which_pattern_a_file_is(name: str, device: Device, place: tuple[int, int] | None) -> None:
    assert _place(name, device) == place
