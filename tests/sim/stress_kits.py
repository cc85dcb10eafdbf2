"""Small kits, trials and cards for the tests of stress runs."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

from native import CardModel
from native.types import EngineConfig
from sdcard_image import Item, build_image
from sim.stress.kit import Kit, stems
from sim.stress.trial import Plan, Trial

MIB = 1 << 20
RATE_BYTES = 176_400  # of a 44.1 kHz 16-bit stereo voice
QUICK = Plan(seconds=4.0, warm_s=3.0, spread_s=1.0)


def card(ms: float, mb_per_s: float, **more: float) -> CardModel:
    return CardModel(command_us=ms * 1000, read_mb_per_s=mb_per_s, **more)


def trial(
    voices: int = 1,
    *,
    kit: Kit | None = None,
    model: CardModel | None = None,
    ram: int = 2 * MIB,
    plan: Plan = QUICK,
    **more: object,
) -> Trial:
    config = EngineConfig(pool_bytes=ram, block_bytes=1_024, max_transfer_blocks=256, max_ahead_blocks=1_024)
    return Trial(kit or stems(8, 20.0), voices, config, model or card(1.0, 4.0), plan, **more)


def wav(seconds: float, seed: int, channels: int = 2) -> bytes:
    noise = np.random.default_rng(seed).integers(-900, 900, (round(seconds * 44_100), channels), np.int16)
    out = io.BytesIO()
    soundfile.write(out, noise, 44_100, "PCM_16", format="WAV")
    return out.getvalue()


def stems_image(path: Path, count: int = 6, seconds: float = 8.0) -> Path:
    items = [Item(f"/A/stem {n + 1}.wav", wav(seconds, n)) for n in range(count)]
    build_image(path, items, size_bytes=64 * MIB)
    return path
