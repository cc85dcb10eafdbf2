"""The port to a card's bytes: every read and write of a volume goes through one small object."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path
from typing import Protocol

from sdcard_image.types import Backing, CardError, CardIOError


class Medium(Protocol):
    """Bytes with an address. Offsets and lengths are bytes; errors are `CardError`."""

    size: int

    def pread(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes from ``offset``."""
        ...

    def pwrite(self, offset: int, data: bytes) -> None:
        """Write all of ``data`` at ``offset``; lasting only after `sync`."""
        ...

    def sync(self) -> None:
        """Return once everything written so far would survive a power cut."""
        ...

    def backing(self) -> list[Backing]:
        """The host file behind the bytes, where there is one."""
        ...

    def close(self) -> None:
        """Let go of the host file."""
        ...


def io_error(action: str, path: Path | str, error: OSError) -> CardIOError:
    """One sentence for a failure of the host's own file system."""
    return CardIOError(f"cannot {action} {path}: {(error.strerror or str(error)).lower()}")


class FileMedium:
    """An image file or a block device on the host. A writable one is locked against a second writer."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        self.path = path
        self._writable = writable
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise CardError(f"cannot open {path}: {(error.strerror or str(error)).lower()}") from None
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            raise CardError(f"{path} is neither an image file, a block device nor a folder")
        try:
            self._fd = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
        except OSError as error:
            raise CardError(f"cannot open {path}: {(error.strerror or str(error)).lower()}") from None
        try:
            self._lock()
            self.size = os.lseek(self._fd, 0, os.SEEK_END)  # for block devices, too
        except BaseException:
            self.close()
            raise

    def _lock(self) -> None:
        if not self._writable:
            return
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CardError(
                f"{self.path} is being written by another program; wait until it is done"
            ) from None

    def pread(self, offset: int, length: int) -> bytes:
        """See `Medium.pread`."""
        parts: list[bytes] = []
        while length:
            try:
                part = os.pread(self._fd, min(length, 1 << 30), offset)
            except OSError as error:
                raise io_error("read", self.path, error) from error
            if not part:
                raise CardError(f"{self.path} ends at byte {offset}, where {length} more should be")
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def pwrite(self, offset: int, data: bytes) -> None:
        """See `Medium.pwrite`."""
        view = memoryview(data)
        while view:
            try:
                done = os.pwrite(self._fd, view, offset)
            except OSError as error:
                raise io_error("write to", self.path, error) from error
            view = view[done:]
            offset += done

    def sync(self) -> None:
        """See `Medium.sync`."""
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise io_error("write to", self.path, error) from error

    def backing(self) -> list[Backing]:
        """See `Medium.backing`."""
        return [Backing(self.path, 0, self.size)]

    def close(self) -> None:
        """See `Medium.close`."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def read_within(medium: Medium, offset: int, length: int) -> bytes:
    """Bytes as far as the medium goes; zeros beyond, as a card cut short would have had there."""
    have = max(0, min(length, medium.size - offset)) if offset >= 0 else 0
    return (medium.pread(offset, have) if have else b"").ljust(length, b"\0")
