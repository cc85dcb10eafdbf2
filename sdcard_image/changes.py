"""What a repair will write: whole sectors, and only those that differ from what is there."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sdcard_image.layout import SECTOR
from sdcard_image.medium import Medium, read_within
from sdcard_image.runs import to_runs_in_order
from sdcard_image.tree import Thing


@dataclass(slots=True)
class Changes:
    """``writes`` are (absolute byte, bytes), whole sectors; ``copies`` are (from cluster, to cluster)."""

    writes: list[tuple[int, bytes]] = field(default_factory=list)
    copies: list[tuple[int, int]] = field(default_factory=list)
    recovered: list[Thing] = field(default_factory=list)

    def put(self, medium: Medium, offset: int, data: bytes) -> None:
        """Those sectors of ``data`` that are not so already, neighbours together."""
        old = read_within(medium, offset, len(data))
        if old == data and offset + len(data) <= medium.size:
            return
        one = np.frombuffer(data, np.uint8).reshape(-1, SECTOR)
        other = np.frombuffer(old, np.uint8).reshape(-1, SECTOR)
        where = np.flatnonzero((one != other).any(axis=1))
        for first, count in to_runs_in_order(where.tolist()):
            at = first * SECTOR
            self.writes.append((offset + at, data[at : at + count * SECTOR]))
