"""The reports of a check: JSON that keeps to its schema, JUnit, text, and the page in a browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from check_cards import CASES, GOOD, Case, mk2_card, sx_card, sx_record, wav, wave
from click.testing import CliRunner
from json_schema import SCHEMA, violations

from firmware.findings import found
from sim.check import run_check
from sim.check.page import page as page_of
from sim.check.text import lines
from sim.cli import cli

HOSTILE = {
    "A/a\u202eb<script>alert(1)</script>'\".wav": wav(wave(level=0.0)),
    "A/\u05e9\u05dc\u05d5\u05dd.wav": wav(wave(level=0.0)),
    "A/\U0001f941\u200d\U0001f941.wav": wav(wave(level=0.0)),
    "A/new\nline\x01.wav": wav(wave(level=0.0)),
    "A/Schla\u0308ger.wav": wav(wave(level=0.0)),
}


def check(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(cli, ["check", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout if status in (0, 1) else result.stderr


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    folder = tmp_path / "card"
    for path, data in HOSTILE.items():
        target = folder / path.replace("</", "<\u2215")  # a slash cannot be in a name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (Path(os.fsdecode(os.fsencode(folder) + b"/A/\xff.wav"))).write_bytes(wav(wave(level=0.0)))
    return folder


def test_the_judge_sees() -> None:
    assert violations({}, SCHEMA)
    assert violations({"counts": {"error": -1, "warning": 0, "note": 0, "x": 1}}, SCHEMA)[-2:] == [
        "/counts: x is too many",
        "/counts/error: -1 is below 0",
    ]


@pytest.mark.parametrize("name", ["no-device-folder", "few-voices", "pad-loop", "name-nfd"])
def test_json_keeps_to_its_schema(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    errors = name in ("no-device-folder",)
    arguments = [case.write(tmp_path), "--device", case.device, "--json"]
    arguments += ["--card-latency", case.timing.command_us / 1000, "--card-speed", case.timing.read_mb_per_s]
    document = json.loads(check(*arguments, status=1 if errors else 0))
    assert not violations(document, SCHEMA)
    assert document["verdict"] == ("errors" if errors else "warnings")
    assert sum(document["counts"].values()) == len(document["findings"])
    assert json.loads(check(*arguments, "--quick", status=1 if errors else 0))["voices"] == []


def test_exit_status_and_strict(tmp_path: Path) -> None:
    good = Case("sp404sx", sx_card()).write(tmp_path / "good")
    assert "OK: 0 errors" in check(good)
    doubtful = CASES["rlnd-pad"].write(tmp_path / "doubtful")
    assert "OK, WITH WARNINGS" in check(doubtful, "--quick")
    assert "strict" in check(doubtful, "--strict", "--quick", status=1)
    assert "cannot open" in check(tmp_path / "none.img", status=2)
    assert "latency" in check(good, "--card-latency", "nan", status=2)
    check(good, "--device", "toaster", status=2)


def test_text_is_never_a_wall(tmp_path: Path) -> None:
    folder = Case("generic", {f"A/{n}.wav": wav(wave(level=0.0)) for n in range(16)}).write(tmp_path)
    text = check(folder, "--quick")
    assert "silence" not in text
    text = check(folder)
    assert text.count("/A/") == 4
    assert "and 12 more (--all shows them)" in text
    assert check(folder, "--all").count("/A/") == 16


def test_junit_has_a_case_for_every_file(hostile: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    check(hostile, "--junit", report, status=1)
    top = ET.parse(report).getroot()
    audio = top.find("testsuite[@name='audio']")
    assert audio is not None
    assert len(audio) == 6
    assert all("silence" in (case.findtext("system-out") or "") for case in audio)
    failed = {failure.get("type") for failure in top.iter("failure")}
    assert failed == {"name-control", "name-not-fat"}
    assert int(top.get("failures", "0")) == len(list(top.iter("failure")))
    assert int(top.get("tests", "0")) == len(list(top.iter("testcase")))


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_is_self_contained_and_safe(hostile: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    check(hostile, "--html", page, status=1)
    text = page.read_text("utf-8")
    parser = Tags()
    parser.feed(text)
    names = [tag for tag, _ in parser.tags]
    scripts = [attrs.get("type") for tag, attrs in parser.tags if tag == "script"]
    assert scripts == ["application/json", None]
    assert "<" not in text.partition('id="data">')[2].partition("</script>")[0]
    assert not [attrs for _, attrs in parser.tags if {"src", "href"} & attrs.keys()]
    assert "http" not in text.replace("http-equiv", "")
    assert names.count("polygon") == 6
    assert "\u202e" not in text
    assert "\u05e9\u05dc\u05d5\u05dd" in text


def test_the_page_has_a_map_and_pads(tmp_path: Path) -> None:
    folder = Case("sp404mk2", mk2_card()).write(tmp_path / "card")
    image, page = tmp_path / "card.img", tmp_path / "report.html"
    made = CliRunner().invoke(
        cli, ["card", "new", str(image), "--size", "64M", "--from", str(folder)], catch_exceptions=False
    )
    assert made.exit_code == 0, made.output
    check(image, "--html", page)
    text = page.read_text("utf-8")
    assert 'class="map"' in text
    assert 'class="m-used"' in text
    assert text.count('<div class="pad ok"') == 1
    assert text.count('<div class="pad empty"') == 15


def browsed(page: Path, script: str = "") -> str:
    """The page's document as it is in a browser, after ``script`` has run at its end."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("chromium is not installed")
    played = page.with_name("played.html")
    played.write_text(
        page.read_text("utf-8").replace("</body>", f"<script>{script}</script></body>"), "utf-8"
    )
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command.append(f"--user-data-dir={page.parent}/b")
    run = subprocess.run([*command, played.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    return run.stdout


def table(document: str) -> list[str]:
    """The findings' rows, as the paths in them."""
    body = document.partition('id="findings"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return re.findall(r"<bdi>(.*?)</bdi>", body)


def test_a_browser_renders_the_page(hostile: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    check(hostile, "--html", page, status=1)
    shown = browsed(page)
    assert len(table(shown)) >= 5
    head = shown.partition('id="findings"')[2].partition("</thead>")[0]
    assert 'tabindex="0"' in head  # the script ran
    assert 'aria-sort="ascending"' in head
    assert "<script>alert" not in shown
    assert "\u202e" not in shown


def test_the_table_can_be_sorted_filtered_and_turned(tmp_path: Path) -> None:
    files = {f"A/{n:02d}.wav": wav(wave(level=0.0)) for n in range(60)}
    folder = Case("generic", files | {"A/00.flac": b"fLaC"}).write(tmp_path / "card")
    page = tmp_path / "report.html"
    check(folder, "--html", page, status=1)
    paths = table(browsed(page))
    assert (len(paths), paths[0]) == (50, "/A/00.flac")  # the error comes first
    path = 'document.querySelectorAll("#findings th")[2].click();'
    assert table(browsed(page, path + path))[0] == "/A/59.wav"
    second = table(browsed(page, 'document.querySelector("[aria-label^=Next]").click();'))
    assert 10 <= len(second) < 50
    assert not set(second) & set(paths)
    by_words = 'byId("filter").value = "/a/00"; arrange();'
    assert set(table(browsed(page, by_words))) == {"/A/00.flac", "/A/00.wav"}
    by_pad = 'document.querySelector(".pad[data-path]").click();'
    assert set(table(browsed(page, by_pad))) == {"/A/00.flac"}


def test_the_page_stays_small_on_a_big_card(tmp_path: Path) -> None:
    """Waveforms are few, of every kind; the table's rows are written for its script, but a few."""
    faults = {
        "quiet": wave(level=0.0),
        "offset": wave(level=0.2) + 0.1,
        "late": np.vstack((wave() * 0, wave())),
    }
    files = {f"A/{name} {n}.wav": wav(data) for name, data in faults.items() for n in range(100)}
    folder = Case("generic", files | {"A/cut.wav": wav()[:-1000]}).write(tmp_path / "card")
    page = tmp_path / "report.html"
    check(folder, "--html", page, status=1)
    text = page.read_text("utf-8")
    assert text.count("<figure") == 24
    shown = text.partition("<details><summary>12 more")[0].partition("Samples in question")[2]
    assert [shown.count(f"/{name} ") > 0 for name in faults] == [True] * 3
    assert shown.index("/A/cut.wav") < shown.index("/A/late 0.wav")
    assert text.count("<tr><td><span") == 50
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    assert len(data["rows"]) == 302
    assert len(text) < 250_000


def test_examples_are_of_every_kind(tmp_path: Path) -> None:
    files = {f"A/{n}.wav": wav(subtype="DOUBLE") for n in range(6)} | {"A/z.flac": wav(kind="FLAC")}
    text = check(Case("generic", files).write(tmp_path), "--quick", status=1)
    assert "/A/z.flac" in text
    assert "and 3 more" in text


def test_what_concerns_the_whole_card_comes_first(tmp_path: Path) -> None:
    files = {f"{n}.wav": wav(subtype="DOUBLE") for n in range(3)}
    text = check(Case("sp404mk2", files).write(tmp_path), "--device", "sp404mk2", "--quick", status=1)
    assert text.index("no-device-folder") < text.index("bit-depth")


def test_many_patterns_are_one_task(tmp_path: Path) -> None:
    patterns = {f"ROLAND/SP-404SX/PTN/PTN000{n}A.BIN": b"\0" for n in range(1, 7)}
    text = check(Case("sp404sx", sx_card() | patterns).write(tmp_path), "--quick")
    assert "pattern-hex x 6" in text
    assert "in decimal the name is PTN00026.BIN" in text


def test_one_thing_to_do_is_said_once(tmp_path: Path) -> None:
    """A damaged volume is repaired once, whatever is the matter; what is less bad says so."""
    one, other = found("chain-too-short", "x", path="/A/a.wav"), found("dirty-flag", "y")
    report = replace(run_check(Case("generic", {"A/a.wav": wav()}).write(tmp_path)), findings=(one, other))
    (task,) = report.tasks()
    assert (task.severity, task.fixable, len(task.findings)) == ("error", True, 2)
    text = "\n".join(lines(report))
    assert text.count("Repair the volume: benchpad card repair (--fix does it)") == 1
    assert "dirty-flag (warning): It usually plays" in text
    assert '<span class="badge warning">! warning</span> <b>dirty-flag' in page_of(report)


def test_a_pad_without_its_sample_is_coloured(tmp_path: Path) -> None:
    folder = Case("sp404sx", sx_card({20: sx_record(GOOD)})).write(tmp_path / "card")
    page = tmp_path / "report.html"
    check(folder, "--html", page)
    pads = re.findall(r'class="pad (\w+)"[^>]*><b>(\w+)</b>', page.read_text("utf-8"))
    assert [(state, label) for state, label in pads if state != "empty"] == [("ok", "A1"), ("warning", "B9")]
