"""Velocity curves: how hard a pad is played, by how hard its key was hit."""

from __future__ import annotations

import math
from enum import Enum


class Curve(Enum):
    """The curves that the SP-404MKII's manual names. Their exact shapes are not known: these are ours."""

    LINEAR = "linear"
    EXPONENTIAL = "exponential"  # the square: soft until hit hard
    LOGARITHMIC = "logarithmic"  # the square root, its mirror: loud soon
    FIXED = "fixed"  # always full


def curved(velocity: int, curve: Curve) -> int:
    """What a velocity (1 to 127) becomes: 1 to 127, and 127 for 127 on every curve."""
    if curve is Curve.FIXED:
        return 127
    part = velocity / 127
    if curve is not Curve.LINEAR:
        part = part * part if curve is Curve.EXPONENTIAL else math.sqrt(part)
    return max(1, round(127 * part))
