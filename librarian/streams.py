"""Audio files as seekable streams of bytes, wherever they lie; and windows into them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from sdcard_image.types import Card

_BUFFER = 1 << 20


class CardStream(io.RawIOBase):
    """A file of a card, for reading."""

    def __init__(self, card: Card, path: str) -> None:
        self._card, self._path = card, path
        self._size, self._at = card.entry(path).size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte."""
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what callers really pass
        """Fill ``buffer`` as far as the file goes."""
        data = self._card.read(self._path, self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def open_on_card(card: Card, path: str) -> BinaryIO:
    """A buffered stream of a card's file; errors while reading are `CardError`."""
    return io.BufferedReader(CardStream(card, path), _BUFFER)


class Guarded:
    """A stretch of a stream, for a C library that calls back: a failure is kept, and reads as an early end.

    Exceptions cannot travel through the library; `check` raises what was kept, from then on always: what the
    library made of the stretch is not to be used. ``mended`` are bytes that are
    read otherwise than they are, and their place.
    """

    def __init__(
        self, stream: BinaryIO, start: int, length: int, mended: tuple[int, bytes] = (0, b"")
    ) -> None:
        self._stream, self._start, self._length, self._mended = stream, start, length, mended
        self._at = 0
        self._failure: BaseException | None = None
        self.short_of = 0  # bytes that a read wanted which met the end before it had them

    def check(self) -> None:
        """Raise what went wrong since."""
        if self._failure is not None:
            raise self._failure

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte of the stretch."""
        self._at = max(0, offset + (0, self._at, self._length)[whence])
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes; fewer where the stretch ends or the stream fails."""
        left = max(0, self._length - self._at)
        if self._failure is not None:
            return b""
        try:
            self._stream.seek(self._start + self._at)
            data = self._stream.read(left if size < 0 else min(size, left))
        except BaseException as error:  # noqa: BLE001,RUF100  also what Ctrl-C raises; check() raises it again
            self._failure = error
            return b""
        self.short_of = self.short_of or (size if len(data) < size else 0)
        data = self._overlaid(data)
        self._at += len(data)
        return data

    def _overlaid(self, data: bytes) -> bytes:
        place, other = self._mended
        first, last = max(place, self._at), min(place + len(other), self._at + len(data))
        if first >= last:
            return data
        return data[: first - self._at] + other[first - place : last - place] + data[last - self._at :]
