"""The page of a check in a browser: long names break instead of pushing what to do out of sight."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from check_cards import Case, wav

from sim.check import Options, run_check
from sim.check.page import page

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
LONG = ("a" * 60, "W" * 200, "\u00e9" * 90, "\U0001f941" * 40, "\u05e9\u05dc\u05d5\u05dd" * 15)
MEASURE = """<body><script>
for (const width of [1200, 400, 320]) {
  const frame = document.createElement("iframe");
  frame.style = `border:0;height:800px;width:${width}px`;
  frame.srcdoc = PAGE;
  frame.onload = () => {
    const root = frame.contentDocument.documentElement;
    const boxes = [...frame.contentDocument.querySelectorAll(".scroll")];
    const over = boxes.map(box => box.scrollWidth - box.clientWidth);
    const line = document.createElement("p");
    line.textContent = `at ${width}: ${Math.max(root.scrollWidth - root.clientWidth, ...over)} over`;
    document.body.append(line);
  };
  document.body.append(frame);
}
</script></body>"""


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here")
def test_the_page_never_scrolls_sideways(tmp_path: Path) -> None:

    files = {f"IMPORT/{name}.wav": wav() for name in LONG if len(name.encode()) < 250}
    files |= {f"IMPORT/{'F' * 90}/{'g' * 90}.wav": wav(), "IMPORT/x.wav": b"no audio"}
    report = run_check(Case("sp404mk2", files).write(tmp_path / "card"), "sp404mk2", Options())
    made = json.dumps(page(report)).replace("<", "\\u003c")
    (tmp_path / "frames.html").write_text(MEASURE.replace("PAGE", made), "utf-8")
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", (tmp_path / "frames.html").as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout
    over = dict(re.findall(r"<p>at (\d+): (-?\d+) over</p>", shown))
    assert over == {"1200": "0", "400": "0", "320": "0"}, shown[-2000:]
