"""Random faults one after another, and the account of them: posted, met by a command, and what failed."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native import Fault, FaultCount, FaultKind, FaultyDevice
from native.types import QueueFullError

_NS = 1_000_000_000
_FAILING = (FaultKind.READ_ERROR, FaultKind.REMOVED, FaultKind.STUCK)
_KINDS = {  # how often, in parts of all
    FaultKind.SPIKE: 0.35,
    FaultKind.STUCK: 0.2,
    FaultKind.READ_ERROR: 0.25,
    FaultKind.WRONG_DATA: 0.05,
    FaultKind.REMOVED: 0.15,
}
AFTERMATH_NS = (
    15 * _NS
)  # in which an underrun may still follow from a fault: an assumption, for the report only


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault, or the two that take a card out and put it back; at work from ``at_ns`` to ``until_ns``."""

    kind: FaultKind
    at_ns: int
    until_ns: int
    faults: tuple[Fault, ...]


def troubles(seed: int, device_bytes: int, per_hour: float) -> Iterator[Trouble]:
    """Troubles without end, in order, none before the one before is over; nothing where ``per_hour`` is 0.

    At first every byte is wrong: so the whole cache is written once, and its memory has settled.
    """
    if per_hour <= 0:
        return
    everywhere = Fault(FaultKind.WRONG_DATA, 0, 60 * _NS)
    yield Trouble(everywhere.kind, everywhere.at_ns, everywhere.until_ns, (everywhere,))
    chance = np.random.default_rng([seed, 0x736F616B])  # a stream of its own: "soak"
    kinds, parts = list(_KINDS), list(_KINDS.values())
    now = everywhere.until_ns
    while True:
        now += int(chance.exponential(3600 / per_hour) * _NS) + 1
        one = _trouble(chance, kinds[int(chance.choice(len(kinds), p=parts))], now, device_bytes)
        yield one
        now = one.until_ns


def _trouble(chance: np.random.Generator, kind: FaultKind, at: int, device_bytes: int) -> Trouble:
    if kind is FaultKind.SPIKE:
        spike = int(min(chance.lognormal(np.log(0.02), 1.0), 0.9) * _NS)  # 20 ms as a rule, rarely 900
        return Trouble(kind, at, at + spike, (Fault(kind, at, times=1, spike_ns=spike),))
    if kind is FaultKind.STUCK:
        until = at + int(min(chance.exponential(0.06), 1.0) * _NS) + 1
        return Trouble(kind, at, until, (Fault(kind, at, until),))
    if kind is FaultKind.REMOVED:
        until = at + int(min(chance.exponential(3.0), 60.0) * _NS) + 1
        faults = (Fault(kind, at), Fault(FaultKind.INSERTED, until))
        return Trouble(kind, at, until, faults)
    until = at + int(chance.exponential(5.0) * _NS) + 1
    length = int(chance.choice([512, 32 << 10, 4 << 20, device_bytes]))
    offset = int(chance.integers(0, max(1, device_bytes - length + 1))) // 512 * 512
    times = int(chance.integers(1, 4)) if chance.random() < 0.7 else 0  # else until the end
    return Trouble(kind, at, until, (Fault(kind, at, until, times, offset, length),))


class Account:
    """Posts troubles ahead of time, and holds every failed command against them."""

    def __init__(self, device: FaultyDevice, planned: Iterator[Trouble]) -> None:
        self.posted: Counter[FaultKind] = Counter()
        self.errors = 0  # commands that failed
        self.unexplained_errors = 0
        self._device = device
        self._planned = planned
        self._next = next(planned, None)
        self._waiting: deque[Fault] = deque()
        self._recent: deque[Trouble] = deque()

    def post_until(self, end_ns: int) -> None:
        """Post what begins before ``end_ns``."""
        while self._next is not None and self._next.at_ns < end_ns:
            self._waiting.extend(self._next.faults)
            self._recent.append(self._next)
            self._next = next(self._planned, None)
        while self._waiting:
            try:
                self._device.post(self._waiting[0])
            except QueueFullError:
                return
            self.posted[self._waiting.popleft().kind] += 1

    def check(self, commands: NDArray[Any]) -> None:
        """Find the trouble behind each command that failed."""
        failed = commands[commands["status"] != 0]
        self.errors += len(failed)
        for one in failed.tolist():
            begun, done = one[0], one[1]
            if not any(self._explains(trouble, begun, done) for trouble in self._recent):
                self.unexplained_errors += 1

    @staticmethod
    def _explains(trouble: Trouble, begun_ns: int, done_ns: int) -> bool:
        """Whether it was at work during the command. One that waits for a stuck card fails after a while."""
        return trouble.kind in _FAILING and trouble.at_ns <= done_ns and begun_ns <= trouble.until_ns

    def near(self, at_ns: int) -> bool:
        """Whether a trouble was at work at that time or a little before."""
        return any(one.at_ns <= at_ns <= one.until_ns + AFTERMATH_NS for one in self._recent)

    def forget_before(self, ns: int) -> None:
        """What ended so long ago explains nothing any more."""
        while self._recent and self._recent[0].until_ns + AFTERMATH_NS < ns:
            self._recent.popleft()

    def document(self) -> dict[str, Any]:
        """As JSON values: by kind, how many were posted, began, were met by a command, and by how many."""
        counts = self._device.counts()
        return {
            "posted": sum(self.posted.values()),
            "waiting": self._device.waiting,
            "errors": self.errors,
            "unexplained_errors": self.unexplained_errors,
            "by_kind": {
                kind.name.lower(): _line(self.posted[kind], counts[kind])
                for kind in FaultKind
                if self.posted[kind]
            },
        }

    def gaps(self, read_errors: int) -> list[str]:
        """What does not add up, in sentences; ``read_errors`` is what the engine counted."""
        counts = self._device.counts()
        begun = sum(one.begun for one in counts.values())
        found = []
        posted, waiting = sum(self.posted.values()), self._device.waiting
        if posted != begun + waiting:
            found.append(f"{posted} faults were posted, {begun} began and {waiting} wait")
        if self.unexplained_errors:
            found.append(f"{self.unexplained_errors} commands failed without a fault")
        if self.errors != read_errors:
            found.append(f"{self.errors} commands failed, but the engine counted {read_errors} errors")
        sure = counts[FaultKind.READ_ERROR].commands + counts[FaultKind.REMOVED].commands
        most = sure + counts[FaultKind.STUCK].commands
        if not sure <= self.errors <= most:
            found.append(
                f"{self.errors} commands failed; by the faults that they met it must be {sure} to {most}"
            )
        return found


def _line(posted: int, count: FaultCount) -> dict[str, int]:
    return {"posted": posted, "begun": count.begun, "met": count.met, "commands": count.commands}
