"""Time from a MIDI clock, 24 pulses to a quarter note: how fast it goes, and when the next pulse is due.

Nothing here looks at a clock: the caller says when, in seconds from any beginning.
"""

from __future__ import annotations

from collections import deque

PULSES = 24  # to a quarter note: MIDI 1.0
SLOWEST, FASTEST = 20.0, 300.0  # beats a minute

_WINDOW = 96  # pulses that the line goes through: four beats
_FEWEST = 6  # pulses before anything is said
_MOST_LOST = 3  # in a row; beyond that no pulse is lost, but the tempo is a slower one
_RECENT = 8  # pulses that show a change of tempo
_JITTER_S = 0.0015  # a deviation of their mean that says nothing: half a block of an audio server's MIDI
_SILENCE_S = 0.5  # a clock that is gone: five times the slowest pulse
_STEADY = 0.07  # beats a minute by which the estimate moves before what is shown does


class TempoEstimate:
    """The tempo of a clock whose pulses come late by chance: the slope of a line through the last of them.

    With a jitter of one block of 128 frames the slope is right to 0.05 beats a minute after two beats. When
    the last pulses leave the line all to one side the tempo has changed, and older ones count no more.
    """

    def __init__(self) -> None:
        self._pulses: deque[tuple[int, float]] = deque(maxlen=_WINDOW)  # number of the pulse, seconds
        self._shown: float | None = None
        self._lost = 0  # times in a row that pulses seemed to be missing

    @property
    def bpm(self) -> float | None:
        """Beats a minute, to a tenth; None while it is not known or no tempo."""
        return self._shown

    def forget(self) -> None:
        """The clock has stopped."""
        self._pulses.clear()
        self._shown = None

    def is_silent(self, now: float) -> bool:
        """Whether the clock that was there is gone."""
        return bool(self._pulses) and now - self._pulses[-1][1] > _SILENCE_S

    def pulse(self, now: float) -> None:
        """A pulse came at ``now``."""
        if self._pulses and not 0 <= now - self._pulses[-1][1] <= _SILENCE_S:
            self._pulses.clear()
        steps = self._steps(now) if self._pulses else 1
        self._lost = self._lost + 1 if steps > 1 else 0
        if self._lost > _MOST_LOST:
            self._pulses.clear()
        self._pulses.append((self._pulses[-1][0] + steps if self._pulses else 0, now))
        if len(self._pulses) < _FEWEST:
            return
        slope, begin = self._line()
        if self._has_changed(slope, begin):
            self._pulses = deque(list(self._pulses)[-_RECENT:], _WINDOW)
            slope, begin = self._line()
        self._show(60 / (PULSES * slope) if slope > 0 else 0.0)

    def _steps(self, now: float) -> int:
        """Pulses since the last one: more than one where some were lost on the way."""
        (first, begin), (last, end) = self._pulses[0], self._pulses[-1]
        if len(self._pulses) < _FEWEST or end <= begin:
            return 1
        return max(1, round((now - end) * (last - first) / (end - begin)))

    def _line(self) -> tuple[float, float]:
        """Least squares: seconds a pulse, and where pulse 0 would be."""
        count = len(self._pulses)
        middle = sum(number for number, _ in self._pulses) / count
        mean = sum(time for _, time in self._pulses) / count
        spread = sum((number - middle) ** 2 for number, _ in self._pulses)
        slope = sum((number - middle) * (time - mean) for number, time in self._pulses) / spread
        return slope, mean - slope * middle

    def _has_changed(self, slope: float, begin: float) -> bool:
        if len(self._pulses) <= 2 * _RECENT:
            return False
        last = list(self._pulses)[-_RECENT:]
        off = sum(time - begin - slope * number for number, time in last) / _RECENT
        return abs(off) > _JITTER_S

    def _show(self, bpm: float) -> None:
        if not SLOWEST <= bpm <= FASTEST:
            self._shown = None
        elif self._shown is None or abs(bpm - self._shown) > _STEADY:
            self._shown = round(bpm, 1)


class PulseTrain:
    """When to send the pulses of a clock. No error adds up: each is due at a multiple of the first."""

    def __init__(self, bpm: float, now: float) -> None:
        self._begin, self._sent = now, 0
        self._bpm = bpm

    @property
    def bpm(self) -> float:
        """Beats a minute."""
        return self._bpm

    @property
    def due(self) -> float:
        """When the next pulse is."""
        return self._begin + self._sent * 60 / (PULSES * self._bpm)

    def take(self, now: float) -> int:
        """How many pulses to send now; after a long sleep it goes on from now, and makes nothing up."""
        if now - self.due > _SILENCE_S:
            self._begin, self._sent = now, 0
        count = 0
        while self.due <= now:
            self._sent += 1
            count += 1
        return count

    def change(self, bpm: float, now: float) -> None:
        """Another tempo from the next pulse on, which keeps its part of the way that is left."""
        left = max(0.0, self.due - now) * self._bpm / bpm
        self._begin, self._sent, self._bpm = now + left, 0, bpm

    def restart(self, now: float) -> None:
        """The next pulse is due now."""
        self._begin, self._sent = now, 0
