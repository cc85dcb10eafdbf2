"""One folder of a volume in memory: its bytes, its entries by name, and room for new ones."""

from __future__ import annotations

from sdcard_image.direntry import DELETED, MAX_SLOTS, SIZE, Slot, parse
from sdcard_image.names import fold


class FolderTable:
    """A folder's slots. ``runs`` are its clusters as (first, count); ``path`` ends without a slash."""

    def __init__(self, path: str, cluster: int, runs: list[tuple[int, int]], data: bytes) -> None:
        self.path = path
        self.cluster = cluster
        self.runs = runs
        self.data = bytearray(data[: MAX_SLOTS * SIZE])
        self.reload()

    def reload(self) -> None:
        """Read the entries anew from the bytes."""
        self.slots = parse(self.data)
        self._names: dict[str, Slot] = {}
        self._spelt: dict[str, Slot] = {}  # composed and decomposed accents can stand side by side
        for slot in self.slots:
            self._names.setdefault(fold(slot.name), slot)
            self._spelt.setdefault(slot.name, slot)
        self._shorts: dict[bytes, Slot] = {slot.short: slot for slot in self.slots}
        self._from: dict[int, int] = {}
        self.end = next((i for i in range(self.total) if self.data[i * SIZE] == 0), self.total)

    @property
    def total(self) -> int:
        """Slots that its clusters hold."""
        return len(self.data) // SIZE

    @property
    def aliases(self) -> dict[bytes, Slot]:
        """The 8.3 names in use."""
        return self._shorts

    def find(self, name: str) -> Slot | None:
        """The entry spelt like that, else of that name in any case; its 8.3 alias will do, too."""
        return self.named(name) or self._by_alias(fold(name))

    def named(self, name: str) -> Slot | None:
        """The entry spelt like that, else of that name in any case; an alias does not count."""
        return self._spelt.get(name) or self._names.get(fold(name))

    def _by_alias(self, key: str) -> Slot | None:
        stem, _, ext = key.partition(".")
        if len(stem) > 8 or len(ext) > 3 or not key.isascii():
            return None
        return self._shorts.get((stem.ljust(8) + ext.ljust(3)).encode())

    def add(self, slot: Slot) -> None:
        """Know an entry that was just written into the bytes."""
        self.slots.append(slot)
        self._names[fold(slot.name)] = self._spelt[slot.name] = slot
        self._shorts[slot.short] = slot
        self.end = max(self.end, slot.index + slot.slots)

    def replace(self, old: Slot, new: Slot) -> None:
        """Know new fields of an entry that keeps its name and place."""
        self.slots[self.slots.index(old)] = new
        self._names[fold(new.name)] = self._spelt[new.name] = new
        self._shorts[new.short] = new

    def forget(self, slot: Slot) -> None:
        """Know that an entry is gone."""
        self.slots.remove(slot)
        if self._names.get(fold(slot.name)) == slot:
            del self._names[fold(slot.name)]
        if self._spelt.get(slot.name) == slot:
            del self._spelt[slot.name]
        if self._shorts.get(slot.short) == slot:
            del self._shorts[slot.short]
        self._from.clear()

    def is_free(self, index: int) -> bool:
        """Whether nothing is stored in a slot."""
        return index >= self.end or self.data[index * SIZE] in (0, DELETED)

    def find_free(self, count: int, per_sector: int, more: int = 0) -> int | None:
        """First place for ``count`` slots, in one sector if that can be; None where the folder must grow.

        ``more`` is how many slots it is to be taken to have besides those that it has.

        An entry in one sector is written at once, so that a power cut finds all of it or none.
        """
        index = self._from.get(count, 0)
        while index + count <= self.total + more:
            if count <= per_sector and index % per_sector + count > per_sector:
                index += per_sector - index % per_sector
                continue
            taken = [i for i in range(index, index + count) if not self.is_free(i)]
            if not taken:
                self._from[count] = index
                return index
            index = taken[-1] + 1
        self._from[count] = index
        return None


def folder_full(path: str) -> str:
    """What is said of a folder that can hold no more."""
    return f"the folder {path or '/'} is full (65,536 entries); use another folder"
