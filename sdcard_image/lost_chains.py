"""The chains that nobody owns, by their length: what may be the rest of a broken file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sdcard_image.claims import Claims
from sdcard_image.known import Known, known
from sdcard_image.medium import read_within
from sdcard_image.recovered import is_beginning
from sdcard_image.runs import Runs
from sdcard_image.tree import Thing

MAX_HEADS = 100_000  # lost chains that are looked at when a broken file is put together
_NEAR = 8  # clusters
_CROWD = 2  # of lost chains whose lengths are so near


class LostChains:
    """Chains with a proper end, without the beginnings of the files that are ``broken`` themselves.

    How many broken files want a rest of a length is known, too: where more than one does, or more than one
    chain has it, length alone tells nothing.
    """

    def __init__(self, claims: Claims, broken: list[Thing]) -> None:
        self._claims, self._chains = claims, claims.chains
        starts = {t.found.cluster for t in broken}
        heads: list[int] = claims.chains.heads().tolist()[:MAX_HEADS]
        self._heads = [head for head in heads if head not in starts]
        self._lengths: dict[int, list[int]] | None = None
        self._middles = 0  # that have no end: neither has the file whose middle they are
        self._broken = broken
        self._known: dict[int, Known] = {}
        self._wanted: Counter[int] | None = None

    def __iter__(self) -> Iterator[int]:
        for head in self._heads:
            self._chains.work -= 1
            if self._chains.work < 0:
                return
            if not self._chains.owner[head]:
                yield head

    def of_length(self, count: int) -> list[int]:
        """The lost chains of ``count`` clusters, of which nothing has been given away since."""
        if self._lengths is None:
            self._lengths = {}
            for head in self:
                walk = self._chains.walk(head, self._chains.clusters)
                if walk.stop == "end":
                    self._lengths.setdefault(walk.count, []).append(head)
                else:
                    self._middles += 1
        self._chains.work -= len(self._lengths.get(count, ()))
        return [head for head in self._lengths.get(count, ()) if self.runs(head)]

    def rests(self, count: int) -> list[int]:
        """Of these, those that do not begin as a file does."""
        return [head for head in self.of_length(count) if not self._begins(head)]

    def runs(self, head: int) -> Runs:
        """A lost chain; nothing where a part of it has been given away since."""
        walk = self._chains.walk(head, self._chains.clusters)
        return walk.runs if walk.stop == "end" else []

    def known(self, thing: Thing) -> Known:
        """What is known of a broken file, as it was when the chains were looked at."""
        if thing.number not in self._known:
            self._known[thing.number] = known(self._claims, thing)
        return self._known[thing.number]

    def wanted(self, count: int) -> int:
        """How many broken files want a rest of ``count`` clusters."""
        if self._wanted is None:
            self._wanted = Counter(n for thing in self._broken for n in self.known(thing).wanted)
        return self._wanted[count]

    def only(self, count: int) -> int | None:
        """The one rest of ``count`` clusters, where just one broken file wants it."""
        rests = self.rests(count) if count > 0 and self.wanted(count) == 1 else []
        return rests[0] if len(rests) == 1 else None

    def may_fit_by_chance(self, count: int) -> bool:
        """Whether a rest of ``count`` clusters may be another file's: many are as long, or have no end."""
        self.of_length(count)
        lengths = self._lengths or {}
        near = range(count - _NEAR, count + _NEAR + 1)
        crowd = sum(len(lengths.get(n, ())) for n in near if n != count)
        return crowd > _CROWD or 4 * self._middles > sum(map(len, lengths.values()))

    def _begins(self, head: int) -> bool:
        at = self._claims.system.cluster_offset(head)
        return is_beginning(read_within(self._claims.medium, at, 16))
