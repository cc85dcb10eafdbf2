"""The sinc's promise: a pitched sine keeps 100 dB to everything that is not the sine."""

from __future__ import annotations

import numpy as np
import pytest
from engine_tools import CardImage, encode_f32, render

from native.types import Encoding, EngineConfig, Quality, Start

RATIOS = {"1.06": 1.06, "0.75": 0.75, "1.5": 1.5, "fifth": 2 ** (7 / 12), "1": 1.0, "0.501": 0.501}


def snr_db(hertz: float, rate: int, ratio: float, quality: Quality) -> float:
    """Power of the best fitting sine of the right frequency over the power of all else, in dB."""
    at = np.arange(rate) / rate
    card = CardImage()
    pcm = encode_f32(0.9 * np.sin(2 * np.pi * hertz * at + 0.4)[:, None])
    sample = card.sample(pcm, channels=1, encoding=Encoding.F32_LE, rate=rate)
    audio, _ = render(
        EngineConfig(quality=quality), card.device(), [sample], [Start(0, 0, 0, speed=ratio)], 28_000
    )
    heard = audio[2000:26_000, 0].astype(np.float64)  # beside the file's ends
    # The engine's step is a multiple of 2^-32 frame: the ideal sine is of that step's frequency.
    step = round(ratio * rate / 48_000 * 2**32) / 2**32
    phase = 2 * np.pi * hertz / rate * step * np.arange(2000, 26_000)
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    fitted = basis @ np.linalg.lstsq(basis, heard, rcond=None)[0]
    return float(10 * np.log10((fitted**2).sum() / ((heard - fitted) ** 2).sum()))


@pytest.mark.parametrize("rate", [48_000, 44_100])
@pytest.mark.parametrize("hertz", [1_000.0, 10_000.0])
@pytest.mark.parametrize("ratio", RATIOS)
def test_sinc_keeps_100_db(hertz: float, rate: int, ratio: str) -> None:
    value = snr_db(hertz, rate, RATIOS[ratio], Quality.SINC)
    print(f"sinc, {hertz:.0f} Hz in a file of {rate} Hz, ratio {ratio}: {value:.1f} dB")
    assert value >= 100


def test_each_quality_is_better_than_the_one_before() -> None:
    linear, hermite, sinc = (snr_db(1000.0, 44_100, 1.06, q) for q in Quality)
    assert linear + 10 < hermite < sinc - 20
