"""A run with faults: posts them in time, acts where the device would, and counts what came of it."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from itertools import count

from native import FaultCount, FaultKind
from native.types import Cause, QueueFullError
from sim.board import Board
from sim.errors import InputError
from sim.faults.account import FaultReport
from sim.faults.overlay import PowerCutError
from sim.faults.plan import Cards, Insertion, Posting, postings
from sim.faults.script import FaultScript, kind_name
from sim.faults.tasks import Writings
from sim.slots import Slot
from sim.watching import Happening

_AHEAD_NS = (
    10_000_000_000  # faults are posted so early: a command may take long, and meets what comes meanwhile
)
_MOST_HAPPENINGS = 10_000
_MOST_PIECES = 64  # faults posted between two pieces of one


class FaultRun:
    """Conducts a render with faults (see `sim.offline.Conductor`).

    ``happenings`` tells what happened when, for traces and pictures.
    """

    def __init__(self, board: Board, script: FaultScript, seed: int, *, verified: bool) -> None:
        self._board, self._script, self._seed, self._verified = board, script, seed, verified
        self._rate = board.engine.config.rate
        self._cards = Cards(board.slots, board.mirror, script)
        self._now = board.slots[0]  # the card whose pads are played
        self._coming = postings(script, self._cards, seed)
        self._next: Posting | None = next(self._coming, None)
        self._posted: deque[tuple[int, FaultKind]] = deque()  # and not yet come
        self._came: Counter[FaultKind] = Counter()
        self._actions: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = count()  # of actions at the same frame
        self._remarks: list[str] = []
        self._outcomes: Counter[str] = Counter()
        self._said: deque[int] = deque(maxlen=_MOST_PIECES)
        self.happenings: list[Happening] = []
        self.power_cut_frame: int | None = None
        cuts = [one.at_s for one in script.faults if one.kind is FaultKind.POWER_CUT]
        self._power_s = min(cuts, default=None)
        self._writings = Writings(board, self._cards, self, self._outcomes, seed=seed, power_s=self._power_s)
        self._schedule()

    # time

    def prepare(self, frame: int, target: int) -> int:
        """See `Conductor.prepare`."""
        self._feed(self._ns(target))
        self._count_until(self._ns(frame))
        while self._actions and self._actions[0][0] <= frame:
            heapq.heappop(self._actions)[2](frame)
        return min(target, self._actions[0][0]) if self._actions else target

    def close(self) -> None:
        """End what is still being written, and let go of the images that were written to."""
        cut = self.power_cut_frame is not None
        self._writings.close("cut off" if cut else "not finished when the run ended")

    def _ns(self, frame: int) -> int:
        return frame * 1_000_000_000 // self._rate

    def _frame(self, at_s: float) -> int:
        """The first frame that is not before a time."""
        return -(-round(at_s * 1_000_000_000) * self._rate // 1_000_000_000)

    def _feed(self, until_ns: int) -> None:
        """Post what comes before, and some way after."""
        while self._next is not None and self._next.fault.at_ns <= until_ns + _AHEAD_NS:
            faulty = self._next.slot.faulty
            assert faulty is not None
            try:
                faulty.post(self._next.fault)
            except QueueFullError:
                return
            self._note(self._next)
            self._next = next(self._coming, None)

    def _count_until(self, now_ns: int) -> None:
        """Move what has come to the count, so that a long run takes no more memory than a short one."""
        while self._posted and self._posted[0][0] < now_ns:
            self._came[self._posted.popleft()[1]] += 1

    def _note(self, posting: Posting) -> None:
        fault = posting.fault
        self._posted.append((fault.at_ns, fault.kind))
        if fault.kind is FaultKind.REMOVED and fault.until_ns and posting.slot is not self._board.mirror:
            self._at(fault.until_ns / 1e9, self._come_back)
        if posting.scripted in self._said:
            return
        self._said.append(posting.scripted)
        frame, until = (self._frame(at / 1e9) for at in (fault.at_ns, fault.until_ns or fault.at_ns))
        where = " on the mirror" if posting.slot is self._board.mirror else ""
        self.say(frame, until, f"{kind_name(fault.kind)}{where}")

    def say(self, frame: int, until: int, text: str) -> None:
        """Note what happened from one frame to another."""
        if len(self.happenings) < _MOST_HAPPENINGS:
            self.happenings.append(Happening("fault", frame, until, text))

    # what the device does

    def _schedule(self) -> None:
        for insertion in self._cards.insertions:
            self._at(insertion.at_s, partial(self._insert, insertion))
        for spec in self._script.writes:
            self._at(spec.at_s, partial(self._writings.write, spec))
        for at_s in self._script.resyncs:
            self._at(at_s, self._writings.resynchronise)
        if self._script.resyncs and self._board.mirror is None:
            raise InputError("the script resynchronises a mirror, and there is none: give --mirror")
        if self._power_s is not None:
            self._at(self._power_s, self.lose_power)

    def _at(self, at_s: float, act: Callable[[int], None]) -> None:
        self.in_frames(self._frame(at_s), act)

    def in_frames(self, frame: int, act: Callable[[int], None]) -> None:
        """Call ``act`` when a frame is reached."""
        heapq.heappush(self._actions, (frame, next(self._order), act))

    def lose_power(self, frame: int) -> None:
        """End the run here."""
        self.power_cut_frame = frame
        raise PowerCutError

    def _come_back(self, frame: int) -> None:
        self._outcomes["same_card_back"] += 1

    def _insert(self, insertion: Insertion, frame: int) -> None:
        slot = insertion.slot
        if self._cards.is_same(slot):
            if slot is not None:  # a clone: the device cannot tell, and looks for everything where it was
                faulty = self._cards.first.faulty
                assert faulty is not None
                faulty.insert(slot.timed())
                text = f"{slot.path.name} has the same serial number: taken for the same card"
                self.say(frame, frame, text)
                if text not in self._remarks:
                    self._remarks.append(text)
            slot = self._cards.first
        assert slot is not None
        if slot is self._now:
            self._outcomes["same_card_back"] += 1
            return
        assert slot.boot is not None
        ready = frame + self._frame(slot.boot.ms / 1000)
        self.say(frame, ready, f"another card, {slot.serial}: booted")
        self.in_frames(ready, partial(self._change_pads, slot))

    def _change_pads(self, slot: Slot, frame: int) -> None:
        """The pads of the card that is in now replace the old ones; what sounds goes on while it can."""
        at_s = frame / self._rate
        if self._cards.at(at_s) is not slot or self._cards.is_empty(at_s):
            return  # it was taken out while it was booted
        board = self._board
        for number in self._now.ids.values():
            board.engine.unpin(number)
        ids = slot.ids or board.add_samples(slot)
        assert slot.boot is not None
        board.player.change_card(slot.boot.catalogue, ids)
        board.pin_heads(slot.boot, ids)
        self._now = slot
        self._outcomes["cards_exchanged"] += 1
        self.say(frame, frame, f"{len(slot.boot.catalogue.pads)} pads of {slot.serial} are ready")

    # the account

    def report(self, causes: Counter[Cause]) -> FaultReport:
        """What came of it all, as of the last render. ``causes`` counts the underruns."""
        engine = self._board.engine
        counters, counts = engine.counters(), self._counts()
        self._count_until(self._ns(engine.frame))
        came = Counter(self._came)
        if self.power_cut_frame is not None:
            came[FaultKind.POWER_CUT] = 1
        wrong = counts[FaultKind.WRONG_DATA].commands
        outcomes = {
            "reads_retried": counters.retries,
            "reads_failed_over": counters.failovers,
            "faded_for_read_errors": causes[Cause.READ_ERROR],
            "faded_for_other_causes": causes.total() - causes[Cause.READ_ERROR],
            "same_card_back": 0,
            "cards_exchanged": 0,
            "writes_refused": 0,
            "writes_old": 0,
            "writes_new": 0,
            "writes_damaged": 0,
            "resynchronised_files": 0,
            "wrong_data_detected": wrong if self._verified else 0,
            "wrong_data_undetected": 0 if self._verified else wrong,
            "power_cuts": int(self.power_cut_frame is not None),
        }
        outcomes |= self._outcomes
        return FaultReport(
            {
                kind_name(kind): {
                    "came": came[kind],
                    "met": counts[kind].met,
                    "commands": counts[kind].commands,
                }
                for kind in FaultKind
                if came[kind]
            },
            outcomes,
            sorted((one for one in self.happenings if one.frame <= engine.frame), key=lambda one: one.frame),
            self.power_cut_frame,
            self._remarks,
        )

    def _counts(self) -> dict[FaultKind, FaultCount]:
        """Of all cards together."""
        total = {kind: FaultCount() for kind in FaultKind}
        for slot in self._board.slots:
            for kind, one in (slot.faulty.counts() if slot.faulty else {}).items():
                sum_ = total[kind]
                total[kind] = FaultCount(
                    sum_.begun + one.begun, sum_.met + one.met, sum_.commands + one.commands
                )
        return total


def fault_run(board: Board) -> FaultRun | None:
    """The conductor for a board that was set up with faults or a mirror, None for any other."""
    setup = board.setup
    if setup.faults is None and setup.mirror is None:
        return None
    return FaultRun(board, setup.faults or FaultScript(), setup.seed, verified=setup.verify)
