"""Keeping off the terminal what C libraries write to it: PortAudio and JACK talk at every device they try."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """While in here, only Python reaches stderr; what C code writes to it is thrown away.

    Threads of an audio server can talk at any time, so this is meant to be around a whole session.
    """
    sys.stderr.flush()
    python, theirs = sys.stderr, os.dup(2)
    ours = os.fdopen(os.dup(theirs), "w", buffering=1, encoding=python.encoding, errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        sys.stderr = ours
        yield
    finally:
        ours.flush()
        sys.stderr = python
        os.dup2(theirs, 2)
        ours.close()
        os.close(theirs)
        os.close(nowhere)
