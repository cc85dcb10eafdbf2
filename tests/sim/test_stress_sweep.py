"""The search for the limit, against made-up outcomes: exact, also where more voices do better than fewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stress_kits import MIB, card, trial

from native.types import Schedule
from sim.stress import sweep
from sim.stress.report import Outcome
from sim.stress.sweep import NEIGHBOURS, Search, find, ladder
from sim.stress.trial import Plan, Trial


def made_up(clean: Callable[[int], bool]) -> Callable[[Trial], Outcome]:
    def run(one: Trial) -> Outcome:
        assert one.stop_early
        return Outcome(one.voices, 1.0, 0 if clean(one.voices) else 3, {}, 0, 0, 0, 0.5, 0.0)

    return run


@given(limit=st.integers(0, 600), guess=st.floats(0.5, 900.0), most=st.integers(1, 512), check=st.booleans())
def test_one_border_is_found_from_any_guess(limit: int, guess: float, most: int, check: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "run_trial", made_up(lambda voices: voices <= limit))
        found = find(Search(trial(), 1, most, guess, check))
    assert found.clean_voices == min(limit, most)
    assert len(found.outcomes) <= 2 * 10 + 2 * NEIGHBOURS + 2


@given(holes=st.sets(st.integers(1, 60)), guess=st.floats(1.0, 60.0))
def test_with_holes_all_tested_up_to_the_answer_are_clean(holes: set[int], guess: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "run_trial", made_up(lambda voices: voices not in holes and voices <= 50))
        found = find(Search(trial(), 1, 60, guess))
    clean = found.clean_voices
    assert all(one.clean for voices, one in found.outcomes.items() if voices <= clean)
    assert clean + 1 in holes or clean == 50
    assert {v for v in range(clean - NEIGHBOURS, clean) if v >= 1} <= found.outcomes.keys()


def test_a_range_that_begins_beyond_the_limit_has_no_clean_number() -> None:
    found = find(Search(trial(model=card(1.0, 2.0)), 40, 60, 45.0))
    assert found.clean_voices == 0
    assert found.at_limit is None


def test_a_real_limit_is_the_same_from_every_guess() -> None:
    one = trial(plan=Plan(seconds=3.0, warm_s=2.0, spread_s=1.0))
    limits = {find(Search(one, 1, 64, guess)).clean_voices for guess in (1.0, 12.0, 20.0, 64.0)}
    assert len(limits) == 1
    assert 12 <= limits.pop() <= 22


def test_the_deadline_order_is_no_worse_than_the_others() -> None:
    one = trial(model=card(0.5, 8.0), ram=MIB)
    limits = {
        order: find(
            Search(replace(one, config=replace(one.config, schedule=order)), 1, 64, 30.0)
        ).clean_voices
        for order in Schedule
    }
    assert limits[Schedule.DEADLINE] >= max(limits.values())


def test_the_ladder_stays_in_its_range_and_is_close_at_the_limit() -> None:
    rungs = ladder(1, 60, 37)
    assert rungs == sorted(set(rungs))
    assert {35, 36, 37, 38, 39, 40} <= set(rungs)
    assert (rungs[0], rungs[-1]) == (1, 60)
    assert ladder(5, 5, 5) == [5]
