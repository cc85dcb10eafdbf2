"""Cards much faster and a little slower than their voices, and more starts than voices."""

from __future__ import annotations

import numpy as np
import pytest

from native import Engine, emulated_card, ram_device
from native.types import Encoding, EngineConfig, Extent, Sample, Start

LEVEL = 8_000
FULL = LEVEL / 32_768


def level_card(seconds: float) -> tuple[bytes, Sample]:
    """A stereo sample that is one level throughout: whatever is silent in the mix was missing."""
    frames = round(48_000 * seconds)
    data = np.full((frames, 2), LEVEL, "<i2").tobytes()
    return data, Sample((Extent(0, len(data)),), 0, frames, 2, 48_000, Encoding.S16_LE)


def play(voices: int, latency_ms: float, mb_per_s: float, pool: int, seconds: float) -> tuple[float, int]:
    """How much of the voices' sound was heard, and how many underruns there were."""
    data, sample = level_card(seconds + 1)
    card = emulated_card(ram_device(data), latency_ms=latency_ms, mb_per_s=mb_per_s)
    with Engine(EngineConfig(pool_bytes=pool), card) as engine:
        for i in range(voices):
            number = engine.add_sample(sample)
            engine.pin_head(number, 0, 2_880)
            engine.post(Start(i * 777, number, i))
        engine.preload()
        out = np.zeros((round(seconds * 48_000), 2), np.float32)
        engine.render(out)
        return float(out.mean()) / FULL / voices, engine.counters().underruns


@pytest.mark.parametrize("voices", [1, 6, 8])
@pytest.mark.parametrize(("latency_ms", "mb_per_s"), [(0.01, 100), (0.05, 500), (0.2, 80), (0.4, 20)])
def test_a_fast_card_is_asked_in_time(voices: int, latency_ms: float, mb_per_s: float) -> None:
    assert play(voices, latency_ms, mb_per_s, 16 << 20, 10)[1] == 0


@pytest.mark.parametrize(("mb_per_s", "least"), [(0.18, 0.4), (0.15, 0.25)])
def test_a_card_a_little_too_slow_is_heard_now_and_then(mb_per_s: float, least: float) -> None:
    heard, underruns = play(1, 5, mb_per_s, 1 << 20, 20)
    assert heard > least
    assert underruns > 2


@pytest.mark.parametrize("apart", [0, 1, 20])
@pytest.mark.parametrize("voices", [1, 2, 4])
def test_the_last_starts_are_the_ones_heard(voices: int, apart: int) -> None:
    data, sample = level_card(1)
    with Engine(EngineConfig(max_voices=voices), ram_device(data)) as engine:
        number = engine.add_sample(sample)
        for i in range(16):
            engine.post(Start(i * apart, number, i, gain=2.0**-i))
        out = np.zeros((4_800, 2), np.float32)
        engine.render(out)
    last = sum(2.0**-i for i in range(16 - voices, 16))
    assert out[-1, 0] == pytest.approx(FULL * last, rel=1e-6)
