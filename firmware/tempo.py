"""Time from a MIDI clock, 24 pulses to a quarter note: how fast it goes, and when the next pulse is due.

Nothing here looks at a clock: the caller says when, in seconds from any beginning.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median

PULSES = 24  # to a quarter note: MIDI 1.0
SLOWEST, FASTEST = 20.0, 300.0  # beats a minute

_WINDOW = 96  # pulses that the line goes through: four beats
_FEWEST = 6  # pulses before anything is said
_RECENT = 8  # pulses that show a change of tempo
_JITTER_S = 0.0015  # a deviation of their median that says nothing: half a block of an audio server's MIDI
_STALL_S = 0.005  # a pulse that is later did not jitter, but was held up
_SILENCE_S = 0.5  # a clock that is gone: five times the slowest pulse
_LOOK_S = 0.004  # between two looks at the line: less than pulses are apart, unless they are a flood
_STEADY = 0.07  # beats a minute by which the estimate moves before what is shown does


Pulse = tuple[int, float]  # its number, and when it came in seconds
Line = tuple[float, float]  # seconds a pulse, and where pulse 0 would be


def _line(pulses: Sequence[Pulse]) -> Line:
    """Through the middle of them: medians (Theil, Sen), then least squares without what a stall held up."""
    half = len(pulses) // 2
    pairs = zip(pulses, pulses[half:], strict=False)
    slope = median((end - begin) / (last - first) for (first, begin), (last, end) in pairs)
    rough = slope, median(time - slope * number for number, time in pulses)
    near = [one for one, off in zip(pulses, _off(rough, pulses), strict=True) if abs(off) < _STALL_S]
    return _least_squares(near) if 2 * len(near) > len(pulses) else rough


def _least_squares(pulses: Sequence[Pulse]) -> Line:
    count = len(pulses)
    middle = sum(number for number, _ in pulses) / count
    mean = sum(time for _, time in pulses) / count
    spread = sum((number - middle) ** 2 for number, _ in pulses)
    slope = sum((number - middle) * (time - mean) for number, time in pulses) / spread
    return slope, mean - slope * middle


def _off(line: Line, pulses: Sequence[Pulse]) -> list[float]:
    """How much later than on the line each pulse came."""
    return [time - line[1] - line[0] * number for number, time in pulses]


def _bpm(line: Line) -> float:
    return 60 / (PULSES * line[0]) if line[0] > 0 else 0.0


class TempoEstimate:
    """The tempo of a clock whose pulses come late by chance: the slope of a line through the last of them.

    With a jitter of one block of 128 frames it is right to a tenth of a beat a minute. When the last pulses
    leave the line to one side, on a line of their own, the tempo has changed, and older ones count no more.
    """

    def __init__(self) -> None:
        self._pulses: deque[Pulse] = deque(maxlen=_WINDOW)
        self._shown: float | None = None
        self._looked_at = -_LOOK_S

    @property
    def bpm(self) -> float | None:
        """Beats a minute, to a tenth; None while it is not known or no tempo."""
        return self._shown

    def forget(self) -> None:
        """The clock has stopped."""
        self._pulses.clear()
        self._shown = None
        self._looked_at = -_LOOK_S

    def is_silent(self, now: float) -> bool:
        """Whether the clock that was there is gone."""
        return bool(self._pulses) and now - self._pulses[-1][1] > _SILENCE_S

    def pulse(self, now: float) -> None:
        """A pulse came at ``now``."""
        if self._pulses and not 0 <= now - self._pulses[-1][1] <= _SILENCE_S:
            self._pulses.clear()
            self._looked_at = now - _LOOK_S
        self._pulses.append((self._pulses[-1][0] + 1 if self._pulses else 0, now))
        if len(self._pulses) < _FEWEST or now - self._looked_at < _LOOK_S:
            return
        self._looked_at = now
        line = _line(list(self._pulses))
        recent = list(self._pulses)[-_RECENT:]
        if len(self._pulses) > 2 * _RECENT and abs(median(_off(line, recent))) > _JITTER_S:
            anew = _line(recent)  # another tempo; but not where they came all at once, after a stall
            if max(map(abs, _off(anew, recent))) < 2 * _JITTER_S and SLOWEST <= _bpm(anew) <= FASTEST:
                self._pulses, line = deque(recent, _WINDOW), anew
        self._show(_bpm(line))

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
