"""Random songs over random cards, for property tests: hostile to the cache, and easy for a program to judge.

Every sample is a plateau with soft edges, each at its own height, played with the gain that brings it to
`VOICE_PEAK`. So a voice never exceeds that peak, and never moves faster than its edges and fades do: data of
another sample, or a missing block, or a cut without a fade, all stand out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from engine_tools import CardImage, encode_f32, encode_s16, open_engine, play
from hypothesis import strategies as st

from native.types import (
    Counters,
    Encoding,
    EngineConfig,
    Event,
    Loop,
    Quality,
    Release,
    Retrigger,
    Sample,
    Start,
    Steal,
    Stop,
    Underrun,
)

EDGE = 400  # frames of a plateau's rise and of its fall
VOICE_PEAK = 1 / 64
HEIGHTS = (0.03, 0.06, 0.12, 0.25, 0.5, 0.97)
MAX_SPEED = 4.0
SHORTEST = 1600  # frames of a cut region: at `MAX_SPEED` both its fades still have their whole length


@dataclass(frozen=True)
class Song:
    """Everything that one render depends on, but for the host's blocks."""

    config: EngineConfig
    card: CardImage
    samples: tuple[Sample, ...]
    latency_ms: float
    mb_per_s: float
    pinned_frames: int
    events: tuple[Event, ...]
    frames: int

    def __repr__(self) -> str:
        rest = (
            f"{self.latency_ms} ms, {self.mb_per_s} MB/s, pinned {self.pinned_frames}, {self.frames} frames"
        )
        return f"Song({self.config}, {self.samples}, {rest}, {self.events})"


@dataclass(frozen=True)
class Outcome:
    """What a render gave."""

    audio: np.ndarray
    underruns: list[Underrun]
    counters: Counters


def plateau(frames: int, height: float, channels: int) -> np.ndarray:
    """0, up to ``height`` over `EDGE` frames, and down again; shape (frames, channels)."""
    at = np.arange(frames)
    shape = np.minimum(np.minimum(at, frames - 1 - at) / EDGE, 1.0) * height
    return np.repeat(shape[:, None], channels, axis=1)


def encode_any(values: np.ndarray, encoding: Encoding) -> bytes:
    """Values within +-1 in any encoding."""
    if encoding in (Encoding.F32_LE, Encoding.F32_BE):
        return values.astype("<f4" if encoding is Encoding.F32_LE else ">f4").tobytes()
    if encoding is Encoding.U8:
        return (np.round(values * 127) + 128).astype(np.uint8).tobytes()
    bits = 8 * encoding.size_bytes
    integers = np.round(values * (2.0 ** (bits - 1) - 1)).astype(np.int64)
    little = integers.astype("<i8").view(np.uint8).reshape(*values.shape, 8)[..., : encoding.size_bytes]
    big = encoding in (Encoding.S16_BE, Encoding.S24_BE, Encoding.S32_BE)
    return (little[..., ::-1] if big else little).tobytes()


@st.composite
def configs(draw: st.DrawFn) -> EngineConfig:
    block = draw(st.sampled_from([512, 1024, 4096]))
    return EngineConfig(
        max_voices=draw(st.integers(1, 5)),
        pool_bytes=block * draw(st.sampled_from([8, 9, 13, 24, 60, 300])),
        block_bytes=block,
        fade_frames=draw(st.sampled_from([64, 128, 192])),
        max_transfer_blocks=draw(st.sampled_from([1, 2, 7, 64])),
        max_ahead_blocks=draw(st.sampled_from([2, 5, 128])),
        quality=draw(st.sampled_from(Quality)),
        steal=draw(st.sampled_from(Steal)),
        path=draw(st.sampled_from(["auto", "baseline", "scalar"])),
    )


@st.composite
def starts(draw: st.DrawFn, samples: tuple[Sample, ...], last_frame: int, max_cost: int) -> Start:
    number = draw(st.integers(0, len(samples) - 1))
    frames = samples[number].frames
    loop = draw(st.sampled_from(Loop))
    # A loop's ends lie on the plateau, so that its own jumps are not steps.
    loop_start = draw(st.integers(EDGE, frames - EDGE - 2))
    end = draw(st.integers(loop_start + 1, frames - EDGE)) if loop is not Loop.NONE else 0
    reverse = draw(st.booleans())
    start = draw(st.integers(0, loop_start)) if draw(st.booleans()) else 0
    if reverse and loop is not Loop.NONE:
        start = loop_start  # the first pass ends at the start, and goes on from there
    if loop is Loop.NONE and start + SHORTEST < frames and draw(st.booleans()):
        end = draw(st.integers(start + SHORTEST, frames))
    height = HEIGHTS[number]
    return Start(
        frame=draw(st.integers(0, last_frame)),
        sample=number,
        tag=draw(st.integers(0, 5)),
        start=start,
        end=end,
        loop_start=loop_start,
        reverse=reverse,
        loop=loop,
        gate=draw(st.booleans()),
        retrigger=draw(st.sampled_from(Retrigger)),
        gain=VOICE_PEAK / height,
        pitch_cents=draw(st.sampled_from([0.0, 0.0, 100.0, -1200.0, 377.5])),
        speed=draw(st.sampled_from([1.0, 1.0, 0.5, 3.0])),
        attack=draw(st.sampled_from([0, 0, 100, 1000])),
        hold=draw(st.sampled_from([0, 0, 200, 3000])),
        release=draw(st.sampled_from([0, 0, 50, 700, 5000])),
        group=draw(st.sampled_from([0, 0, 1, 2])),
        cost=draw(st.integers(1, max_cost)),
    )


@st.composite
def songs(draw: st.DrawFn, max_events: int = 14) -> Song:
    config = draw(configs())
    card = CardImage()
    samples = []
    for number in range(draw(st.integers(1, len(HEIGHTS)))):
        encoding = draw(st.sampled_from(Encoding))
        if encoding is Encoding.U8 and number < len(HEIGHTS) - 1:
            encoding = Encoding.S16_LE  # the steps of 8 bits are not small beside a low plateau
        channels = draw(st.sampled_from([1, 2]))
        frames = draw(st.integers(2 * EDGE + 10, 9_000))
        pieces = draw(st.sampled_from([(), (512,) * 40, (513, 700, 4096, 1, 9_000), (4096,) * 5]))
        samples.append(
            card.sample(
                encode_any(plateau(frames, HEIGHTS[number], channels), encoding),
                channels=channels,
                encoding=encoding,
                rate=draw(st.sampled_from([22_050, 44_100, 48_000])),
                data_offset=draw(st.sampled_from([0, 1, 44, 511, 4100])),
                pieces=pieces,
                gap=draw(st.sampled_from([0, 512, 77])),
                tail=draw(st.sampled_from([0, 30])),
            )
        )
    frames = draw(st.sampled_from([4_000, 12_000]))
    made = tuple(samples)
    max_cost = min(2, config.max_voices)
    kinds = st.one_of(
        starts(made, frames, max_cost),
        starts(made, frames, max_cost),
        starts(made, frames, max_cost),
        st.builds(Release, frame=st.integers(0, frames), tag=st.integers(0, 5)),
        st.builds(Stop, frame=st.integers(0, frames), tag=st.sampled_from([0, 1, 2, None])),
    )
    events = draw(st.lists(kinds, min_size=1, max_size=max_events))
    latency, speed = draw(st.sampled_from([(0, 0), (0.3, 20), (1, 5), (4, 1), (30, 0.3), (5, 0), (0, 0.4)]))
    pinned = draw(st.sampled_from([0, 500, 2880]))
    return Song(config, card, made, latency, speed, pinned, tuple(events), frames)


def perform(song: Song, blocks: tuple[int, ...] = (1000,), config: EngineConfig | None = None) -> Outcome:
    """Render a song with the host's blocks as given; checks the pool's accounting on the way."""
    used = config or song.config
    device = song.card.device(latency_ms=song.latency_ms, mb_per_s=song.mb_per_s)
    with open_engine(used, device, song.samples) as engine:
        if song.pinned_frames:
            for number in range(len(song.samples)):
                engine.pin_head(number, 0, song.pinned_frames)
            engine.preload()
        audio = play(engine, song.events, song.frames, blocks)
        counters = engine.counters()
        assert counters.resident_bytes <= used.pool_bytes
        assert counters.pinned_bytes <= used.pool_bytes / 2
        assert counters.voices <= counters.voices_peak <= used.max_voices
        return Outcome(audio, engine.drain_underruns(), counters)


def check_smooth(song: Song, audio: np.ndarray) -> None:
    """No voice louder than its peak, no step faster than edges and fades."""
    places = 2 * song.config.max_voices
    fade = song.config.fade_frames
    assert np.isfinite(audio).all()
    assert audio.min() > -0.02 * VOICE_PEAK
    assert audio.max() <= places * VOICE_PEAK * 1.02
    # A voice may move along its edge, its envelope and an underrun's fade at once; 8 bits have steps too.
    step = VOICE_PEAK * (MAX_SPEED / EDGE + 1 / min(fade, 100) + 1 / fade + 1 / 100)
    steepest = np.abs(np.diff(audio.astype(np.float64), axis=0, prepend=np.zeros((1, 2)))).max()
    sounding = max(1, round(float(audio.max()) / VOICE_PEAK + 1))
    assert steepest <= step * min(places, 2 * sounding), f"a click of {steepest / VOICE_PEAK:.2f} voices"


__all__ = ["Outcome", "Song", "check_smooth", "encode_f32", "encode_s16", "perform", "songs"]
