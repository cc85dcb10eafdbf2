"""Clusters for what a repair must put somewhere: copies, new folders, folders that grow."""

from __future__ import annotations

import numpy as np

from sdcard_image.chains import Chains
from sdcard_image.layout import BAD
from sdcard_image.runs import Runs, cut, length, to_runs_in_order


class Space:
    """Free clusters of a salvaged card. ``lost``: chains, the last of which give way to what needs room."""

    def __init__(self, chains: Chains, lost: list[Runs]) -> None:
        self.chains, self.lost = chains, lost

    def _free(self, count: int) -> Runs | None:
        """Clusters that nothing uses, in one piece if possible."""
        free = self.chains.owner == 0
        free[:2] = False
        for copy in self.chains.copies:
            free &= copy != BAD
        where = np.flatnonzero(free)
        if len(where) < count:
            return None
        spans = where[count - 1 :] - where[: len(where) - count + 1] == count - 1
        at = int(np.argmax(spans)) if spans.any() else 0
        return to_runs_in_order(where[at : at + count].tolist())

    def room(self, count: int) -> Runs | None:
        """The same; where there is none, the last of the lost chains give way, from their ends on."""
        runs = self._free(count)
        while runs is None and self.lost:
            last = self.lost.pop()
            kept = cut(last, length(last) - count)
            number = int(self.chains.owner[last[0][0]])
            self.chains.claim(last, 0)
            if kept:
                self.chains.claim(kept, number)
                self.lost.append(kept)
            runs = self._free(count)
        return runs
