"""Keep a C library from writing to the user's terminal.

libsndfile decodes MP3 with libmpg123, which prints what it thinks of a damaged stream to file descriptor 2.
libsndfile offers its callers no way to stop that.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_LOCK = threading.RLock()  # the descriptor belongs to the whole process
_STDERR = 2


@contextmanager
def quiet() -> Iterator[None]:
    """Within, what is written to descriptor 2 goes nowhere; keep it to a single call of the library.

    Where the descriptor is closed, or none are left, nothing is done.
    """
    with _LOCK:
        saved = _turned_away()
        try:
            yield
        finally:
            if saved is not None:
                os.dup2(saved, _STDERR)
                os.close(saved)


def _turned_away() -> int | None:
    """Point the descriptor at nothing; a copy of what it was, or None where that cannot be."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
    try:
        saved = os.dup(_STDERR)
    except OSError:
        return None
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
    except OSError:
        os.close(saved)
        return None
    os.dup2(nowhere, _STDERR)
    os.close(nowhere)
    return saved
