"""pytest-benchmark with types: rounds of one call, and their spread."""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pytest_benchmark.fixture import BenchmarkFixture

T = TypeVar("T")


def children_cpu_s() -> float:
    """CPU seconds of all processes that were started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of the rounds."""

    median: float
    least: float
    most: float


def timed(
    benchmark: BenchmarkFixture,
    action: Callable[[], T],
    *,
    rounds: int = 1,
    warm_ups: int = 0,
    before: Callable[[], object] | None = None,
) -> tuple[T, Times]:
    """Run ``action`` in rounds, each after ``before``, which is not timed; the last round's result."""

    def setup() -> None:  # what it returned would be the action's arguments
        if before is not None:
            before()

    result: T = benchmark.pedantic(  # type: ignore[no-untyped-call]  # has no annotations
        action, setup=setup, rounds=rounds, warmup_rounds=warm_ups
    )
    assert benchmark.stats is not None
    stats = benchmark.stats.stats
    return result, Times(stats.median, stats.min, stats.max)
