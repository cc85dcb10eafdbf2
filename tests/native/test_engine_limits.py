"""Bad arguments, bounded memory, pins, and a card that is cut short."""

from __future__ import annotations

import math
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from engine_tools import CardImage, encode_s16, open_engine, play, render

from native import EVENT_QUEUE, Engine, emulated_card, file_device, ram_device
from native.types import (
    Cause,
    Encoding,
    EngineConfig,
    EngineError,
    Extent,
    Loop,
    QueueFullError,
    Release,
    Sample,
    Start,
)

GOOD = Sample((Extent(0, 10_000),), 0, 100, 1, 48_000, Encoding.S16_LE)
NAN, INF = math.nan, math.inf


def engine() -> Engine:
    made = Engine(EngineConfig(), ram_device(bytes(10_000)))
    made.add_sample(GOOD)
    return made


@pytest.mark.parametrize(
    "setting",
    [
        {"rate": 0},
        {"rate": -1},
        {"max_voices": 0},
        {"max_voices": 5000},
        {"max_samples": 0},
        {"pool_bytes": 0},
        {"pool_bytes": 7 * 4096},
        {"pool_bytes": -5},
        {"pool_bytes": 1 << 70},
        {"block_bytes": 1000},
        {"block_bytes": 256},
        {"block_bytes": 1 << 17},
        {"fade_frames": 0},
        {"fade_frames": 100},
        {"max_transfer_blocks": 0},
        {"max_transfer_blocks": 1025},
        {"max_ahead_blocks": 1},
        {"path": "mmx"},
    ],
)
def test_a_bad_setting_is_refused_in_one_sentence(setting: dict) -> None:
    with pytest.raises(EngineError) as caught:
        Engine(replace(EngineConfig(), **setting), ram_device(b""))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"frames": 0},
        {"frames": -1},
        {"frames": 5001},
        {"frames": 1 << 31},
        {"channels": 0},
        {"channels": 3},
        {"rate": 0},
        {"rate": 1 << 40},
        {"data_offset": 9801},
        {"data_offset": 10_001},
        {"data_offset": -1},
        {"extents": ()},
        {"extents": (Extent(0, 0),)},
        {"extents": (Extent(0, -1),)},
        {"extents": (Extent(-1, 100),)},
        {"extents": (Extent(0, 1 << 63), Extent(0, 1 << 63))},
        {"extents": (Extent(0, 199),)},
    ],
)
def test_a_sample_that_cannot_be_is_refused(change: dict) -> None:
    with engine() as made, pytest.raises(EngineError, match=r"^sample: "):
        made.add_sample(replace(GOOD, **change))


def test_the_table_of_samples_has_an_end() -> None:
    with Engine(EngineConfig(max_samples=2), ram_device(bytes(10_000))) as made:
        assert [made.add_sample(GOOD), made.add_sample(GOOD)] == [0, 1]
        with pytest.raises(EngineError, match="full"):
            made.add_sample(GOOD)


@pytest.mark.parametrize(
    "change",
    [
        {"frame": -1},
        {"sample": 1},
        {"sample": -1},
        {"tag": -1},
        {"gain": -0.1},
        {"gain": 65.0},
        {"gain": NAN},
        {"gain": INF},
        {"pan": NAN},
        {"speed": 0.0},
        {"speed": -1.0},
        {"speed": NAN},
        {"pitch_cents": 1e9},
        {"pitch_cents": NAN},
        {"attack": -1},
        {"attack": 1 << 30},
        {"release": 1 << 30},
        {"hold": 1 << 40},
        {"start": -1},
        {"end": 1 << 40},
        {"group": -1},
        {"cost": 0},
        {"cost": 33},
    ],
)
def test_a_start_out_of_range_is_refused_and_nothing_sounds(change: dict) -> None:
    with engine() as made:
        with pytest.raises(EngineError, match=r"^start at frame "):
            made.post(replace(Start(0, 0, 0), **change))
        play(made, [], 1000)
        assert made.counters().voices_started == 0


def test_other_calls_out_of_range() -> None:
    with engine() as made:
        for bad in (lambda: made.pin(1, 0, 5), lambda: made.pin(0, 100, 5), lambda: made.pin(0, 0, 0),
                    lambda: made.pin(0, -1, 5), lambda: made.unpin(-1), lambda: made.post(Release(-1, 0)),
                    lambda: made.render(np.zeros((5, 2))), lambda: made.render(np.zeros((5, 3), np.float32)),  # type: ignore[arg-type]
                    lambda: made.render(np.zeros((2, 5), np.float32).T),
                    lambda: made.render(np.frombuffer(bytes(80), np.float32).reshape(10, 2))):  # fmt: skip
            with pytest.raises(EngineError):
                bad()
        made.render(np.zeros((0, 2), np.float32))
        assert made.frame == 0


def test_a_closed_engine_and_a_device_taken_over_are_refused() -> None:
    made, inner = engine(), ram_device(b"")
    emulated_card(inner, latency_ms=1, mb_per_s=1)
    made.close()
    made.close()
    with pytest.raises(EngineError, match="closed"):
        made.render(np.zeros((5, 2), np.float32))
    with pytest.raises(EngineError, match="belongs to another device"):
        Engine(EngineConfig(), inner)
    with pytest.raises(EngineError, match="belongs to another device"):
        emulated_card(inner, latency_ms=1, mb_per_s=1)


@pytest.mark.parametrize(("latency", "speed"), [(-1, 1), (NAN, 1), (1, -1), (1, NAN), (1e7, 1), (INF, 1)])
def test_a_card_that_cannot_be_is_refused(latency: float, speed: float) -> None:
    with pytest.raises(EngineError, match=r"command_us|read_mb_per_s"):
        emulated_card(ram_device(b""), latency_ms=latency, mb_per_s=speed)


def test_the_event_queue_says_when_it_is_full() -> None:
    with engine() as made:
        for _ in range(EVENT_QUEUE):
            made.post(Start(5, 0, 0))
        with pytest.raises(QueueFullError, match="start at frame 9"):
            made.post(Start(9, 0, 0))
        play(made, [], 10)
        made.post(Start(9, 0, 0))
        play(made, [], 1000)
        counters = made.counters()
        assert counters.voices_started + counters.voices_refused == EVENT_QUEUE + 1
        assert counters.voices == 0


# ---- memory ----


@pytest.mark.parametrize("pool_mb", [16, 256])
def test_all_memory_beside_the_pool_is_within_16_mb(pool_mb: int) -> None:
    config = EngineConfig(max_voices=1024, pool_bytes=pool_mb << 20)
    with Engine(config, ram_device(b"")) as made:
        assert pool_mb << 20 <= made.memory_bytes <= (pool_mb + 16) << 20


def test_the_process_does_not_grow_over_a_long_run() -> None:
    rng = np.random.default_rng(3)
    card = CardImage()
    samples = [card.sample(encode_s16(rng.uniform(-1, 1, (60_000, 2)))) for _ in range(8)]
    config = EngineConfig(pool_bytes=128 * 4096, max_voices=16)
    with open_engine(config, card.device(latency_ms=0.5, mb_per_s=20), samples) as made:
        out = np.empty((4800, 2), np.float32)

        def run(seconds: int) -> int:
            for _ in range(seconds * 10):
                made.post(Start(made.frame, int(rng.integers(8)), 0, speed=0.7))
                made.render(out)
            made.drain_underruns()
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        begun = run(20)
        assert run(200) - begun <= 512  # KB; what Python itself allocates in between
        assert made.counters().evictions > 1000


# ---- pins ----


def test_pins_keep_their_blocks_whatever_else_plays() -> None:
    rng = np.random.default_rng(5)
    card = CardImage()
    samples = [card.sample(encode_s16(rng.uniform(-1, 1, (30_000, 2)))) for _ in range(4)]
    config = EngineConfig(pool_bytes=40 * 4096, max_voices=4)
    with open_engine(config, card.device(latency_ms=1, mb_per_s=50), samples) as made:
        head = made.pin_head(0, 0, 6000)
        assert head == -(-(44 + 6000 * 4) // 4096)
        assert made.pin_head(0, 0, 6000) == 0
        report = made.preload()
        assert (report.blocks, report.bytes, report.errors) == (head, head * 4096, 0)
        assert report.ms >= head * 4096 / 50e3
        play(made, [Start(0, n, n) for n in (1, 2, 3)], 40_000)
        counters = made.counters()
        assert counters.evictions > 20
        assert counters.pinned_bytes == head * 4096
        made.drain_underruns()
        begin = made.frame
        got = play_at(made, Start(begin, 0, 0), 5000)
        want, _ = render(replace(config), card.device(), samples, [Start(0, 0, 0)], 5000)
        assert np.array_equal(got, want)
        assert made.unpin(0) == head
        play(made, [], 1)
        assert made.counters().pinned_bytes == 0


def play_at(made: Engine, start: Start, frames: int) -> np.ndarray:
    made.post(start)
    out = np.empty((frames, 2), np.float32)
    made.render(out)
    return out


def test_at_most_half_of_the_pool_can_be_pinned() -> None:
    card = CardImage()
    sample = card.sample(bytes(400_000))
    with open_engine(EngineConfig(pool_bytes=41 * 4096), card.device(), [sample]) as made:
        assert made.pin_sample(0) == 20
        assert made.preload().blocks == 20


def test_a_reverse_voice_has_its_head_at_its_start() -> None:
    card = CardImage()
    sample = card.sample(encode_s16(np.random.default_rng(1).uniform(-1, 1, (30_000, 2))))
    with open_engine(EngineConfig(), card.device(latency_ms=20, mb_per_s=1), [sample]) as made:
        made.pin_head(0, 29_999, 2880, reverse=True)
        made.preload()
        made.post(Start(0, 0, 0, reverse=True))
        out = np.empty((2000, 2), np.float32)
        made.render(out)
        assert made.drain_underruns() == []
        assert out.any(axis=1).all()


# ---- a card cut short ----


def test_a_truncated_image_gives_read_errors_and_no_crash(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    pcm = encode_s16(rng.uniform(0.2, 0.9, (20_000, 2)))
    path = tmp_path / "card.img"
    path.write_bytes(pcm[: 9000 * 4])
    sample = Sample((Extent(0, len(pcm)),), 0, 20_000, 2, 48_000, Encoding.S16_LE)
    for length in (9000 * 4, len(pcm)):  # the backing says so itself; the host file is shorter than it says
        device = file_device([(path, 0, length)])
        with open_engine(EngineConfig(), device, [sample]) as made:
            got = play(made, [Start(0, 0, 3), Start(25_000, 0, 4, loop=Loop.PING_PONG)], 60_000)
            found = made.drain_underruns()
            assert made.counters().read_errors > 0
        assert {u.cause for u in found} == {Cause.READ_ERROR}
        assert {(u.tag, u.sample) for u in found} == {(3, 0), (4, 0)}
        assert not got[8192:25_000].any()  # eight whole blocks are there
        want = np.frombuffer(pcm, "<i2").reshape(-1, 2) / np.float32(32768)
        assert np.array_equal(got[:7800], want[:7800])


def test_a_hole_in_the_card_costs_only_its_own_blocks(tmp_path: Path) -> None:
    pcm = encode_s16(np.random.default_rng(9).uniform(0.2, 0.9, (40_000, 2)))
    path = tmp_path / "card.img"
    path.write_bytes(pcm)
    hole = (60_000, 60_512)
    sample = Sample((Extent(0, len(pcm)),), 0, 40_000, 2, 48_000, Encoding.S16_LE)
    tail = tmp_path / "tail.img"
    tail.write_bytes(pcm[hole[1] :])
    device = file_device([(path, 0, hole[0]), (tail, hole[1], len(pcm) - hole[1])])
    got, found = render(EngineConfig(), device, [sample], [Start(0, 0, 3)], 40_000)
    want = np.frombuffer(pcm, "<i2").reshape(-1, 2) / np.float32(32768)
    silent = np.flatnonzero((got != want).any(axis=1))
    block = 4096 // 4
    begin = hole[0] // 4096 * block
    assert begin - 400 < silent[0] < begin
    assert begin + block <= silent[-1] < begin + block + 400
    assert [(u.tag, u.sample, u.cause) for u in found] == [(3, 0, Cause.READ_ERROR)]
    assert found[0].frame in (silent[0], silent[0] - 1)  # a fade's first gain is 1


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        file_device([(tmp_path / "no.img", 0, 10)])
