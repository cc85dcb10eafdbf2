"""What C does for a session: posting at a moment, pausing, another engine, keeping a lost server out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from native import Engine, Live
from native.device import ram_device
from native.types import Encoding, EngineConfig, EngineError, Extent, QueueFullError, Sample, Start, Stop

CONFIG = EngineConfig(threaded_reader=True, max_voices=8, measure=True, pool_bytes=1 << 20)
FRAMES = 24_000


def make_engine(config: EngineConfig = CONFIG) -> Engine:
    noise = np.random.default_rng(7).integers(1, 9_000, (FRAMES, 2), dtype=np.int16)
    engine = Engine(config, ram_device(noise.tobytes()))
    engine.add_sample(Sample((Extent(0, noise.nbytes),), 0, FRAMES, 2, config.rate, Encoding.S16_LE))
    engine.pin_sample(0)
    engine.preload()
    return engine


@pytest.fixture
def live() -> Iterator[Live]:
    with make_engine() as engine, Live(engine) as made:
        made.read(0)
        made.start_reader()
        made.start_clock(64)
        time.sleep(0.05)
        yield made


def heard(live: Live) -> np.ndarray:
    time.sleep(0.05)
    return live.read(1 << 16)


def test_events_of_a_post_share_a_frame_and_posts_do_not(live: Live) -> None:
    first = live.post([Start(0, 0, tag) for tag in range(4)], 64)
    second = live.post([], 64)
    third = live.post([Stop(0)], 64)
    assert first < second < third <= live.now() + 65


def test_a_start_sounds_from_its_frame_on(live: Live) -> None:
    before = len(heard(live))
    at = live.post([Start(0, 0, 1)], 64)
    time.sleep(0.05)
    sound = live.read(1 << 16)
    assert live.report().late_events == 0
    first = int(np.flatnonzero(sound.any(axis=1))[0])
    assert before + first == at


def test_more_than_fits_is_refused_whole(live: Live) -> None:
    with pytest.raises(QueueFullError):
        live.post([Start(0, 0, 1)] * 5_000, 64)
    assert not heard(live).any()


def test_time_stands_still_while_paused(live: Live) -> None:
    live.post([Start(0, 0, 1)], 64)
    time.sleep(0.02)
    with live.paused():
        live.read(1 << 16)
        time.sleep(0.05)
        assert len(live.read(1 << 16)) == 0
    assert live.report().paused_frames > 0
    assert heard(live).any()


def test_another_engine_plays_on(live: Live) -> None:
    with make_engine(replace(CONFIG, pool_bytes=2 << 20)) as other:
        with pytest.raises(EngineError):
            live.exchange(other)  # not while it plays
        with live.paused():
            live.exchange(other)
        at = live.post([Start(0, 0, 1)], 64)
        assert at < FRAMES
        assert heard(live).any()
        assert other.voices == 1
        with make_engine(replace(CONFIG, rate=44_100)) as wrong, live.paused(), pytest.raises(EngineError):
            live.exchange(wrong)
        live.close()


def test_a_server_that_is_kept_out_leaves_the_clock_alone(live: Live) -> None:
    live.disconnect()
    live.post([Start(0, 0, 1)], 64)
    assert heard(live).any()
