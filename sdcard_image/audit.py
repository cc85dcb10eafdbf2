"""Who owns each cluster: the exact search for chains that loop, break, or are shared by two files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sdcard_image.direntry import Slot, parse
from sdcard_image.layout import BAD
from sdcard_image.names import MAX_DEPTH
from sdcard_image.types import CardError

if TYPE_CHECKING:
    from sdcard_image.volume import Volume


@dataclass(slots=True)
class Audit:
    """What is wrong with a card's chains, by first cluster and as sentences. ``lost`` counts clusters."""

    by_cluster: dict[int, str] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    files: int = 0
    lost: int = 0

    def add(self, path: str, cluster: int, problem: str) -> None:
        """Note a damaged chain, once."""
        if cluster not in self.by_cluster:
            self.by_cluster[cluster] = problem
            self.sentences.append(f"{path}: {problem}")


class _Auditor:
    """Claims clusters for the chains that reach them; each is claimed once, so time is bounded."""

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self.result = Audit()
        self._owner = np.zeros(volume.fat.limit, np.int32)
        self._owners: list[tuple[str, int]] = [("", 0)]

    def claim(self, path: str, cluster: int) -> list[tuple[int, int]] | None:
        """The chain's runs, now owned by ``path``; None where it is damaged (noted)."""
        self._owners.append((path, cluster))
        runs = []
        try:
            for first, count in self.volume.fat.runs(cluster):
                part = self._owner[first : first + count]
                taken = np.flatnonzero(part)
                if len(taken):
                    self._conflict(path, cluster, int(part[taken[0]]))
                    return None
                part[:] = len(self._owners) - 1
                runs.append((first, count))
        except CardError as error:
            self.result.add(path, cluster, str(error))
            return None
        return runs

    def _conflict(self, path: str, cluster: int, owner: int) -> None:
        other, other_cluster = self._owners[owner]
        if owner == len(self._owners) - 1:
            self.result.add(path, cluster, "its cluster chain loops")
            return
        self.result.add(path, cluster, f"it shares clusters with {other}")
        self.result.add(other, other_cluster, f"it shares clusters with {path}")

    def visit(self, path: str, slot: Slot) -> list[tuple[int, int]] | None:
        """Claim an entry's chain and compare it with its size."""
        if not slot.is_dir:
            self.result.files += 1
            if slot.cluster == 0 and slot.size == 0:
                return []
        runs = self.claim(path, slot.cluster)
        held = sum(n for _, n in runs) * self.volume.cluster_bytes if runs is not None else 0
        if runs is not None and not slot.is_dir and held < slot.size:
            self.result.add(path, slot.cluster, f"the card holds only {held:,} of its {slot.size:,} bytes")
        if runs is not None and slot.is_dir and len(runs) and held > 65_536 * 32:
            self.result.add(path, slot.cluster, "the folder is larger than 65,536 entries")
            return None
        return runs

    def run(self) -> Audit:
        """Walk the card."""
        root = self.volume.boot.root_cluster
        todo = [("", runs)] if (runs := self.claim("/", root)) is not None else []
        while todo:
            path, runs = todo.pop()
            for slot in parse(self.volume.read_runs(runs)):
                inner = self.visit(f"{path}/{slot.name}", slot)
                if slot.is_dir and inner is not None:
                    self._descend(todo, f"{path}/{slot.name}", slot, inner)
        values = self.volume.fat.next[2:]
        self.result.lost = int(np.count_nonzero((values != 0) & (values != BAD) & (self._owner[2:] == 0)))
        return self.result

    def _descend(
        self,
        todo: list[tuple[str, list[tuple[int, int]]]],
        path: str,
        slot: Slot,
        runs: list[tuple[int, int]],
    ) -> None:
        if path.count("/") > MAX_DEPTH:
            self.result.add(path[:80], slot.cluster, f"it is deeper than {MAX_DEPTH} folders")
        else:
            todo.append((path, runs))


def audit(volume: Volume) -> Audit:
    """Check every chain of a mounted volume."""
    return _Auditor(volume).run()
