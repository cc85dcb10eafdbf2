"""How much a miss clicks: a tone from a card that cannot keep up, searched for steps that are not its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from native import Engine, emulated_card, ram_device
from native.types import Encoding, EngineConfig, Extent, Loop, OnMiss, Sample, Start, Steal

_TONE_HZ = 220.0
_LEVEL = 0.5
_SECONDS = 8.0
_FILE_SECONDS = 4.0
_SPEED = 0.6  # of what the tone needs
_BLOCKS = 16  # of RAM
_CHUNK = 8_192


@dataclass(frozen=True, slots=True)
class Click:
    """``step``: the largest step between two frames beyond the tone's own, of full scale; 0: no click."""

    on_miss: str
    misses: int
    step: float


def clicks(config: EngineConfig) -> list[Click]:
    """The click of each behaviour on a miss, by an engine like ``config``."""
    return [_click(config, kind) for kind in OnMiss]


def _click(config: EngineConfig, kind: OnMiss) -> Click:
    heard, misses = _play(config, kind, _SPEED)
    return Click(kind.name.lower(), misses, round(max(0.0, _largest_step(heard) - _tone_step(config)), 6))


def _tone_step(config: EngineConfig) -> float:
    """Of the tone where nothing is missing."""
    heard, misses = _play(config, OnMiss.RETURN, 0.0)
    assert misses == 0, "a card that takes no time is never late"
    return _largest_step(heard)


def _largest_step(heard: NDArray[np.float32]) -> float:
    return float(np.abs(np.diff(heard, axis=0, prepend=np.float32(0))).max())


def _play(config: EngineConfig, kind: OnMiss, speed: float) -> tuple[NDArray[np.float32], int]:
    rate = config.rate
    frames = round(_FILE_SECONDS * _TONE_HZ) * rate // round(_TONE_HZ)
    tone = np.sin(np.arange(frames) * (2 * math.pi * _TONE_HZ / rate)) * (_LEVEL * 32767)
    data = np.round(tone).astype("<i2").tobytes()
    made = replace(
        config,
        max_voices=1,
        max_samples=1,
        pool_bytes=_BLOCKS * config.block_bytes,
        steal=Steal.REFUSE,
        on_miss=kind,
        dry=False,
        measure=False,
        trace_records=0,
    )
    card = emulated_card(ram_device(data), latency_ms=0.0, mb_per_s=rate * 2 * speed / 1e6)
    out = np.zeros((round(_SECONDS * rate), 2), np.float32)
    with Engine(made, card) as engine:
        sample = Sample((Extent(0, len(data)),), 0, frames, 1, rate, Encoding.S16_LE)
        number = engine.add_sample(sample)
        engine.pin_head(number, 0, rate // 20)
        engine.preload()
        engine.post(Start(frame=0, sample=number, tag=0, loop=Loop.FORWARD))
        for at in range(0, len(out), _CHUNK):
            engine.render(out[at : at + _CHUNK])
        return out, engine.counters().underruns
