"""A JACK server of our own, with its dummy driver: real audio and MIDI ports without any device."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BLOCK, RATE = 128, 48_000
_NAMES = [f"benchpad-tests-{number}" for number in range(5)]
FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class JackServer:
    """A server that runs; ``environment`` makes a program find it, and Benchpad's source."""

    name: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    def start(self, script: str, *arguments: str | Path) -> subprocess.Popen[str]:
        """A program of this folder, with pipes; it prints "ready" before this returns."""
        command = [sys.executable, str(FOLDER / script), *map(str, arguments)]
        pipe = subprocess.PIPE
        made = subprocess.Popen(
            command, env=self.environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        assert made.stdout is not None
        if made.stdout.readline() != "ready\n":
            _, errors = made.communicate(timeout=10)
            raise AssertionError(f"{script} did not begin: {errors}")
        return made

    def capture(self, seconds: float, path: Path) -> subprocess.Popen[str]:
        """Capture what PortAudio plays, in a process of its own; it is connected when this returns."""
        return self.start("jack_capture.py", "PortAudio", str(seconds), path)


@contextmanager
def jack_server(jackd: str, *options: str) -> Iterator[JackServer]:
    """A JACK server on a name of its own."""
    with _free_name() as name:
        yield from _serve(jackd, name, options)


@contextmanager
def _free_name() -> Iterator[str]:
    """A name that no other process of ours uses.

    Of few: JACK remembers eight names, and those of servers that were killed until they come again.
    """
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for name in _NAMES:
            with open(Path(tempfile.gettempdir(), f"{name}.lock"), "w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield name
                return
        time.sleep(0.2)
    raise AssertionError("all names for JACK servers are in use")


def _serve(jackd: str, name: str, options: tuple[str, ...]) -> Iterator[JackServer]:
    environment = {
        **os.environ,
        "JACK_DEFAULT_SERVER": name,
        "JACK_NO_START_SERVER": "1",
        "PYTHONPATH": str(FOLDER.parent),
    }
    command = [jackd, "-n", name, "-r", *options, "-d", "dummy", "-r", str(RATE), "-p", str(BLOCK)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment)
    try:
        _wait_for(environment, process)
        yield JackServer(name, environment, process)
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(environment: dict[str, str], process: subprocess.Popen[bytes]) -> None:
    command = [sys.executable, "-c", "import jack; jack.Client('wait', no_start_server=True)"]
    quiet, until = subprocess.DEVNULL, time.monotonic() + 15
    while time.monotonic() < until and process.poll() is None:
        done = subprocess.run(command, env=environment, stdout=quiet, stderr=quiet, check=False)
        if done.returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError(f"jackd did not start (status {process.poll()})")
