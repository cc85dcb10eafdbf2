"""Audio files in memory, for tests of what converts them."""

from __future__ import annotations

import io

import numpy as np
import soundfile as sf

from firmware.profiles import Profile, load
from librarian.convert import Outcome, Recipe, convert_file, plan_file


def sound_file(values, rate=44_100, *, container="WAV", subtype="PCM_16", endian="FILE") -> bytes:
    """A file as libsndfile writes it. ``values`` has shape (frames,) or (frames, channels)."""
    out = io.BytesIO()
    values = np.asarray(values)
    channels = 1 if values.ndim == 1 else values.shape[1]
    with sf.SoundFile(out, "w", rate, channels, subtype, endian, container) as file:
        file.write(values)
    return out.getvalue()


def sine(hertz: float, rate: int, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def converted(
    data: bytes, device: str | Profile, *, bits=None, seed=0, name="x"
) -> tuple[bytes, Recipe, Outcome]:
    """What becomes of a file that needs converting."""
    profile = load(device) if isinstance(device, str) else device
    stream, out = io.BytesIO(data), io.BytesIO()
    recipe = plan_file(stream, len(data), profile, bits=bits)
    assert not recipe.keep
    outcome = convert_file(stream, len(data), recipe, out, profile, name=name, seed=seed)
    return out.getvalue(), recipe, outcome


def decoded(data: bytes, dtype="float64") -> tuple[np.ndarray, int]:
    return sf.read(io.BytesIO(data), dtype=dtype, always_2d=True)
