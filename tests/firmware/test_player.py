"""Messages to engine events, with an engine that only takes notes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from firmware.catalogue import Catalogue, Pad, PadSettings, SampleInfo
from firmware.hal import MidiMessage
from firmware.player import Player
from firmware.profiles import Fact, load
from native.types import Encoding, Event, Loop, QueueFullError, Release, Retrigger, Start, Stop

SAMPLE = SampleInfo("/A/kick.wav", 48_000, 48_000, 2, 16, Encoding.S16_LE, 44)
ON, OFF, CC, PROGRAM = 0x90, 0x80, 0xB0, 0xC0


@dataclass
class NoteTaker:
    """A `VoiceEngine` that keeps what it is told, up to ``room`` events."""

    room: int = 1_000
    events: list[Event] = field(default_factory=list)
    frame: int = 0

    def post(self, event: Event) -> None:
        if len(self.events) >= self.room:
            raise QueueFullError("no room")
        self.events.append(event)


def player_of(engine: NoteTaker, profile=None, **pads: PadSettings) -> Player:
    profile = profile or load("generic")
    catalogue = Catalogue(
        profile.name,
        "generic",
        tuple(Pad(name[0], int(name[1:]), SAMPLE, settings) for name, settings in pads.items()),
        (),
    )
    return Player(engine, catalogue, profile, {SAMPLE.path: 7})


def play(player: Player, *messages: tuple[int, ...]) -> None:
    for frame, *data in messages:
        player.play(MidiMessage(frame, bytes(data)))


def one_start(settings: PadSettings, velocity: int = 127) -> Start:
    engine = NoteTaker()
    play(player_of(engine, A1=settings), (5, ON, 36, velocity))
    (start,) = engine.events
    assert isinstance(start, Start)
    return start


def test_full_velocity_on_a_plain_pad_is_a_gain_of_exactly_one():
    assert one_start(PadSettings()) == Start(frame=5, sample=7, tag=0, gain=1.0, priority=127)


def test_pad_1_of_each_bank_is_the_last_to_give_way():
    player = player_of(engine := NoteTaker(), A1=PadSettings(), A16=PadSettings(), B1=PadSettings())
    for bank, pad in ((0, 1), (0, 16), (1, 1)):
        player.press(0, bank, pad)
    assert [one.priority for one in engine.events if isinstance(one, Start)] == [127, 112, 127]


def test_velocity_and_level_multiply():
    assert one_start(PadSettings(level=100), 64).gain == pytest.approx(100 / 127 * 64 / 127)


def test_fixed_velocity_wins():
    assert one_start(PadSettings(fixed_velocity=127), 1).gain == 1.0


def test_settings_reach_the_engine():
    start = one_start(
        PadSettings(
            start=10,
            end=40_000,
            loop_start=20,
            loop=Loop.PING_PONG,
            reverse=True,
            gate=True,
            retrigger=Retrigger.TOGGLE,
            pan=-0.5,
            pitch_cents=700,
            speed=1.5,
            attack_ms=10,
            release_ms=250.5,
            mute_group=3,
        )
    )
    assert start == Start(
        frame=5,
        sample=7,
        tag=0,
        start=10,
        end=40_000,
        loop_start=20,
        reverse=True,
        loop=Loop.PING_PONG,
        gate=True,
        retrigger=Retrigger.TOGGLE,
        gain=1.0,
        pan=-0.5,
        pitch_cents=700,
        speed=1.5,
        attack=480,
        release=12_024,
        group=3,
        priority=127,
    )


def test_a_stereo_sample_costs_what_the_profile_says():
    for profile, cost in (("generic", 1), ("sp404sx", 2)):
        engine = NoteTaker()
        play(player_of(engine, load(profile), A1=PadSettings()), (0, ON, 47 if cost == 2 else 36, 127))
        assert [event.cost for event in engine.events if isinstance(event, Start)] == [cost]


def test_hold_is_a_share_of_the_playing_time():
    assert one_start(PadSettings(hold_percent=100)).hold == 0
    assert one_start(PadSettings(hold_percent=50)).hold == 24_000
    assert one_start(PadSettings(hold_percent=50, pitch_cents=1200, start=24_000)).hold == 6_000
    assert one_start(PadSettings(hold_percent=50, speed=0.5, end=12_000)).hold == 12_000


def test_release_only_for_gated_pads():
    engine = NoteTaker()
    player = player_of(engine, A1=PadSettings(gate=True), A2=PadSettings())
    play(player, (0, OFF, 36, 64), (1, ON, 36, 0), (2, OFF, 37, 64))
    assert engine.events == [Release(0, 0), Release(1, 0)]


def test_tags_lead_back_to_the_pad():
    engine = NoteTaker()
    player = player_of(engine, C16=PadSettings())
    play(player, (0, ON + 2, 51, 127))
    (start,) = engine.events
    assert player.tags.name(start.tag) == "C16"
    assert player.tags.place(start.tag) == (2, 16)


def test_unmapped_and_empty_are_counted_and_silent():
    engine = NoteTaker()
    player = player_of(engine, A1=PadSettings())
    play(
        player,
        (0, ON, 20, 127),
        (0, ON, 20, 127),
        (0, ON + 12, 36, 1),
        (0, ON + 1, 36, 9),
        (0, OFF + 1, 36, 0),
    )
    assert engine.events == []
    assert player.counters.notes == 4
    assert player.counters.unmapped == {(1, 20): 2, (13, 36): 1}
    assert player.counters.empty == {"B1": 1}


def test_all_sound_off_stops_the_pads_of_its_channel():
    engine = NoteTaker()
    play(player_of(engine, A1=PadSettings(), A2=PadSettings(gate=True), B1=PadSettings()), (9, CC, 120, 0))
    assert engine.events == [Stop(9, 0), Stop(9, 1)]


def test_all_notes_off_releases_the_gated_pads_of_its_channel():
    engine = NoteTaker()
    play(player_of(engine, A1=PadSettings(), A2=PadSettings(gate=True), B1=PadSettings()), (9, CC, 123, 0))
    assert engine.events == [Release(9, 1)]


def test_a_device_that_does_not_receive_them_ignores_them():
    generic = load("generic")
    facts = {**generic.facts, "midi.all_sound_off": Fact(False, "R"), "midi.all_notes_off": Fact(False, "R")}
    engine = NoteTaker()
    player = player_of(engine, replace(generic, facts=facts), A1=PadSettings(gate=True))
    play(player, (0, CC, 120, 0), (0, CC, 123, 0), (0, CC, 7, 100), (0, 0xE0, 0, 64), (0, 0xF8))
    assert engine.events == []


def test_program_change_picks_the_bank_or_the_pattern():
    generic = load("generic")
    player = player_of(NoteTaker())
    play(player, (0, PROGRAM, 3), (0, PROGRAM, 99))
    assert player.bank == 3
    patterns = replace(generic, facts={**generic.facts, "midi.program_change": Fact("pattern", "R")})
    player = player_of(NoteTaker(), patterns)
    play(player, (0, PROGRAM + 4, 15), (0, PROGRAM + 4, 16))
    assert (player.bank, player.patterns) == (0, {4: 15})


def test_a_full_queue_reaches_the_caller_and_the_message_can_be_played_again():
    engine = NoteTaker(room=0)
    player = player_of(engine, A1=PadSettings())
    with pytest.raises(QueueFullError):
        play(player, (0, ON, 36, 127))
    engine.room = 1
    play(player, (0, ON, 36, 127))
    assert len(engine.events) == 1
    assert player.counters.notes == 1
