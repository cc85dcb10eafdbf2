"""Sounds from arithmetic: mono float64 in -1 to 1; noise comes from the generator that is passed in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float64]


def hertz(note: float) -> float:
    """The frequency of a MIDI note number, A4 = 440 Hz."""
    return float(440 * 2 ** ((note - 69) / 12))


def _time(seconds: float, rate: int) -> Audio:
    return np.arange(round(seconds * rate)) / rate


def fade(audio: Audio, rate: int, attack: float, release: float) -> Audio:
    """Raised-cosine edges of ``attack`` and ``release`` seconds."""
    shaped = audio.copy()
    for seconds, part in ((attack, slice(None)), (release, slice(None, None, -1))):
        frames = min(round(seconds * rate), len(audio))
        shaped[part][:frames] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(frames) / max(frames, 1))
    return shaped


def harmonics(
    frequency: float, seconds: float, rate: int, levels: tuple[float, ...], phase: float = 0.0
) -> Audio:
    """A sum of harmonics below the Nyquist frequency, normalised to the sum of their ``levels``."""
    turn = 2 * np.pi * frequency * _time(seconds, rate) + phase
    parts = [(k, level) for k, level in enumerate(levels, 1) if level and k * frequency < rate / 2]
    return np.asarray(sum(level * np.sin(k * turn) for k, level in parts) / sum(levels))


def low_noise(frames: int, generator: np.random.Generator, smooth: int) -> Audio:
    """Noise with its treble taken off by a running mean of ``smooth`` frames, at a peak of 1."""
    noise: Audio = np.convolve(generator.standard_normal(frames + smooth - 1), np.ones(smooth), "valid")
    return np.asarray(noise / np.abs(noise).max())


def kick(rate: int, generator: np.random.Generator) -> Audio:
    """A sine that falls from 180 to 48 Hz, with a click."""
    t = _time(0.42, rate)
    body = np.sin(2 * np.pi * (48 * t + 132 / 38 * (1 - np.exp(-38 * t)))) * np.exp(-8 * t)
    click = generator.standard_normal(len(t)) * np.exp(-700 * t) * 0.25
    return fade(np.tanh(1.6 * body + click) * 0.92, rate, 0.0005, 0.02)


def snare(rate: int, generator: np.random.Generator) -> Audio:
    """Two tones and noise."""
    t = _time(0.32, rate)
    tone = (np.sin(2 * np.pi * 186 * t) + 0.6 * np.sin(2 * np.pi * 331 * t)) * np.exp(-22 * t)
    noise = np.diff(generator.standard_normal(len(t) + 1)) * np.exp(-15 * t) * 0.5
    return fade(np.tanh(0.7 * tone + noise) * 0.85, rate, 0.0005, 0.02)


def clap(rate: int, generator: np.random.Generator) -> Audio:
    """Four bursts of noise close together."""
    t = _time(0.36, rate)
    bursts = sum(np.where(t >= at, np.exp(-speed * (t - at)), 0) for at, speed in _CLAPS)
    return fade(np.tanh(low_noise(len(t), generator, 3) * bursts) * 0.8, rate, 0.0005, 0.02)


_CLAPS = ((0.0, 240), (0.011, 240), (0.022, 240), (0.032, 18))  # seconds, decay


def hat(rate: int, generator: np.random.Generator, seconds: float) -> Audio:
    """High noise that dies within ``seconds``."""
    t = _time(seconds, rate)
    noise = np.diff(generator.standard_normal(len(t) + 2), 2)
    return fade(np.tanh(noise * 0.35) * np.exp(-6 * t / seconds) * 0.7, rate, 0.0005, 0.01)


def rim(rate: int) -> Audio:
    """A short wooden knock."""
    t = _time(0.12, rate)
    return fade(
        np.sin(2 * np.pi * 820 * t) * np.sin(2 * np.pi * 1730 * t) * np.exp(-45 * t), rate, 0.0005, 0.01
    )


def tom(rate: int, pitch: float) -> Audio:
    """A drum of ``pitch`` Hz."""
    t = _time(0.5, rate)
    glide = 2 * np.pi * pitch * (t + 0.02 * (1 - np.exp(-25 * t)))
    return fade(np.sin(glide) * np.exp(-7 * t) * 0.85, rate, 0.001, 0.03)


def bass(rate: int, note: int) -> Audio:
    """A round bass note that closes as it decays."""
    t = _time(0.5, rate)
    bright = harmonics(hertz(note), 0.5, rate, (1, 0.6, 0.45, 0.3, 0.22, 0.15, 0.1))
    dark = harmonics(hertz(note), 0.5, rate, (1, 0.35))
    open_ = np.exp(-7 * t)
    return fade(
        np.tanh(2.2 * (dark * (1 - open_) + bright * open_)) * np.exp(-1.4 * t) * 0.8, rate, 0.003, 0.08
    )


def keys(rate: int, notes: tuple[int, ...], seconds: float) -> Audio:
    """An electric-piano chord: each note a tone whose overtone dies first."""
    t = _time(seconds, rate)
    chord = np.zeros(len(t))
    for note in notes:
        turn = 2 * np.pi * hertz(note) * t
        chord += np.sin(turn + 1.4 * np.exp(-5 * t) * np.sin(2 * turn)) * np.exp(-1.9 * t)
    return fade(chord / len(notes) * 0.9, rate, 0.004, 0.1)
