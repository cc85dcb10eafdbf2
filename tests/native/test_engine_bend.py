"""Voices that change their speed while they sound."""

from __future__ import annotations

import numpy as np
import pytest
from engine_tools import CardImage, encode_s16, render

from native.types import Bend, EngineConfig, Loop, Start

FRAMES = 96_000


def ramp_card() -> tuple[CardImage, list]:
    """A sample whose value says which frame is heard."""
    card = CardImage()
    ramp = np.arange(FRAMES) / FRAMES
    return card, [card.sample(encode_s16(np.stack([ramp, -ramp], 1)))]


def positions(out: np.ndarray) -> np.ndarray:
    return out[:, 0].astype(np.float64) * FRAMES


@pytest.mark.parametrize("cents", [1200.0, -1200.0, 350.0])
def test_it_goes_on_from_where_it_is_at_the_new_speed(cents: float) -> None:
    card, samples = ramp_card()
    out, found = render(
        EngineConfig(), card.device(), samples, [Start(0, 0, 1), Bend(9_601, 1, cents)], 20_000
    )
    assert found == []
    at = positions(out)
    want = np.arange(20_000, dtype=np.float64)
    want[9_601:] = 9_601 + (want[9_601:] - 9_601) * 2 ** (cents / 1200)
    assert np.abs(at[10:] - want[10:]).max() < 4  # 16 bits: one step is three frames


def test_the_fade_before_a_cut_end_moves_with_it() -> None:
    card, samples = ramp_card()
    events = [Start(0, 0, 1, end=40_000), Bend(20_000, 1, 1200.0), Bend(25_000, 1, 0.0)]
    out, _ = render(EngineConfig(fade_frames=128), card.device(), samples, events, 45_000)
    assert np.flatnonzero(out[:, 0])[-1] == pytest.approx(34_999, abs=2)
    assert np.abs(np.diff(out[:, 0])).max() <= 1 / 128


def test_only_voices_of_the_tag_and_only_those_that_sound() -> None:
    card, samples = ramp_card()
    alone, _ = render(EngineConfig(), card.device(), samples, [Start(0, 0, 1), Start(500, 0, 1)], 5_000)
    same, _ = render(
        EngineConfig(),
        card.device(),
        samples,
        [Start(0, 0, 1), Bend(100, 2, 700.0), Bend(100, 1, 0.0), Start(500, 0, 1)],
        5_000,
    )
    assert np.array_equal(alone, same)


def test_a_loop_bent_again_and_again_on_a_card_that_keeps_up() -> None:
    card, samples = ramp_card()
    bends = [Bend(2_000 + 700 * i, 1, (-1) ** i * 600.0) for i in range(60)]
    start = Start(0, 0, 1, loop=Loop.PING_PONG, loop_start=1_000)
    slow, found = render(
        EngineConfig(pool_bytes=64 * 4096),
        card.device(latency_ms=1, mb_per_s=5),
        samples,
        [start, *bends],
        48_000,
    )
    quick, _ = render(EngineConfig(), card.device(), samples, [start, *bends], 48_000)
    late = max((u.frame for u in found), default=0) + 2_000  # a cold start comes in when data is there
    assert late < 10_000
    assert np.array_equal(slow[late:], quick[late:])
