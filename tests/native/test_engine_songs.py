"""Random songs: the same bits whatever the host's blocks and the vector path, never a click or stale data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_songs import Outcome, Song, check_smooth, perform, songs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from native import Engine, ram_device
from native.types import EngineConfig, EngineError

SPLITS = [(1,), (7,), (64,), (128,), (1000,), (4096,), (100_000,)]
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)


def same(a: Outcome, b: Outcome) -> None:
    assert np.array_equal(a.audio, b.audio), int(np.flatnonzero((a.audio != b.audio).any(axis=1))[0])
    assert a.underruns == b.underruns
    assert a.counters == b.counters


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(
    song=songs(),
    split=st.sampled_from(SPLITS) | st.lists(st.integers(1, 3000), min_size=1, max_size=9).map(tuple),
)
def test_the_host_block_changes_nothing(song: Song, split: tuple[int, ...]) -> None:
    plain = perform(song)
    same(plain, perform(song, split))
    check_smooth(song, plain.audio)


def available(path: str) -> bool:
    try:
        Engine(EngineConfig(path=path), ram_device(b"")).close()
    except EngineError:
        return False
    return True


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(song=songs())
def test_every_path_gives_the_same_bits(song: Song) -> None:
    scalar = perform(song, config=replace(song.config, path="scalar"))
    same(scalar, perform(song, config=replace(song.config, path="baseline")))
    if available("avx2"):
        same(scalar, perform(song, config=replace(song.config, path="avx2")))


def test_an_unknown_path_is_refused() -> None:
    with pytest.raises(EngineError, match="no vector path"):
        Engine(EngineConfig(path="altivec"), ram_device(b""))
