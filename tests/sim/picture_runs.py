"""Runs made by arithmetic, with the fields that the engine fills: for pictures, traces and alerts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from native.types import Cause, Counters, EndCause, Underrun, VoiceEnd, VoiceState
from sim.pictures.recorder import Recorder
from sim.stress.report import (
    Bound,
    CardFacts,
    KitFacts,
    Outcome,
    Point,
    Recording,
    Relief,
    StressReport,
    Suggestion,
)
from sim.watching import Glance, Names

RATE = 48_000
COMMAND = np.dtype(
    [
        ("start_ns", "u8"),
        ("done_ns", "u8"),
        ("deadline_ns", "u8"),
        ("offset", "u8"),
        ("bytes", "u4"),
        ("tag", "u4"),
        ("sample", "u4"),
        ("depth", "u4"),
        ("status", "i4"),
    ]
)
NAMES = Names(lambda tag: f"A{tag + 1}", lambda sample: f"/kit/<{sample}> & co.wav")


@dataclass(frozen=True)
class Made:
    """So many voices, read in turn; a spike in the middle makes some underrun."""

    voices: int = 8
    seconds: float = 4.0
    block: int = 512
    command_ms: float = 2.0
    spike_ms: float = 150.0

    def glances(self) -> Iterator[Glance]:
        chance = np.random.default_rng(3)
        before, slack = Counters(), np.full(self.voices, 8_000)
        blocks = int(self.seconds * RATE) // self.block
        for at in range(blocks):
            since, frame = at * self.block, (at + 1) * self.block
            spiked = at == blocks // 2
            slack = slack - self.block
            turn = at % self.voices
            slack[turn] += 0 if spiked else self.voices * self.block
            if spiked:
                slack -= int(self.spike_ms / 1000 * RATE)
            dry = [voice for voice in range(self.voices) if slack[voice] < 0]
            underruns = [Underrun(frame - 64, voice, voice, Cause.LATE) for voice in dry]
            slack[dry] = 8_000
            took = (self.command_ms + chance.exponential(0.4) + spiked * self.spike_ms) * 1e6
            commands = np.zeros(1, COMMAND)
            start = since * 1_000_000_000 // RATE
            commands[0] = (
                start,
                start + int(took),
                start + 40_000_000,
                at * 16_384,
                16_384,
                turn,
                turn,
                1,
                0,
            )
            now = Counters(
                frames=frame,
                voices=self.voices,
                sounding=self.voices,
                voices_started=self.voices,
                underruns=before.underruns + len(dry),
                hits=before.hits + 9,
                misses=before.misses + 1,
                resident_bytes=min(4 << 20, before.resident_bytes + 16_384),
                pinned_bytes=1 << 20,
                reads=before.reads + 1,
                read_bytes=before.read_bytes + 16_384,
                busy_ms=before.busy_ms + took / 1e6,
            )
            states = [
                VoiceState(voice, voice, "playing", int(slack[voice]), 3, 8, frame, 0.5)
                for voice in range(self.voices)
            ]
            yield Glance(since, frame, before, now, states, commands, self._ends(at, frame, dry), underruns)
            before = now

    def _ends(self, at: int, frame: int, dry: list[int]) -> list[VoiceEnd]:
        if at and at % 60 == 0:
            return [VoiceEnd(frame, frame - 30_000, 1, 1, EndCause.STOLEN, 300, 700, 0)]
        return [VoiceEnd(frame, 64, voice, voice, EndCause.LATE, 0, 0, 1) for voice in dry[:2]]


def recording(made: Made = Made(), title: str = "A run") -> Recording:
    """A run as the recorder keeps it."""
    recorder = Recorder(title, RATE, NAMES)
    for glance in made.glances():
        recorder(glance)
    return recorder.recording()


def stress_report(*recordings: Recording) -> StressReport:
    """A sweep with every field filled."""
    outcome = Outcome(
        14, 30.0, 0, {}, 20_000, 90_000_000, 120_000, 0.91, 0.2, least_slack_ms=3.2, mean_depth=4.1
    )
    beyond = Outcome(15, 30.0, 61, {"late": 60, "cold": 1}, 20_000, 90_000_000, 0, 0.99, 0.2)
    return StressReport(
        card="kit <b>.img",
        device="Generic sampler",
        card_timing=CardFacts(
            "class10",
            "Class 10 card",
            0.8,
            10.0,
            "100 ms every 2 s",
            ("Spikes are an assumption: no published distribution was found.",),
            ("iozone on three cards",),
        ),
        kit=KitFacts(16, 16, 300_000_000, 16, 40, 3, 176_400.0, 900_000.0),
        bound=Bound(15.2, 176_400.0, 7_000_000, 0.8, 10.0, 460_000.0, 900_000.0),
        ram_bytes=8 << 20,
        pinned_bytes=1 << 20,
        schedule="deadline",
        seconds=30.0,
        warm_s=15.0,
        seed=7,
        clean_voices=14,
        most_voices=64,
        limited="underruns",
        first_to_give="bandwidth",
        sentence="14 voices are clean; bandwidth gives first; an a1 card would hold 22 more.",
        points=tuple(
            Point(v, max(0, (v - 14) * 61), min(1.0, v / 15), v / 16)
            for v in (1, 2, 4, 8, 12, 14, 15, 16, 24, 32)
        ),
        suggestions=(
            Suggestion("a1 card", 36, "card"),
            Suggestion("64 KB blocks", 18, "blocks"),
            Suggestion("defragment", 13, "files"),
        ),
        reliefs=(Relief("bandwidth", "twice the bandwidth", 28),),
        at_limit=outcome,
        beyond=beyond,
        recordings=recordings,
    )
