"""Who sounds: stealing, retriggers, mute groups, holds and stops, all without clicks, all counted."""

from __future__ import annotations

import numpy as np
import pytest
from engine_songs import EDGE, plateau
from engine_tools import Audio, CardImage, encode_f32, encode_s16, open_engine, play, steepest
from hypothesis import given, settings
from hypothesis import strategies as st

from native import Engine
from native.types import (
    Counters,
    Encoding,
    EndCause,
    EngineConfig,
    Event,
    Loop,
    Release,
    Retrigger,
    Start,
    Steal,
    Stop,
)

FRAMES = 20_000
FADE = 128
LEVELS = (1 / 2, 1 / 4, 1 / 8, 1 / 16)  # a sum of these tells which voices sound


def make(**settings_: object) -> Engine:
    """Sample n is a plateau of height LEVELS[n]; each starts and ends without a step of its own."""
    card = CardImage()
    samples = [
        card.sample(encode_f32(plateau(FRAMES, level, 1)), channels=1, encoding=Encoding.F32_LE)
        for level in LEVELS
    ]
    config = EngineConfig(**{"max_voices": 3, "fade_frames": FADE, **settings_})
    return open_engine(config, card.device(), samples)


def run(events: list[Event], frames: int = 8000, **settings_: object) -> tuple[Audio, Counters]:
    with make(**settings_) as engine:
        return play(engine, events, frames), engine.counters()


def sounding(audio: Audio, frame: int) -> set[int]:
    """Which samples make up the sum at a frame."""
    rest, found = float(audio[frame, 0]), set()
    for number, level in enumerate(LEVELS):
        if rest >= level - 1e-4:
            rest -= level
            found.add(number)
    assert abs(rest) < 1e-4, f"at {frame} something is between: {audio[frame, 0]}"
    return found


def check_steps(audio: Audio, peak: float = 1.0, fade: int = FADE) -> None:
    assert steepest(audio) <= peak * (1 / fade + 1 / EDGE) + 1e-6


@pytest.mark.parametrize(
    ("steal", "left", "stolen", "refused"),
    [(Steal.OLDEST, {1, 2, 3}, 1, 0), (Steal.QUIETEST, {1, 2, 3}, 1, 0), (Steal.REFUSE, {0, 1, 2}, 0, 1)],
)
def test_stealing(steal: Steal, left: set[int], stolen: int, refused: int) -> None:
    audio, counters = run([Start(100 * n, n, n) for n in range(3)] + [Start(3000, 3, 3)], steal=steal)
    assert sounding(audio, 2900) == {0, 1, 2}
    assert sounding(audio, 3000 + EDGE + FADE) == left
    assert (counters.voices_stolen, counters.voices_refused) == (stolen, refused)
    assert (counters.voices, counters.voices_peak, counters.voices_started) == (3, 3, 4 - refused)
    check_steps(audio)


def test_quietest_weighs_gain_and_envelope() -> None:
    events = [
        Start(0, 0, 0, gain=0.25),
        Start(0, 1, 1),
        Start(0, 2, 2, gate=True, release=8000),
        Release(1000, 2),
    ]
    audio, _ = run([*events[:3], Start(900, 3, 3)], steal=Steal.QUIETEST)
    assert audio[3000, 0] == pytest.approx(LEVELS[1] + LEVELS[2] + LEVELS[3])  # the quarter gain went
    audio, _ = run([*events, Start(7900, 3, 3)], 9000, steal=Steal.QUIETEST)
    assert audio[8500, 0] == pytest.approx(
        LEVELS[0] / 4 + LEVELS[1] + LEVELS[3]
    )  # the one nearly released went


def test_a_costly_voice_takes_the_place_of_several() -> None:
    audio, counters = run([Start(n, n, n) for n in range(3)] + [Start(2000, 3, 3, cost=2)])
    assert sounding(audio, 4000) == {2, 3}
    assert (counters.voices_stolen, counters.voices, counters.voices_peak) == (2, 3, 3)


def test_a_flood_of_starts_is_bounded_and_counted() -> None:
    with make() as engine:
        for _ in range(50):
            engine.post(Start(5000, 0, 0))
        for _ in range(50):
            engine.post(Start(5001, 1, 1))
        audio = play(engine, [], 9000)
        counters = engine.counters()
    assert counters.voices_peak == counters.voices == 3
    assert counters.voices_started + counters.voices_refused == 100
    assert counters.voices_started - counters.voices_stolen == 3
    check_steps(audio, peak=3)


# ---- the same pad again ----


@pytest.mark.parametrize(
    ("rule", "level", "voices", "started"),
    [
        (Retrigger.LAYER, 2 * LEVELS[0], 2, 2),
        (Retrigger.RESTART, LEVELS[0], 1, 2),
        (Retrigger.IGNORE, LEVELS[0], 1, 1),
        (Retrigger.TOGGLE, 0.0, 0, 1),
    ],
)
def test_retrigger(rule: Retrigger, level: float, voices: int, started: int) -> None:
    events: list[Event] = [Start(0, 0, 7, retrigger=rule), Start(3000, 0, 7, retrigger=rule)]
    audio, counters = run([*events, Start(100, 1, 8)])
    assert audio[3000 + EDGE + FADE, 0] == pytest.approx(level + LEVELS[1])
    assert (counters.voices, counters.voices_started) == (voices + 1, started + 1)
    check_steps(audio, peak=2)
    if rule is Retrigger.IGNORE:
        assert np.array_equal(audio, run([events[0], Start(100, 1, 8)])[0])


def test_toggle_starts_again_on_the_third_press() -> None:
    loop = {"loop": Loop.FORWARD, "loop_start": EDGE, "end": FRAMES - EDGE}
    press = [Start(f, 0, 7, retrigger=Retrigger.TOGGLE, **loop) for f in (0, 2000, 4000)]
    audio, _ = run(press)
    assert [audio[f, 0] for f in (1000, 3000, 6000)] == [0.5, 0.0, 0.5]


def test_a_mute_group_has_one_voice() -> None:
    events = [
        Start(0, 0, 0, group=1),
        Start(0, 1, 1, group=2),
        Start(2000, 2, 2, group=1),
        Start(4000, 3, 3, group=1),
    ]
    audio, counters = run(events)
    assert [sounding(audio, f) for f in (1900, 3900, 5900)] == [{0, 1}, {1, 2}, {1, 3}]
    assert counters.voices_stolen == 0
    check_steps(audio)


# ---- how a voice ends ----


def test_a_release_ends_gated_voices_only() -> None:
    loop = {"loop": Loop.FORWARD, "loop_start": EDGE, "end": FRAMES - EDGE}
    events = [
        Start(0, 0, 1, gate=True, release=1000),
        Start(0, 1, 1),
        Start(0, 2, 1, **loop),
        Start(0, 3, 2, gate=True),
    ]
    audio, _ = run([*events, Release(3000, 1)], max_voices=4)
    assert sounding(audio, 2999) == {0, 1, 2, 3}
    assert audio[3500, 0] == pytest.approx(LEVELS[0] / 2 + LEVELS[1] + LEVELS[3], abs=1e-6)
    assert sounding(audio, 4001) == {1, 3}
    check_steps(audio)


@pytest.mark.parametrize("tag", [1, None])
def test_a_stop_ends_everything_within_a_fade(tag: int | None) -> None:
    events: list[Event] = [
        Start(0, 0, 1, release=5000, gate=True),
        Start(0, 1, 1),
        Start(0, 2, 2),
        Stop(3000, tag),
    ]
    audio, counters = run(events)
    assert sounding(audio, 3000 + FADE) == ({2} if tag else set())
    assert counters.voices == (1 if tag else 0)
    assert audio[3000 + FADE // 2, 0] == pytest.approx(
        (LEVELS[0] + LEVELS[1]) / 2 + (LEVELS[2] if tag else LEVELS[2] / 2)
    )
    check_steps(audio)


def test_attack_hold_and_release_are_straight_lines() -> None:
    audio, _ = run([Start(100, 0, 0, start=EDGE, end=FRAMES - EDGE, attack=500, hold=2000, release=1000)])
    age = np.arange(len(audio) - 100)
    line = np.minimum(np.minimum(age / 500, 1), np.clip((3000 - age) / 1000, 0, 1))
    np.testing.assert_allclose(audio[100:, 0], line / 2, atol=1e-6)


def test_a_release_during_the_attack_goes_down_from_there() -> None:
    audio, _ = run([Start(0, 0, 0, start=EDGE, attack=1000, release=500, gate=True), Release(600, 0)])
    assert audio[600, 0] == pytest.approx(0.3, abs=1e-6)
    assert audio[850, 0] == pytest.approx(0.15, abs=1e-6)
    assert not audio[1100:].any()


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    first=st.builds(
        Start,
        frame=st.integers(0, 300),
        sample=st.just(0),
        tag=st.just(1),
        attack=st.sampled_from([0, 200, 3000]),
        hold=st.sampled_from([0, 900]),
        release=st.sampled_from([0, 700, 6000]),
        gate=st.booleans(),
        start=st.sampled_from([0, EDGE]),
        end=st.sampled_from([0, 3000]),
        reverse=st.booleans(),
        group=st.just(1),
        speed=st.sampled_from([1.0, 0.5, 1.7]),
    ),
    ends=st.lists(
        st.one_of(
            st.builds(Release, frame=st.integers(0, 4000), tag=st.just(1)),
            st.builds(Stop, frame=st.integers(0, 4000), tag=st.just(1)),
            st.builds(
                Start,
                frame=st.integers(0, 4000),
                sample=st.just(3),
                tag=st.just(2),
                group=st.sampled_from([0, 1]),
            ),
        ),
        max_size=4,
    ),
)
def test_no_end_clicks(first: Start, ends: list[Event]) -> None:
    audio, _ = run([first, *ends], max_voices=2)
    assert steepest(audio) <= LEVELS[0] * (1 / FADE + 1.7 / EDGE) + 4 * LEVELS[3] * (1 / FADE + 1 / EDGE)


def test_the_clock_and_the_counters() -> None:
    with make() as engine:
        play(engine, [Start(0, 0, 0), Start(10, 1, 1)], 1000)
        counters = engine.counters()
        assert (engine.frame, counters.frames, engine.voices) == (1000, 1000, 2)
        assert counters.hits + counters.misses > 0
        assert (
            counters.resident_bytes - 8192 < counters.read_bytes <= counters.resident_bytes
        )  # files end within a block
        assert counters.reads <= counters.misses
        assert (counters.busy_ms, counters.read_errors, counters.wasted_bytes, counters.underruns) == (
            0,
            0,
            0,
            0,
        )
        engine.post(Start(5, 2, 2))  # late: it starts now
        late = np.empty((EDGE + 100, 2), np.float32)
        engine.render(late)
        assert engine.counters().voices == 3
        assert late[EDGE, 0] == pytest.approx(LEVELS[0] + LEVELS[1] + LEVELS[2])


@pytest.mark.parametrize("frames", [1_000, 1_024, 1_037])
def test_an_end_is_on_record_where_it_was_heard_last(frames: int) -> None:
    card = CardImage()
    samples = [card.sample(encode_s16(np.full((frames, 2), 0.5)))]
    with open_engine(EngineConfig(measure=True), card.device(), samples) as engine:
        out = play(engine, [Start(100, 0, 4)], 100 + frames)
        (end,) = engine.drain_ends()
        assert (end.started, end.frame, end.tag, end.cause) == (100, 100 + frames, 4, EndCause.END)
        assert out[-1].all()
        play(engine, [], 5_000)
        assert engine.drain_ends() == []
