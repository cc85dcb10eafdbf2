"""One undisturbed voice against the model: every format, direction, loop and pitch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from engine_tools import CardImage, decode_pcm, open_engine, play, random_pcm, render
from hypothesis import given, settings
from hypothesis import strategies as st
from voice_model import voice

from native.types import Encoding, EngineConfig, Loop, Quality, Release, Start

WAYS = {
    "forward": {},
    "reverse": {"reverse": True},
    "part": {"start": 700, "end": 2900},
    "part reverse": {"start": 700, "end": 2900, "reverse": True},
    "loop": {"loop": Loop.FORWARD, "loop_start": 1111},
    "loop part": {"loop": Loop.FORWARD, "start": 100, "loop_start": 2000, "end": 2003},
    "loop reverse": {"loop": Loop.FORWARD, "loop_start": 500, "reverse": True},
    "ping-pong": {"loop": Loop.PING_PONG, "loop_start": 2500},
    "ping-pong reverse": {"loop": Loop.PING_PONG, "loop_start": 2500, "reverse": True},
    "one frame": {"loop": Loop.PING_PONG, "start": 40, "loop_start": 40, "end": 41},
}
OFFSETS = (0, 1, 44, 511, 513)
BLOCKS = (512, 1024, 4096, 65_536)


def config(block: int = 4096, quality: Quality = Quality.HERMITE, **more) -> EngineConfig:
    return EngineConfig(pool_bytes=max(64 * block, 1 << 18), block_bytes=block, quality=quality, **more)


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("channels", [1, 2])
def test_unity_plays_the_files_own_values(encoding: Encoding, channels: int) -> None:
    rng = np.random.default_rng(encoding)
    pcm = random_pcm(rng, 3000, channels, encoding)
    signal = decode_pcm(pcm, channels, encoding)
    card = CardImage()
    samples = [
        card.sample(
            pcm, channels=channels, encoding=encoding, data_offset=offset, pieces=pieces, gap=13, tail=7
        )
        for offset in OFFSETS
        for pieces in ((), (512, 513, 7, 4096, 1, 2))
    ]
    expected = {name: voice(Start(0, 0, 0, **way), signal, 48_000, count=4500) for name, way in WAYS.items()}
    for block in BLOCKS:
        for number, (name, way) in itertools.product(range(len(samples)), WAYS.items()):
            start = Start(0, number, 1, **way)
            with open_engine(config(block), card.device(), samples) as engine:
                got = play(engine, [start], 4500)
                assert engine.drain_underruns() == []
            want = expected[name]
            whole = (want != 0).any(axis=1) & _unfaded(want, start)
            assert np.array_equal(got[whole], want[whole].astype(np.float32)), (name, block, number)
            np.testing.assert_allclose(got, want, atol=2e-7, err_msg=f"{name}, block {block}, {number}")


def _unfaded(want: np.ndarray, start: Start) -> np.ndarray:
    """Frames where no fade is at work: there the equality is exact."""
    mask = np.ones(len(want), bool)
    if start.start or start.end:
        mask[:128] = False
        mask[-(len(want) - 2200 + 128) :] = start.loop is not Loop.NONE
    return mask


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    way=st.sampled_from(sorted(WAYS)),
    cents=st.sampled_from([-2400, -700, -1, 1, 33, 700, 1200, 2400, 5000]),
    rate=st.sampled_from([8_000, 44_100, 48_000, 96_000]),
    quality=st.sampled_from([Quality.LINEAR, Quality.HERMITE]),
    encoding=st.sampled_from(Encoding),
    channels=st.sampled_from([1, 2]),
    block=st.sampled_from(BLOCKS),
    offset=st.sampled_from(OFFSETS),
    attack=st.sampled_from([0, 1, 100, 1000]),
    hold=st.sampled_from([0, 1, 500]),
    off=st.sampled_from([None, 1, 64, 777]),
    release=st.sampled_from([0, 300]),
    begin=st.integers(0, 300),
)
def test_pitch_and_envelope_follow_the_model(  # noqa: PLR0917 - hypothesis names them
    way, cents, rate, quality, encoding, channels, block, offset, attack, hold, off, release, begin
) -> None:
    rng = np.random.default_rng(7)
    pcm = random_pcm(rng, 3000, channels, encoding)
    card = CardImage()
    sample = card.sample(pcm, channels=channels, encoding=encoding, rate=rate, data_offset=offset)
    gated = off is not None
    start = Start(begin, 0, 5, pitch_cents=cents, attack=attack, hold=hold, release=release, gate=gated,
                  gain=0.5, **WAYS[way])  # fmt: skip
    events = [start] + ([Release(begin + off, 5)] if gated else [])
    got, underruns = render(config(block, quality), card.device(), [sample], events, begin + 2500)
    want = voice(start, decode_pcm(pcm, channels, encoding), rate, quality=quality, count=2500, off=off)
    assert underruns == []
    assert not got[:begin].any()
    np.testing.assert_allclose(got[begin:], want, atol=1e-6)


@pytest.mark.parametrize("begin", [0, 1, 63, 64, 65, 127, 128, 1000, 12_345])
def test_a_note_starts_at_its_frame(begin: int) -> None:
    card = CardImage()
    sample = card.sample(b"\x00\x40" * 200)
    got, _ = render(config(), card.device(), [sample], [Start(begin, 0, 0)], begin + 300, blocks=(97,))
    sounding = np.flatnonzero(got.any(axis=1))
    assert (sounding[0], sounding[-1]) == (begin, begin + 99)
    assert (got[begin : begin + 100] == 0.5).all()


def test_pan_is_of_equal_power_and_1_at_the_centre() -> None:
    card = CardImage()
    sample = card.sample(b"\x00\x40" * 4000)
    pans = (-1.0, -0.5, 0.0, 0.25, 1.0)
    for pan in pans:
        got, _ = render(config(), card.device(), [sample], [Start(0, 0, 0, pan=pan)], 64)
        left, right = 2 * got[10].astype(float)
        assert left**2 + right**2 == pytest.approx(2, abs=1e-6)
        assert np.degrees(np.arctan2(right, left)) == pytest.approx(45 * (pan + 1), abs=1e-4)
