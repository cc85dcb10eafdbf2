"""Real time: a thread reads, a clock asks, and what is heard is what offline rendering gives."""

from __future__ import annotations

import time

import numpy as np
import pytest
from engine_tools import CardImage, encode_s16, open_engine, render

from native import Live
from native.types import EndCause, EngineConfig, EngineError, Loop, Overload, Quality, Start

FRAMES = 48_000
CONFIG = EngineConfig(threaded_reader=True, max_voices=8, measure=True)


def noise_card() -> tuple[CardImage, list]:
    rng = np.random.default_rng(5)
    card = CardImage()
    return card, [card.sample(encode_s16(rng.uniform(-0.5, 0.5, (FRAMES, 2)))) for _ in range(2)]


def taken(live: Live, frames: int, seconds: float) -> np.ndarray:
    """What is played, until ``frames`` frames have come or the time is over."""
    parts, have, until = [], 0, time.monotonic() + seconds
    while have < frames and time.monotonic() < until:
        got = live.read(8192)
        have += len(got)
        parts.append(got)
        time.sleep(0.01)
    return np.concatenate(parts)


def test_a_clock_plays_what_offline_rendering_gives() -> None:
    card, samples = noise_card()
    begin, wanted = 9_600, FRAMES
    start = Start(begin, 0, 3)
    offline = EngineConfig(max_voices=8)
    want, found = render(offline, card.device(), samples, [start], begin + wanted)
    assert found == []
    with open_engine(CONFIG, card.device(latency_ms=1.0, mb_per_s=10.0), samples) as engine:
        engine.pin(0, 0, 4_800)
        engine.preload()
        engine.post(start)
        with Live(engine) as live:
            live.read(1)
            live.start_reader()
            live.start_clock(128)
            got = taken(live, begin + wanted, 5)
            report = live.report()
        assert engine.counters().underruns == 0
    assert np.array_equal(got[: begin + wanted], want[: len(got)])
    assert report.frames_lost == 0
    assert report.block_frames == 128
    assert 0 < report.p50_us <= report.p99_us <= report.p999_us


def test_time_goes_on_by_the_clock() -> None:
    card, samples = noise_card()
    with open_engine(CONFIG, card.device(), samples) as engine, Live(engine) as live:
        assert live.now() == 0
        live.start_clock(64)
        time.sleep(0.3)
        first, at = live.now(), time.monotonic()
        time.sleep(0.2)
        passed = live.now() - first
        assert passed == pytest.approx((time.monotonic() - at) * 48_000, rel=0.2)
        live.stop_clock()
        stopped = engine.frame
        time.sleep(0.05)
        assert engine.frame == stopped


def test_what_cannot_be_is_refused() -> None:
    card, samples = noise_card()
    with open_engine(EngineConfig(), card.device(), samples) as engine, pytest.raises(EngineError):
        Live(engine)
    with open_engine(CONFIG, card.device(), samples) as engine, Live(engine) as live:
        live.start_reader()
        with pytest.raises(EngineError):
            live.start_reader()
        with pytest.raises(EngineError):
            live.start_clock(0)


@pytest.mark.parametrize(("overload", "give_way"), [(Overload.OLDEST, True), (Overload.NONE, False)])
def test_voices_give_way_to_a_machine_that_cannot_render_them_in_time(overload, give_way) -> None:
    """Blocks of one frame last 2.6 us; no machine renders hundreds of voices in that."""
    card, samples = noise_card()
    config = EngineConfig(
        rate=384_000,
        threaded_reader=True,
        max_voices=1_000,
        measure=True,
        overload=overload,
        quality=Quality.SINC,
    )
    with open_engine(config, card.device(), samples) as engine:
        engine.pin_sample(0)
        engine.preload()
        for tag in range(1_000):
            engine.post(Start(0, 0, tag, loop=Loop.FORWARD, gain=0.001))
        with Live(engine) as live:
            live.start_reader()
            live.start_clock(1)
            time.sleep(1.0)
            assert live.report().late_blocks > 100
            live.stop_clock()
        causes = {end.cause for end in engine.drain_ends()}
        assert (EndCause.CPU in causes) is give_way
        assert (engine.counters().dropped > 0) is give_way
