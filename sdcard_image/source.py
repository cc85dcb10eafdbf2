"""What is to be put on a card: bytes, or a host file that is read as it is copied."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sdcard_image.medium import io_error
from sdcard_image.types import CardError

MAX_FILE = 2**32 - 1  # bytes; the directory entry's size field


class Source(Protocol):
    """A file's content: its size in bytes, and its bytes in order."""

    size: int

    def read(self, length: int) -> bytes:
        """Exactly ``length`` more bytes."""
        ...


class BytesSource:
    """Content in memory."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._data, self._at = data, 0

    def read(self, length: int) -> bytes:
        """See `Source.read`."""
        self._at += length
        return self._data[self._at - length : self._at]


class FileSource:
    """A host file. Its size is taken when it is opened; a file that shrinks meanwhile is an error."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path, self.fd = path, fd
        self.size = os.fstat(fd).st_size

    def read(self, length: int) -> bytes:
        """See `Source.read`."""
        parts = []
        while length:
            try:
                part = os.read(self.fd, length)
            except OSError as error:
                raise io_error("read", self.path, error) from error
            if not part:
                raise CardError(
                    f"{self.path} became shorter while it was copied; nothing was changed, try again"
                )
            parts.append(part)
            length -= len(part)
        return b"".join(parts)


def check_size(size: int, what: str | Path) -> None:
    """Raise `CardError` where a file is too large for FAT32."""
    if size > MAX_FILE:
        raise CardError(f"{what} is {size:,} bytes; a file on FAT32 ends at 4 GiB - 1")


def open_file(path: Path) -> int:
    """A descriptor for a regular host file; never waits on a pipe or a device."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise CardError(f"{path} is not a file")
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CardError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None


@contextmanager
def open_source(source: bytes | Path) -> Iterator[Source]:
    """The content of ``source``, checked to fit into one FAT32 file."""
    if isinstance(source, bytes):
        check_size(len(source), "this content")
        yield BytesSource(source)
        return
    fd = open_file(source)
    try:
        data = FileSource(source, fd)
        check_size(data.size, source)
        yield data
    finally:
        os.close(fd)
