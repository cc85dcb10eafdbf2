"""The panel's server: how soon a press is an event in the engine.

The client is a program of its own, as a browser is; both read the same clock of the machine. What the browser
itself adds is measured by bench_panel.py.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import NewRow
from pytest_benchmark.fixture import BenchmarkFixture
from timing import timed

from sim.board import Setup
from sim.control.control import Control
from sim.control.settings import Settings
from sim.live.backends import ClockBackend
from sim.live.bench import Bench
from sim.live.session import Session
from sim.panel.serve import serve

RATE, BLOCK = 48_000, 128
PRESSES = 300
PAD = (1, 16)  # bank from 0, pad from 1: the last of the card, which plays while it is held
GOAL_MS = 10.0
CLIENT = """
import json, sys, time
from websockets.sync.client import connect
address, presses, voices = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with connect(address, compression=None) as socket:
    for number in range(voices):
        for message in ({"t": "mode", "name": "loop", "on": True}, {"t": "press"}):
            socket.send(json.dumps({**message, "bank": number // 16, "pad": number % 16 + 1}))
    if voices:
        socket.send(json.dumps({"t": "audio", "on": True}))
    time.sleep(1.0)
    socket.send(json.dumps({"t": "mode", "name": "gate", "on": True, "bank": 1, "pad": 16}))
    sent, answered = [], []
    for number in range(presses):
        sent.append(time.monotonic_ns())
        socket.send(json.dumps({"t": "press", "bank": 1, "pad": 16, "vel": 1, "id": number}))
        while True:
            message = socket.recv()
            if isinstance(message, str) and json.loads(message).get("id") == number:
                break
        answered.append(time.monotonic_ns())
        socket.send(json.dumps({"t": "release", "bank": 1, "pad": 16}))
        time.sleep(0.005 + number % 7 / 1000)
    print(json.dumps([sent, answered]))
"""


class Stamped(Bench):
    """Keeps when the presses of one pad had become events of the engine."""

    def press(self, bank: int, pad: int, velocity: int) -> None:
        """As of any panel."""
        super().press(bank, pad, velocity)
        if (bank, pad) == PAD:
            self.stamps.append(time.monotonic_ns())

    stamps: list[int]


@contextmanager
def panel_of(card: Path, folder: Path) -> Iterator[tuple[Stamped, str]]:
    """A panel of a session that plays for the browser; its WebSocket's address."""
    session = Session(card, Setup(device="generic"), ClockBackend("browser", RATE, BLOCK))
    session.midi = control = Control(session, None, Settings(folder / "settings.json"))
    bench = Stamped(session, control)
    bench.stamps = []
    with session:
        panel = serve(bench)
        try:
            yield bench, f"ws://127.0.0.1:{panel.port}/ws?token={panel.token}"
        finally:
            panel.close()
    bench.close()


@pytest.mark.parametrize("voices", [0, 31])
def test_press_to_event(
    benchmark: BenchmarkFixture, new_row: NewRow, streaming_card: Path, tmp_path: Path, voices: int
) -> None:
    doing = "idle" if not voices else f"{voices} voices loop, states and sound are sent"
    row = new_row(f"press in a panel's WebSocket to engine event, {doing}", f"median under {GOAL_MS:g} ms")
    with panel_of(streaming_card, tmp_path) as (bench, address):
        command = [sys.executable, "-c", CLIENT, address, str(PRESSES), str(voices)]
        done, _ = timed(
            benchmark, lambda: subprocess.run(command, capture_output=True, text=True, check=True)
        )
        playing = bench.look().metrics["voices.playing"]
    sent, answered = json.loads(done.stdout)
    took = sorted((at - begun) / 1e6 for begun, at in zip(sent, bench.stamps, strict=True))
    there_and_back = statistics.median((at - begun) / 1e6 for begun, at in zip(sent, answered, strict=True))
    median = statistics.median(took)
    row.result(
        f"median {median:.2f} ms, 95 % {took[int(0.95 * len(took))]:.2f} ms; "
        f"until the answer {there_and_back:.2f} ms",
        median < GOAL_MS,
        presses=len(took),
        voices=int(playing),
    )
