"""Bounds on what others may ask for: rates, refusals, and a log that a flood cannot fill."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

Clock = Callable[[], float]

log = logging.getLogger("benchpad.panel")


class Allowance:
    """At most ``most`` in any ``seconds``, by ``clock`` (in seconds)."""

    def __init__(self, most: int, seconds: float, clock: Clock) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._times: deque[float] = deque(maxlen=most)

    def take(self) -> bool:
        """Takes one, and says whether there was one left."""
        now = self._clock()
        if self.is_used_up():
            return False
        self._times.append(now)
        return True

    def is_used_up(self) -> bool:
        """Whether none is left at the moment."""
        return len(self._times) == self._most and self._clock() - self._times[0] < self._seconds


class QuietLog:
    """Warnings to the program's log, at most so many a minute; then only how many were left out."""

    def __init__(self, clock: Clock, most: int = 20, seconds: float = 60.0) -> None:
        self._allowance = Allowance(most, seconds, clock)
        self._left_out = 0

    def warn(self, text: str) -> None:
        """Log a sentence; control characters are shown, not sent, and it is cut at 300 characters."""
        if not self._allowance.take():
            self._left_out += 1
            return
        if self._left_out:
            log.warning("%d more refusals were not logged", self._left_out)
            self._left_out = 0
        shown = text.encode("unicode_escape").decode("ascii")
        log.warning("%s", shown[:300])
