"""What belongs to which file: chains given to entries, the surest first, until nothing is left to give.

The order: files whose chain fits their size exactly; entries hidden by a damaged byte whose chain still does;
end marks that were lost; broken files joined with lost chains of the right length; sizes that a byte can
explain; contiguity; copies of what two claim; the remains of what is broken; and at last the chains that
nobody claims.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from sdcard_image.chains import Chains
from sdcard_image.claims import Claims
from sdcard_image.elsewhere import elsewhere
from sdcard_image.exact import claim_exact
from sdcard_image.hidden_entries import bring_back
from sdcard_image.lost_chains import LostChains
from sdcard_image.lost_folders import place_lost_folders, refuse_doubtful
from sdcard_image.medium import Medium
from sdcard_image.rejoin import join_behind, join_far, join_meeting, join_neighbour
from sdcard_image.remains import copy_shared, end_where_it_must, go_on_with_neighbours, keep_what_is_left
from sdcard_image.runs import Runs, split
from sdcard_image.sizes import doubt_size, resize
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
        self.look_around(starts, broken)
        self._mend(broken)
        self._doubt_sizes(damaged=bool(broken) or self._is_damaged())
        self._doubt()
        if lost:
            self._loose()

    def _is_damaged(self) -> bool:
        """Whether anything else than a chain is wrong on the card."""
        entries = any(thing.found.defects for thing in self.tree.things)
        return entries or any(folder.defects for folder in self.tree.folders) or not self.chains.alike()

    def _doubt_sizes(self, *, damaged: bool) -> None:
        for thing in self.files.values():
            if thing.state == "whole" and thing.runs:
                doubt_size(self, thing, damaged=damaged)

    def _doubt(self) -> None:
        """What is in a folder of which a part may be another's may not be where it was."""
        for folder in self.tree.folders:
            folder.doubt |= folder.parent is not None and folder.parent.doubt
            for thing in folder.things if folder.doubt else ():
                thing.settle(thing.state, "", "likely")

    def _attempts(self) -> Iterator[Attempt]:
        """What is tried with the broken files, the surest first."""
        for with_lost in (
            end_where_it_must,
            join_neighbour,
            join_meeting,
            join_behind,
            join_far,
            elsewhere,
        ):
            yield partial(with_lost, self)
        yield lambda thing, _: resize(self, thing)
        yield lambda thing, _: go_on_with_neighbours(self, thing)
        yield lambda thing, _: copy_shared(self, thing)
        yield lambda thing, _: keep_what_is_left(self, thing)

    def _mend(self, broken: list[Thing]) -> None:
        """Try everything with the broken files; the lost chains are looked at anew where some were given."""
        found = LostChains(self, broken)
        for attempt in self._attempts():
            left = [thing for thing in broken if not attempt(thing, found)]
            if not left:
                return
            if len(left) < len(broken):
                broken, found = left, LostChains(self, left)

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
