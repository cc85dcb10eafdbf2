"""The page on the real program: `benchpad play` streams a card, and the browser plays it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_session import tone
from playwright.sync_api import expect
from test_page_playing import FAKE_MIDI, pad

MIDI_BUTTON = "text=Use this browser's MIDI"


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    """A real card with short samples and, on pads A5 to A8, ones too long for the RAM."""
    folder = tmp_path_factory.mktemp("live")
    for number in range(1, 9):
        seconds = 30.0 if number > 4 else 0.4
        tone(folder / "kit" / "A" / f"{number:02d} tone.wav", seconds, hz=110 * number, channels=2)
    tone(folder / "kit" / "B" / "bass.wav", 1.0, hz=55)
    made = folder / "kit.img"
    command = [sys.executable, "-m", "sim", "card", "new", made, "--from", folder / "kit", "--size", "64M"]
    subprocess.run(command, check=True, capture_output=True)
    return made


@contextmanager
def playing(image: Path, port: int = 0):
    """`benchpad play`, and the address that it prints first; its end is asked for, and is a clean one."""
    command = [sys.executable, "-m", "sim", "play", str(image), "--no-browser", "--audio", "browser"]
    command += ["--panel", str(port), "--midi-api", "none"]
    command += ["--card", "class10", "--ram", "2M", "--seconds", "120"]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = program.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), program.stderr.read()
        yield address
        program.send_signal(signal.SIGTERM)
        _, errors = program.communicate(timeout=15)
        assert program.returncode == 0, errors
    finally:
        if program.poll() is None:
            program.kill()
            program.communicate()


@pytest.fixture(scope="module")
def address(image, chromium):
    with playing(image) as found:
        yield found


def status(address: str) -> dict:
    with urllib.request.urlopen(address.replace("/?", "/api/status?"), timeout=5) as answer:
        return json.load(answer)


def silence(page, address):
    page.keyboard.press("Escape")
    end = time.monotonic() + 4
    while status(address)["voices"] and time.monotonic() < end:
        time.sleep(0.02)
    assert status(address)["voices"] == 0


def test_lights_and_meters_follow_mouse_keys_and_midi(open_page, address):
    page = open_page(address, stub=FAKE_MIDI)
    page.mouse.move(*_middle(page, 5))
    page.mouse.down()
    expect(pad(page, 5)).to_have_attribute("data-light", "streaming")
    page.mouse.up()
    expect(page.locator(".meter").first).not_to_have_attribute("aria-valuetext", "silent")
    page.keyboard.press("KeyW")
    expect(pad(page, 6)).to_have_attribute("data-light", "streaming")
    page.click(MIDI_BUTTON)
    page.evaluate("playMidi(0x90, 42, 100)")  # the generic map begins with A1 at note 36
    expect(pad(page, 7)).to_have_attribute("data-light", "streaming")
    assert status(address)["voices"] == 3
    expect(page.locator(".tile").first.locator(".number")).to_have_text("3")
    silence(page, address)
    expect(pad(page, 7)).to_have_attribute("data-light", "resident")
    expect(page.locator(".meter").first).to_have_attribute("aria-valuetext", "silent")


def test_a_pulled_card_is_alarmed_until_it_is_back(open_page, address):
    page = open_page(address)
    for code in ("KeyQ", "KeyW", "KeyE", "KeyR"):
        page.keyboard.press(code)
    expect(pad(page, 5)).to_have_attribute("data-light", "streaming")
    page.click("text=Pull the card")
    alert = page.locator("[role=alert]")
    expect(alert).not_to_be_empty(timeout=15_000)
    expect(page.locator(".tile[data-bad]", has_text="Underruns")).to_be_visible()
    page.click("text=Put it back")
    silence(page, address)
    page.keyboard.press("KeyQ")
    expect(pad(page, 5)).to_have_attribute("data-light", "streaming")
    expect(alert).to_be_empty(timeout=15_000)
    silence(page, address)


def test_the_browser_hears_it(open_page, address):
    page = open_page(address)
    page.keyboard.press("KeyQ")  # the program has no sound of its own: the first gesture begins it
    expect(page.locator("#listen")).to_contain_text("ms behind the engine")
    heard = page.evaluate("""async () => {
      const { _context: context, _player: player } = benchpad.listening;
      const listener = new AnalyserNode(context, { fftSize: 2048 });
      player.connect(listener);
      const samples = new Float32Array(2048);
      const end = performance.now() + 4000;
      while (performance.now() < end) {
        await new Promise((resume) => setTimeout(resume, 50));
        listener.getFloatTimeDomainData(samples);
        if (samples.some((value) => Math.abs(value) > 0.05)) return true;
      }
      return false;
    }""")
    assert heard
    silence(page, address)


def test_ram_is_changed_and_the_pads_go_on(open_page, address):
    page = open_page(address)
    expect(page.locator("output[for=ram]")).to_have_text("2 MB")
    page.locator("#ram").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("output[for=ram]")).to_have_text("2.4 MB")
    expect(page.locator(".log")).to_contain_text("the device was made anew")
    page.keyboard.press("KeyR")
    expect(pad(page, 8)).to_have_attribute("data-light", "streaming")
    silence(page, address)


def test_the_page_survives_a_restart_of_the_program(open_page, image):
    with playing(image) as first:
        page = open_page(first)
        port = int(first.split(":")[2].split("/")[0])
    expect(page.locator("#banner")).to_be_visible()
    with playing(image, port) as second:
        expect(page.locator("#banner")).to_contain_text("Open the address that benchpad play printed.")
        other = page.context.new_page()  # as the program opens it: this browser then has the new token
        other.goto(second)
        expect(page.locator("#banner")).to_be_hidden(timeout=15_000)
        page.keyboard.press("Digit1")
        page.keyboard.press("KeyQ")
        expect(pad(page, 5)).to_have_attribute("data-light", "streaming")


def _middle(page, number: int) -> tuple[float, float]:
    box = pad(page, number).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
