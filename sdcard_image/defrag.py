"""Putting every file of a card into one piece, in place; a power cut at any write loses nothing (`relocate`).

First each file in pieces goes to the smallest free stretch that holds it, many files at a time. Where there
is none, the files are packed one after the other from the front, each cluster that is in the way first moved
to a free one. Folders stay where they are, and so do bad and lost clusters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdcard_image.fat import to_runs
from sdcard_image.medium import Medium
from sdcard_image.relocate import FREE, FileAt, Mover, Occupancy

Advance = Callable[[float], None]
_AT_ONCE = 64 << 20  # bytes that are copied before the folder entries are switched
_FILES_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class DefragReport:
    """Pieces and files in pieces, before and after. ``left`` are files for which there was no room.

    ``lost_clusters`` belong to no file, and are not touched: a run that was cut short leaves such.
    """

    files: int
    extents_before: int
    extents_after: int
    fragmented_before: int
    fragmented_after: int
    moved_bytes: int
    left: tuple[str, ...]
    lost_clusters: int


def defrag(medium: Medium, advance: Advance = lambda files: None) -> DefragReport:
    """Put every file on the card into one piece; ``advance`` is told files done.

    Raises CardError where the card is damaged (repair it first); a failure midway leaves every file whole.
    """
    mover = Mover(medium)
    work = _Defrag(mover, Occupancy(mover))
    before = work.cards.extents, len(work.cards.fragmented)
    try:
        work.run(advance)
    finally:
        mover.finish()  # where it was interrupted between two moves, too
    left = work.cards.fragmented
    return DefragReport(
        len(work.cards.files),
        before[0],
        work.cards.extents,
        before[1],
        len(left),
        mover.moved_bytes,
        tuple(one.path for one in left),
        work.cards.lost,
    )


class _Defrag:
    def __init__(self, mover: Mover, cards: Occupancy) -> None:
        self.mover, self.cards = mover, cards
        self._moves: list[tuple[int, FileAt, NDArray[np.intp]]] = []
        self._bytes = 0

    def run(self, advance: Advance) -> None:
        waiting = False
        for number, file in enumerate(self.cards.files, start=1):
            waiting = not self._to_free_stretch(number, file) or waiting
            advance(1)
        self._flush()
        if waiting and (self.cards.owner == FREE).any():
            self._pack()

    # where there is room

    def _to_free_stretch(self, number: int, file: FileAt) -> bool:
        """Move a file in pieces to a free stretch, with others; False where none is long enough."""
        if file.extents == 1:
            return True
        first = self._stretch(len(file.clusters))
        if first is None and self._moves:
            self._flush()
            first = self._stretch(len(file.clusters))
        if first is None:
            return False
        new = np.arange(first, first + len(file.clusters))
        self._own(new, number)
        self._moves.append((number, file, new))
        self._bytes += len(new) * self.mover.cluster_bytes
        if self._bytes >= _AT_ONCE or len(self._moves) >= _FILES_AT_ONCE:
            self._flush()
        return True

    def _stretch(self, need: int) -> int | None:
        """Where the smallest free stretch of ``need`` clusters or more begins."""
        free = to_runs(np.flatnonzero(self.cards.owner == FREE))
        _, first = min(((count, first) for first, count in free if count >= need), default=(0, None))
        return first

    def _flush(self) -> None:
        """Carry out the moves that are waiting."""
        moves, self._moves, self._bytes = self._moves, [], 0
        if not moves:
            return
        for _, file, _ in moves:
            self._own(file.clusters, FREE)
        self.mover.relocate_files([(file, new) for _, file, new in moves])

    def _own(self, clusters: NDArray[np.intp], owner: int) -> None:
        self.cards.owner[clusters] = owner

    # where there is not

    def _pack(self) -> None:
        """All files from the front on, in the order in which they begin, around what cannot be moved."""
        order = sorted(range(len(self.cards.files)), key=lambda n: int(self.cards.files[n].clusters.min()))
        at = 2
        for index in order:
            if not self.cards.fragmented:
                return
            file = self.cards.files[index]
            start = self._room(at, len(file.clusters))
            if start is None:
                continue  # a smaller one may still fit
            self._place(index + 1, file, start)
            at = start + len(file.clusters)

    def _room(self, at: int, need: int) -> int | None:
        """First place from ``at`` on where ``need`` clusters hold nothing that must stay."""
        fixed = np.flatnonzero(self.cards.owner[at:] < FREE) + at
        edges = np.concatenate(([at - 1], fixed, [len(self.cards.owner)]))
        wide = np.flatnonzero(np.diff(edges) - 1 >= need)
        return int(edges[wide[0]]) + 1 if len(wide) else None

    def _place(self, number: int, file: FileAt, start: int) -> None:
        """Bring a file's clusters to ``start`` and on, one stretch after the other."""
        done, need = 0, len(file.clusters)
        while done < need:
            target = start + done
            if file.clusters[done] == target:
                done += 1
                continue
            if self.cards.owner[target] != FREE:
                self._evict(target, start, need)
                continue
            count = self._movable(file, done, target)
            new = np.arange(target, target + count)
            self._move(number, file, done, new)
            done += count

    def _movable(self, file: FileAt, done: int, target: int) -> int:
        """How many clusters can go at once: neighbours in the file, to free places."""
        run = np.diff(file.clusters[done:]) == 1
        count = len(run) + 1 if run.all() else int(np.argmin(run)) + 1
        free = self.cards.owner[target : target + count] == FREE
        return count if free.all() else int(np.argmin(free))

    def _evict(self, target: int, start: int, need: int) -> None:
        """Move what lies at ``target`` and behind it, as one stretch of a file, out of the way."""
        number = int(self.cards.owner[target])
        other = self.cards.files[number - 1]
        at = int(np.flatnonzero(other.clusters == target)[0])
        run = np.diff(other.clusters[at:]) == 1
        count = len(run) + 1 if run.all() else int(np.argmin(run)) + 1
        count = min(count, start + need - target)
        free = np.flatnonzero(self.cards.owner == FREE)
        outside = free[(free < start) | (free >= start + need)]
        places = outside[::-1] if len(outside) else free[::-1][:1]
        new = np.sort(places[: min(count, len(places))])
        self._move(number, other, at, new)

    def _move(self, number: int, file: FileAt, at: int, new: NDArray[np.intp]) -> None:
        old = file.clusters[at : at + len(new)].copy()
        self.mover.relocate_part(file, at, new)
        self._own(old, FREE)
        self._own(new, number)
