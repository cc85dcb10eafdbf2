"""Streaming within a card's physical limit: nobody is ever late."""

from __future__ import annotations

import numpy as np
import pytest
from engine_tools import CardImage, encode_s16, open_engine

from native.types import Counters, EngineConfig, Start, Underrun

RATE, FRAME_BYTES = 48_000, 4


def load(voices: int, pool: int, latency_ms: float, mb_per_s: float) -> float:
    """The part of the card's time that these voices need: V R (t / q + 1 / W), with q a voice's share."""
    rate = RATE * FRAME_BYTES
    return voices * rate * (latency_ms / 1e3 / (pool / voices) + 1 / (mb_per_s * 1e6))


def stream(
    voices: int,
    *,
    seconds: float,
    pool: int = 4 << 20,
    block: int = 4096,
    latency_ms: float = 1.0,
    mb_per_s: float = 20.0,
    apart: int = 480,
    head_ms: float = 60.0,
) -> tuple[Counters, list[Underrun]]:
    """Voices, each with a file of its own that lasts all the time, started ``apart`` frames apart."""
    frames = int(seconds * RATE)
    noise = encode_s16(np.random.default_rng(1).uniform(-0.5, 0.5, (RATE, 2)))
    card = CardImage()
    # To the engine each voice has a file of its own, in one piece; on the card they are one and the same.
    sample = card.sample(noise * (-(-frames // RATE) + 1))
    config = EngineConfig(max_voices=voices, pool_bytes=pool, block_bytes=block)
    device = card.device(latency_ms=latency_ms, mb_per_s=mb_per_s)
    with open_engine(config, device, [sample] * voices) as engine:
        for number in range(voices):
            engine.pin_head(number, 0, round(head_ms * RATE / 1000))
            engine.post(Start(number * apart, number, number, gain=1 / voices))
        engine.preload()
        out = np.empty((RATE // 10, 2), np.float32)
        found: list[Underrun] = []
        while engine.frame < frames:
            engine.render(out)
            found += engine.drain_underruns()
        return engine.counters(), found


def test_32_stereo_voices_stream_for_a_minute_without_an_underrun() -> None:
    assert load(32, 4 << 20, 1.0, 20.0) < 0.8
    counters, found = stream(32, seconds=60)
    assert counters.read_bytes > 32 * 59 * RATE * FRAME_BYTES
    print(f"{counters.reads} reads, {counters.read_bytes} bytes, busy {counters.busy_ms / 600:.1f} %")
    assert (found, counters.underruns) == ([], 0)
    assert counters.wasted_bytes < counters.read_bytes / 1000


@pytest.mark.parametrize(
    ("voices", "pool_mb", "block", "latency_ms", "mb_per_s"),
    [(1, 1, 4096, 5.0, 1.0), (8, 4, 4096, 5.0, 10.0), (24, 8, 4096, 3.0, 15.0), (48, 16, 2048, 1.0, 25.0),
     (64, 16, 4096, 0.5, 25.0), (16, 8, 16_384, 2.0, 12.0), (100, 64, 4096, 1.0, 40.0)],
)  # fmt: skip
def test_well_within_the_limit_nobody_is_late(
    voices: int, pool_mb: int, block: int, latency_ms: float, mb_per_s: float
) -> None:
    assert load(voices, pool_mb << 20, latency_ms, mb_per_s) < 0.7
    counters, found = stream(
        voices,
        seconds=14,
        pool=pool_mb << 20,
        block=block,
        latency_ms=latency_ms,
        mb_per_s=mb_per_s,
        apart=4800,
    )
    assert found == []
    assert counters.voices == voices


def test_after_a_chord_that_no_card_could_serve_in_time_all_voices_come_back() -> None:
    """24 commands take longer than the heads last: some voices fade, but they do not stay late for ever."""
    _, found = stream(24, seconds=8, pool=8 << 20, latency_ms=3.0, mb_per_s=15.0, apart=0)
    assert load(24, 8 << 20, 3.0, 15.0) < 0.4
    assert 0 < len(found) < 30
    assert found[-1].frame < RATE // 4
