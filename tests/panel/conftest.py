"""A page in headless Chromium, on a scripted session: errors of the page fail the test that caused them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fake_session import FakeSession, tone_folder
from playwright.sync_api import sync_playwright

from sim.panel.serve import serve

SIZES = {"phone": (390, 844), "desk": (1280, 800), "wide": (1920, 1080)}


@pytest.fixture(scope="session")
def chromium(require_tool: Any) -> Iterator[Any]:
    """Debian's Chromium, driven by playwright; skips where it is absent, but not under CI."""
    path = require_tool("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--autoplay-policy=user-gesture-required", "--force-color-profile=srgb"],
        )
        yield browser
        browser.close()


@pytest.fixture
def serving() -> Iterator[Any]:
    """Starts panels, as `sim.panel.serve.serve` does, and ends them with the test."""
    panels = []

    def start(session: Any, **options: Any) -> Any:
        panels.append(serve(session, **options))
        return panels[-1]

    yield start
    for panel in panels:
        panel.close()


@pytest.fixture
def session(tmp_path: Path) -> FakeSession:
    """A generic card with four samples in bank A, one of them refused, opened writable."""
    return FakeSession(tone_folder(tmp_path / "kit"), writable=True)


@pytest.fixture
def panel(session: FakeSession, serving: Any) -> Any:
    """A panel of that session."""
    return serving(session)


@pytest.fixture
def busy() -> Any:
    """Brings a page into a busy moment: every light, many voices, an alert, something in every box."""
    scene = Path(__file__).with_name("scene.js").read_text()
    return lambda page: page.evaluate(scene)


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Any]:
    """Opens an address in a window of its own: ``open_page(address, size="desk", **context options)``.

    After the test, no page may have had a script error, a refused policy or a request to elsewhere.
    """
    contexts, troubles = [], []

    def start(address: str, size: str = "desk", ready: bool = True, stub: str = "", **options: Any) -> Any:
        width, height = SIZES[size]
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(8_000)
        contexts.append(context)
        page = context.new_page()
        host = urlsplit(address).netloc
        page.on("pageerror", lambda error: troubles.append(f"script error: {error}"))
        page.on("console", lambda message: _note(troubles, message))
        page.on("request", lambda request: _own(troubles, request.url, host))
        if stub:
            page.add_init_script(stub)
        page.goto(address)
        if ready:
            first = ".tile:has-text('event to output') .number:has-text('ms')"  # of the first state
            page.wait_for_selector(first, state="attached")
        return page

    yield start
    for context in contexts:
        context.close()
    assert not troubles


def _note(troubles: list[str], message: Any) -> None:
    # A server that is down, or refuses, is some tests' purpose; the browser logs both as errors.
    if (
        message.type == "error"
        and "Failed to load resource" not in message.text
        and "WebSocket" not in message.text
    ):
        troubles.append(f"console: {message.text}")


def _own(troubles: list[str], url: str, host: str) -> None:
    if urlsplit(url).scheme in ("http", "https") and urlsplit(url).netloc != host:
        troubles.append(f"a request to elsewhere: {url}")
