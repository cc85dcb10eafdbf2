"""Quantiles and confidence intervals, against published values and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.measure.statistics import Distribution, chance_of, distribution, quantile


def test_quantiles_are_values_that_occurred():
    values = list(range(1, 101))
    assert [quantile(values, part) for part in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert quantile([7], 0.5) == quantile([7], 0.0) == 7
    assert distribution([3, 1, 2]) == Distribution(2, 3, 3)
    assert distribution([]) is None
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


@given(st.lists(st.integers(0, 1000), min_size=1), st.floats(0, 1))
def test_a_quantile_is_not_exceeded_by_its_part(values: list[int], part: float):
    found = quantile(values, part)
    assert sum(value <= found for value in values) >= part * len(values) - 1e-9
    assert found in values


@pytest.mark.parametrize(
    ("happened", "tries", "low", "high"),
    [
        (10, 100, 0.0552, 0.1744),
        (1, 10, 0.0179, 0.4042),
        (50, 100, 0.4038, 0.5962),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_wilsons_interval(happened: int, tries: int, low: float, high: float):
    """The last row is the worked example of Newcombe, Statistics in Medicine 17 (1998), table I."""
    found = chance_of(happened, tries)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.0001)
    assert found.estimate == happened / tries


def test_the_rule_of_three():
    for tries in (30, 100, 1000):
        assert chance_of(0, tries).high == pytest.approx(3 / tries, rel=0.06)
        assert chance_of(tries, tries).low == pytest.approx(1 - 3 / tries, rel=0.06)
    assert chance_of(0, 100).low == 0
    assert chance_of(100, 100).high == 1


def test_the_interval_holds_the_truth_as_often_as_it_says():
    chance, tries = np.random.default_rng(1), 60
    for truth in (0.02, 0.1, 0.5):
        counts = chance.binomial(tries, truth, 2000)
        held = [(one := chance_of(int(n), tries)).low <= truth <= one.high for n in counts]
        assert np.mean(held) > 0.92


def test_over_many_tries():
    one = chance_of(1, 100)
    many = one.over(60)
    assert many.estimate == pytest.approx(1 - 0.99**60)
    assert many.low < many.estimate < many.high <= 1
    assert chance_of(0, 50).over(60).low == 0
    assert chance_of(50, 50).over(60).estimate == 1
    assert chance_of(1, 10**9).over(1).estimate == pytest.approx(1e-9)


@pytest.mark.parametrize(("happened", "tries"), [(-1, 3), (4, 3), (0, 0)])
def test_what_is_no_count_is_refused(happened: int, tries: int):
    with pytest.raises(ValueError, match="no count"):
        chance_of(happened, tries)
