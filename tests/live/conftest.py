"""A JACK server of the tests' own, with its dummy driver: real audio and MIDI ports without any device."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

BLOCK, RATE = 128, 48_000
CAPTURE = Path(__file__).with_name("capture_client.py")


@dataclass(frozen=True)
class JackServer:
    """A server that runs; ``environment`` makes a program find it."""

    name: str
    environment: dict[str, str]

    def capture(self, seconds: float, path: Path) -> subprocess.Popen[str]:
        """Capture what PortAudio plays, in a process of its own; it is connected when this returns."""
        command = [sys.executable, str(CAPTURE), "PortAudio", str(seconds), str(path)]
        process = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process


def start_jack(jackd: str, name: str, *options: str) -> Iterator[JackServer]:
    """A JACK server of that name, ended when this is."""
    environment = {**os.environ, "JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
    command = [jackd, "-n", name, "-r", *options, "-d", "dummy", "-r", str(RATE), "-p", str(BLOCK)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        _wait_for(name, environment, process)
        yield JackServer(name, environment)
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(name: str, environment: dict[str, str], process: subprocess.Popen[bytes]) -> None:
    script = f"import jack; jack.Client('wait', no_start_server=True, servername={name!r})"
    until = time.monotonic() + 15
    while time.monotonic() < until and process.poll() is None:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if (
            subprocess.run([sys.executable, "-c", script], env=environment, check=False, **quiet).returncode
            == 0
        ):
            return
        time.sleep(0.1)
    pytest.fail(f"jackd did not start ({process.poll()})")


@pytest.fixture(scope="session")
def jack_server(require_tool) -> Iterator[JackServer]:
    """A server that waits for slow clients (-S), so that a busy machine loses nothing."""
    yield from start_jack(require_tool("jackd"), f"benchpad-{os.getpid()}", "-S")


@pytest.fixture(scope="session")
def captured():
    """``captured(path)``: what `JackServer.capture` wrote, from its first value that is not 0 on."""

    def read(path: Path) -> np.ndarray:
        sound = np.load(path)["sound"]
        found = np.flatnonzero(sound.any(axis=1))
        assert len(found), "nothing was heard"
        return sound[found[0] :]

    return read
