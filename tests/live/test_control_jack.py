"""Real MIDI ports of a JACK server: what comes through them is played, whatever comes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from live_kit import PLAIN, clock_session, live_card

from firmware.tempo import PulseTrain
from native import CardModel
from sim.board import Setup
from sim.control.control import Control
from sim.control.ports import Ports, input_names
from sim.control.settings import Settings
from sim.control.system import MidiSystem, NoMidiError, open_system
from sim.errors import InputError
from sim.live.session import Session

ON, OFF, CC, CLOCK = 0x90, 0x80, 0xB0, 0xF8


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> Path:
    return live_card(tmp_path_factory.mktemp("midi") / "kit.img")


@pytest.fixture
def system(jack_server, monkeypatch) -> MidiSystem:
    for name in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER"):
        monkeypatch.setenv(name, jack_server.environment[name])
    return open_system("jack")


def until(found: Callable[[], Any], seconds: float = 5.0) -> Any:
    """What ``found`` gives once it is true."""
    end = time.monotonic() + seconds
    while not (got := found()) and time.monotonic() < end:
        time.sleep(0.005)
    assert got, "it did not happen in time"
    return got


@contextmanager
def playing(
    card: Path, system: MidiSystem | None, tmp_path: Path, *names: str, setup: Setup = PLAIN
) -> Iterator[tuple[Session, Control, list[str]]]:
    said: list[str] = []
    with clock_session(card, setup) as session:
        ports = None if system is None else Ports(system, names)
        control = Control(session, ports, Settings(tmp_path / "settings.json"), tell=said.append)
        control.start()
        with closing(control):
            yield session, control, said


@contextmanager
def sender(system: MidiSystem, name: str, to: str | None = None) -> Iterator[Any]:
    """A program that plays: into the port ``to``, or out of a port of its own."""
    out = system.make_output(name)
    if to is None:
        out.open_virtual_port("out")
    else:
        found = until(lambda: [i for i, port in enumerate(out.get_ports()) if to in port])
        out.open_port(found[0])
    try:
        time.sleep(0.05)
        yield out
        time.sleep(0.05)
    finally:
        out.delete()


def gate_all(session: Session) -> None:
    for pad in range(1, 9):
        session.hands.switch(0, pad, "gate", on=True)
        session.hands.switch(0, pad, "loop", on=True)


def voices(session: Session) -> int:
    return session.engine.counters().voices


def started(session: Session) -> int:
    return session.engine.counters().voices_started


def test_other_programs_play_us_through_our_own_port(card, system, tmp_path) -> None:
    with (
        playing(card, system, tmp_path) as (session, control, _),
        sender(system, "tester", "Benchpad") as out,
    ):
        gate_all(session)
        out.send_message([ON, 36, 100])
        until(lambda: voices(session) == 1)
        out.send_message([OFF, 36, 0])
        until(lambda: voices(session) == 0)
        status = control.status()
        assert status["ports"][0] == "Benchpad"
        assert status["messages"] == 2  # though the tester's port was opened as an input as well
        assert started(session) == 1


def test_ports_come_and_go_and_what_they_held_ends(card, system, tmp_path) -> None:
    with playing(card, system, tmp_path) as (session, control, said):
        gate_all(session)
        with sender(system, "keys") as out:
            until(lambda: "keys:out" in control.status()["ports"])
            out.send_message([ON, 36, 100])
            out.send_message([CC, 64, 127])
            out.send_message([ON, 37, 100])
            out.send_message([OFF, 37, 0])
            until(lambda: voices(session) == 2)
        until(lambda: "keys:out" not in control.status()["ports"])
        until(lambda: voices(session) == 0)
        assert said == ["MIDI input keys:out", "MIDI input keys:out is gone"]


def test_only_the_ports_that_were_asked_for(card, system, tmp_path) -> None:
    with sender(system, "one keys"), sender(system, "two pads"), sender(system, "Benchpad of another"):
        assert {"one keys:out", "two pads:out"} <= set(input_names(system))
        with playing(card, system, tmp_path, "PADS two") as (_, control, _):
            assert control.status()["ports"] == ["Benchpad", "two pads:out"]


def test_an_input_that_is_not_there_is_said_and_opened_once_it_is(card, system, tmp_path) -> None:
    with playing(card, system, tmp_path, "launchkey") as (_, control, said):
        assert said == [said[0]]
        assert said[0].startswith("no MIDI input is called 'launchkey'; there is ")
        with sender(system, "Launchkey MK3"):
            until(lambda: "Launchkey MK3:out" in control.status()["ports"])


def test_a_flood_loses_no_note_off_and_blocks_nothing(card, system, tmp_path) -> None:
    with playing(card, system, tmp_path) as (session, control, _), sender(system, "flood", "Benchpad") as out:
        gate_all(session)
        count = 0
        for number in range(6_000):
            for message in ([ON, 36 + number % 8, 90], [CC, 7, number % 128], [0xE0, 0, number % 128]):
                out.send_message(message)
            out.send_message([OFF, 36 + (number + 3) % 8, 0])
            count += 4
        for key in range(8):
            out.send_message([OFF, 36 + key, 0])
        until(lambda: control.status()["messages"] >= count + 8, 20)
        until(lambda: voices(session) == 0, 20)
        report = session.live.report()
        assert control.status()["messages"] == count + 8
        assert started(session) > 8
        assert report.late_events < started(session)


def test_a_thousand_keys_a_second_while_a_card_is_slow(card, system, tmp_path) -> None:
    slow = Setup(card=CardModel(command_us=5_000, read_mb_per_s=2.0), voices=8)
    with (
        playing(card, system, tmp_path, setup=slow) as (session, control, _),
        sender(system, "flood", "Benchpad") as out,
    ):
        gate_all(session)
        for number in range(1_000):
            out.send_message([ON, 36 + number % 8, 90])
            out.send_message([OFF, 36 + number % 8, 0])
            time.sleep(0.001)
        until(lambda: control.status()["messages"] == 2_000)
        until(lambda: voices(session) == 0)
        assert control.status()["dropped_notes"] == 0


def test_the_tempo_of_a_clock_that_comes_in(card, system, tmp_path) -> None:
    with playing(card, system, tmp_path) as (_, control, _), sender(system, "clock", "Benchpad") as out:
        assert control.state()["tempo"] == {"bpm": 120.0, "running": False, "source": "internal"}
        out.send_message([0xFA])
        train, shown = PulseTrain(128.0, time.monotonic()), []
        for pulse in range(24 * 6):
            time.sleep(max(0.0, train.due - time.monotonic()))
            train.take(train.due)
            out.send_message([CLOCK])
            if pulse > 24 * 4:
                shown.append(control.state()["tempo"]["bpm"] or 0)
        assert control.state()["tempo"]["running"]
        assert control.state()["tempo"]["source"] == "midi"
        assert sorted(shown)[len(shown) // 2] == pytest.approx(128.0, abs=0.5)  # the sender jitters too
        out.send_message([0xFC])
        until(lambda: control.state()["tempo"] == {"bpm": 120.0, "running": False, "source": "internal"})


def test_the_clock_that_goes_out(card, system, tmp_path) -> None:
    with playing(card, system, tmp_path) as (_, control, _), closing_input(system) as heard:
        control.tempo(150.0)
        control.transport("start")
        time.sleep(1.0)
        control.transport("stop")
        time.sleep(0.1)
        got = taken(heard)
    times = {byte: [at for at, message in got if message[0] == byte] for byte in (CLOCK, 0xFA, 0xFC, 0xFE)}
    assert (len(times[0xFA]), len(times[0xFC])) == (1, 1)
    assert 3 <= len(times[0xFE]) <= 6  # active sensing
    pulses = [at for at in times[CLOCK] if times[0xFA][0] <= at <= times[0xFC][0]]
    assert len(pulses) == pytest.approx(60, abs=3)
    gaps = [after - before for before, after in pairwise(pulses)]
    assert sorted(gaps)[len(gaps) // 2] == pytest.approx(1 / 60, abs=0.003)


@contextmanager
def closing_input(system: MidiSystem) -> Iterator[Any]:
    made = system.make_input("listener")
    made.open_port(until(lambda: [i for i, n in enumerate(made.get_ports()) if n.startswith("Benchpad")])[0])
    try:
        yield made
    finally:
        made.delete()


def taken(heard: Any) -> list[tuple[float, list[int]]]:
    """Messages with the server's own times, in seconds from the first one on."""
    at, got = 0.0, []
    while (one := heard.get_message()) is not None:
        at += one[1]
        got.append((at, one[0]))
    return got


def test_what_was_learnt_is_there_the_next_time(card, system, tmp_path) -> None:
    with playing(card, system, tmp_path) as (session, control, said), sender(system, "t", "Benchpad") as out:
        gate_all(session)
        control.learn({"kind": "pad", "bank": 0, "pad": 2})
        assert control.state()["learn"] == {"kind": "pad", "bank": 0, "pad": 2}
        out.send_message([CC, 20, 127])
        until(lambda: control.state()["learn"] is None)
        assert control.state()["learnt"] == {"pad A2": "channel 1 controller 20"}
        assert started(session) == 0
        assert "pad A2: channel 1 controller 20" in said
        with pytest.raises(InputError, match="no such pad"):
            control.learn({"kind": "pad", "bank": 99, "pad": 2})
    saved = json.loads((tmp_path / "settings.json").read_text())
    assert saved["midi"]["bindings"] == {"generic": {"pad A2": "channel 1 controller 20"}}
    with playing(card, system, tmp_path) as (session, control, _), sender(system, "t", "Benchpad") as out:
        gate_all(session)
        out.send_message([CC, 20, 90])
        until(lambda: voices(session) == 1)
        out.send_message([CC, 20, 9])
        until(lambda: voices(session) == 0)
        control.forget({"kind": "pad", "bank": 0, "pad": 2})
        assert control.state()["learnt"] == {}


def test_another_bank_is_ready_soon_and_nothing_stops_for_it(card, system, tmp_path) -> None:
    slow = Setup(card=CardModel(command_us=20_000, read_mb_per_s=10.0), ram_bytes=256 << 10)
    with (
        playing(card, system, tmp_path, setup=slow) as (session, _, _),
        sender(system, "t", "Benchpad") as out,
    ):
        pinned = session.engine.counters().pinned_bytes
        out.send_message([ON, 36, 100])
        until(lambda: voices(session) == 1)
        out.send_message([0xC0, 1])
        until(lambda: session.machine.player.bank == 1)
        until(lambda: session.engine.counters().pinned_bytes != pinned)
        time.sleep(1.0)
        before = session.engine.counters()
        out.send_message([ON + 1, 36, 100])
        until(lambda: started(session) == 2)
        time.sleep(0.03)
        assert session.engine.counters().underruns == before.underruns == 0
        assert session.live.report().paused_frames == 0


def test_panic_and_what_the_panel_brings(card, tmp_path) -> None:
    with playing(card, None, tmp_path) as (session, control, _):
        gate_all(session)
        control.message(bytes((ON, 36, 100)))
        control.message(bytes((ON, 37, 100)))
        until(lambda: voices(session) == 2)
        control.panic()
        until(lambda: voices(session) == 0)
        control.knob("volume", 0.5)
        assert control.state()["knobs"] == {"volume": 0.5}
        assert control.about()["transport"]
        assert control.status()["ports"] == []
        for wrong in (b"", b"\x90", b"\xf0\x01\x02", b"\x24\x24\x24"):
            with pytest.raises(InputError):
                control.message(wrong)
        for call in (
            lambda: control.transport("jump"),
            lambda: control.tempo(1.0),
            lambda: control.knob("x", 0),
        ):
            with pytest.raises(InputError):
                call()


def test_a_computer_without_midi_says_so(monkeypatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "no server of that name")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    with pytest.raises(NoMidiError, match="JACK"):
        open_system("jack")
    with pytest.raises(InputError, match="winmm"):
        open_system("winmm")
