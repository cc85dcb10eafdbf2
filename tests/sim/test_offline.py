"""Offline rendering against an engine that writes down when it was told what."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from firmware.catalogue import Catalogue, Pad, PadSettings, SampleInfo
from firmware.hal import MidiMessage
from firmware.player import Player
from firmware.profiles import load
from native.types import Cause, Encoding, Event, Loop, QueueFullError, Release, Start, Stop, Underrun
from sim.offline import MAX_UNDERRUNS_LISTED, OfflineRun

RATE = 48_000
SAMPLE = SampleInfo("/A/a.wav", 1_000, RATE, 1, 16, Encoding.S16_LE, 44)
ON, OFF = 0x90, 0x80


@dataclass
class Tape:
    """An engine whose voices sound for ``length`` frames, whose queue holds ``room`` events."""

    length: int | None = 1_000  # None: until stopped
    room: int = 4_096
    frame: int = 0
    queue: list[Event] = field(default_factory=list)
    done: list[Event] = field(default_factory=list)
    ends: list[int | None] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    underruns: list[Underrun] = field(default_factory=list)

    @property
    def sounding(self) -> int:
        return sum(end is None or end > self.frame for end in self.ends)

    def post(self, event: Event) -> None:
        if len(self.queue) >= self.room:
            raise QueueFullError("full")
        assert not self.queue or self.queue[-1].frame <= event.frame
        self.queue.append(event)

    def render(self, out: np.ndarray) -> None:
        end = self.frame + len(out)
        while self.queue and self.queue[0].frame < end:
            event = self.queue.pop(0)
            if isinstance(event, Start):
                self.ends.append(None if self.length is None else event.frame + self.length)
            elif isinstance(event, Stop):
                self.ends = [event.frame + 64]
            self.done.append(event)
        out[:] = np.arange(self.frame, end)[:, None] % 1000
        self.frame = end
        self.blocks.append(len(out))

    def drain_underruns(self) -> list[Underrun]:
        found, self.underruns = self.underruns, []
        return found


class Reel:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.audio = np.zeros((0, 2), np.float32)

    def write(self, block: np.ndarray) -> None:
        self.audio = np.concatenate([self.audio, block])


def run(
    engine: Tape, messages: list[MidiMessage], block: int = 64, **length: float
) -> tuple[Reel, OfflineRun]:
    settings = PadSettings(loop=Loop.FORWARD if engine.length is None else Loop.NONE, gate=True)
    catalogue = Catalogue("generic", "generic", (Pad("A", 1, SAMPLE, settings),), ())
    player = Player(engine, catalogue, load("generic"), {SAMPLE.path: 0})
    reel = Reel()
    offline = OfflineRun(engine, player, [reel], block)
    offline.play(messages, RATE, tail_s=length.get("tail", 0.5), length_s=length.get("seconds"))
    return reel, offline


def note(frame: int, kind: int = ON) -> MidiMessage:
    return MidiMessage(frame, bytes((kind, 36, 127)))


def test_nothing_to_play_is_nothing_rendered():
    reel, _ = run(Tape(), [])
    assert len(reel.audio) == 0


@pytest.mark.parametrize("block", [1, 7, 64, 512, 65_536])
def test_length_and_events_do_not_depend_on_the_block(block: int):
    engine = Tape()
    reel, _ = run(engine, [note(0), note(777, OFF), note(5_000)], block)
    assert len(reel.audio) == 6_144  # the last voice ends at 6,000; the next look is at a multiple of 512
    assert np.array_equal(reel.audio[:, 0], np.arange(6_144) % 1000)
    assert [(type(event), event.frame) for event in engine.done] == [
        (Start, 0),
        (Release, 777),
        (Start, 5_000),
    ]
    assert max(engine.blocks) <= block


def test_exactly_so_many_seconds():
    reel, _ = run(Tape(), [note(0), note(40_000)], seconds=0.5)
    assert len(reel.audio) == 24_000


def test_loops_are_stopped_a_tail_after_the_last_event():
    engine = Tape(length=None)
    reel, _ = run(engine, [note(0), note(1_000)], tail=0.25)
    (stop,) = [event for event in engine.done if isinstance(event, Stop)]
    assert (stop.frame, stop.tag) == (1_001 + 12_000, 0)
    assert len(reel.audio) == 13_312


def test_a_full_queue_is_rendered_away_and_every_event_keeps_its_frame():
    messages = [note(frame) for frame in range(0, 400, 10)]
    engine = Tape(room=3)
    run(engine, messages, block=4_096)
    assert [event.frame for event in engine.done] == [message.frame for message in messages]


def test_more_events_on_one_frame_than_the_queue_holds_all_arrive():
    engine = Tape(room=3)
    run(engine, [note(100) for _ in range(10)], block=4_096)
    assert len(engine.done) == 10


def test_the_list_of_underruns_is_bounded():
    engine = Tape()
    engine.underruns = [Underrun(0, 0, 0, Cause.LATE)] * (MAX_UNDERRUNS_LISTED + 5)
    _, offline = run(engine, [note(0)])
    assert len(offline.underruns) == MAX_UNDERRUNS_LISTED


def test_progress_adds_up_to_the_length():
    told: list[int] = []
    engine = Tape()
    catalogue = Catalogue("generic", "generic", (), ())
    player = Player(engine, catalogue, load("generic"), {})
    OfflineRun(engine, player, [], 512, told.append).play([], RATE, 0, 10.0)
    assert sum(told) == 480_000
    assert len(told) > 1
