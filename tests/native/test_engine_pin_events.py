"""Blocks kept in RAM, or no more, by order of the one who plays, while all goes on."""

from __future__ import annotations

import numpy as np
import pytest
from engine_tools import CardImage, encode_s16, open_engine

from native.types import EngineConfig, EngineError, Pin, Start

FRAMES = 48_000
CONFIG = EngineConfig(max_voices=8, pool_bytes=64 * 4096)


def noise_card() -> tuple[CardImage, list]:
    rng = np.random.default_rng(5)
    card = CardImage()
    return card, [card.sample(encode_s16(rng.uniform(-0.5, 0.5, (FRAMES, 2)))) for _ in range(3)]


def go_on(engine, frames: int) -> np.ndarray:
    out = np.empty((frames, 2), np.float32)
    engine.render(out)
    return out


def test_heads_are_exchanged_while_it_plays() -> None:
    card, samples = noise_card()
    slow = {"latency_ms": 5.0, "mb_per_s": 10.0}
    with open_engine(CONFIG, card.device(**slow), samples) as engine:
        assert engine.pin(0, 0, 4_800) == 5
        engine.preload()
        go_on(engine, 128)
        engine.post(Pin(200, 0, 0, 4_800, on=False))
        engine.post(Pin(200, 1, 9_600, 4_800))
        go_on(engine, 9_600)
        block = engine.config.block_bytes
        pinned = engine.counters().pinned_bytes
        assert 5 * block <= pinned <= 6 * block
        assert engine.counters().resident_bytes >= pinned
        engine.post(Start(engine.frame, 1, 7, start=9_600))
        go_on(engine, 4_800)
        assert engine.counters().underruns == 0  # its head was there, though the card is slow
        engine.post(Start(engine.frame, 2, 8))
        go_on(engine, 256)
        assert engine.counters().underruns == 1  # and this one's was not


def test_what_is_not_pinned_and_what_is_pinned_twice_counts_once() -> None:
    card, samples = noise_card()
    with open_engine(CONFIG, card.device(), samples) as engine:
        for pin in (Pin(0, 0, 0, 1_000), Pin(0, 0, 500, 1_000), Pin(0, 1, 0, 9_000, on=False)):
            engine.post(pin)
        go_on(engine, 256)
        assert engine.counters().pinned_bytes == 2 * engine.config.block_bytes
        engine.post(Pin(0, 0, 0, FRAMES, on=False))
        go_on(engine, 256)
        assert engine.counters().pinned_bytes == 0


def test_half_of_the_pool_stays_for_voices() -> None:
    card, samples = noise_card()
    with open_engine(CONFIG, card.device(), samples) as engine:
        for sample in range(3):
            engine.post(Pin(0, sample, 0, FRAMES))
        go_on(engine, 256)
        assert engine.counters().pinned_bytes == 32 * engine.config.block_bytes
        engine.post(Start(0, 2, 1))
        assert np.abs(go_on(engine, 9_600)).max() > 0
        assert engine.counters().underruns <= 1  # cold at most


@pytest.mark.parametrize(
    "pin", [Pin(0, 3, 0, 1), Pin(0, 0, FRAMES, 1), Pin(0, 0, 0, 0), Pin(0, 0, 9, FRAMES)]
)
def test_what_is_not_there_cannot_be_pinned(pin: Pin) -> None:
    card, samples = noise_card()
    with open_engine(CONFIG, card.device(), samples) as engine, pytest.raises(EngineError):
        engine.post(pin)
