"""A card's patterns: found, and played as the transport goes, by our own clock and by one that comes in."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
from live_kit import clock_session, live_card

from firmware.catalogue import Catalogue, Pad, SampleInfo
from firmware.formats.pattern import END, Device, Pattern, PatternEvent
from firmware.patterns import read_patterns
from native.types import Encoding
from sdcard_image import Item, build_image, open_card
from sim.control.control import Control
from sim.control.settings import Settings

# Pads 1 and 2 of bank A, a quarter note apart: two beats that go round.
BEATS = Pattern(
    Device.SX,
    (
        PatternEvent(96, 0x2F, 0, 0, 90, 0x40, 24),
        PatternEvent(96, 0x30, 0, 0, 90, 0x40, 24),
        PatternEvent(0, END),
    ),
    bytes((0, 1, 0, 0, 0, 0, 0, 0)),
)


@pytest.fixture
def played(tmp_path: Path):
    """A control with that pattern in bank A, and the pads that were pressed and let go, with times."""
    with clock_session(live_card(tmp_path / "kit.img")) as session:
        control, strokes = Control(session, None, Settings(tmp_path / "settings.json")), []
        control._sequencer._patterns[0, 3] = BEATS
        press, release = session.hands.press, session.hands.release
        session.hands.press = lambda b, p, v: (
            strokes.append((time.monotonic(), "press", p, v)),
            press(b, p, v),
        )
        session.hands.release = lambda b, p: (
            strokes.append((time.monotonic(), "release", p, 0)),
            release(b, p),
        )
        control.start()
        with closing(control):
            yield control, strokes


def test_start_plays_the_first_pattern_of_the_bank_in_time_until_stop(played) -> None:
    control, strokes = played
    control.tempo(240.0)
    control.transport("start")
    time.sleep(1.1)
    control.transport("stop")
    time.sleep(0.1)
    presses = [one for one in strokes if one[1] == "press"]
    assert [(pad, velocity) for _, _, pad, velocity in presses] == [(1, 90), (2, 90)] * 2 + [(1, 90)]
    assert presses[-1][0] - presses[0][0] == pytest.approx(1.0, abs=0.15)
    assert len(strokes) == 2 * len(presses)
    count = len(strokes)
    control.transport("continue")
    time.sleep(0.3)
    assert len(strokes) > count


def test_a_clock_that_comes_in_moves_it(played) -> None:
    control, strokes = played
    control.message(b"\xf8")
    control.message(b"\xfa")
    for _ in range(24 * 2 + 1):
        control.message(b"\xf8")
        time.sleep(0.005)
    assert control.state()["tempo"]["source"] == "midi"
    control.message(b"\xfc")
    time.sleep(0.1)
    assert [pad for _, kind, pad, _ in strokes if kind == "press"] == [1, 2, 1]
    assert len(strokes) == 6


def test_a_bank_without_a_pattern_and_one_that_was_chosen_and_is_not_there_play_nothing(played) -> None:
    control, strokes = played
    player = control._session.machine.player
    player.patterns[0] = 7
    control.transport("start")
    time.sleep(0.1)
    player.patterns.clear()
    player.bank = 4
    control.transport("start")
    time.sleep(0.1)
    assert strokes == []


def test_patterns_are_found_beside_the_samples_and_bad_ones_said(tmp_path: Path) -> None:
    sx = "/ROLAND/SP-404SX"
    items = [
        Item(f"{sx}/SMPL/A0000001.WAV", b"x"),
        Item(f"{sx}/PTN/PTN00013.BIN", BEATS.to_bytes()),
        Item(f"{sx}/PTN/PTN00002.BIN", b"no pattern"),
        Item(f"{sx}/PTN/OTHER.BIN", b"no pattern"),
    ]
    build_image(tmp_path / "sx.img", items, size_bytes=64 << 20)
    sample = SampleInfo(f"{sx}/SMPL/A0000001.WAV", 1, 44_100, 1, 16, Encoding.S16_LE, 0)
    with closing(open_card(tmp_path / "sx.img")) as card:
        found, bad = read_patterns(card, Catalogue("sp404sx", "sp404sx", (Pad("A", 1, sample),), ()))
        assert found == {(1, 1): BEATS}
        assert len(bad) == 1
        assert bad[0].startswith(f"{sx}/PTN/PTN00002.BIN: ")
        assert read_patterns(card, Catalogue("generic", "generic", (Pad("A", 1, sample),), ())) == ({}, [])
