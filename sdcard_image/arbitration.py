"""Two FATs that differ: entry by entry the likelier value, by what it says and by what the others say.

What the folders say comes later, when they are read (`revised`, `Chains.learn`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdcard_image.layout import BAD

ENDS = 0x0FFF_FFF8  # this and above: the last cluster of a chain
PER_SECTOR = 128  # entries of a sector; of larger sectors, of a part that may be lost alone
_LOST, _NONSENSE, _FREE, _JUMP, _END, _NEIGHBOUR = -1, 0, 1, 2, 3, 4

Values = NDArray[np.uint32]


def targets(values: Values, limit: int) -> NDArray[np.bool_]:
    """Which clusters these entries point to."""
    out = np.zeros(limit, bool)
    out[values[(values >= 2) & (values < limit)]] = True
    return out


def repeated(values: Values) -> NDArray[np.intp]:
    """The sectors of a FAT that hold one value throughout, and not zero.

    No formatter or writer leaves such, but for many files of one cluster side by side.
    """
    full = _sectors(values)
    last = full[:, -1:]
    alike = (full[:, 2:] == last).all(axis=1) & (last[:, 0] != 0)  # the first two of all are no clusters
    alike[1:] &= (full[1:, :2] == last[1:]).all(axis=1)
    return np.flatnonzero(alike)


def noise(values: Values, limit: int) -> NDArray[np.intp]:
    """The sectors of a FAT of which a quarter points nowhere."""
    full = _sectors(values)
    outside = (full == 1) | ((full >= limit) & (full < BAD))
    return np.flatnonzero(np.count_nonzero(outside, axis=1) >= PER_SECTOR // 4)


def _sectors(values: Values) -> Values:
    return values[: len(values) // PER_SECTOR * PER_SECTOR].reshape(-1, PER_SECTOR)


def merge(a: Values, b: Values, limit: int) -> Values:
    """Entry by entry the likelier of two FATs.

    A value that joins neighbours is likelier than an end, that than a jump, that than free, that than
    nonsense, such as the way to a cluster that another entry leads to in both FATs. A sector of one
    repeated value, or of noise, counts as lost. Where both are alike, the copy counts that wins more of it.
    """
    where = np.flatnonzero(a != b)
    out = a.copy()
    if not len(where):
        return out
    taken = targets(a[a == b], limit)
    here, sector = where.astype(np.int64), where // PER_SECTOR
    ranks = []
    for copy in (a, b):
        rank = _likelihood(copy[where], here, taken)
        rank[np.isin(sector, np.append(repeated(copy), noise(copy, limit)))] = _LOST
        ranks.append(rank)
    lead = ranks[1] - ranks[0]
    won = np.bincount(sector, weights=np.sign(lead))
    take = (lead > 0) | ((lead == 0) & (won[sector] > 0))
    out[where[take]] = b[where[take]]
    return out


def _likelihood(values: Values, where: NDArray[np.int64], taken: NDArray[np.bool_]) -> NDArray[np.int64]:
    limit = len(taken)
    out = np.full(len(values), _JUMP, np.int64)
    out[values >= ENDS] = _END
    out[values.astype(np.int64) == where + 1] = _NEIGHBOUR
    out[(values == 0) | (values == BAD)] = _FREE
    out[(values == 1) | ((values >= limit) & (values < BAD))] = _NONSENSE
    out[values.astype(np.int64) == where] = _NONSENSE
    inside = np.flatnonzero((values >= 2) & (values < limit))
    out[inside[taken[values[inside]]]] = _NONSENSE
    return out


def revised(merged: Values, copies: list[Values], starts: NDArray[np.bool_]) -> Values:
    """Entries that lead to a file's first cluster give way, where the other FAT knows better."""
    out = merged.copy()
    for copy in copies:
        where = np.flatnonzero(merged != copy)
        now, other = merged[where], copy[where]
        better = _is_start(now, starts) & ~_is_start(other, starts)
        better &= (other >= ENDS) | ((other >= 2) & (other < len(starts)))
        out[where[better]] = other[better]
    return out


def _is_start(values: Values, starts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    out = np.zeros(len(values), bool)
    inside = np.flatnonzero((values >= 2) & (values < len(starts)))
    out[inside] = starts[values[inside]]
    return out


def without_noise(merged: Values) -> Values:
    """Sectors of noise as free."""
    out = merged.copy()
    _sectors(out)[noise(merged, len(merged))] = 0
    return out


def without_lost(merged: Values, alone: NDArray[np.bool_]) -> Values:
    """Sectors of one repeated value as free: they say nothing. ``alone``: clusters that are whole files.

    Those that hold mostly such files are as they should be.
    """
    out = merged.copy()
    for sector in repeated(merged).tolist():
        place = slice(sector * PER_SECTOR, (sector + 1) * PER_SECTOR)
        if np.count_nonzero(alone[place]) < PER_SECTOR // 2 or merged[place][0] < ENDS:
            out[place][~alone[place]] = 0
    return out
