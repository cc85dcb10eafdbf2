"""From timed reads to a card model: pure arithmetic, no files and no clock.

A read is taken to cost a fixed time, its bytes, a step where it crosses a page, another where it crosses a
unit, an exponentially distributed part, and now and then a spike (`native.CardModel`). Reads of one class
differ in the last two only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from native import CardModel
from sim.cards.measuring import LARGE, SMALL, Reads, late_from

_LEAST_READS = 4  # of each class
_MANY_SPIKES, _HOSTS_EVERY_S = 5, 0.5  # cards have them seconds apart: see the presets
_LARGEST_PAGE = 1 << 17
_SURE = 4.0  # standard errors by which a step must stand out


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model, and how well it is founded."""

    model: CardModel
    reads: int
    spikes: int
    seconds: float
    residual_us: float  # mean distance between a class's mean and the model's

    @property
    def spikes_look_hosts(self) -> bool:
        """Whether spikes are so frequent that they are hardly all the card's."""
        return self.spikes >= _MANY_SPIKES and self.model.spike_every_s < _HOSTS_EVERY_S


@dataclass(frozen=True, slots=True)
class _Class:
    """Reads alike, free of spikes: their mean, its standard error, the least of them."""

    mean: float
    error: float
    least: float
    count: int


def fit(reads: Reads) -> Fit | None:
    """The model of a card from its timed reads; None where there are too few."""
    groups: dict[tuple[int, int], list[float]] = {}
    late: dict[tuple[int, int], list[float]] = {}
    for one in reads.kept:
        (late if one.late else groups).setdefault((one.length, one.boundary), []).append(one.seconds)
    if (SMALL, 0) not in groups or any(len(group) < _LEAST_READS for group in groups.values()):
        return None
    spikes: list[float] = []
    classes = {key: _without_spikes(group, late.get(key, []), spikes) for key, group in groups.items()}
    body = _body([one for (length, _), one in classes.items() if length == SMALL])
    per_byte = _slope([(length, classes[length, -1]) for length in LARGE])
    steps = _steps({key[1]: one for key, one in classes.items() if key[0] == SMALL})
    fixed = max(0.0, classes[SMALL, 0].mean - body - SMALL * per_byte)
    (page, page_s), (unit, unit_s) = steps
    model = CardModel(
        command_us=_round(fixed * 1e6),
        read_mb_per_s=_round(min(1e-6 / per_byte, 1e6)) if per_byte > 1e-12 else 0.0,
        page_bytes=page,
        page_us=_round(page_s * 1e6),
        unit_bytes=unit,
        unit_us=_round(unit_s * 1e6),
        body_us=_round(body * 1e6),
        spike_every_s=max(0.001, _round(reads.seconds / len(spikes))) if spikes else 0.0,
        spike_ms=_round(max(0.0, float(np.mean(spikes)) - body) * 1e3) if spikes else 0.0,
    )
    predicted = {
        boundary: fixed
        + body
        + SMALL * per_byte
        + page_s * (0 < page <= boundary)
        + unit_s * (0 < unit <= boundary)
        for length, boundary in classes
        if length == SMALL
    }
    residual = float(np.mean([abs(classes[SMALL, at].mean - one) for at, one in predicted.items()]))
    return Fit(model, reads.count, len(spikes), reads.seconds, residual * 1e6)


def _round(value: float) -> float:
    """Four digits: more than a measurement is worth."""
    return float(f"{value:.4g}")


def _without_spikes(on_time: list[float], late: list[float], spikes: list[float]) -> _Class:
    """The class of these reads; what its spikes are late by goes to ``spikes``."""
    seconds = np.array(on_time)
    calm = seconds[seconds <= late_from(on_time)]
    spikes.extend(float(one - calm.min()) for one in (*seconds[seconds > late_from(on_time)], *late))
    spread = float(calm.std(ddof=1)) if len(calm) > 1 else 0.0
    return _Class(float(calm.mean()), spread / len(calm) ** 0.5, float(calm.min()), len(calm))


def _body(classes: Sequence[_Class]) -> float:
    """The mean of the exponential part: the unbiased estimate for one whose beginning is unknown, pooled."""
    weight = sum(one.count - 1 for one in classes)
    return sum((one.mean - one.least) * one.count for one in classes) / weight


def _slope(points: Sequence[tuple[int, _Class]]) -> float:
    """Seconds a byte, by least squares over the large reads."""
    x = np.array([length for length, _ in points], float)
    y = np.array([one.mean for _, one in points])
    return max(0.0, float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()))


def _steps(classes: Mapping[int, _Class]) -> tuple[tuple[int, float], tuple[int, float]]:
    """Page and unit: the boundaries from which on crossing costs more, and how much; (0, 0) where none does.

    Of all ways to cut the boundaries into one, two or three groups of equal means that rise, the one that
    explains the means best, each further group having to stand out.
    """
    sizes = sorted(classes)
    means = np.array([classes[one].mean for one in sizes])
    weights = 1 / np.maximum([classes[one].error for one in sizes], 1e-9) ** 2
    best: tuple[float, tuple[int, ...]] = (_misfit(means, weights, ()), ())
    for count in (1, 2):
        for cuts in combinations(range(1, len(sizes)), count):
            misfit = _misfit(means, weights, cuts) + count * _SURE**2
            if misfit < best[0] and _rises(means, weights, cuts):
                best = misfit, cuts
    levels = _levels(means, weights, best[1])
    found = [(sizes[cut], levels[i + 1] - levels[i]) for i, cut in enumerate(best[1])]
    if len(found) == 2:
        return found[0], found[1]
    if len(found) == 1 and found[0][0] > _LARGEST_PAGE:
        return (0, 0.0), found[0]
    return (found[0] if found else (0, 0.0)), (0, 0.0)


def _levels(means: NDArray[np.float64], weights: NDArray[np.float64], cuts: tuple[int, ...]) -> list[float]:
    parts = zip((0, *cuts), (*cuts, len(means)), strict=True)
    return [float(np.average(means[low:high], weights=weights[low:high])) for low, high in parts]


def _misfit(means: NDArray[np.float64], weights: NDArray[np.float64], cuts: tuple[int, ...]) -> float:
    """The weighted sum of squares that the groups leave."""
    levels = np.repeat(_levels(means, weights, cuts), np.diff((0, *cuts, len(means))))
    return float((weights * (means - levels) ** 2).sum())


def _rises(means: NDArray[np.float64], weights: NDArray[np.float64], cuts: tuple[int, ...]) -> bool:
    return bool(np.all(np.diff(_levels(means, weights, cuts)) > 0))
