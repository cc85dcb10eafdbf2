"""Where a voice must be, to the frame, however long it has played: integer arithmetic beside the engine's.

The arithmetic is the documented one: positions in 1/2^32 frame, increments rounded to the nearest, each
frame of output adding one increment (docs/design.md). It is written anew here from Python's unbounded
integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from native.types import EndCause, Loop, Sample, Start, VoiceEnd, VoiceState

_ONE = 1 << 32
_MOST = 32 * _ONE
_GRID = 64  # ends are noted at the grid point that follows


def increment(start: Start, sample: Sample, rate: int) -> int:
    """File frames for each frame of output, in 1/2^32."""
    ratio = Fraction(start.speed * 2.0 ** (start.pitch_cents / 1200.0))
    return min(max(int(ratio * sample.rate / rate * _ONE + Fraction(1, 2)), 1), _MOST)


def position(start: Start, sample: Sample, inc: int, age: int) -> int:
    """The file frame that a voice is at, ``age`` frames of output after its start; it must still play."""
    end = min(start.end or sample.frames, sample.frames)
    first = min(start.start, end - 1)
    passed, length, low, backwards = age * inc // _ONE, end - first, first, start.reverse
    if passed >= length:
        low = min(max(start.loop_start, first), end - 1)
        passed -= length
        length = end - low
        if start.loop is Loop.PING_PONG and passed // length % 2 == 0:
            backwards = not backwards
        passed %= length
    return low + (length - 1 - passed if backwards else passed)


def playing_time(start: Start, sample: Sample, inc: int) -> int:
    """Frames of output from the start to the end of what plays once."""
    end = min(start.end or sample.frames, sample.frames)
    return -(-(end - min(start.start, end - 1)) * _ONE // inc)


@dataclass(slots=True)
class Probe:
    """A loop that never ends by itself; ``began`` is the frame at which it was started last."""

    start: Start
    sample: Sample
    inc: int
    began: int = 0


class Drift:
    """Compares where voices are, and when they end, with what the arithmetic says."""

    def __init__(self, starts: Mapping[int, Start], samples: Mapping[int, Sample], rate: int) -> None:
        """``starts`` by tag: what each pad plays; ``samples`` by their number."""
        self.checked = 0
        self.off = 0
        self.worst_frames = 0
        self._times = {
            tag: playing_time(start, samples[start.sample], increment(start, samples[start.sample], rate))
            for tag, start in starts.items()
            if start.loop is Loop.NONE and not start.hold
        }

    def probe(self, probe: Probe, state: VoiceState, frame: int) -> None:
        """The probe's voice as of ``frame``."""
        due = position(probe.start, probe.sample, probe.inc, frame - probe.began)
        self._note(abs(state.position - due))

    def end(self, end: VoiceEnd) -> None:
        """A voice that came to its own end."""
        due = self._times.get(end.tag)
        if end.cause is EndCause.END and due is not None:
            late = end.frame - end.started - due
            self._note(0 if 0 <= late < _GRID else abs(late))

    def _note(self, frames: int) -> None:
        self.checked += 1
        self.off += frames > 0
        self.worst_frames = max(self.worst_frames, frames)
