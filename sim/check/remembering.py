"""A card whose files' first bytes are read once: the boot and the check both look at every header."""

from __future__ import annotations

from collections.abc import Iterator

from sdcard_image.folder import FolderCard
from sdcard_image.types import Backing, Card, CardInfo, Entry, Extent

HEAD_BYTES = 4096
MOST_HEADS = 50_000  # 200 MB at most


class RememberingCard:
    """Another card, with heads of files kept. Implements `Card`; see there for what each method promises.

    ``skipped`` is what a folder holds and no card could, as of `FolderCard`.
    """

    def __init__(self, card: Card) -> None:
        self._card = card
        self.reads = card.reads
        self.skipped = list(card.skipped) if isinstance(card, FolderCard) else []
        self._heads: dict[str, bytes] = {}

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        """See `Card.read`."""
        if size is None or offset + size > HEAD_BYTES:
            return self._card.read(path, offset, size)
        head = self._heads.get(path)
        if head is None:
            head = self._card.read(path, 0, HEAD_BYTES)
            if len(self._heads) < MOST_HEADS:
                self._heads[path] = head
        return head[offset : offset + size]

    def info(self) -> CardInfo:
        """See `Card.info`."""
        return self._card.info()

    def entry(self, path: str) -> Entry:
        """See `Card.entry`."""
        return self._card.entry(path)

    def exists(self, path: str) -> bool:
        """See `Card.exists`."""
        return self._card.exists(path)

    def listdir(self, path: str = "/") -> list[Entry]:
        """See `Card.listdir`."""
        return self._card.listdir(path)

    def walk(self, path: str = "/") -> Iterator[Entry]:
        """See `Card.walk`."""
        return self._card.walk(path)

    def extents(self, path: str) -> list[Extent]:
        """See `Card.extents`."""
        return self._card.extents(path)

    def backing(self) -> list[Backing]:
        """See `Card.backing`."""
        return self._card.backing()

    def close(self) -> None:
        """See `Card.close`."""
        self._card.close()
