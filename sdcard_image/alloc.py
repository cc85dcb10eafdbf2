"""Choosing clusters for new data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdcard_image.fat import Fat, run_arrays
from sdcard_image.layout import END
from sdcard_image.types import CardError


def allocate(fat: Fat, count: int, cluster_bytes: int) -> NDArray[np.intp]:
    """``count`` free clusters: the first contiguous stretch that is long enough, else the first free ones."""
    free = fat.unused()
    check_room(count, len(free), cluster_bytes)
    firsts, lengths = run_arrays(free)
    fits = firsts[lengths >= count][:1]
    return np.arange(fits[0], fits[0] + count) if len(fits) else free[:count]


def check_room(count: int, free: int, cluster_bytes: int) -> None:
    """Raise `CardError` where ``count`` clusters are more than are ``free``."""
    if count > free:
        raise CardError(
            f"the card is full: {count * cluster_bytes:,} bytes are needed and "
            f"{free * cluster_bytes:,} are free; remove something or use a larger card"
        )


def chain_values(clusters: NDArray[np.intp]) -> NDArray[np.uint32]:
    """FAT values that make ``clusters`` a chain in their order."""
    return np.append(clusters[1:], END).astype(np.uint32)


def chain_clusters(runs: list[tuple[int, int]]) -> NDArray[np.intp]:
    """Cluster numbers of runs, in chain order."""
    parts = [np.arange(first, first + count) for first, count in runs]
    return np.concatenate(parts) if parts else np.empty(0, np.intp)
