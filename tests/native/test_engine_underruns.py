"""A card that is too slow: the voice fades, keeps its place in time, comes back right, all on record."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_tools import Audio, CardImage, encode_s16, open_engine, play, render
from hypothesis import given, settings
from hypothesis import strategies as st

from native.types import Cause, EngineConfig, Loop, Quality, Start, Underrun

FRAMES = 60_000
FADE = 128


def positive_card() -> tuple[CardImage, list]:
    """Sample 0: noise that is never near zero, so that what is heard gives away the gain. Sample 1: its
    negative, to fill the cache with what must never be heard."""
    rng = np.random.default_rng(12)
    values = rng.uniform(0.25, 0.9, (FRAMES, 2))
    card = CardImage()
    return card, [card.sample(encode_s16(values)), card.sample(encode_s16(-values))]


def gains_of(got: Audio, undisturbed: Audio) -> np.ndarray:
    """The gain of each frame, which must be the same on both channels."""
    ratio = got.astype(np.float64) / undisturbed
    np.testing.assert_allclose(ratio[:, 0], ratio[:, 1], atol=1e-5)
    return ratio[:, 0]


def check_gains(gains: np.ndarray, found: list[Underrun], begin: int = 0) -> None:
    """1, or 0, or a straight line of one fade between; each way down is an underrun on record, no other."""
    assert gains.min() >= -1e-6
    assert gains.max() <= 1 + 1e-6
    steps = np.diff(gains)
    assert np.abs(steps).max() <= 1 / FADE + 1e-5
    falls = begin + np.flatnonzero((steps < -1e-6) & (np.concatenate([[0], steps[:-1]]) >= -1e-6))
    recorded = [u.frame for u in found]
    if gains[0] == 0:
        assert recorded[0] == begin
        recorded = recorded[1:]
    assert recorded == list(falls)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    latency=st.sampled_from([0.0, 2.0, 7.0, 30.0, 90.0]),
    speed=st.sampled_from([0.02, 0.1, 0.15, 0.19, 0.3]),
    block=st.sampled_from([512, 2048, 4096]),
    pool_blocks=st.sampled_from([8, 16, 40]),
    begin=st.integers(0, 200),
    reverse=st.booleans(),
    loop=st.sampled_from([Loop.NONE, Loop.PING_PONG]),
    quality=st.sampled_from([Quality.LINEAR, Quality.HERMITE]),
    cents=st.sampled_from([0.0, -300.0, 700.0]),
)
def test_what_is_heard_is_right_or_fading(  # noqa: PLR0917 - hypothesis names them
    latency, speed, block, pool_blocks, begin, reverse, loop, quality, cents
) -> None:
    card, samples = positive_card()
    config = EngineConfig(
        pool_bytes=block * max(pool_blocks, 8192 // block * 3),
        block_bytes=block,
        fade_frames=FADE,
        quality=quality,
    )
    start = Start(begin, 0, 9, reverse=reverse, loop=loop, loop_start=3000, pitch_cents=cents)
    frames = begin + 30_000
    want, none = render(replace(config, pool_bytes=4 << 20), card.device(), samples, [start], frames)
    assert none == []
    with open_engine(config, card.device(latency_ms=latency, mb_per_s=speed), samples) as engine:
        got = play(engine, [start], frames)
        found = engine.drain_underruns()
        assert engine.counters().underruns == len(found)
    assert not got[:begin].any()
    gains = gains_of(got[begin:], want[begin:])
    check_gains(gains, found, begin)
    exact = (gains > 1 - 1e-9) & (gains < 1 + 1e-9)
    assert np.array_equal(got[begin:][exact], want[begin:][exact])
    assert {(u.tag, u.sample) for u in found} == {(9, 0)}
    assert found[0].cause is Cause.COLD
    assert {u.cause for u in found[1:]} <= {Cause.LATE}


def test_old_data_is_never_heard() -> None:
    card, samples = positive_card()
    config = EngineConfig(pool_bytes=24 * 2048, block_bytes=2048, max_voices=2, fade_frames=FADE)
    fill = Start(0, 1, 1)
    start = Start(FRAMES + 1000, 0, 2)
    want, _ = render(replace(config, pool_bytes=4 << 20), card.device(), samples, [start], 2 * FRAMES)
    with open_engine(config, card.device(latency_ms=3, mb_per_s=0.25), samples) as engine:
        play(engine, [fill], FRAMES + 1000)
        resident = engine.counters().resident_bytes
        assert resident > config.pool_bytes * 0.8
        engine.drain_underruns()
        engine.post(start)
        got = np.empty((FRAMES - 1000, 2), np.float32)
        engine.render(got)
        found = engine.drain_underruns()
    gains = gains_of(got, want[FRAMES + 1000 :])
    check_gains(gains, found, FRAMES + 1000)
    assert found
    assert (gains == 1).mean() > 0.2


def test_it_comes_back_where_time_has_gone_on() -> None:
    """A card that answers after 200 ms: silence first, then the very frames of the undisturbed render."""
    card, samples = positive_card()
    got, found = render(
        EngineConfig(fade_frames=FADE),
        card.device(latency_ms=200, mb_per_s=50),
        samples,
        [Start(0, 0, 5)],
        FRAMES,
    )
    want, _ = render(EngineConfig(), card.device(), samples, [Start(0, 0, 5)], FRAMES)
    assert found[0] == Underrun(0, 5, 0, Cause.COLD)
    assert not got[: int(0.2 * 48_000)].any()
    late = int(0.45 * 48_000)
    assert np.array_equal(got[late:], want[late:])


def test_no_room_is_told_from_late() -> None:
    rng = np.random.default_rng(1)
    card = CardImage()
    samples = [card.sample(encode_s16(rng.uniform(-0.1, 0.1, (20_000, 2)))) for _ in range(8)]
    config = EngineConfig(pool_bytes=8 * 512, block_bytes=512, max_voices=8)
    _, found = render(config, card.device(), samples, [Start(0, n, n) for n in range(8)], 20_000)
    assert Cause.NO_ROOM in {u.cause for u in found}
    assert Cause.READ_ERROR not in {u.cause for u in found}


@pytest.mark.parametrize("block", [1, 64, 1000])
def test_reports_beyond_the_queue_are_counted(block: int) -> None:
    card, samples = positive_card()
    with open_engine(
        EngineConfig(max_voices=64), card.device(latency_ms=500, mb_per_s=0.1), samples
    ) as engine:
        events = [Start(frame, 0, frame % 7) for frame in range(4800)]
        play(engine, events, 5000, (block,))
        counters, found = engine.counters(), engine.drain_underruns()
        assert counters.underruns == counters.voices_started == 4800
        assert len(found) == 4096
        assert [u.frame for u in found] == list(range(4096))


@pytest.mark.parametrize("speed", [1.0, 4.0, 16.0])
@pytest.mark.parametrize("loop", [Loop.FORWARD, Loop.PING_PONG])
def test_a_fast_loop_over_three_blocks_has_blocks_enough(speed: float, loop: Loop) -> None:
    """Each pass needs three blocks where its bytes would fill little more than one; the share is four."""
    card, samples = positive_card()
    config = EngineConfig(pool_bytes=64 * 1024, block_bytes=1024, max_ahead_blocks=4, fade_frames=FADE)
    first = 256 - 30  # of a stereo frame's four bytes 256 fill a block
    start = Start(0, 0, 0, start=first, loop_start=first, end=512 + 30, loop=loop, speed=speed)
    got, _ = render(config, card.device(), samples, [start], 10_000)
    assert got[2000:].all()
