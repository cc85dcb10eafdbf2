"""One session at a time may write to a card; others may play it."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.errors import InputError


@contextmanager
def sole_writer(card: Path | None) -> Iterator[None]:
    """Hold a card for as long as this lasts; none, or one that is not there, needs no holding. InputError.

    The lock is on a file beside the others for scratch, named after the card's device and inode: the card
    itself is locked for as long as it is being written, by whoever writes.
    """
    if card is None or not card.exists():
        yield
        return
    found = card.stat()
    place = f"benchpad-{os.getuid()}-{found.st_dev:x}-{found.st_ino:x}.lock"
    path = Path(tempfile.gettempdir()) / place
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                f"{card} is open for writing in another session; end that one, or play without --writable"
            ) from None
        yield
    finally:
        os.close(lock)
