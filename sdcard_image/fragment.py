"""Making a card's files fragmented on purpose, to see what that costs; content, names and dates stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdcard_image.alloc import chain_values
from sdcard_image.medium import Medium
from sdcard_image.relocate import FREE, FileAt, Occupancy, pieces, set_first_cluster
from sdcard_image.store import VolumeStore
from sdcard_image.volume import Volume

_CHUNK = 4 << 20
_TRIES = 64  # neighbours looked at for a piece to swap with


@dataclass(frozen=True, slots=True)
class FragmentReport:
    """Pieces of all files, before and after."""

    files: int
    extents_before: int
    extents_after: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """Part of a file: ``first`` counts clusters of its chain."""

    file: int
    first: int
    count: int


def fragment(
    source: Medium,
    copy: Medium,
    *,
    extent_clusters: int = 1,
    seed: int = 0,
    advance: Callable[[float], None] = lambda files: None,
) -> FragmentReport:
    """Scatter the files of the card in ``source`` over ``copy``, which holds the same bytes.

    Every file is cut into pieces of ``extent_clusters`` clusters, which ``seed`` shuffles; no two that follow
    each other in a file lie side by side, unless there is nothing to put between. ``source`` is only read.
    Raises CardError where the card is damaged.
    """
    old = Volume(source)
    before = Occupancy(old)
    places = _scatter(before, extent_clusters, seed)
    out = VolumeStore(copy)
    out.begin()
    for file, new in zip(before.files, places, strict=True):
        _copy(old, out, file, new)
        advance(1)
    _link(out, before, places)
    for table in {id(file.table): file.table for file in before.files}.values():
        out.write_slots(table, 0, table.total)
    out.finish()
    after = sum(len(pieces(new)) for new in places)
    return FragmentReport(len(before.files), before.extents, after)


def _scatter(cards: Occupancy, extent_clusters: int, seed: int) -> list[NDArray[np.intp]]:
    """New clusters for every file: shuffled pieces laid over what files may use, from the front."""
    cut = [
        _Piece(number, first, min(extent_clusters, len(file.clusters) - first))
        for number, file in enumerate(cards.files)
        for first in range(0, len(file.clusters), extent_clusters)
    ]
    order = np.random.default_rng(seed).permutation(len(cut))
    shuffled = [cut[n] for n in order]
    usable = np.flatnonzero(cards.owner >= FREE)
    spare = len(usable) - sum(one.count for one in cut)
    new = [np.zeros(len(file.clusters), np.intp) for file in cards.files]
    at = 0
    for piece, gap in _apart(shuffled, spare):
        at += gap
        new[piece.file][piece.first : piece.first + piece.count] = usable[at : at + piece.count]
        at += piece.count
    return new


def _apart(shuffled: list[_Piece], spare: int) -> Iterator[tuple[_Piece, int]]:
    """The pieces so ordered that none continues the one before; or with a free cluster between."""
    last: _Piece | None = None
    for at in range(len(shuffled)):
        if last is not None and _continues(last, shuffled[at]):
            other = next(
                (
                    n
                    for n in range(at + 1, min(at + _TRIES, len(shuffled)))
                    if not _continues(last, shuffled[n])
                ),
                None,
            )
            if other is not None:
                shuffled[at], shuffled[other] = shuffled[other], shuffled[at]
        gap = int(last is not None and _continues(last, shuffled[at]) and spare > 0)
        spare -= gap
        last = shuffled[at]
        yield last, gap


def _continues(one: _Piece, other: _Piece) -> bool:
    return one.file == other.file and one.first + one.count == other.first


def _copy(old: Volume, out: VolumeStore, file: FileAt, new: NDArray[np.intp]) -> None:
    most = max(1, _CHUNK // old.cluster_bytes)
    done = 0
    for first, count in pieces(new):
        for start in range(0, count, most):
            part = min(most, count - start)
            out.write_clusters(first + start, old.read_runs(pieces(file.clusters[done : done + part])))
            done += part


def _link(out: VolumeStore, cards: Occupancy, places: list[NDArray[np.intp]]) -> None:
    """Free all old chains, then make the new ones, in one write of each FAT."""
    if not cards.files:
        return
    values = np.zeros(len(cards.owner), np.uint32)
    touched = np.concatenate([file.clusters for file in cards.files] + places)
    for file, new in zip(cards.files, places, strict=True):
        values[new] = chain_values(new)
        set_first_cluster(file.table.data, file.slot.index + file.slot.slots - 1, int(new[0]))
    every = np.unique(touched)
    out.store_fat(every, values[every])
