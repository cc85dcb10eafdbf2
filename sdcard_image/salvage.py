"""What belongs to which file: chains given to entries, the surest first, until nothing is left to give.

The order: files whose chain fits their size exactly; entries hidden by a damaged byte whose chain still does;
broken files joined with lost chains of the right length; sizes that a byte can explain; contiguity; copies of
what two claim; the remains of what is broken; and at last the chains that nobody claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sdcard_image.chains import Chains
from sdcard_image.claims import Claims
from sdcard_image.exact import claim_exact
from sdcard_image.hidden_entries import bring_back
from sdcard_image.lost_folders import place_lost_folders, refuse_doubtful
from sdcard_image.medium import Medium
from sdcard_image.rejoin import LostChains, elsewhere, join
from sdcard_image.remains import copy_shared, end_where_it_must, go_on_with_neighbours, keep_what_is_left
from sdcard_image.runs import Runs, split
from sdcard_image.sizes import resize
from sdcard_image.system_area import System
from sdcard_image.tree import Folder, Thing

Attempt = Callable[[Thing, LostChains], bool]  # whether a broken file is so no more
MAX_BYTES = 0xFFFF_FFFF  # of a file
MAX_LOST = 20_000  # lost chains that are told apart; a card with more holds noise, and that is freed


class Salvage(Claims):
    """Decides for every entry of a `Tree`; afterwards the chains that nobody claims are in `lost`."""

    def __init__(self, medium: Medium, system: System, chains: Chains) -> None:
        super().__init__(medium, system, chains)
        self.lost: list[Runs] = []
        self.lost_folders: list[Folder] = []

    def run(self, *, lost: bool = True) -> None:
        """Everything, in order; with ``lost`` also the chains that nobody claims."""
        self.tree.walk()
        self.lost_folders = place_lost_folders(self)
        refuse_doubtful(self)
        starts, alone = self.starts()
        self.chains.learn(starts, alone)
        broken = claim_exact(self)
        bring_back(self)
        for attempt in self._attempts(starts):
            broken = self._still_broken(broken, attempt)
        self._doubt()
        if lost:
            self._loose()

    def _doubt(self) -> None:
        """What is in a folder of which a part may be another's may not be where it was."""
        for folder in self.tree.folders:
            folder.doubt |= folder.parent is not None and folder.parent.doubt
            for thing in folder.things if folder.doubt else ():
                thing.settle(thing.state, "", "likely")

    def _attempts(self, starts: NDArray[np.bool_]) -> Iterator[Attempt]:
        """What is tried with the broken files, the surest first."""
        for ended in (False, True):
            for neighbour in (True, False):
                yield partial(join, self, ended=ended, neighbour=neighbour)
        yield lambda thing, _: end_where_it_must(self, thing)
        yield partial(elsewhere, self)
        yield lambda thing, _: resize(self, thing)
        yield lambda thing, _: go_on_with_neighbours(self, thing, starts)
        yield lambda thing, _: copy_shared(self, thing)
        yield lambda thing, _: keep_what_is_left(self, thing, starts)

    def _still_broken(self, broken: list[Thing], how: Attempt) -> list[Thing]:
        if not broken:
            return []
        found = LostChains(self, broken)
        return [thing for thing in broken if not how(thing, found)]

    def _loose(self) -> None:
        """Lost chains, then circles that are nobody's, in the order of the card."""
        for clusters in (self.chains.heads, self.chains.loose):
            for cluster in clusters():
                if self.chains.work < 0 or len(self.lost) > MAX_LOST:
                    return
                if not self.chains.owner[cluster]:
                    self._keep(int(cluster))

    def _keep(self, cluster: int) -> None:
        runs = self.chains.walk(cluster, self.chains.clusters).runs
        while runs:  # no file is larger than 4 GB
            part, runs = split(runs, MAX_BYTES // self.system.cluster_bytes)
            self.chains.claim(part, self.tree.number())
            self.lost.append(part)
