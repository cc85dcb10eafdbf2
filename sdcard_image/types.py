"""What a card looks like to the rest of the house, whether it is an image, a block device or a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


class CardError(Exception):
    """One sentence that says what is wrong with a card, where, and what to do."""


class CardIOError(CardError, OSError):
    """The host failed to read or write (disk full, I/O error); the card's content is not to blame."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A contiguous run of a file: absolute byte offset (see `Card.backing`) and length in bytes."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder. ``path`` is absolute on the card, with ``/`` and the names as stored (NFC)."""

    path: str
    name: str
    is_dir: bool
    size: int
    modified: datetime | None
    short_name: str = ""
    first_cluster: int = 0


@dataclass(frozen=True, slots=True)
class CardInfo:
    """Facts of a card. Where a card is a folder, the volume's own facts are zero or empty.

    ``damaged`` counts the files and folders that cannot be read; ``fragments_per_file`` leaves them out.
    """

    fs: str  # "FAT32", or "folder"
    label: str
    serial: str  # "1234-ABCD"
    size_bytes: int
    cluster_bytes: int
    clusters: int
    free_bytes: int
    partition_offset: int
    files: int
    fragments_per_file: float
    damaged: int = 0


@dataclass(frozen=True, slots=True)
class Backing:
    """Host file that holds the card's bytes from absolute offset ``base`` on, for ``length`` bytes."""

    path: Path
    base: int
    length: int


@dataclass(slots=True)
class ReadCounters:
    """Read commands and bytes that a mounted card has asked of its medium: a boot's timing."""

    reads: int = 0
    bytes: int = 0


class Card(Protocol):
    """A mounted card. Paths are absolute with ``/``; look-up ignores case. Errors are `CardError`."""

    reads: ReadCounters

    def info(self) -> CardInfo:
        """Facts of the volume."""
        ...

    def entry(self, path: str) -> Entry:
        """The entry at ``path``; CardError where there is none."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is an entry at ``path``."""
        ...

    def listdir(self, path: str = "/") -> list[Entry]:
        """The entries of a folder, in the order they are stored (a host folder: sorted by name)."""
        ...

    def walk(self, path: str = "/") -> Iterator[Entry]:
        """Every entry below ``path``, folders before their contents; bounded, never follows a loop."""
        ...

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        """Bytes of a file; fewer than ``size`` only where the file ends."""
        ...

    def extents(self, path: str) -> list[Extent]:
        """Where a file's bytes lie, in order, cut to its size; their lengths add up to it."""
        ...

    def backing(self) -> list[Backing]:
        """The host files behind the absolute offsets of `extents`, sorted by base."""
        ...

    def close(self) -> None:
        """Let go of the host files."""
        ...


class WritableCard(Card, Protocol):
    """A mounted card, for writing. Whatever is cut off midway, a file is its old or its new state, whole."""

    def check_put(self, wanted: Iterable[tuple[str, int | None]]) -> None:
        """Raise `CardError` where not all of these can be made in turn: paths with bytes (None: a folder)."""
        ...

    def put(self, path: str, source: bytes | Path, modified: datetime | None = None) -> Entry:
        """Make or replace the file at ``path``; its folder must exist."""
        ...

    def mkdir(self, path: str, modified: datetime | None = None) -> Entry:
        """Make an empty folder; its parent must exist."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file or an empty folder."""
        ...

    def rename(self, old: str, new: str) -> Entry:
        """Give a file or folder a new path, where nothing is yet."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """Content that is only made when its turn comes: ``make`` gives exactly ``size_bytes`` bytes."""

    size_bytes: int
    make: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Item:
    """Something to be put on a card: a file's bytes, a host file to copy, or (``source`` None) a folder."""

    path: str
    source: bytes | Path | Made | None
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build put on the card."""

    files: int
    folders: int
    file_bytes: int
    free_bytes: int
    size_bytes: int
    cluster_bytes: int
    clusters: int
    serial: str
    label: str
