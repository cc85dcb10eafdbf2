"""The protocol of docs/panel-protocol.md, spoken by a client to a panel of a scripted session."""

from __future__ import annotations

import json
import re
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from fake_session import FakeSession, tone_folder
from panel_client import get, served, talk
from websockets.exceptions import ConnectionClosed

from native.types import Cause, Underrun
from sim.metrics import METRIC
from sim.panel import state as states
from sim.panel.hub import to_16_bit
from sim.panel.messages import _KINDS
from sim.panel.port import Happened

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "panel-protocol.md").read_text()


@pytest.fixture
def session(tmp_path) -> FakeSession:
    return FakeSession(tone_folder(tmp_path / "kit"), writable=True)


@pytest.fixture
def panel(session):
    with served(session) as panel:
        yield panel


def test_hello_is_first_and_whole(panel) -> None:
    with talk(panel) as client:
        hello = client.next()
    assert hello["t"] == "hello"
    assert hello["protocol"] == states.PROTOCOL
    for key in re.search(r"\*\*`hello`\*\*.*?```json(.*?)```", DOCUMENT, re.S)[1].split('"')[1::2]:
        if re.fullmatch(r"[a-z_]+", key) and f'"{key}":' in DOCUMENT:
            assert f'"{key}"' in json.dumps(hello) or key in ("backend",), key
    pads = {one["name"]: one for one in hello["pads"]}
    assert set(pads) == {"A1", "A2", "A3", "A4", "A5", "B1"}
    assert pads["A1"]["path"] == "/A/01 kick.wav"
    assert pads["A5"]["verdict"] == "refused"
    assert "header" in pads["A5"]["reason"]
    assert pads["B1"]["tag"] == 16


def test_the_document_names_every_message_and_every_state(panel) -> None:
    for kind, (needed, others) in _KINDS.items():
        if kind in ("panic", "undo"):
            continue
        assert f'"t":"{kind}"' in DOCUMENT
        for key in (*needed, *others):
            assert f'"{key}"' in DOCUMENT
    with talk(panel) as client:
        state = client.kind("state")
    for key in state.keys() - {"t"}:
        assert f"| `{key}` |" in DOCUMENT, key
    for name in state["metrics"]:
        assert name in METRIC


def test_only_changes_are_sent(panel, session) -> None:
    with talk(panel) as client:
        client.kind("hello")
        client.kind("state")
        with pytest.raises(TimeoutError):
            client.next(0.3)  # nothing happens, and nothing is said
        client.send(t="press", bank=0, pad=4)
        state = client.until_state(lambda one: one["pads"]["3"] == "streaming")
        later = client.kind("state")
        assert set(later) <= {"t", "frame", "voices", "levels", "metrics", "pads", "cache"}
        assert "0" not in later.get("pads", {})
        assert state["voices"][0][0] == 3
        client.until_state(lambda one: one["levels"][0] > 0)


def test_states_come_30_times_a_second_at_most(panel) -> None:
    with talk(panel) as client:
        client.send(t="press", bank=0, pad=4)
        client.kind("state")
        began, count = time.monotonic(), 0
        while time.monotonic() < began + 1.0:
            count += client.next()["t"] == "state"
    assert 10 <= count <= 32


def test_what_is_pressed_reaches_the_session(panel, session) -> None:
    with talk(panel) as client:
        for message in (
            {"t": "press", "bank": 0, "pad": 1, "vel": 90},
            {"t": "release", "bank": 0, "pad": 1},
            {"t": "bank", "bank": 2},
            {"t": "knob", "name": "volume", "value": 0.25},
            {"t": "mode", "bank": 0, "pad": 2, "name": "loop", "on": True},
            {"t": "transport", "do": "start"},
            {"t": "tempo", "bpm": 90},
            {"t": "midi", "data": [0x91, 36, 64]},
            {"t": "learn", "on": True, "target": {"kind": "pad", "bank": 0, "pad": 3}},
            {"t": "forget", "target": {"kind": "knob", "name": "volume"}},
            {"t": "fault", "do": "error", "path": "/A/01 kick.wav", "times": 2},
            {"t": "audition", "path": "/lib/SPARE clap.wav"},
            {"t": "panic"},
        ):
            assert client.ask(**message)["t"] == "done"
        client.until_state(lambda one: one.get("bank") == 2 and one["knobs"]["volume"] == 0.25)
        client.until_state(lambda one: one["tempo"] == {"bpm": 90.0, "running": True, "source": "internal"})
        client.until_state(lambda one: (one["audition"] or {}).get("path") == "/LIB/spare clap.wav")
        client.until_state(lambda one: one["audition"] is None)  # it lasts 0.3 s
        client.until_state(lambda one: (one["learn"] or {}).get("kind") == "pad")
    assert session.calls[:3] == [("press", 0, 1, 90), ("release", 0, 1), ("bank", 2)]
    assert ("fault", "error", 200.0, "/A/01 kick.wav", 2) in session.calls
    assert ("audition", "/LIB/spare clap.wav") in session.calls  # as the card writes it
    assert ("press", 1, 1, 64) in session.calls


def test_what_makes_no_sense_now_is_refused_in_a_sentence(panel) -> None:
    with talk(panel) as client:
        for message, says in (
            ({"t": "press", "bank": 25, "pad": 1}, "bank must be 0 to 9"),
            ({"t": "press", "bank": 0, "pad": 17}, "pad must be 1 to 16"),
            ({"t": "knob", "name": "door", "value": 1}, "no knob door"),
            ({"t": "audition", "path": "/A/nothing.wav"}, "no /A/nothing.wav"),
            ({"t": "audition", "path": "/A"}, "is a folder"),
            ({"t": "audition", "path": "/A/05 broken.wav"}, "header"),
            ({"t": "audition", "path": "/LIB/readme.txt"}, "not an audio file"),
            ({"t": "fault", "do": "error", "path": "/A/nothing.wav"}, "no /A/nothing.wav"),
            ({"t": "undo"}, "no assignment"),
            ({"t": "learn", "on": True}, "target is missing"),
            ({"t": "learn", "on": True, "target": {"kind": "pad", "bank": 20, "pad": 1}}, "bank must be"),
        ):
            answer = client.ask(**message)
            assert answer["t"] == "error"
            assert says in answer["text"]


def test_a_pulled_card_raises_an_alert(panel) -> None:
    with talk(panel) as client:
        client.send(t="press", bank=0, pad=4)
        client.until_state(lambda one: one.get("voices"))
        client.send(t="fault", do="pull")
        state = client.until_state(lambda one: one["alert"] is not None)
        assert not state["card"]["in"]
        assert state["alert"]["advice"].startswith("put the card back")
        kinds = {one["kind"]: one for one in client.heard if one["t"] == "event"}
        while not {"fault", "underrun", "alert"} <= kinds.keys():
            one = client.kind("event")
            kinds[one["kind"]] = one
        assert kinds["underrun"]["text"] == "A4: read error"
        assert kinds["underrun"]["tag"] == 3
        assert "the card is out" in client.ask(t="assign", path="/LIB/spare clap.wav", bank=0, pad=2)["text"]
        client.send(t="fault", do="insert")
        client.until_state(lambda one: one["alert"] is None and one["card"]["in"])


def test_events_are_kept_for_who_comes_later_and_are_bounded(panel, session) -> None:
    session.happened = [Happened(number, "note", f"number {number}") for number in range(500)]
    session.underruns = [Underrun(1, 160, 0, Cause.LATE)]
    with talk(panel) as client:
        events = [client.kind("event") for _ in range(200)]
    numbers = [one["n"] for one in events]
    assert numbers == list(range(302, 502))
    assert events[-1]["text"] == "audition: late"


def test_a_rebuilt_device_says_hello_again(panel) -> None:
    with talk(panel) as client:
        client.kind("state")
        client.send(t="setting", ram=131_072, card="class4")
        hello = client.kind("hello")
        assert (hello["ram"], hello["preset"]) == (131_072, "class4")
        assert "pads" in client.kind("state")


def test_audio_comes_in_pieces_that_follow_each_other(panel) -> None:
    with talk(panel) as client:
        client.ask(t="audio", on=True)
        pieces = [client.until(lambda one: isinstance(one, bytes)) for _ in range(8)]
        client.ask(t="audio", on=False)
    expected = None
    for number, piece in enumerate(pieces):
        sequence, frames, first = struct.unpack_from("<IIQ", piece)
        assert sequence == number
        assert len(piece) == 16 + 4 * frames
        assert 480 <= frames <= 1_920
        assert expected in (None, first)
        expected = first + frames


def test_audio_is_rounded_and_clipped() -> None:
    block = np.array([[0.0, 1.0], [-1.0, 2.0], [-2.0, 0.5]], np.float32)
    assert np.frombuffer(to_16_bit(block), "<i2").tolist() == [0, 32_767, -32_767, 32_767, -32_768, 16_384]


def test_several_clients_see_the_same_and_hear_what_they_asked_for(panel) -> None:
    with talk(panel) as one, talk(panel) as two:
        one.ask(t="audio", on=True)
        two.kind("state")
        one.send(t="press", bank=0, pad=4)
        two.until_state(lambda state: state["pads"]["3"] == "streaming")
        assert not any(isinstance(message, bytes) for message in two.heard)
        one.until(lambda message: isinstance(message, bytes))


def test_a_client_that_does_not_read_holds_nobody_up(panel) -> None:
    with talk(panel) as slow, talk(panel) as quick:
        slow.send(t="audio", on=True)
        quick.send(t="press", bank=0, pad=4)
        for _ in range(3_000):
            slow.send(t="ping", id=1)
            if _ % 100 == 0:
                time.sleep(0.06)  # as many as are allowed
        began = time.monotonic()
        assert quick.ask(t="ping")["t"] == "pong"
        assert time.monotonic() - began < 0.5


def test_what_is_held_is_released_when_the_connection_ends(panel, session) -> None:
    with talk(panel) as client:
        client.ask(t="press", bank=0, pad=1)
        client.ask(t="press", bank=1, pad=1)
        client.ask(t="release", bank=0, pad=1)
        for data in ([0x93, 40, 1], [0x94, 41, 1], [0x84, 41, 0], [0x95, 42, 9], [0x95, 42, 0], [0xB3, 1, 1]):
            client.ask(t="midi", data=data)
    last = ("midi", bytes((0x83, 40, 0)))
    until = time.monotonic() + 5
    while last not in session.calls and time.monotonic() < until:
        time.sleep(0.01)
    assert session.calls.count(("release", 0, 1)) == 1
    assert session.calls.count(("release", 1, 1)) == 1
    assert session.calls.count(last) == 1
    assert session.calls[-1] == last


def test_a_release_that_fails_keeps_nobody_from_the_next(panel, session, caplog) -> None:
    freed: list[tuple[int, int]] = []

    def release(bank: int, pad: int) -> None:
        freed.append((bank, pad))
        if len(freed) < 3:
            raise RuntimeError("it does not let go")

    session.release = release
    with talk(panel) as client:
        for pad in (1, 2, 3):
            client.ask(t="press", bank=0, pad=pad)
        client.ask(t="midi", data=[0x90, 40, 100])
    for _ in range(100):
        if ("midi", bytes((0x80, 40, 0))) in session.calls:
            break
        time.sleep(0.02)
    assert sorted(freed) == [(0, 1), (0, 2), (0, 3)]
    assert ("midi", bytes((0x80, 40, 0))) in session.calls
    assert "could not be released" in caplog.text


def test_a_refusal_of_the_first_id_carries_it(panel) -> None:
    with talk(panel) as client:
        client.send(t="press", bank=0, id=0)
        assert client.kind("error")["id"] == 0


def test_the_end_is_said(session) -> None:
    with served(session) as panel, talk(panel) as client:
        client.kind("hello")
        panel.close()
        assert client.kind("bye")["text"]
        with pytest.raises(ConnectionClosed):
            client.next()


def test_a_panel_comes_back_at_its_old_place(session) -> None:
    with served(session) as panel, talk(panel) as client:
        client.kind("hello")
        port = panel.port
    with served(session, port=port) as panel, talk(panel) as client:
        assert client.kind("hello")


def test_a_failing_session_is_said_and_not_fatal(panel, session, caplog) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    session.press = fail
    session.status = fail
    with talk(panel) as client:
        assert "a mistake of ours" in client.ask(t="press", bank=0, pad=1)["text"]
        assert client.ask(t="ping")["t"] == "pong"
    assert get(panel, "/api/status").status == 500
    assert "Traceback" not in caplog.text


def test_status_and_log(panel) -> None:
    status = get(panel, "/api/status").json
    assert {"device", "audio", "voices", "underruns", "cache", "card", "midi"} <= status.keys()
    lines = get(panel, "/api/log").json["lines"]
    assert "power on" in lines[0]["text"]


def test_differences_merge_to_the_whole() -> None:
    old = {
        "frame": 1,
        "pads": {"1": "playing", "2": "silent"},
        "voices": [1],
        "alert": None,
        "levels": [0, 0],
    }
    new = {
        "frame": 2,
        "pads": {"2": "silent", "3": "resident"},
        "voices": [],
        "alert": {"a": 1},
        "levels": [0, 0],
    }
    assert states.changes(old, new) == {
        "frame": 2,
        "pads": {"1": None, "3": "resident"},
        "voices": [],
        "alert": {"a": 1},
    }
    assert states.changes(new, {**new, "frame": 3}) == {"frame": 3}
    assert states.changes(None, new) == new
