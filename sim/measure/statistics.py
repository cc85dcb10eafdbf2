"""What a number of runs allows to say: quantiles, and chances with their confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_Z95 = 1.959963984540054  # 97.5th percentile of the normal distribution: 95 % two-sided


def quantile(values: Sequence[int], part: float) -> int:
    """The smallest value that at least ``part`` of all do not exceed (nearest rank). ValueError for none."""
    if not values:
        raise ValueError("no values have no quantile")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution in three numbers."""

    p50: int
    p95: int
    max: int


def distribution(values: Sequence[int]) -> Distribution | None:
    """Of ``values``; None for none."""
    if not values:
        return None
    return Distribution(quantile(values, 0.5), quantile(values, 0.95), max(values))


@dataclass(frozen=True, slots=True)
class Chance:
    """A probability with its 95 % confidence interval."""

    estimate: float
    low: float
    high: float

    def over(self, times: float) -> Chance:
        """The chance that it happens at least once in ``times`` independent tries."""

        def repeated(p: float) -> float:
            return 1.0 if p >= 1 else -math.expm1(times * math.log1p(-p))

        return Chance(repeated(self.estimate), repeated(self.low), repeated(self.high))


def chance_of(happened: int, tries: int) -> Chance:
    """The chance of what ``happened`` in so many independent ``tries``.

    Wilson's score interval (E. B. Wilson, JASA 22, 1927), which holds for few tries and chances near 0 too.
    For what never happened (or always) the exact one-sided bound, 1 - 0.05^(1/n), which the rule of three
    writes 3/n.
    """
    if not 0 <= happened <= tries or tries < 1:
        raise ValueError(f"{happened} of {tries} is no count")
    p, n = happened / tries, tries
    never = -math.expm1(math.log(0.05) / n)
    if happened == 0:
        return Chance(0.0, 0.0, never)
    if happened == tries:
        return Chance(1.0, 1 - never, 1.0)
    centre = (p + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
    half = _Z95 / (1 + _Z95**2 / n) * math.sqrt(p * (1 - p) / n + _Z95**2 / (4 * n * n))
    return Chance(p, max(0.0, centre - half), min(1.0, centre + half))
