"""The panel of a session that really plays, timed by a clock: pads, auditions, other samples, faults."""

from __future__ import annotations

import json
import statistics
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from panel_client import Talk, get, served, talk

from sdcard_image import Item, build_image
from sim.board import Setup
from sim.control.control import Control
from sim.control.settings import Settings
from sim.live.backends import ClockBackend
from sim.live.bench import Bench
from sim.live.session import Session
from sim.panel.pads import PadWriter

RATE = 48_000


def wav_bytes(tmp_path: Path, value: int, seconds: float) -> bytes:
    """16-bit mono at the engine's rate, of one value throughout: what is heard says which file it is."""
    path = tmp_path / "made.wav"
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(np.full(round(seconds * RATE), value, "<i2").tobytes())
    return path.read_bytes()


FILES = {"/A/01 low.wav": 1_000, "/A/02 mid.wav": 2_000, "/A/03 high.wav": 3_000, "/LIB/other.wav": 9_000}


@pytest.fixture
def card(request, tmp_path) -> Path:
    """A card image, or a folder where the test asks for one."""
    contents = {path: wav_bytes(tmp_path, value, 4.0) for path, value in FILES.items()}
    if getattr(request, "param", "image") == "folder":
        for path, data in contents.items():
            target = tmp_path / "kit" / path[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return tmp_path / "kit"
    items = [Item("/A", None), Item("/LIB", None), *(Item(path, data) for path, data in contents.items())]
    build_image(tmp_path / "kit.img", items, size_bytes=64 << 20)
    return tmp_path / "kit.img"


both = pytest.mark.parametrize("card", ["image", "folder"], indirect=True)


def started(card: Path) -> tuple[Session, Bench]:
    session = Session(card, Setup(device="generic"), ClockBackend("browser", RATE, 128))
    session.midi = control = Control(session, None, Settings(card.parent / "settings.json"))
    return session, Bench(session, control, writable=True)


@pytest.fixture
def playing(card) -> Iterator[tuple[Session, Talk, object]]:
    session, bench = started(card)
    with session, served(bench) as panel, talk(panel) as client:
        client.kind("hello")
        client.ask(t="audio", on=True)
        yield session, client, panel
    bench.close()


def level(client: Talk) -> int:
    """The 16-bit value that is heard, once it is steady."""
    end, last = time.monotonic() + 5, None
    steady = 0
    while time.monotonic() < end:
        data = client.until(lambda one: isinstance(one, bytes))
        values = np.frombuffer(data[16:], "<i2")
        now = int(values[-1]) if np.ptp(values) == 0 else None
        steady = steady + 1 if now is not None and now == last else 0
        last = now
        if steady >= 3:
            return int(now or 0)
    raise AssertionError("nothing steady is heard")


def near(value: int) -> object:
    return pytest.approx(value, abs=2)


def test_a_pad_is_heard_and_seen(playing) -> None:
    _, client, _ = playing
    assert level(client) == 0
    assert client.ask(t="press", bank=0, pad=3)["t"] == "done"
    client.until_state(lambda one: one["pads"].get("2") in ("playing", "streaming"))
    client.until_state(lambda one: one["levels"][0] == pytest.approx(3_000 / 32_768, abs=0.01))
    assert level(client) == near(3_000)
    assert client.state["metrics"]["voices.playing"] == 1
    client.ask(t="panic")
    assert level(client) == 0
    client.until_state(lambda one: one["pads"]["2"] == "resident")


def test_an_audition_touches_no_pad(playing) -> None:
    _, client, _ = playing
    assert client.ask(t="audition", path="/LIB/other.wav")["t"] == "done"
    assert level(client) == near(9_000)
    state = client.until_state(lambda one: one.get("voices"))
    assert {one[0] for one in state["voices"]} == {-1}
    assert not {"playing", "streaming"} & set(state["pads"].values())
    client.ask(t="audition", path="/A/01 low.wav")
    assert level(client) == near(1_000)
    client.ask(t="audition", path=None)
    assert level(client) == 0


@both
def test_a_pad_that_was_written_plays_the_new_sample_at_once(playing) -> None:
    _, client, panel = playing
    client.ask(t="press", bank=0, pad=2)
    assert level(client) == near(2_000)
    assert client.ask(t="assign", path="/LIB/other.wav", bank=0, pad=2)["t"] == "done"
    assert level(client) == 0  # what sounded is no more
    client.ask(t="press", bank=0, pad=2)
    assert level(client) == near(9_000)
    client.ask(t="panic")
    client.ask(t="press", bank=0, pad=1)
    assert level(client) == near(1_000)
    client.ask(t="panic")
    assert client.ask(t="undo")["t"] == "done"
    client.ask(t="press", bank=0, pad=2)
    assert level(client) == near(2_000)
    assert get(panel, "/api/card").json["writable"]


def test_other_pads_play_on_while_one_is_written(playing) -> None:
    session, client, _ = playing
    client.ask(t="press", bank=0, pad=1)
    assert level(client) == near(1_000)
    client.ask(t="assign", path="/LIB/other.wav", bank=0, pad=3)
    assert level(client) == near(1_000)
    assert session.engine.counters().underruns == 0


def test_without_room_for_more_samples_the_device_is_made_anew(card, monkeypatch) -> None:
    monkeypatch.setattr("sim.live.machine.SPARE_SAMPLES", 2)
    monkeypatch.setattr("sim.live.samples.SPARE_SAMPLES", 2)
    session, bench = started(card)
    with session:
        desk = PadWriter(bench)
        path = next(one.sample.path for one in bench.boot.catalogue.pads if one.pad == 2)
        for _ in range(3):
            desk.assign(path, 0, 1)
            desk.undo()
        assert any("other samples" in one.why for one in session.gaps)
        assert [one.sample.path for one in bench.boot.catalogue.pads] == list(FILES)[:3]
        session.hands.press(0, 1)
        end = time.monotonic() + 5
        while session.engine.sounding == 0 and time.monotonic() < end:
            time.sleep(0.01)
        assert session.engine.sounding == 1
        desk.close()
    bench.close()


@both
def test_what_was_written_is_on_the_card_after_the_session(card) -> None:
    for turn in range(3):
        session, bench = started(card)
        with session, served(bench) as panel, talk(panel) as client:
            pads = {one["name"]: one["sample"] for one in client.kind("hello")["pads"]}
            assert len(pads) == 3 + turn
            client.ask(t="assign", path="/LIB/other.wav", bank=0, pad=4 + turn)
        bench.close()


def test_pull_and_insert(playing) -> None:
    _, client, _ = playing
    client.ask(t="press", bank=0, pad=1)
    client.ask(t="fault", do="pull")
    client.until_state(lambda one: one.get("alert") is not None, 10)
    assert client.state["alert"]["cause"] == "card gone"
    assert client.state["card"]["in"] is False
    client.until_state(lambda one: one["underruns"] >= 1)
    client.ask(t="fault", do="insert")
    client.until_state(lambda one: one["card"]["in"] and one["alert"] is None, 15)


def test_another_ram_makes_the_device_anew(playing) -> None:
    _, client, _ = playing
    client.send(t="setting", ram=1 << 20, card="class4")
    hello = client.kind("hello", 10)
    assert (hello["ram"], hello["preset"]) == (1 << 20, "class4")
    client.ask(t="press", bank=0, pad=1)
    assert level(client) == near(1_000)
    client.send(t="setting", card={"latency_ms": 2.5, "mb_per_s": 0})
    hello = client.kind("hello", 10)
    assert (hello["preset"], hello["timing"]) == (None, {"latency_ms": 2.5, "mb_per_s": 0.0})
    client.send(t="setting", card="as started")
    hello = client.kind("hello", 10)
    assert (hello["preset"], hello["timing"]["mb_per_s"]) == ("as started", 0.0)
    assert "no card preset" in client.ask(t="setting", card="/etc/passwd")["text"]
    assert client.ask(t="setting", ram=66_000)["t"] in ("done", "error")
    assert client.ask(t="ping")["t"] == "pong"


def test_status_names_stay(playing) -> None:
    _, _, panel = playing
    status = get(panel, "/api/status").json
    assert {"device", "audio", "voices", "underruns", "cache", "card", "midi"} <= status.keys()
    assert {"backend", "rate", "block", "xruns", "late_blocks", "render_us"} <= status["audio"].keys()
    assert {"p50", "p99", "p999"} <= status["audio"]["render_us"].keys()
    assert {"ports", "messages"} <= status["midi"].keys()
    json.dumps(status, allow_nan=False)


def test_a_press_is_an_event_within_milliseconds(playing) -> None:
    session, client, _ = playing
    client.ask(t="audio", on=False)
    took = []
    for _ in range(30):
        began = time.perf_counter()
        client.ask(t="press", bank=0, pad=1)
        took.append((time.perf_counter() - began) * 1000)
    assert statistics.median(took) < 10
    assert session.engine.counters().voices_started >= 1
