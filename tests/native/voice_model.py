"""A voice as its documentation describes it, in plain numpy: slow, and right by being simple.

Nothing here knows blocks, grids or vectors. Positions are exact integers of 1/2^32 frame.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from native.types import Loop, Quality, Start

Frames = NDArray[np.float64]
ONE = 1 << 32


def order(start: Start, frames: int, needed: int) -> list[int]:
    """The file frames that a voice passes over, at least ``needed`` of them where it loops."""
    end = min(start.end or frames, frames)
    first = min(start.start, end - 1)
    loop_start = min(max(start.loop_start, first), end - 1)
    passes = list(range(first, end))
    cycle = list(range(loop_start, end))
    if start.reverse:
        passes.reverse()
        cycle.reverse()
    while start.loop is not Loop.NONE and len(passes) < needed:
        if start.loop is Loop.PING_PONG:
            cycle = cycle[::-1]
        passes += cycle
    return passes


def increment(start: Start, rate: int, engine_rate: int) -> int:
    """File frames for each output frame, in 1/2^32, rounded to the nearest."""
    ratio = start.speed * 2.0 ** (start.pitch_cents / 1200.0)
    exact = Fraction(ratio) * rate / engine_rate * ONE
    return min(max(int(exact + Fraction(1, 2)), 1), 32 * ONE)


def interpolate(signal: Frames, positions: list[int], quality: Quality) -> Frames:
    """Values of ``signal`` (with two frames of silence around it) at positions in 1/2^32 frame."""
    padded = np.concatenate([np.zeros((2, 2)), signal, np.zeros((4, 2))])
    whole = np.array([p // ONE for p in positions]) + 2
    f = np.array([(p % ONE) / ONE for p in positions])[:, None]
    y0, y1, y2, y3 = (padded[whole + k] for k in (-1, 0, 1, 2))
    if quality is Quality.LINEAR:
        return y1 * (1 - f) + y2 * f
    # Catmull-Rom, as the blending of four points
    return 0.5 * (
        2 * y1 + (y2 - y0) * f + (2 * y0 - 5 * y1 + 4 * y2 - y3) * f**2 + (3 * y1 - y0 - 3 * y2 + y3) * f**3
    )


def gains(
    start: Start, total: int | None, count: int, *, cut: tuple[bool, bool], fade: int, off: int | None
) -> NDArray[np.float64]:
    """The envelope, frame by frame: attack, hold, release; a fade where the region is cut inside the file.

    ``total`` is the voice's length (None for a loop), ``off`` the frame of its release, if any.
    """
    short = fade if total is None else min(fade, total // 2)
    attack = max(start.attack, short) if cut[0] else start.attack
    ends = [(start.hold, max(start.release, fade))] if start.hold else []
    if off is not None:
        ends.append((off, max(start.release, fade)))
    if cut[1] and total is not None and short:
        ends.append((total - short, short))
    out, releasing = np.zeros(count), None  # releasing: level, age and length of the line down
    for age in range(count):
        level = min(age / attack, 1.0) if attack else 1.0
        if releasing is not None:
            level = releasing[0] * (1 - (age - releasing[1]) / releasing[2])
        for length in (length for at, length in ends if at == age):
            if releasing is None or releasing[1] + releasing[2] - age > length:
                releasing = (level, age, length)
        if releasing is not None and age - releasing[1] >= releasing[2]:
            break
        out[age] = level
    return out


def voice(
    start: Start,
    signal: Frames,
    rate: int,
    *,
    engine_rate: int = 48_000,
    quality: Quality = Quality.HERMITE,
    fade: int = 128,
    count: int,
    off: int | None = None,
) -> Frames:
    """``count`` output frames of one undisturbed voice from its start on; ``signal`` is its whole file."""
    inc = increment(start, rate, engine_rate)
    frames = len(signal)
    passed = order(start, frames, needed=(count * inc >> 32) + 8)
    total = None if start.loop is not Loop.NONE else -(-len(passed) * ONE // inc)
    sounding = count if total is None else min(count, total)
    heard = interpolate(signal[passed], [k * inc for k in range(sounding)], quality)
    end = min(start.end or frames, frames)
    at_start, at_end = start.start > 0, end < frames
    cut = (at_end, at_start) if start.reverse else (at_start, at_end)
    out = np.zeros((count, 2))
    envelope = gains(start, total, sounding, cut=cut, fade=fade, off=off)
    out[:sounding] = heard * envelope[:, None] * start.gain
    return out
