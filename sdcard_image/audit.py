"""Who owns each cluster: the exact search for chains that loop, break, or are shared by two files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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

    def __init__(self, volume: Volume, *, whole: bool) -> None:
        self.volume = volume
        self.whole = whole
        self.result = Audit()
        self._owner = np.zeros(volume.fat.limit, np.int32)
        self._owners: list[tuple[str, int]] = [("", 0)]

    def claim(self, path: str, cluster: int, most: int | None = None) -> int | None:
        """How many clusters the chain has, all now owned by ``path``; None where it is damaged (noted).

        After ``most`` the chain is not walked on.
        """
        self._owners.append((path, cluster))
        held = 0
        try:
            for firsts, counts in self.volume.fat.batches(cluster, most):
                if not self._claim_runs(path, cluster, np.asarray(firsts), np.asarray(counts)):
                    return None
                held += sum(counts)
        except CardError as error:
            self.result.add(path, cluster, str(error))
            return None
        return held

    def _claim_runs(
        self, path: str, cluster: int, firsts: NDArray[np.uint32], counts: NDArray[np.uint32]
    ) -> bool:
        """Claim one cluster of each run at once, and the rest run by run; False at the first conflict."""
        mine = len(self._owners) - 1
        for i in np.flatnonzero(counts > 1).tolist():
            part = self._owner[int(firsts[i]) : int(firsts[i]) + int(counts[i])]
            taken = part[part != 0]
            if len(taken):
                self._conflict(path, cluster, int(taken[0]))
                return False
            part[:] = mine
        single = firsts[counts == 1]
        taken = self._owner[single]
        if taken.any():
            self._conflict(path, cluster, int(taken[taken != 0][0]))
            return False
        self._owner[single] = mine
        if len(np.unique(single)) < len(single):
            self._conflict(path, cluster, mine)
            return False
        return True

    def _conflict(self, path: str, cluster: int, owner: int) -> None:
        other, other_cluster = self._owners[owner]
        if owner == len(self._owners) - 1:
            self.result.add(path, cluster, "its cluster chain loops")
            return
        self.result.add(path, cluster, f"it shares clusters with {other}")
        self.result.add(other, other_cluster, f"it shares clusters with {path}")

    def visit_file(self, path: str, slot: Slot) -> None:
        """Claim a file's chain and compare it with its size."""
        self.result.files += 1
        if slot.cluster == 0 and slot.size == 0:
            return
        most = None if self.whole else -(-slot.size // self.volume.cluster_bytes)
        held = self.claim(path, slot.cluster, most)
        if held is not None and held * self.volume.cluster_bytes < slot.size:
            size = held * self.volume.cluster_bytes
            self.result.add(path, slot.cluster, f"the card holds only {size:,} of its {slot.size:,} bytes")

    def visit_folder(self, path: str, cluster: int) -> bool:
        """Claim a folder's chain; whether it can be read."""
        most = self.volume.max_folder_clusters
        held = self.claim(path, cluster, most + 1)
        if held is not None and held > most:
            self.result.add(path, cluster, "the folder is larger than 65,536 entries")
        return held is not None and held <= most

    def run(self) -> Audit:
        """Walk the card."""
        root = self.volume.boot.root_cluster
        todo = [("", root)] if self.visit_folder("/", root) else []
        while todo:
            folder, cluster = todo.pop()
            for slot in parse(self.volume.read_runs(list(self.volume.fat.runs(cluster)))):
                path = f"{folder}/{slot.name}"
                if not slot.is_dir:
                    self.visit_file(path, slot)
                elif self.visit_folder(path, slot.cluster):
                    self._descend(todo, path, slot)
        values = self.volume.fat.next[2:]
        self.result.lost = int(np.count_nonzero((values != 0) & (values != BAD) & (self._owner[2:] == 0)))
        return self.result

    def _descend(self, todo: list[tuple[str, int]], path: str, slot: Slot) -> None:
        if path.count("/") > MAX_DEPTH:
            self.result.add(path[:80], slot.cluster, f"it is deeper than {MAX_DEPTH} folders")
        else:
            todo.append((path, slot.cluster))


def audit(volume: Volume, *, whole: bool = True) -> Audit:
    """Check every chain of a mounted volume; unless ``whole``, only as far as its file is read."""
    return _Auditor(volume, whole=whole).run()
