"""Live alerts: that streaming cannot keep up, why, and what to change. Made from metrics alone.

A monitor is fed snapshots (see `sim.metrics`) now and then; the clock is the frame in them. It looks at the
differences over a short stretch of time, so that it does not matter how often it is fed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sim.metrics import FRAME, Snapshot, Tally
from sim.watching import Glance, Happening

TITLE = "streaming cannot keep up"
_SATURATED = 0.9  # of the time busy: a card that has nothing left
_MANY = 0.5  # of what they should have taken: by so much more a card without rest is slower than it says
_SPIKE_MS = 15.0  # more than they should have taken: enough to be heard, on a card with time to spare
_AHEAD = "card.ahead_ms"  # in a monitor's own snapshots: charged, and not passed yet
_TWO = 2  # snapshots make a difference
_MOMENT_S = 0.2  # a card that is gone shows as soon
_FEW = 4  # reads that must have failed, and all of them, for the card to be gone
_MANY_COLD = 4  # voices in a window that began with nothing: fewer are pads without a head, not a lack of RAM
MOST_ALERTS = 1_000


class Trouble(Enum):
    """What keeps streaming from keeping up."""

    CARD_GONE = "card gone"
    CARD_ERROR = "card error"
    CPU = "CPU"
    RAM = "RAM"
    SPIKES = "spikes"
    BANDWIDTH = "bandwidth"
    OVERHEAD = "command overhead"


_OF_LOAD = (Trouble.BANDWIDTH, Trouble.OVERHEAD)

ADVICE = {
    Trouble.CARD_GONE: "put the card back, or play from the mirror card",
    Trouble.CARD_ERROR: "copy the card and replace it; pin or mirror the samples that must not fail",
    Trouble.CPU: "play fewer voices, interpolate linearly, or give the audio larger blocks",
    Trouble.RAM: "give more RAM to samples, pin less, or play fewer voices",
    Trouble.SPIKES: "give more RAM so that read-ahead bridges them, or take a card without such spikes",
    Trouble.BANDWIDTH: "play fewer voices, store samples in mono or at a lower rate, or take a faster card",
    Trouble.OVERHEAD: "give more RAM, so transfers are longer, defragment, or take a card of less latency",
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the card is supposed to take: ms a command beside its bytes, 10^6 bytes a second (0: no limit)."""

    command_ms: float = 0.0
    mb_per_s: float = 0.0

    def parts_ms(self, reads: float, size_bytes: float) -> tuple[float, float]:
        """Time for so many commands, and for so many bytes."""
        return reads * self.command_ms, size_bytes / (self.mb_per_s * 1000) if self.mb_per_s else 0.0


@dataclass(frozen=True, slots=True)
class Rules:
    """When an alert is raised and when it is over. ``low_slack_ms`` warns before anything is heard."""

    window_s: float = 1.0  # what is looked at: a spike must be seen together with its underrun
    low_slack_ms: float = 5.0  # warn when a voice has less data than this, and the card is saturated
    clear_slack_ms: float = 20.0  # and be calm only when all have this much again
    clear_s: float = 2.0  # for so long without any trouble
    change_s: float = 1.0  # another cause must hold for so long to take an alert's place


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that is ``state`` "raised", "changed" (another cause) or "cleared" at ``frame``.

    ``heard``: voices underran, rather than being about to. ``evidence`` says what was measured.
    """

    frame: int
    state: str
    trouble: Trouble
    heard: bool
    evidence: str

    @property
    def advice(self) -> str:
        """What to change."""
        return ADVICE[self.trouble]

    @property
    def text(self) -> str:
        """One sentence for people."""
        if self.state == "cleared":
            return f"streaming keeps up again (it was {self.trouble.value})"
        title = TITLE if self.heard else "streaming is in danger"
        return f"{title}: {self.trouble.value} ({self.evidence}); {self.advice}"

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {"frame": self.frame, "state": self.state, "cause": self.trouble.value, "text": self.text}


@dataclass(frozen=True, slots=True)
class Window:
    """Differences between two snapshots, ``ms`` apart."""

    ms: float
    first: Snapshot
    last: Snapshot

    def grew(self, name: str) -> float:
        """How much a total grew; 0 where it is not measured."""
        return self.last.get(name, 0) - self.first.get(name, 0)

    @property
    def busy(self) -> float:
        """Part of the time that the card was busy."""
        return min(1.0, self.grew("card.busy_ms") / self.ms)


def judge(
    window: Window, moment: Window, card: Expectation, rate: int, rules: Rules = Rules()
) -> tuple[Trouble, bool, str] | None:
    """What is wrong in a stretch of time, whether it is heard, and what shows it; None where nothing is.

    ``moment`` is the last part of the ``window``: whether the card is still there shows at once.
    """
    heard = window.grew("voices.underruns") + window.grew("voices.dropped") > 0
    errors, reads = moment.grew("card.read_errors"), moment.grew("card.reads")
    if errors >= max(_FEW, reads):
        return Trouble.CARD_GONE, heard, f"all of {reads:.0f} reads failed"
    errors, reads = window.grew("card.read_errors"), window.grew("card.reads")
    if errors:
        answered = window.grew("reader.failovers")
        mirror = f", the mirror card answered for {answered:.0f}" if answered else ""
        return Trouble.CARD_ERROR, heard, f"{errors:.0f} of {reads:.0f} reads failed{mirror}"
    if window.grew("voices.ended_cpu") or window.grew("audio.late_blocks"):
        return Trouble.CPU, True, "rendering missed its deadline"
    slack_ms = window.last.get("voices.least_slack", rate) * 1000 / rate
    short = window.ms < rules.window_s * 500  # to call a card saturated
    if not heard and (slack_ms >= rules.low_slack_ms or window.busy < _SATURATED or short):
        return None
    found = _why(window, card)
    if found is None:
        return None
    trouble, evidence = found
    return trouble, heard, evidence if heard else f"{slack_ms:.1f} ms of data left, {evidence}"


def _why(window: Window, card: Expectation) -> tuple[Trouble, str] | None:
    """What delays data that no error delays; None where a few voices began cold, and all went on in time."""
    underruns = window.grew("voices.underruns")
    no_room, cold = window.grew("voices.underruns_no_room"), window.grew("voices.underruns_cold")
    if underruns and no_room >= underruns / 2:
        return Trouble.RAM, f"{no_room:.0f} of {underruns:.0f} underruns found every block held by others"
    saturated = window.busy >= _SATURATED
    if 0 < cold == underruns < _MANY_COLD and not saturated and not window.grew("voices.dropped"):
        return None
    busy = f"the card was busy {window.busy:.0%} of the time"
    took = window.grew("card.busy_ms") + window.last.get(_AHEAD, 0.0)
    commands, transfer = card.parts_ms(window.grew("card.reads"), window.grew("card.read_bytes"))
    more = took - commands - transfer
    if more > (_MANY * (commands + transfer) if saturated else _SPIKE_MS):
        return Trouble.SPIKES, f"{took:.0f} ms of reading should have been {commands + transfer:.0f} ms"
    if cold >= max(_MANY_COLD, underruns / 2) and not saturated:
        return Trouble.RAM, f"{cold:.0f} of {underruns:.0f} voices that underran began with nothing in RAM"
    if commands > transfer:
        return Trouble.OVERHEAD, f"{busy}, {commands / (commands + transfer):.0%} of it for commands"
    return Trouble.BANDWIDTH, f"{busy}, most of it for bytes"


class Monitor:
    """Raises and clears alerts as it is fed. ``on_alert`` are called with each, as it happens.

    ``active`` is the alert that stands, None where streaming keeps up; ``alerts`` the last `MOST_ALERTS`.
    """

    def __init__(
        self,
        rate: int,
        card: Expectation,
        rules: Rules = Rules(),
        on_alert: Sequence[Callable[[Alert], None]] = (),
    ) -> None:
        self.active: Alert | None = None
        self.alerts: deque[Alert] = deque(maxlen=MOST_ALERTS)
        self._rate = rate
        self._card = card
        self._rules = rules
        self._on_alert = tuple(on_alert)
        self._seen: deque[Snapshot] = deque()
        self._ahead_ms = self._busy_ms = 0.0
        self._calm_since: int | None = None
        self._other_since: int | None = None

    def feed(self, now: Snapshot) -> Alert | None:
        """Look at the device again; returns the alert that this raises, changes or clears."""
        frame, rules = int(now[FRAME]), self._rules
        while self._seen and self._seen[-1][FRAME] >= frame:  # the clock began anew
            self._seen.pop()
        self._seen.append(self._passed(now))
        while len(self._seen) > _TWO and frame - self._seen[1][FRAME] >= rules.window_s * self._rate:
            self._seen.popleft()
        if len(self._seen) < _TWO:
            return None
        window = self._window(rules.window_s)
        found = judge(window, self._window(_MOMENT_S), self._card, self._rate, rules)
        if found and self.active and found[0] in _OF_LOAD and window.busy < _SATURATED:
            found = self.active.trouble, found[1], found[2]  # voices that still recover from what it was
        alert = self._calm(frame, now) if found is None else self._trouble(frame, *found)
        if alert is not None:
            self.alerts.append(alert)
            self.active = None if alert.state == "cleared" else alert
            for tell in self._on_alert:
                tell(alert)
        return alert

    def _passed(self, now: Snapshot) -> Snapshot:
        """The snapshot with the busy time that has passed: a command is charged where it begins."""
        if not self._seen:
            self._ahead_ms = 0.0
            self._busy_ms = now["card.busy_ms"]
            return now
        before = self._seen[-1]
        ahead = self._ahead_ms + now["card.busy_ms"] - self._busy_ms
        spent = min(ahead, (now[FRAME] - before[FRAME]) * 1000 / self._rate)
        self._ahead_ms, self._busy_ms = ahead - spent, now["card.busy_ms"]
        return {**now, "card.busy_ms": before["card.busy_ms"] + spent, _AHEAD: ahead - spent}

    def _window(self, seconds: float) -> Window:
        """From the last snapshot that is so old, or the first of all, until now."""
        now = self._seen[-1]
        past = [one for one in self._seen if now[FRAME] - one[FRAME] >= seconds * self._rate]
        first = past[-1] if past else self._seen[0]
        return Window((now[FRAME] - first[FRAME]) * 1000 / self._rate, first, now)

    def _trouble(self, frame: int, trouble: Trouble, heard: bool, evidence: str) -> Alert | None:
        self._calm_since = None
        if self.active is None:
            return Alert(frame, "raised", trouble, heard, evidence)
        if trouble is self.active.trouble and heard <= self.active.heard:
            self._other_since = None
            return None
        if self._other_since is None:
            self._other_since = frame
        worse = trouble is Trouble.CARD_GONE or (heard and not self.active.heard)
        if not worse and frame - self._other_since < self._rules.change_s * self._rate:
            return None
        self._other_since = None
        return Alert(frame, "changed", trouble, heard, evidence)

    def _calm(self, frame: int, now: Snapshot) -> Alert | None:
        if self.active is None:
            return None
        slack_ms = now.get("voices.least_slack", self._rate) * 1000 / self._rate
        if slack_ms < self._rules.clear_slack_ms:
            self._calm_since = None
            return None
        if self._calm_since is None:
            self._calm_since = frame
        if frame - self._calm_since < self._rules.clear_s * self._rate:
            return None
        self._calm_since = self._other_since = None
        return Alert(frame, "cleared", self.active.trouble, self.active.heard, "")


def monitoring(monitor: Monitor, tally: Tally) -> Callable[[Glance], None]:
    """Feeds a monitor with what a tally makes of each glance (see `sim.watching`)."""

    def take(glance: Glance) -> None:
        tally(glance)
        monitor.feed(tally.values())

    return take


def weightiest(alerts: Sequence[Alert], underruns: Sequence[int], end: int) -> Alert | None:
    """The alert that tells best why a run failed; None where none was heard.

    It is of the cause under which most underruns fell (frames, ``underruns``), of equals the one that stood
    longest until frame ``end``. An underrun belongs to the alert that stood, else to the next one.
    """
    frames, since = sorted(underruns), 0
    weights: dict[Trouble, tuple[int, int]] = {}
    first: dict[Trouble, Alert] = {}
    for one, until in zip(alerts, [*(later.frame for later in alerts[1:]), end], strict=False):
        if not one.heard or one.state == "cleared":
            continue
        count, stood = weights.get(one.trouble, (0, 0))
        fell = bisect_right(frames, until) - bisect_right(frames, since)
        weights[one.trouble] = count + fell, stood + until - one.frame
        first.setdefault(one.trouble, one)
        since = until
    return first[max(weights, key=lambda trouble: weights[trouble])] if weights else None


def happenings(alerts: Sequence[Alert], end: int) -> list[Happening]:
    """The alerts as stretches of time; what stands at frame ``end`` ends there."""
    ends = [*(alert.frame for alert in alerts[1:]), end]
    return [
        Happening("alert", alert.frame, until, alert.text)
        for alert, until in zip(alerts, ends, strict=False)
        if alert.state != "cleared"
    ]
