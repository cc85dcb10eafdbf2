"""What a render did: for programs as one document, for people as a page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from native.types import Counters
from sim.faults.account import FaultReport

if TYPE_CHECKING:
    from sim.observing import Observed


_ALERTS = 6  # listed for people


@dataclass(frozen=True, slots=True)
class UnderrunLine:
    """An underrun in the user's words: ``pad`` such as A1, ``sample`` a path on the card."""

    frame: int
    pad: str
    sample: str
    cause: str


@dataclass(frozen=True, slots=True)
class CardUse:
    """What the card was asked for, and for how long it was busy, in its own time."""

    reads: int
    bytes: int
    busy_ms: float


@dataclass(frozen=True, slots=True)
class RenderReport:
    """Everything that one render tells. Times are of the device unless they say wall."""

    device: str
    rate: int
    frames: int
    counters: Counters
    card: CardUse  # since power-on, the preload included
    preload_ms: float
    preload_bytes: int
    underruns: list[UnderrunLine]
    notes: int
    unmapped: list[dict[str, int]]  # channel, note, count
    empty_pads: dict[str, int]
    wall_s: float
    sha256: str = ""  # of the interleaved float32 result
    peak_dbfs: float | None = None  # None: silence
    over_full_scale: int = 0  # values beyond full scale in the float result
    beyond_float: int = 0  # values that a float cannot hold: infinite, or no number
    clipped: int = 0  # values that an integer WAV file had to limit
    options: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, int | float] = field(default_factory=dict)  # see docs/metrics.md
    observed: Observed | None = None  # None: not watched
    faults: FaultReport | None = None
    mirrored: int | None = None  # samples that the mirror has as well; None without one

    @property
    def seconds(self) -> float:
        """Length of the result."""
        return self.frames / self.rate

    @property
    def realtime_factor(self) -> float:
        """Seconds of result for each second that rendering took."""
        return self.seconds / self.wall_s if self.wall_s > 0 else 0.0

    @property
    def card_busy(self) -> float:
        """Share of the result's time during which the card was busy; the preload came before."""
        return (self.card.busy_ms - self.preload_ms) / 1000 / self.seconds if self.frames else 0.0

    def document(self) -> dict[str, Any]:
        """The report as JSON values. The underrun list may be cut; ``underrun_count`` never is."""
        c = self.counters
        return {
            "device": self.device,
            "rate": self.rate,
            "frames": self.frames,
            "seconds": self.seconds,
            "sha256": self.sha256,
            "peak_dbfs": self.peak_dbfs,
            "over_full_scale": self.over_full_scale,
            "beyond_float": self.beyond_float,
            "clipped": self.clipped,
            "voices_peak": c.voices_peak,
            "voices_started": c.voices_started,
            "voices_stolen": c.voices_stolen,
            "voices_refused": c.voices_refused,
            "voices_dropped": c.dropped,
            "held_frames": c.held_frames,
            "underrun_count": c.underruns,
            "underruns": [
                {"frame": u.frame, "pad": u.pad, "sample": u.sample, "cause": u.cause} for u in self.underruns
            ],
            "cache": {
                "hits": c.hits,
                "misses": c.misses,
                "evictions": c.evictions,
                "resident_bytes": c.resident_bytes,
                "pinned_bytes": c.pinned_bytes,
            },
            "card": {
                "reads": self.card.reads,
                "bytes": self.card.bytes,
                "busy_ms": self.card.busy_ms,
                "wasted_bytes": c.wasted_bytes,
                "read_errors": c.read_errors,
                "retries": c.retries,
                "failovers": c.failovers,
            },
            "metrics": self.metrics if self.observed is None else self.observed.metrics,
            "alerts": None if self.observed is None else [one.document() for one in self.observed.alerts],
            "mirrored_samples": self.mirrored,
            "faults": None if self.faults is None else self.faults.document(),
            "preload": {"bytes": self.preload_bytes, "ms": self.preload_ms},
            "notes": self.notes,
            "unmapped_notes": sum(one["count"] for one in self.unmapped),
            "unmapped": self.unmapped,
            "empty_pad_notes": sum(self.empty_pads.values()),
            "empty_pads": self.empty_pads,
            "wall_s": self.wall_s,
            "realtime_factor": self.realtime_factor,
            "options": self.options,
        }

    def lines(self) -> list[tuple[str, str]]:
        """Title and text of each line that a person reads."""
        return [
            ("length", f"{_minutes(self.seconds)} ({self.frames:,} frames at {self.rate:,} Hz)"),
            ("peak", self._peak()),
            ("voices", self._voices()),
            ("underruns", self._underruns()),
            ("card", self._card()),
            *self._fault_lines(),
            *self._alert_lines(),
            ("preload", f"{_mb(self.preload_bytes)} of pad heads in {self.preload_ms:.1f} ms"),
            ("notes", self._notes()),
            ("speed", f"{self.realtime_factor:,.0f} times real time ({self.wall_s:.2f} s)"),
            ("sha256", self.sha256),
        ]

    def _fault_lines(self) -> list[tuple[str, str]]:
        lines = []
        if self.mirrored is not None:
            lines.append(("mirror", f"has {self.mirrored:,} of the pads' samples"))
        return lines + (self.faults.lines() if self.faults else [])

    def _alert_lines(self) -> list[tuple[str, str]]:
        alerts = self.observed.alerts if self.observed else ()
        return [("alert", f"at {one.frame / self.rate:.3f} s {one.text}") for one in alerts[:_ALERTS]]

    def _peak(self) -> str:
        if self.beyond_float:
            return f"{_values(self.beyond_float, 'is', 'are')} beyond what a float holds; lower the level"
        if self.peak_dbfs is None:
            return "silence"
        text = f"{self.peak_dbfs:+.1f} dBFS"
        if self.clipped:
            return (
                f"{text}: {_values(self.clipped, 'was', 'were')} CLIPPED; lower the level or use --bits 32f"
            )
        if self.over_full_scale:
            return (
                f"{text}: {_count(self.over_full_scale, 'value')} above full scale (a float file keeps them)"
            )
        return text

    def _voices(self) -> str:
        c = self.counters
        text = f"{c.voices_peak} at once at most, {c.voices_started:,} started"
        if c.voices_stolen:
            text += f", {c.voices_stolen:,} STOLEN for want of voices"
        if c.voices_refused:
            text += f", {c.voices_refused:,} REFUSED for want of voices"
        if c.dropped:
            text += f", {c.dropped:,} DROPPED for want of data"
        return text

    def _underruns(self) -> str:
        count = self.counters.underruns
        if not count:
            return "none, but voices were DROPPED" if self.counters.dropped else "none: the card kept up"
        pads = Counter(u.pad for u in self.underruns)
        causes = Counter(u.cause for u in self.underruns)
        worst = ", ".join(f"{pad} ({n})" for pad, n in pads.most_common(6))
        why = ", ".join(f"{cause} ({n})" for cause, n in causes.most_common())
        first = self.underruns[0]
        more = f", and {_count(len(pads) - 6, 'more pad')}" if len(pads) > 6 else ""
        return (
            f"{count:,}, the first at {first.frame / self.rate:.3f} s on {first.pad};"
            f" pads: {worst}{more}; causes: {why}"
        )

    def _card(self) -> str:
        text = f"{_count(self.card.reads, 'read')}, {_mb(self.card.bytes)}"
        if self.card.busy_ms:
            text += f", busy {self.card_busy:.0%} of the time"
        if self.counters.read_errors:
            text += f", {_count(self.counters.read_errors, 'READ ERROR', 'S')}"
        return text

    def _notes(self) -> str:
        text = f"{self.notes:,} played"
        if self.unmapped:
            keys = ", ".join(f"channel {u['channel']} note {u['note']}" for u in self.unmapped[:4])
            more = ", …" if len(self.unmapped) > 4 else ""
            text += f"; {sum(u['count'] for u in self.unmapped):,} are no pad of this device ({keys}{more})"
        if self.empty_pads:
            pads = ", ".join(list(self.empty_pads)[:8])
            more = ", …" if len(self.empty_pads) > 8 else ""
            text += f"; {sum(self.empty_pads.values()):,} on pads without a sample ({pads}{more})"
        return text


def _count(number: int, what: str, plural: str = "s") -> str:
    return f"{number:,} {what}{plural if number != 1 else ''}"


def _values(number: int, one: str, many: str) -> str:
    return f"{_count(number, 'value')} {one if number == 1 else many}"


def _minutes(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 60 else f"{int(seconds // 60)} min {seconds % 60:04.1f} s"


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"
