"""Belady's optimum against every possible choice on tiny traces."""

from __future__ import annotations

import time
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.measure.belady import next_uses, optimal_hit_rate, optimal_hits


def best_of_all_choices(trace: tuple[int, ...], blocks: int) -> int:
    """The most hits over every choice of victim at every miss."""

    @cache
    def most(at: int, held: frozenset[int]) -> int:
        if at == len(trace):
            return 0
        key = trace[at]
        if key in held:
            return 1 + most(at + 1, held)
        if len(held) < blocks:
            return most(at + 1, held | {key})
        return max(most(at + 1, held - {victim} | {key}) for victim in held)

    return most(0, frozenset())


def lru_hits(trace: list[int], blocks: int) -> int:
    held: list[int] = []
    hits = 0
    for key in trace:
        if key in held:
            hits += 1
            held.remove(key)
        elif len(held) == blocks:
            held.pop(0)
        held.append(key)
    return hits


@given(st.lists(st.integers(0, 5), max_size=14), st.integers(1, 4))
def test_no_choice_of_victims_has_more_hits(trace: list[int], blocks: int):
    assert optimal_hits(trace, blocks) == best_of_all_choices(tuple(trace), blocks)


@given(st.lists(st.integers(0, 40), max_size=400), st.integers(1, 30))
def test_lru_is_never_better_and_more_room_never_worse(trace: list[int], blocks: int):
    best = optimal_hits(trace, blocks)
    assert lru_hits(trace, blocks) <= best <= optimal_hits(trace, blocks + 1)
    assert best <= len(trace) - len(set(trace))


def test_a_loop_longer_than_the_cache():
    """LRU's worst case: it misses every time, the optimum keeps all but one place still."""
    trace = list(range(11)) * 100
    assert lru_hits(trace, 10) == 0
    assert optimal_hit_rate(trace, 10) > 0.88


def test_engine_keys_of_64_bits():
    trace = np.array([7 << 32 | 1, 8 << 32 | 1, 7 << 32 | 1], np.uint64)
    assert next_uses(trace).tolist() == [2, 3, 3]
    assert optimal_hits(trace, 2) == 1
    assert optimal_hits(trace, 1) == 0


def test_nothing_asked_is_no_rate():
    assert optimal_hit_rate([], 4) == 0
    assert len(next_uses([])) == 0


def test_a_cache_of_no_blocks_is_refused():
    with pytest.raises(ValueError, match="at least one block"):
        optimal_hits([1], 0)


def test_a_million_accesses_take_seconds():
    trace = np.random.default_rng(1).zipf(1.2, 1_000_000) % 50_000
    began = time.process_time()
    hits = optimal_hits(trace, 4_096)
    assert time.process_time() - began < 10
    assert 0 < hits < 1_000_000
