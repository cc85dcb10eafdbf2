"""Pedal and pitch wheel: what is let go waits, what sounds is bent, and nothing is lost on a full queue."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.catalogue import Catalogue, Pad, PadSettings, SampleInfo
from firmware.hal import MidiMessage
from firmware.player import Player
from firmware.profiles import load
from firmware.velocity import Curve, curved
from native.types import Bend, Encoding, Event, QueueFullError, Release, Start, Stop

SAMPLE = SampleInfo("/A/pad.wav", 48_000, 48_000, 2, 16, Encoding.S16_LE, 44)
ON, OFF, CC, BEND = 0x90, 0x80, 0xB0, 0xE0
DOWN, UP = (CC, 64, 127), (CC, 64, 0)


@dataclass
class NoteTaker:
    events: list[Event] = field(default_factory=list)
    room: int = 10_000
    frame: int = 0

    def post(self, event: Event) -> None:
        if len(self.events) >= self.room:
            raise QueueFullError("no room")
        self.events.append(event)


def made(device: str = "generic", *, gate: bool = True, pads: int = 3) -> tuple[Player, NoteTaker]:
    engine = NoteTaker()
    found = tuple(Pad("A", pad, SAMPLE, PadSettings(gate=gate)) for pad in range(1, pads + 1))
    return Player(engine, Catalogue(device, device, found, ()), load(device), {SAMPLE.path: 7}), engine


def heard(device: str, *messages: tuple[int, ...]) -> list[Event]:
    player, engine = made(device)
    for frame, message in enumerate(messages):
        player.play(MidiMessage(frame, bytes(message)))
    return engine.events


def test_a_release_waits_for_the_pedal():
    got = heard("generic", (ON, 36, 127), DOWN, (OFF, 36, 0), (CC, 64, 90), UP, UP)
    assert [type(one) for one in got] == [Start, Release]
    assert got[1] == Release(5 - 1, 0)


def test_a_key_that_is_held_again_is_not_released_by_the_pedal():
    got = heard("generic", DOWN, (ON, 36, 9), (OFF, 36, 0), (ON, 36, 9), UP, (OFF, 36, 0))
    assert [type(one) for one in got] == [Start, Start, Release]
    assert got[2].frame == 5


def test_the_pedal_holds_its_own_channel_only():
    assert Release(3, 0) in heard("generic", (CC + 1, 64, 127), (ON, 36, 9), (ON + 1, 36, 9), (OFF, 36, 0))


def test_all_notes_off_waits_for_the_pedal_and_all_sound_off_does_not():
    assert heard("generic", (ON, 36, 9), DOWN, (CC, 123, 0), UP)[1:] == [Release(3, tag) for tag in range(3)]
    assert heard("generic", DOWN, (CC, 120, 0)) == [Stop(1, tag) for tag in range(3)]


@pytest.mark.parametrize("device", ["sp404mk2", "sp404sx"])
def test_devices_that_know_no_pedal_and_no_wheel(device: str):
    note = 48 if device == "sp404mk2" else 47
    got = heard(device, (ON, note, 127), DOWN, (BEND, 0, 0), (OFF, note, 0))
    assert [type(one) for one in got] == [Start, Release]


def test_the_wheel_bends_what_sounds_and_what_starts():
    got = heard("generic", (BEND, 127, 127), (ON, 36, 127), (BEND, 0, 0), (BEND, 0, 64), (BEND, 0, 64))
    assert got[:3] == [Bend(0, tag, 200.0) for tag in range(3)]
    assert isinstance(got[3], Start)
    assert got[4:] == [
        Bend(1, 0, 200.0),
        *(Bend(2, tag, -200.0) for tag in range(3)),
        *(Bend(3, tag, 0.0) for tag in range(3)),
    ]


def test_let_go_forgets_pedal_and_wheel():
    player, engine = made()
    for message in (DOWN, (ON, 36, 9), (OFF, 36, 0), (BEND, 0, 0)):
        player.play(MidiMessage(0, bytes(message)))
    player.let_go()
    del engine.events[:]
    for message in (UP, (ON, 36, 9), (OFF, 36, 0)):
        player.play(MidiMessage(0, bytes(message)))
    assert [type(one) for one in engine.events] == [Start, Release]


def test_the_pedals_of_a_device_that_has_none_can_be_pressed_by_other_means():
    player, engine = made("sp404sx")
    player.sustain(0, down=True)
    player.play(MidiMessage(1, bytes((OFF, 47, 0))))
    assert engine.events == []
    player.sustain(2, down=False)
    assert engine.events == [Release(2, 0)]


MESSAGES = st.one_of(
    st.tuples(st.sampled_from([ON, OFF]), st.integers(34, 40), st.integers(0, 127)),
    st.tuples(st.just(CC), st.sampled_from([64, 120, 123, 7]), st.sampled_from([0, 127])),
    st.tuples(st.just(BEND), st.integers(0, 127), st.integers(0, 127)),
)


@given(st.lists(MESSAGES, max_size=60), st.integers(1, 5))
def test_a_full_queue_changes_nothing(messages: list[tuple[int, ...]], room: int):
    free, tight = made(), made()
    for frame, message in enumerate(messages):
        free[0].play(MidiMessage(frame, bytes(message)))
        tight[1].room = len(tight[1].events) + room
        while True:
            try:
                tight[0].play(MidiMessage(frame, bytes(message)))
                break
            except QueueFullError:
                tight[1].room += room
    assert tight[1].events == free[1].events


@given(st.lists(MESSAGES, max_size=80))
def test_every_key_that_was_let_go_is_released_once_the_pedal_is_up(messages: list[tuple[int, ...]]):
    """Whatever came before: keys up and pedal up leave no gated voice held."""
    player, engine = made()
    ends = [(OFF, note, 0) for note in range(34, 41)] + [UP]
    for frame, message in enumerate([*messages, *ends]):
        player.play(MidiMessage(frame, bytes(message)))
    held: set[int] = set()
    for event in engine.events:
        if isinstance(event, Start):
            held.add(event.tag)
        elif isinstance(event, Release | Stop):
            held.discard(event.tag)
    assert held == set()


@given(st.integers(1, 127), st.sampled_from(Curve))
def test_curves_rise_and_end_at_full(velocity: int, curve: Curve):
    assert 1 <= curved(velocity, curve) <= 127
    assert curved(velocity, curve) <= curved(min(velocity + 1, 127), curve)
    assert curved(127, curve) == 127
    assert curved(velocity, Curve.LINEAR) == velocity
    assert curved(velocity, Curve.EXPONENTIAL) <= velocity <= curved(velocity, Curve.LOGARITHMIC)
