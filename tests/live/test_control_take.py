"""A take of what is played from MIDI renders to the same bits; and MIDI goes on with another device."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import numpy as np
import soundfile
from live_kit import PLAIN, clock_session, live_card, rendered

from firmware.velocity import Curve
from sim.control.control import Control
from sim.control.settings import Settings
from sim.live.session import Recording

ON, OFF, CC, PROGRAM, BEND = 0x90, 0x80, 0xB0, 0xC0, 0xE0
SONG = [
    (ON, 36, 60), (BEND, 0, 80), (ON, 37, 90), (CC, 64, 127), (OFF, 36, 0), (BEND, 0, 0), (ON, 38, 20),
    (OFF, 37, 0), (CC, 64, 0), (PROGRAM, 1), (ON + 1, 36, 127), (BEND, 0, 64), (CC, 120, 0), (ON, 39, 127),
]  # fmt: skip


def test_a_take_of_everything_renders_to_the_same_bits(tmp_path: Path) -> None:
    card = live_card(tmp_path / "kit.img")
    recording = Recording(tmp_path / "take.wav", tmp_path / "take.mid", 1.2)
    with clock_session(card, PLAIN, recording) as session:
        control = Control(session, None, Settings(tmp_path / "settings.json"), curve=Curve.EXPONENTIAL)
        control.start()
        with closing(control):
            for message in SONG:
                time.sleep(0.03)
                control.message(bytes(message))
            assert session.wait(10)
        assert session.status()["underruns"] == 0
        late = session.status()["audio"]["late_events"]
    assert late == 0, "the machine was too busy to place events exactly"
    take, rate = soundfile.read(tmp_path / "take.wav", dtype="float32")
    offline = rendered(
        card, tmp_path / "take.mid", tmp_path / "again.wav", ("--rate", str(rate), "--seconds", "1.2")
    )
    assert np.abs(take).max() > 0.01
    assert np.array_equal(take, offline)


def test_it_plays_on_when_the_device_was_switched_off_and_on(tmp_path: Path) -> None:
    with clock_session(live_card(tmp_path / "kit.img")) as session:
        control = Control(session, None, Settings(tmp_path / "settings.json"))
        control.start()
        with closing(control):
            control.learn({"kind": "pad", "bank": 0, "pad": 2})
            control.message(bytes((ON, 90, 60)))
            control.message(bytes((ON, 36, 60)))
            session.change(ram_bytes=4 << 20)
            control.message(bytes((OFF, 36, 0)))
            control.message(bytes((ON, 90, 60)))
            until = time.monotonic() + 5
            while session.engine.counters().voices_started < 1 and time.monotonic() < until:
                time.sleep(0.01)
            assert session.engine.counters().voices_started == 1
            assert control.state()["learnt"] == {"pad A2": "channel 1 note 90"}
            assert control.metrics()["midi.messages"] == 4
