"""Playing live through a real audio server: JACK with its dummy driver, in blocks of 128 frames at 48 kHz."""

from __future__ import annotations

import io
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import soundfile
from conftest import NewRow
from figures import Row
from jack_server import BLOCK, RATE, JackServer, jack_server
from pytest_benchmark.fixture import BenchmarkFixture
from timing import timed

from sdcard_image import Item, build_image

VOICES = 32
SECONDS = 60.0
BLOCK_US = 1e6 * BLOCK / RATE
LATENCY_MS = 2 * BLOCK_US / 1000 + 1.5
NOTES = 200
IDLE_SECONDS = 10.0
Need = Callable[[Row, str], str]


def _load() -> str:
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def test_streaming(benchmark: BenchmarkFixture, new_row: NewRow, need: Need, streaming_card: Path) -> None:
    what = f"{VOICES} streaming voices on JACK for {SECONDS:.0f} s, Python busy in the same process"
    row = new_row(what, "0 underruns, 0 late blocks of ours")
    times_row = new_row(
        f"render time of a block, {VOICES} voices, 99.9th percentile", "under 10% of the block"
    )
    options = ("--pads", str(VOICES), "--loop", "--busy", "--ram", str(16 << 20))
    found: dict[str, Any] = {}

    def play() -> None:
        with jack_server(need(row, "jackd")) as server:
            with server.start("live_player.py", streaming_card, str(SECONDS), *options) as player:
                out, errors = player.communicate("\n", timeout=SECONDS + 60)
            assert player.returncode == 0, errors
            found.update(json.loads(out))

    timed(benchmark, play)
    status, audio = found["status"], found["status"]["audio"]
    underruns, late, least = status["underruns"], audio["late_blocks"], found["voices"][0]
    row.result(
        f"{underruns} underruns, {late} late blocks; {audio['xruns']} xruns of the server; {_load()}",
        underruns == 0 and late == 0 and least == VOICES,
        least_voices=least,
        card_reads=status["card"]["reads"],
        late_events=audio["late_events"],
        frames=round(status["seconds"] * RATE),
        realtime=int(audio["realtime"]),
    )
    p999 = audio["render_us"]["p999"]
    times_row.result(
        f"{p999:.0f} us, {p999 / BLOCK_US:.1%} of the block (median {audio['render_us']['p50']:.0f} us, "
        f"longest {audio['render_us']['most']:.0f} us)",
        p999 < BLOCK_US / 10,
    )


@contextmanager
def _program(server: JackServer, card: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``benchpad play`` through the server, and its address."""
    command = [sys.executable, "-m", "sim", "play", str(card), "--no-browser", "--panel", "0", *options]
    with subprocess.Popen(
        command, env=server.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


@pytest.fixture(scope="module")
def click_card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A card with a click of 10 ms on pad A1, whose every value is not 0."""
    noise = np.random.default_rng(3).integers(1_000, 9_000, (RATE // 100, 2), dtype=np.int16)
    out = io.BytesIO()
    soundfile.write(out, noise, RATE, "PCM_16", format="WAV")
    path = tmp_path_factory.mktemp("click") / "click.img"
    build_image(path, [Item("/A/01 click.wav", out.getvalue())], size_bytes=64 << 20)
    return path


def _onsets(path: Path) -> np.ndarray:
    """When the server played each click's first frame, in ns of time.monotonic_ns()."""
    got = np.load(path)
    loud = np.flatnonzero(got["sound"].any(axis=1))
    first = loud[np.diff(loud, prepend=-RATE) > RATE // 100]
    return got["times"].astype(np.int64)[first // BLOCK] + first % BLOCK * 1_000_000_000 // RATE


def _latencies_ms(sent: list[int], onsets: np.ndarray) -> list[float]:
    """From each note to the next onset; a note without one before the next note counts as lost."""
    made = []
    for note, after in zip(sent, [*sent[1:], sent[-1] + 100_000_000], strict=True):
        heard = onsets[(onsets >= note) & (onsets < after)]
        made.append((int(heard[0]) - note) / 1e6 if len(heard) else float("inf"))
    return made


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_latency(
    benchmark: BenchmarkFixture, new_row: NewRow, need: Need, click_card: Path, *, tmp_path: Path, busy: bool
) -> None:
    beside = ", another process busy on each processor" if busy else ""
    row = new_row(
        f"MIDI message sent on a JACK port to the first frame captured{beside}",
        f"{LATENCY_MS:.1f} ms median" if not busy else "-",
    )
    found, missed, status = list[float](), list[int](), dict[str, Any]()

    def play() -> None:
        with (
            jack_server(need(row, "jackd")) as server,
            _program(server, click_card, "--midi-api", "jack") as (_, address),
        ):
            with (
                server.start("midi_sender.py", str(NOTES)) as sender,
                server.capture(NOTES * 0.055 + 1, tmp_path / "heard.npz") as capturer,
            ):
                sent = json.loads(sender.communicate("\n", timeout=60)[0])
                capturer.communicate(timeout=60)
            with urllib.request.urlopen(address.replace("/?", "/api/status?"), timeout=10) as answer:
                status.update(json.load(answer))
            found.extend(_latencies_ms(sent, _onsets(tmp_path / "heard.npz")))
            steps = np.diff(np.load(tmp_path / "heard.npz")["frames"].astype(np.int64))
            missed.append(int(np.count_nonzero(steps != BLOCK)))

    with _busy_processors(os.cpu_count() or 1 if busy else 0):
        timed(benchmark, play)
    median, p95 = statistics.median(found), sorted(found)[round(0.95 * (len(found) - 1))]
    row.result(
        f"{_ms(median)} median, {_ms(p95)} 95th percentile; {_load()}",
        None if busy else median <= LATENCY_MS,
        notes=len(found),
        came_in=status["midi"]["messages"],
        lost=sum(one == float("inf") for one in found),
        cycles_that_the_server_missed=sum(missed),
    )


def _ms(latency: float) -> str:
    return "not heard" if latency == float("inf") else f"{latency:.2f} ms"


@contextmanager
def _busy_processors(count: int) -> Iterator[None]:
    made = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for one in made:
            one.kill()
            one.wait()


def _cpu_s(pid: int) -> float:
    """What the threads of a process ran, to the ns: the first field of each one's schedstat."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _listen(address: str, over: threading.Event, seen: list[int]) -> None:
    """A panel: takes every state that it is sent."""
    from websockets.sync.client import connect  # noqa: PLC0415  only this figure needs it

    parts = urlsplit(address)
    token = parse_qs(parts.query)["token"][0]
    with connect(f"ws://{parts.netloc}/ws?token={token}") as socket:
        while not over.is_set():
            try:
                socket.recv(0.2)
                seen.append(1)
            except TimeoutError:
                continue


def test_idle(benchmark: BenchmarkFixture, new_row: NewRow, need: Need, streaming_card: Path) -> None:
    row = new_row(
        "CPU of an idle device on JACK, MIDI ports open and a panel connected", "under 3% of a core"
    )
    if not Path("/proc/self/schedstat").exists():
        row.skip("no /proc/self/schedstat here")
    shares, seen = [], list[int]()

    def idle() -> None:
        with (
            jack_server(need(row, "jackd")) as server,
            _program(server, streaming_card, "--midi-api", "jack") as (process, address),
        ):
            over = threading.Event()
            panel = threading.Thread(target=_listen, args=(address, over, seen))
            panel.start()
            time.sleep(3)
            began, cpu = time.monotonic(), _cpu_s(process.pid)
            time.sleep(IDLE_SECONDS)
            shares.append((_cpu_s(process.pid) - cpu) / (time.monotonic() - began))
            over.set()
            panel.join()

    timed(benchmark, idle)
    row.result(f"{shares[0]:.1%} of a core; {_load()}", shares[0] < 0.03, messages_to_the_panel=len(seen))
