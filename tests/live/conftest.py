"""A real audio server for the tests, and what was captured from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import jack_server as servers


@pytest.fixture(scope="session")
def jack_server(require_tool) -> Iterator[servers.JackServer]:
    """A server that waits for slow clients (-S), so that a busy machine loses nothing."""
    with servers.jack_server(require_tool("jackd"), "-S") as server:
        yield server


@pytest.fixture(scope="session")
def captured():
    """``captured(path)``: what `JackServer.capture` wrote, from its first value that is not 0 on."""

    def read(path: Path) -> np.ndarray:
        sound = np.load(path)["sound"]
        found = np.flatnonzero(sound.any(axis=1))
        assert len(found), "nothing was heard"
        return sound[found[0] :]

    return read
