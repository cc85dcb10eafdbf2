"""What a run writes to its cards while it plays: files, and a mirror brought up to date."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol

from sdcard_image.types import CardError, WritableCard
from sim.board import Board
from sim.errors import InputError
from sim.faults.plan import Cards
from sim.faults.script import WriteSpec
from sim.faults.writing import Command, Copy, Cut, Job, old_or_new, sketched, sketched_source
from sim.mirroring import mirror_card
from sim.slots import Slot


class Stage(Protocol):
    """What a run offers those who write. Frames count from its beginning."""

    def in_frames(self, frame: int, act: Callable[[int], None]) -> None:
        """Call ``act`` at a frame."""
        ...

    def say(self, frame: int, until: int, text: str) -> None:
        """Tell what happened."""
        ...

    def lose_power(self, frame: int) -> None:
        """End the run."""
        ...


class _Task(Protocol):
    def commands(self, frame: int) -> list[Command]:
        """All that it asks of the cards, planned as it begins."""
        ...

    def cut(self) -> int:
        """The write in which power fails; 0: none."""
        ...

    def settle(self, outcome: str, done: int) -> str:
        """Count what became of it after so many commands; returns what is told."""
        ...


class Writings:
    """The tasks of a run, one after the other. ``power_s`` is when power fails, None: it does not."""

    def __init__(
        self,
        board: Board,
        cards: Cards,
        stage: Stage,
        outcomes: Counter[str],
        *,
        seed: int,
        power_s: float | None,
    ) -> None:
        self.board, self.cards, self.seed, self.outcomes = board, cards, seed, outcomes
        self._stage, self._rate = stage, board.engine.config.rate
        self._power_ns = None if power_s is None else round(power_s * 1e9)
        self._copies: dict[int, Copy] = {}
        self._tasks: deque[_Task] = deque()  # the first of them is being done
        self._job: Job | None = None
        self._begun = 0

    def write(self, spec: WriteSpec, frame: int) -> None:
        """Write a file from a frame on. InputError where it cannot be."""
        if spec.on_mirror and self.board.mirror is None:
            raise InputError(f"{spec.path} is to be written to the mirror, and there is none: give --mirror")
        self._take(_Write(self, spec), frame)

    def resynchronise(self, frame: int) -> None:
        """Copy to the mirror what the card that is in has otherwise, from a frame on."""
        self._take(_Resync(self), frame)

    def copy(self, slot: Slot) -> Copy:
        """The copy of a card that is written to."""
        if slot.place not in self._copies:
            self._copies[slot.place] = Copy(slot, self.seed)
        return self._copies[slot.place]

    def card_at(self, frame: int) -> Slot:
        """The card that is in, or was last."""
        return self.cards.at(frame / self._rate)

    def close(self, why: str) -> None:
        """End what is still being written, and let go of the images."""
        frame = self.board.engine.frame
        for task in self._tasks:
            begun, done = (self._begun, self._job.done) if self._job else (frame, 0)
            self._stage.say(begun, frame, task.settle(why, done))
            self._job = None
        self._tasks.clear()
        for copy in self._copies.values():
            copy.close()

    def _take(self, task: _Task, frame: int) -> None:
        self._tasks.append(task)
        if len(self._tasks) == 1:
            self._begin(frame)

    def _begin(self, frame: int) -> None:
        task = self._tasks[0]
        self._begun = frame
        try:
            self._job = Job(task.commands(frame), self.board.device, Cut(self._power_ns, task.cut()))
        except BaseException:
            self._tasks.clear()  # it never began
            raise
        self._go_on(frame)

    def _go_on(self, frame: int) -> None:
        """Give the card the next command, at the frame at which the one before is done."""
        job = self._job
        assert job is not None
        if job.outcome:
            self._end(job, frame)
            return
        done_ns = job.step(frame * 1_000_000_000 // self._rate)
        self._stage.in_frames(max(frame, -(-done_ns * self._rate // 1_000_000_000)), self._go_on)

    def _end(self, job: Job, frame: int) -> None:
        self._stage.say(self._begun, frame, self._tasks.popleft().settle(job.outcome, job.done))
        self._job = None
        if job.was_cut:
            self._stage.lose_power(frame)
        if self._tasks:
            self._begin(frame)


class _Write:
    """A file is written."""

    def __init__(self, run: Writings, spec: WriteSpec) -> None:
        self._run, self._spec = run, spec
        self._copy: Copy | None = None
        self._old: bytes | None = None
        self._data = b""

    def commands(self, frame: int) -> list[Command]:
        spec, mirror = self._spec, self._run.board.mirror
        slot = mirror if spec.on_mirror and mirror else self._run.card_at(frame)
        copy, data = self._run.copy(slot), self._content()
        self._copy, self._old, self._data = copy, copy.read(spec.path), data
        try:
            return sketched(copy, lambda card: card.put(spec.path, data))
        except CardError as error:
            raise InputError(f"{spec.path} cannot be written to {slot.path}: {error}") from None

    def cut(self) -> int:
        return self._spec.cut_at

    def settle(self, outcome: str, done: int) -> str:
        state = "old"
        if self._copy is not None:
            state = old_or_new(self._copy, self._spec.path, self._old, self._data)
        self._run.outcomes["writes_refused" if outcome == "refused" else f"writes_{state}"] += 1
        return f"write of {self._spec.path}: {outcome}, the file is {state}"

    def _content(self) -> bytes:
        spec = self._spec
        if spec.source is None:
            chance = random.Random(f"{self._run.seed}/{spec.path}")  # noqa: S311  seeded filling
            return chance.randbytes(spec.size)
        try:
            return spec.source.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read {spec.source}: {(error.strerror or str(error)).lower()}") from None


class _Resync:
    """The mirror is brought up to date from the card that is in."""

    def __init__(self, run: Writings) -> None:
        self._run = run
        self._marks: list[int] = []  # commands after which one file more is on the mirror

    def commands(self, frame: int) -> list[Command]:
        mirror = self._run.board.mirror
        assert mirror is not None
        first, second = self._run.copy(self._run.card_at(frame)), self._run.copy(mirror)
        commands: list[Command] = []
        source = sketched_source(first, commands)

        def act(card: WritableCard) -> None:
            mirror_card(source, card, progress=lambda size: self._marks.append(len(commands)))

        try:
            return sketched(second, act, commands, reads_count=True)
        except CardError as error:
            raise InputError(f"the mirror {mirror.path} cannot be resynchronised: {error}") from None

    def cut(self) -> int:
        return 0

    def settle(self, outcome: str, done: int) -> str:
        copied = sum(mark <= done for mark in self._marks)
        self._run.outcomes["resynchronised_files"] += copied
        of = "" if copied == len(self._marks) else f" of {len(self._marks)}"
        return f"resynchronisation: {outcome}, {copied}{of} files copied"
