"""The panel in a real browser: from a key or a pad to the engine, and what the page costs.

Browser, server and engine share the machine, as at a user's desk.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from conftest import NewRow
from figures import Row
from playwright.sync_api import sync_playwright
from pytest_benchmark.fixture import BenchmarkFixture
from timing import timed

from sim.board import Setup
from sim.control.control import Control
from sim.control.settings import Settings
from sim.live.backends import choose_backend
from sim.live.bench import Bench
from sim.live.session import Session
from sim.panel.serve import serve

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "panel"))
from fake_session import tone  # it is the tests'

PRESSES = 200
GOAL_MS = 10.0
LOOK_S = 5.0
VOICES = 8
SHORT_S, LONG_S = 0.3, 60.0  # samples of pads 1 to 8, which are pressed often, and 9 to 16, which stream
NOW = "performance.timeOrigin + performance.now()"
STAMPS = """() => {
  globalThis.stamps = [];
  for (const kind of ["keydown", "pointerdown"]) {
    addEventListener(kind, (event) => stamps.push(performance.timeOrigin + event.timeStamp), true);
  }
}"""
Need = Callable[[Row, str], str]


class Stamped(Bench):
    """Keeps when presses had been given to the engine, in ms of the wall clock."""

    def __init__(self, *values: Any) -> None:
        super().__init__(*values)
        self.stamps: list[float] = []

    def press(self, bank: int, pad: int, velocity: int) -> None:
        super().press(bank, pad, velocity)
        self.stamps.append(time.time() * 1000)


class Opened:
    """A page on a session, both in this process."""

    def __init__(self, stack: ExitStack, folder: Path, chromium: str) -> None:
        for number in range(1, 17):
            seconds = SHORT_S if number <= 8 else LONG_S
            tone(folder / "kit" / "A" / f"{number:02d}.wav", seconds, hz=40 * number, channels=2)
        backend, _ = choose_backend("browser", None, 48_000, 128, 48_000)
        session = Session(folder / "kit", Setup(ram_bytes=16 << 20), backend)
        control = Control(session, None, Settings(folder / "settings.json"))
        session.midi = control
        self.bench = Stamped(session, control)
        stack.callback(self.bench.close)
        stack.enter_context(session)
        panel = serve(self.bench)
        stack.callback(panel.close)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        stack.callback(browser.close)
        self.page = browser.new_page(viewport={"width": 1920, "height": 1080})
        self.page.goto(panel.address)
        self.page.wait_for_selector(".pad[data-light=resident]")
        self.page.evaluate(STAMPS)

    def key(self, number: int) -> None:
        self.page.keyboard.press(("KeyQ", "KeyW", "KeyE", "KeyR")[number % 4])  # pads 5 to 8

    def pad(self, number: int) -> None:
        box = self.page.locator(".pad").nth(number % 8).bounding_box()
        self.page.mouse.click(box["x"] + 20, box["y"] + 30)

    def clocks(self) -> tuple[float, float]:
        """How far the browser's clock is ahead of ours, and half of the tightest bracket around it, in ms."""
        found = []
        for _ in range(50):
            before = time.time() * 1000
            there = self.page.evaluate(NOW)
            after = time.time() * 1000
            found.append(((after - before) / 2, there - (before + after) / 2))
        unsure, ahead = min(found)
        return ahead, unsure

    def cost(self) -> dict[str, float]:
        """What the page's main thread did, each second."""
        developer = self.page.context.new_cdp_session(self.page)
        developer.send("Performance.enable")

        def look() -> dict[str, float]:
            metrics = developer.send("Performance.getMetrics")["metrics"]
            return {one["name"]: one["value"] for one in metrics}

        before, began = look(), time.monotonic()
        self.page.wait_for_timeout(LOOK_S * 1000)
        after, passed = look(), time.monotonic() - began
        return {key: (after[key] - before[key]) / passed for key in after}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[str], Opened]]:
    with ExitStack() as stack:
        yield lambda chromium: Opened(stack, tmp_path, chromium)


def _load() -> str:
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


@pytest.mark.parametrize("what", ["key", "pad"])
def test_press(
    benchmark: BenchmarkFixture,
    new_row: NewRow,
    need: Need,
    opened: Callable[[str], Opened],
    what: str,
) -> None:
    row = new_row(f"{what} pressed in the browser to engine event", f"under {GOAL_MS:.0f} ms median")
    at = opened(need(row, "chromium"))
    press = getattr(at, what)

    def all_of_them() -> None:
        for number in range(PRESSES):
            press(number)
            at.page.wait_for_timeout(15 + number % 7)
        at.page.wait_for_timeout(500)

    timed(benchmark, all_of_them)
    begun, ended = at.page.evaluate("stamps"), at.bench.stamps
    assert len(begun) == len(ended) == PRESSES
    ahead, unsure = at.clocks()
    took = sorted(end - begin + ahead for begin, end in zip(begun, ended, strict=True))
    median, late = statistics.median(took), took[int(0.95 * PRESSES)]
    row.result(
        f"{median:.1f} ms median, {late:.1f} ms 95th percentile; clocks agree to {unsure:.1f} ms; {_load()}",
        median < GOAL_MS,
        presses=PRESSES,
    )


def test_cost(
    benchmark: BenchmarkFixture, new_row: NewRow, need: Need, opened: Callable[[str], Opened]
) -> None:
    row = new_row(f"the page's main thread, idle, and while {VOICES} voices stream", "-")
    at = opened(need(row, "chromium"))
    at.page.wait_for_timeout(1000)
    looks: list[dict[str, float]] = []

    def both() -> None:
        looks.append(at.cost())
        for code in ("KeyA", "KeyS", "KeyD", "KeyF", "KeyZ", "KeyX", "KeyC", "KeyV")[:VOICES]:
            at.page.keyboard.press(code)
        at.page.wait_for_timeout(500)
        looks.append(at.cost())

    timed(benchmark, both)
    assert at.page.evaluate("benchpad.store.state.voices.length") == VOICES
    idle, busy = looks
    row.result(
        f"{idle['TaskDuration']:.1%} and {busy['TaskDuration']:.1%} of a core (no graphics card); "
        f"{busy['LayoutCount']:.1f} layouts a second; {_load()}",
        None,
    )
