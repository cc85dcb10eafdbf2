"""A card seen with its files where they belong, before any is moved."""

from __future__ import annotations

from collections.abc import Iterator

from firmware.checks.tree import Tree
from sdcard_image.types import Backing, Card, CardError, CardInfo, Entry, Extent, ReadCounters

from .fix_layout import Places, entries
from .fix_types import SourceFile

_TOP = Entry("/", "", is_dir=True, size=0, modified=None)


class PlacedCard:
    """The files at the paths that they are to have. Implements `Card`, for reading."""

    def __init__(self, card: Card, files: list[SourceFile], places: Places) -> None:
        self.reads: ReadCounters = card.reads
        self._card, self.files = card, files
        sizes = [one.size for one in files]
        self._tree = Tree(entries(places, sizes))
        self._numbers = {path.casefold(): number for number, path in enumerate(places.paths) if path}

    def number(self, path: str) -> int | None:
        """The place in the list of the file at ``path``."""
        return self._numbers.get(path.casefold())

    def info(self) -> CardInfo:
        """See `Card.info`."""
        return self._card.info()

    def entry(self, path: str) -> Entry:
        """See `Card.entry`."""
        entry = self._tree.get(path) if path.strip("/") else _TOP
        if entry is None:
            raise CardError(f"there is no {path} on the card")
        return entry

    def exists(self, path: str) -> bool:
        """See `Card.exists`."""
        return not path.strip("/") or self._tree.get(path) is not None

    def listdir(self, path: str = "/") -> list[Entry]:
        """See `Card.listdir`."""
        if not self.entry(path).is_dir:
            raise CardError(f"there is no folder {path} on the card")
        return self._tree.children(path)

    def walk(self, path: str = "/") -> Iterator[Entry]:
        """See `Card.walk`."""
        return self._tree.below(path)

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        """See `Card.read`."""
        source = self._source(path)
        if source.host is None:
            return self._card.read(source.path, offset, size)
        with source.open() as stream:
            stream.seek(offset)
            return stream.read(-1 if size is None else size)

    def extents(self, path: str) -> list[Extent]:
        """See `Card.extents`; those of the card itself."""
        return self._card.extents(self._source(path).path)

    def backing(self) -> list[Backing]:
        """See `Card.backing`; that of the card itself."""
        return self._card.backing()

    def close(self) -> None:
        """See `Card.close`; the card itself stays open."""

    def _source(self, path: str) -> SourceFile:
        number = self.number(path)
        if number is None:
            raise CardError(f"there is no file {path} on the card")
        source = self.files[number]
        if source.unreadable:
            raise CardError(source.unreadable)
        return source
