"""Tempo from a clock that jitters, and a clock that does not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.tempo import PulseTrain, TempoEstimate

BLOCK_S = 128 / 48_000


def pulses(
    bpm: float, count: int, begin: float = 0.0, jitter_s: float = BLOCK_S, seed: int = 1
) -> list[float]:
    chance = random.Random(seed)
    return [begin + n * 60 / (24 * bpm) + chance.uniform(0, jitter_s) for n in range(count)]


def after(*times: float) -> TempoEstimate:
    estimate = TempoEstimate()
    for time in times:
        estimate.pulse(time)
    return estimate


@pytest.mark.parametrize("bpm", [40.0, 97.3, 120.0, 174.5, 200.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_jittery_clock_is_steady_to_a_tenth_within_four_beats(bpm: float, seed: int) -> None:
    times = pulses(bpm, 24 * 40, seed=seed)
    estimate = after(*times[:96])
    shown = []
    for time in times[96:]:
        estimate.pulse(time)
        shown.append(estimate.bpm)
    assert all(one == pytest.approx(bpm, abs=0.11) for one in shown)


@pytest.mark.parametrize(
    ("before", "after_it"), [(120.0, 128.0), (120.0, 121.0), (174.0, 87.0), (60.0, 180.0)]
)
def test_a_new_tempo_is_known_within_a_few_beats(before: float, after_it: float) -> None:
    first = pulses(before, 200)
    second = pulses(after_it, 24 * 8, begin=first[-1] + 60 / (24 * after_it))
    assert after(*first, *second[: 24 * 5]).bpm == pytest.approx(after_it, abs=0.3)
    assert after(*first, *second).bpm == pytest.approx(after_it, abs=0.11)


def test_a_pulse_that_was_lost_changes_nothing() -> None:
    times = pulses(120.0, 300)
    del times[150], times[200]
    assert after(*times).bpm == pytest.approx(120.0, abs=0.11)


def test_pulses_that_were_held_up_and_come_all_at_once_change_little() -> None:
    times = pulses(120.0, 24 * 20)
    for begin in range(100, 400, 100):
        times[begin : begin + 8] = [times[begin + 8]] * 8  # a stall of a third of a beat
    estimate, shown = after(*times[:96]), []
    for time in times[96:]:
        estimate.pulse(time)
        shown.append(estimate.bpm)
    assert all(one == pytest.approx(120.0, abs=0.5) for one in shown)


def test_what_is_no_tempo_is_not_shown() -> None:
    assert TempoEstimate().bpm is None
    assert after(*pulses(120.0, 3)).bpm is None
    assert after(*[0.0] * 500).bpm is None  # a flood
    assert after(*pulses(1200.0, 500, jitter_s=0)).bpm is None
    assert after(*pulses(4.0, 50, jitter_s=0)).bpm is None


def test_a_clock_that_ends_is_gone() -> None:
    estimate = after(*pulses(120.0, 100))
    assert not estimate.is_silent(100 / 48 + 0.1)
    assert estimate.is_silent(100 / 48 + 0.6)
    estimate.forget()
    assert estimate.bpm is None
    assert not estimate.is_silent(1e9)


@given(st.lists(st.floats(-10, 10), max_size=200))
def test_any_times_are_taken(steps: list[float]) -> None:
    estimate, now = TempoEstimate(), 0.0
    for step in steps:
        now += step
        estimate.pulse(now)
        assert estimate.bpm is None or 20 <= estimate.bpm <= 300.1


def test_a_train_adds_up_no_error() -> None:
    train, count, now = PulseTrain(120.0, 0.0), 0, 0.0
    chance = random.Random(3)
    while now < 60:
        now += chance.uniform(0.0, 0.004)
        count += train.take(now)
    assert count == int(now * 48) + 1


def test_a_train_changes_tempo_without_a_jump_and_does_not_make_up_for_sleep() -> None:
    train = PulseTrain(120.0, 0.0)
    train.take(0.0)
    train.change(60.0, 0.5 / 48)
    assert train.due == pytest.approx(0.5 / 48 + 0.5 / 24)
    assert train.take(train.due) == 1
    assert train.due == pytest.approx(0.5 / 48 + 1.5 / 24)
    assert train.take(1_000.0) == 1
    assert train.due == pytest.approx(1_000 + 1 / 24)
