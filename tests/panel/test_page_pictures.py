"""Pictures of the page, to be looked at; one of them is in the documentation.

    BENCHPAD_PICTURE=docs/panel.png python -m pytest tests/panel/test_page_pictures.py

makes that anew, of the demo's card. With BENCHPAD_PICTURES=FOLDER every view is left there, to be looked at.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect
from test_page_live import playing

CLIPPED = """() => [...document.querySelectorAll("button:not(.pad, .choose, .put button)")]
  .filter((node) => node.offsetParent)
  .filter((node) => node.scrollWidth > node.clientWidth + 1 || node.scrollHeight > node.clientHeight + 1)
  .map((node) => node.textContent)"""
PLAYED = ("Digit2", "Digit3", "KeyQ", "KeyE", "KeyA", "KeyX")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["phone", "desk"])
def test_no_button_is_too_small_for_its_text(open_page, panel, busy, size, scheme):
    page = open_page(panel.address, size, color_scheme=scheme)
    busy(page)
    for view in ("device", "bench", "card") if size == "phone" else ("bench", "card"):
        page.click(f".views [data-view={view}]")
        page.wait_for_timeout(150)
        if folder := os.environ.get("BENCHPAD_PICTURES"):
            page.screenshot(path=Path(folder) / f"{size}-{scheme}-{view}.png")
        assert page.evaluate(CLIPPED) == []


def test_the_picture_of_the_documentation(open_page, tmp_path):
    wanted = os.environ.get("BENCHPAD_PICTURE")
    if not wanted:
        pytest.skip("BENCHPAD_PICTURE does not say where the picture goes")
    demo = [sys.executable, "-m", "sim", "demo", "--out", tmp_path / "demo"]
    subprocess.run(demo, check=True, capture_output=True)
    with playing(tmp_path / "demo" / "card.img") as address:
        page = open_page(address, "wide", color_scheme="dark")
        page.set_viewport_size({"width": 1600, "height": 900})
        page.click("[aria-label='Bank D']")
        page.click("text=▸ D")
        for spike_ms in ("500", "2000"):  # the first is bridged by what is in RAM, the second is heard
            page.select_option("[aria-label='Length of the spike']", spike_ms)
            for code in PLAYED:
                page.keyboard.press(code)
            page.wait_for_timeout(3_000)
            page.click("text=Spike")
            page.wait_for_timeout(2_500)
        expect(page.locator(".voicelist li").first).to_be_visible()
        page.locator("#bench").evaluate("node => node.scrollTo(0, 0)")
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        shot.quantize(128, dither=Image.Dither.NONE).save(wanted, optimize=True)  # a third of the bytes
