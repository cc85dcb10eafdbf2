"""Trouble with the card while it is played: faults from a script as their time comes, and faults by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from native import Fault, FaultCount, FaultKind, FaultyDevice
from native.types import QueueFullError
from sim.errors import InputError
from sim.faults.plan import Cards, Posting, postings
from sim.faults.script import FaultScript, kind_name

if TYPE_CHECKING:
    from sim.live.session import Gap, Session

_AHEAD_NS = 200_000_000  # a script's faults are posted so early, and those by hand come after them
KINDS = {"spike": FaultKind.SPIKE, "stuck": FaultKind.STUCK, "error": FaultKind.READ_ERROR,
         "wrong-data": FaultKind.WRONG_DATA, "pull": FaultKind.REMOVED, "insert": FaultKind.INSERTED,
         "read-only": FaultKind.READ_ONLY}  # fmt: skip


def playable(script: FaultScript | None) -> FaultScript | None:
    """The script, where it can be played live; InputError where it writes to cards or cuts the power."""
    if script is None:
        return None
    if script.writes or script.resyncs or any(one.kind is FaultKind.POWER_CUT for one in script.faults):
        raise InputError(
            "this script writes to the card, resynchronises a mirror or cuts the power: render plays such a "
            "script, play does not"
        )
    if script.cards():
        raise InputError(
            "this script inserts another card: swap the card by hand while it plays, or render it"
        )
    return script


class Troubles:
    """Posts faults to the card that is played. Times are the session's."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._coming: Iterator[Posting] = iter(())
        self._next: Posting | None = None
        self._last_ns: dict[FaultyDevice, int] = {}
        self._absences: list[tuple[int, float]] = []  # when (ns of the machine) the card goes and comes
        self._begin()

    @property
    def out(self) -> bool:
        """Whether the card is out just now."""
        now = self._now_ns()
        return any(begin <= now < end for begin, end in self._absences)

    def check_in(self) -> None:
        """InputError where the card is out: nothing boots from it."""
        if self.out:
            raise InputError("the card is out; put it back, or swap it for another, first")

    def _note(self, fault: Fault) -> None:
        """Remember from when to when the first card is out; the latest fault is posted last."""
        if fault.kind is FaultKind.INSERTED:
            self._absences = [(begin, min(end, fault.at_ns)) for begin, end in self._absences]
        elif fault.kind is FaultKind.REMOVED:
            self._absences.append((fault.at_ns, fault.until_ns or math.inf))

    def _begin(self) -> None:
        script = self._session.setup.faults
        if script is not None:
            board = self._session.board
            self._coming = postings(
                script, Cards(board.slots, board.mirror, script), self._session.setup.seed
            )
            self._next = next(self._coming, None)

    def rebuilt(self) -> None:
        """Another machine plays: its card is in, and what comes is posted to it."""
        self._absences.clear()
        self._last_ns.clear()

    def look(self) -> None:
        """Post what a script has for the next moment."""
        machine = self._session.machine
        while self._next is not None:
            fault = self._next.fault
            at_ns = fault.at_ns - machine.base * 1_000_000_000 // self._session.rate
            if at_ns > self._now_ns() + _AHEAD_NS:
                return
            until_ns = max(1, fault.until_ns - fault.at_ns + at_ns) if fault.until_ns else 0
            slot = machine.board.slots[min(self._next.slot.place, len(machine.board.slots) - 1)]
            self._post(slot.faulty, replace(fault, at_ns=max(0, at_ns), until_ns=until_ns))
            self._next = next(self._coming, None)

    def fault(
        self, kind: str, *, ms: float = 100.0, times: int = 1, seconds: float = 0.0, path: str | None = None,
        on_mirror: bool = False,
    ) -> None:  # fmt: skip
        """Something goes wrong now: one of `KINDS`.

        A spike takes ``ms``; errors and wrong data hit ``times`` commands (0: all), of the file ``path`` or
        of any; being stuck, out or read-only lasts ``seconds`` (0: without end). InputError.
        """
        if kind not in KINDS:
            raise InputError(f"{kind!r} is no fault; there are {', '.join(KINDS)}")
        if not (0 <= ms <= 60_000 and 0 <= times <= 1_000_000 and 0 <= seconds <= 1e6):
            raise InputError(
                f"a fault of {ms} ms, {times} times, for {seconds} s is beyond what can be posted"
            )
        session = self._session
        with session.hands.lock:
            made = KINDS[kind]
            slot = session.board.mirror if on_mirror else session.board.slots[0]
            if slot is None:
                raise InputError("there is no mirror card")
            lasting = made in (FaultKind.STUCK, FaultKind.REMOVED, FaultKind.READ_ONLY)
            limited = made in (FaultKind.SPIKE, FaultKind.READ_ERROR, FaultKind.WRONG_DATA)
            until = self._now_ns() + round(seconds * 1e9) if lasting and seconds else 0
            base = Fault(made, until_ns=until, times=times if limited else 0,
                         spike_ns=round(ms * 1e6) if made is FaultKind.SPIKE else 0)  # fmt: skip
            runs = [(0, 0)] if path is None else [(one.offset, one.length) for one in slot.card.extents(path)]
            for offset, length in runs:
                self._post(slot.faulty, replace(base, at_ns=self._now_ns(), offset=offset, length=length))

    def pull(self) -> None:
        """The card is taken out."""
        self.fault("pull")

    def insert(self) -> None:
        """The same card is put back."""
        self.fault("insert")

    def swap(self, image: Path) -> Gap:
        """Another card is put in: the device boots from it, and what sounded ends. CardError."""
        return self._session.change(image=image, why="another card was put in")

    def mirror(self, image: Path) -> Gap:
        """A second card answers from now on where the first does not. CardError."""
        return self._session.change(mirror=image, why="a mirror card was put in")

    def counts(self) -> dict[str, dict[str, int]]:
        """What became of the faults of the machine that plays, by kind."""
        total: dict[str, dict[str, int]] = {}
        for slot in self._session.board.slots:
            found: dict[FaultKind, FaultCount] = slot.faulty.counts() if slot.faulty else {}
            for kind, one in found.items():
                if one.begun:
                    was = total.setdefault(kind_name(kind), {"begun": 0, "met": 0, "commands": 0})
                    for name in was:
                        was[name] += getattr(one, name)
        return total

    def _now_ns(self) -> int:
        return self._session.live.now() * 1_000_000_000 // self._session.rate

    def _post(self, faulty: FaultyDevice | None, fault: Fault) -> None:
        assert faulty is not None
        at_ns = max(fault.at_ns, self._last_ns.get(faulty, 0))
        self._last_ns[faulty] = at_ns
        try:
            faulty.post(replace(fault, at_ns=at_ns))
        except QueueFullError:
            raise InputError("more faults wait for their time than the card's queue holds") from None
        if faulty is self._session.board.slots[0].faulty:
            self._note(replace(fault, at_ns=at_ns))
