"""The card as the panel shows it: files with verdicts, search, waveforms; and stress runs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from fake_session import FakeSession, tone_folder
from panel_client import get, served, talk

from firmware.catalogue import SampleInfo
from native import CardModel
from native.types import Encoding, OnMiss, Overload, Schedule
from sim.board import Setup
from sim.cards import load_card
from sim.panel import peaks as waveform
from sim.panel.browser import Browser
from sim.panel.peaks import peaks
from sim.panel.stressing import _card


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> FakeSession:
    return FakeSession(tone_folder(tmp_path_factory.mktemp("cards") / "kit"))


@pytest.fixture(scope="module")
def panel(session):
    with served(session) as panel:
        yield panel


def test_folders_come_first_and_files_have_verdicts(panel) -> None:
    root = get(panel, "/api/files").json
    assert [one["path"] for one in root["entries"]] == ["/A", "/B", "/LIB"]
    assert {one["verdict"] for one in root["entries"]} == {"folder"}
    listed = {one["name"]: one for one in get(panel, "/api/files?folder=/A").json["entries"]}
    kick = listed["01 kick.wav"]
    assert (kick["verdict"], kick["pads"], kick["rate"], kick["bits"]) == ("accepted", ["A1"], 44_100, 16)
    assert kick["seconds"] == 0.2
    broken = listed["05 broken.wav"]
    assert (broken["verdict"], broken["id"]) == ("refused", "bad-header")
    assert broken["reason"]
    assert broken["fix"]
    assert broken["pads"] == ["A5"]
    other = {one["name"]: one for one in get(panel, "/api/files?folder=/LIB").json["entries"]}
    assert other["readme.txt"]["verdict"] == "other"
    assert other["spare clap.wav"]["pads"] == []


def test_verdicts_are_those_of_the_boot(panel, session) -> None:
    found = get(panel, "/api/files?search=.wav").json["entries"]
    judged = {one["path"]: one["verdict"] != "refused" for one in found if one["pads"]}
    booted = {one.sample.path: True for one in session.boot.catalogue.pads}
    booted |= {one.path: False for one in session.boot.catalogue.refused}
    assert judged == booted


def test_search_and_pages(panel) -> None:
    found = get(panel, "/api/files?search=AR").json
    assert [one["path"] for one in found["entries"]] == ["/A/02 snare.wav", "/LIB/spare clap.wav"]
    page = get(panel, "/api/files?search=.wav&offset=2&limit=2").json
    assert page["total"] == 7
    assert [one["path"] for one in page["entries"]] == ["/A/03 hat.wav", "/A/04 loop.wav"]
    assert get(panel, "/api/files?search=.wav&offset=99").json["entries"] == []
    assert get(panel, "/api/files?folder=/LIB&search=kick").json["total"] == 0


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=-1", "limit=x", "offset=1e9", "limit=%D9%A3", "offset=99999999999999"],
)
def test_numbers_out_of_range_are_refused(panel, query) -> None:
    answer = get(panel, f"/api/files?{query}")
    assert answer.status == 400
    assert "must be a whole number" in answer.json["error"]


def test_what_is_not_there_is_said(panel) -> None:
    assert get(panel, "/api/files?folder=/Z").status == 404
    assert get(panel, "/api/files?folder=/A/01%20kick.wav").status == 404
    assert get(panel, "/api/peaks?path=/Z.wav").status == 404
    assert get(panel, "/api/peaks?path=/A/05%20broken.wav").status == 409
    assert get(panel, "/api/peaks").status == 400
    assert get(panel, "/api/stress/1").status == 404


def test_card_and_findings(panel) -> None:
    card = get(panel, "/api/card").json
    assert card["layout"] == "generic"
    assert card["info"]["fs"] == "folder"
    assert [one["name"] for one in card["pads"]] == ["A1", "A2", "A3", "A4", "A5", "B1"]
    assert card["refused"][0]["fix"]
    findings = get(panel, "/api/findings").json
    assert findings["verdict"] == "errors"
    assert findings["findings"][0]["where"] == "A5"
    assert get(panel, "/api/findings").json == findings


def test_a_waveform_is_that_of_the_file(panel, session) -> None:
    answer = get(panel, "/api/peaks?path=/a/01%20KICK.wav&points=100").json
    assert answer["path"] == "/A/01 kick.wav"
    assert answer["exact"]
    assert len(answer["peaks"]) == 100
    data = (session.card_path / "A" / "01 kick.wav").read_bytes()[44:]
    values = np.frombuffer(data, "<i2") >> 8
    for number, (low, high) in enumerate(answer["peaks"]):
        part = values[8_820 * number // 100 : 8_820 * (number + 1) // 100]
        assert (low, high) == (part.min(), part.max())


def _sample(frames: int, encoding: Encoding, channels: int = 1) -> SampleInfo:
    return SampleInfo("/x", frames, 48_000, channels, 8 * encoding.size_bytes, encoding, 0)


@pytest.mark.parametrize("encoding", list(Encoding))
def test_waveforms_of_every_encoding(encoding) -> None:
    values = np.array([0.0, 0.5, -0.5, 0.25])
    kind = encoding.name
    if kind == "U8":
        data = (values * 128 + 128).astype(np.uint8).tobytes()
    elif kind.startswith("F32"):
        data = values.astype("<f4" if kind.endswith("LE") else ">f4").tobytes()
    else:
        order = "little" if kind.endswith("LE") else "big"
        size = encoding.size_bytes
        whole = [int(one * (1 << 8 * size - 1)) for one in values]
        data = b"".join(one.to_bytes(size, order, signed=True) for one in whole)
    made = peaks(lambda at, n: data[at : at + n], _sample(4, encoding), 4)
    assert made.lows == made.highs
    assert made.highs == pytest.approx((0, 64, -64, 32), abs=1)


def test_float_waveforms_stay_in_range_whatever_they_hold() -> None:
    data = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 2.0], "<f4").tobytes()
    made = peaks(lambda at, n: data[at : at + n], _sample(6, Encoding.F32_LE), 6)
    assert made.highs == (0, 127, -127, 127, -127, 127)


def test_little_is_read_of_a_very_long_file(monkeypatch) -> None:
    monkeypatch.setattr(waveform, "MOST_BYTES", 1 << 16)
    asked = []

    def read(at: int, n: int) -> bytes:
        asked.append(n)
        return b"\x00\x40" * (n // 2)

    made = peaks(read, _sample((1 << 31) - 1, Encoding.S16_LE), 200)
    assert not made.exact
    assert sum(asked) <= 1 << 16
    assert set(made.highs) == {64}


def test_waveforms_and_verdicts_kept_are_bounded(session, monkeypatch) -> None:
    monkeypatch.setattr("sim.panel.browser._MOST_KEPT", 5)
    monkeypatch.setattr("sim.panel.browser._MOST_JUDGED", 3)
    browser = Browser(session)
    for points in range(16, 36):
        browser.peaks("/A/01 kick.wav", points)
    browser.files("/", "wav", 0, 500)
    assert len(browser._peaks) == 5
    assert len(browser._judged) == 3
    browser.close()


def test_a_changed_card_is_read_anew(tmp_path) -> None:
    session = FakeSession(tone_folder(tmp_path / "kit"))
    browser = Browser(session)
    before = browser.peaks("/A/01 kick.wav", 16)
    tone = (tmp_path / "kit" / "A" / "04 loop.wav").read_bytes()
    (tmp_path / "kit" / "A" / "01 kick.wav").write_bytes(tone)
    browser.refresh()
    assert browser.peaks("/A/01 kick.wav", 16) != before
    browser.close()


def test_a_stress_run_has_a_report(tmp_path) -> None:
    session = FakeSession(tone_folder(tmp_path / "kit"))
    with served(session) as panel, talk(panel) as client:
        assert client.ask(t="stress", voices=2, seconds=1)["t"] == "done"
        assert "under way" in client.ask(t="stress")["text"]
        client.until_state(lambda one: (one.get("stress") or {}).get("running"))
        state = client.until_state(lambda one: one["stress"] and not one["stress"]["running"], 60)
        assert state["stress"]["report"] == "/api/stress/1", state["stress"]
        page = get(panel, "/api/stress/1")
        assert page.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert b"<h1" in page.body
        document = get(panel, "/api/stress/1.json").json
        assert state["stress"]["text"] == document["sentence"]


def test_a_stress_run_is_of_what_is_played(tmp_path) -> None:
    asked = Setup(seed=7, schedule=Schedule.RATING, on_miss=OnMiss.DROP, overload=Overload.OLDEST)
    session = FakeSession(tone_folder(tmp_path / "kit"), asked=asked)
    session.setting(card={"latency_ms": 8.0, "mb_per_s": 4.0})
    with served(session) as panel, talk(panel) as client:
        client.ask(t="stress", voices=2, seconds=1)
        client.until_state(lambda one: one["stress"] and not one["stress"]["running"], 60)
        document = get(panel, "/api/stress/1.json").json
    options = document["options"]
    told = [options[name] for name in ("schedule", "on_miss", "overload", "policy")]
    assert (document["seed"], *told) == (7, "rating", "drop", "oldest", "lru")
    assert "8 ms a command, 4 MB/s" in json.dumps(document["card_timing"])


def test_a_stress_run_can_be_stopped(tmp_path) -> None:
    session = FakeSession(tone_folder(tmp_path / "kit"))
    with served(session) as panel, talk(panel) as client:
        client.ask(t="stress", seconds=120)
        time.sleep(0.3)
        client.ask(t="stress", do="stop")
        state = client.until_state(lambda one: one.get("stress") and not one["stress"]["running"], 10)
        assert state["stress"]["text"] == "the stress run was stopped"
        client.ask(t="stress", seconds=120)  # and closing the panel ends it
    assert not _left_running(tmp_path)


def _left_running(card: Path) -> bool:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(card).encode() in (process / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


def test_a_card_of_more_than_two_figures_is_a_file(tmp_path) -> None:
    file = tmp_path / "as-played.toml"
    spiky = CardModel(command_us=800.0, read_mb_per_s=12.0, spike_every_s=2.0, spike_ms=40.0)
    assert _card(spiky, file) == ["--card", str(file)]
    assert load_card(str(file)).model == spiky
    assert _card(CardModel(command_us=1_500.0), file) == ["--card-latency", "1.5"]
    assert _card("class10", file) == ["--card", "class10"]
