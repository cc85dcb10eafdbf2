"""The entries of a card as a tree that checks can ask, whatever part of the card could be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sdcard_image.types import Entry

from .folding import fold


def parent(path: str) -> str:
    """The folder that a path lies in; ``""`` for the top, so that a name can be added with a slash."""
    return path.rpartition("/")[0]


class Tree:
    """Entries by path and by folder. Look-up ignores case, as FAT does."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        self._by_path = {fold(entry.path): entry for entry in self.entries}
        self._children: dict[str, list[Entry]] = {}
        for entry in self.entries:
            self._children.setdefault(fold(parent(entry.path)), []).append(entry)

    def get(self, path: str) -> Entry | None:
        """The entry at ``path``, or None."""
        return self._by_path.get(fold(path.rstrip("/")))

    def has_folder(self, path: str) -> bool:
        """Whether there is a folder at ``path``; the top (``/`` or ``""``) always is."""
        entry = self.get(path)
        return not path.rstrip("/") or (entry is not None and entry.is_dir)

    def children(self, path: str) -> list[Entry]:
        """What lies in the folder at ``path``."""
        return self._children.get(fold(path.rstrip("/")), [])

    def files(self, path: str) -> list[Entry]:
        """The files in the folder at ``path``."""
        return [entry for entry in self.children(path) if not entry.is_dir]

    def folders(self, path: str = "") -> list[Entry]:
        """The folders in the folder at ``path``."""
        return [entry for entry in self.children(path) if entry.is_dir]

    def below(self, path: str) -> Iterator[Entry]:
        """Every entry below the folder at ``path``."""
        start = fold(path.rstrip("/")) + "/"
        return (entry for entry in self.entries if fold(entry.path).startswith(start))

    def by_folder(self) -> dict[str, list[Entry]]:
        """The entries of every folder that has any, by the folder's path as `fold` gives it."""
        return self._children
