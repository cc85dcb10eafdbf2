"""How many voices stream without a gap: the search for the limit, and the ladder for the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sim.stress.report import Outcome
from sim.stress.trial import Trial, run_trial

NEIGHBOURS = 3  # counts tested on each side of the limit: more voices may be clean where fewer were not
_RUNGS = 12
_NEAR = (-2, -1, 0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Search:
    """Find the limit between ``least`` and ``most`` voices, looking first near ``guess``.

    ``trial.voices`` does not matter. With ``check`` the neighbours of the limit are tested too.
    """

    trial: Trial
    least: int
    most: int
    guess: float
    check: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """``clean_voices``: the most of which this and each smaller number tested were clean; 0: none was.

    ``outcomes`` are all that were tested, by voices. Those with underruns broke off at the first.
    """

    clean_voices: int
    outcomes: dict[int, Outcome]

    @property
    def at_limit(self) -> Outcome | None:
        """The clean trial with most voices."""
        return self.outcomes.get(self.clean_voices)


def find(search: Search, tell: Callable[[int], None] = lambda voices: None) -> Found:
    """Test numbers of voices until the limit is known exactly. ``tell`` is told each before it is tested.

    That fewer voices are served where more are is likely, not certain: the numbers next to the limit are
    tested too, and where one of the smaller ones is not clean, the limit is below that.
    """
    tested: dict[int, Outcome] = {}

    def clean(voices: int) -> bool:
        if voices not in tested:
            tell(voices)
            tested[voices] = run_trial(replace(search.trial, voices=voices, stop_early=True))
        return tested[voices].clean

    low, high = search.least - 1, search.most + 1  # low is clean, or below all; high is not, or beyond all
    while True:
        low = _between(low, high, search.guess, clean)
        if not search.check:
            break
        below = [voices for voices in range(low - 1, low - 1 - NEIGHBOURS, -1) if voices >= search.least]
        above = [voices for voices in range(low + 2, low + 2 + NEIGHBOURS) if voices <= search.most]
        failed = [voices for voices in below if not clean(voices)]
        if not failed:
            for voices in above:
                clean(voices)
            break
        high = min(failed)
        low = max((v for v, one in tested.items() if one.clean and v < high), default=search.least - 1)
    return Found(max(low, 0) if low >= search.least else 0, tested)


def _between(low: int, high: int, guess: float, clean: Callable[[int], bool]) -> int:
    """The largest clean number, if there is one border: looked for near the guess first, then in halves."""
    step = max(1, round(min(guess, high) / 32))
    at = min(max(int(guess), low + 1), high - 1)
    while low < at < high:
        if clean(at):
            low = at
            at += step
        else:
            high = at
            at -= step
        step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if clean(middle):
            low = middle
        else:
            high = middle
    return low


def ladder(least: int, most: int, limit: int) -> list[int]:
    """Numbers of voices for the picture: evenly spread over the range, and close together at the limit."""
    rungs = {round(least + (most - least) * n / _RUNGS) for n in range(_RUNGS + 1)}
    near = {limit + n for n in _NEAR}
    return sorted(voices for voices in rungs | near if least <= voices <= most)
