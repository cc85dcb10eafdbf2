"""Pad to sound and tap to sound, where the answer can be worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from measure_cards import booted, make_card

from firmware.catalogue import PadSettings
from native import CardModel
from sim.cli import cli
from sim.measure.dry import Conditions
from sim.measure.latency import GRID, Output, Tap, TapJob, cold_bound, measure_latency, run_taps
from sim.measure.parallel import RUN_CPUS

CARD = CardModel(command_us=2000, read_mb_per_s=10)  # a command takes 96 frames, a block of 4 KiB 20 more


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(RUN_CPUS, "1")


def taps(card: CardModel | None, *, warm: bool, seconds: float = 1.0, count: int = 30, block: int = 128):
    seeds = tuple(Tap(0, seed, warm) for seed in range(count))
    return run_taps(TapJob(booted((seconds,)), Conditions(card=card), block, seeds))


def test_a_warm_pad_sounds_at_once_whatever_the_card():
    heard = taps(CardModel(command_us=50_000, read_mb_per_s=1), warm=True)
    assert {one.card for one in heard} == {0}


def test_a_cold_pad_waits_for_the_card():
    heard = taps(CARD, warm=False)
    least = 96 + 20
    assert all(one.card is not None and one.card >= least for one in heard)
    assert {one.card for one in taps(None, warm=False)} == {0}


def test_sound_begins_on_the_grid():
    """A cold voice comes in at a grid point; the taps themselves come at any frame."""
    waits = {one.card for one in taps(CARD, warm=False, count=60) if one.card is not None}
    assert len({wait % GRID for wait in waits}) > 10


def test_queue_and_block_are_one_block():
    report = measure_latency(booted((1, 1)), Conditions(card=CARD), Output(256, 3, 1.0), 40)
    for one in (report.warm, report.cold):
        assert one.queue is not None
        assert one.block is not None
        assert 1 <= one.queue.p50 <= one.queue.max <= 256
        assert 0 <= one.block.p50 <= one.block.max <= 255
    assert report.warm.total is not None
    assert report.warm.total.p50 == report.warm.total.max == 48 + 256 + 2 * 256


def test_the_parts_add_up():
    found = measure_latency(booted((1,)), Conditions(card=CARD), Output(), 30).document()
    cold = found["tap_to_sound_frames"]["cold"]
    assert cold["total"]["max"] == cold["input"] + 128 + cold["output"] + cold["card"]["max"]
    assert cold["card"] == found["cold_frames"]
    assert found["taps"] == 30


def test_the_bound_is_command_block_and_audio_block():
    assert cold_bound(booted((1,)), CARD, 128) == 96 + 20 + 128
    assert cold_bound(booted((1,)), None, 64) == 64
    chance = CardModel(command_us=1000, body_us=1000)
    assert cold_bound(booted((1,)), chance, 0) == 48 + 144  # ln 20 is 2.996


def test_spikes_are_told_apart():
    spiky = CardModel(command_us=2000, read_mb_per_s=10, spike_every_s=0.5, spike_ms=30)
    found = measure_latency(booted((1, 1)), Conditions(card=spiky), Output(), 20)
    assert found.cold.card is not None
    assert found.calm.card is not None
    assert found.cold.card.max > 30 * 48
    assert found.calm.card.max < 10 * 48
    plain = measure_latency(booted((1, 1)), Conditions(card=CARD), Output(), 20)
    assert plain.calm == plain.cold == found.calm


@pytest.mark.parametrize(("latency_ms", "mb_per_s"), [(0.3, 80.0), (0.5, 20.0), (1.0, 10.0), (2.0, 4.0)])
def test_the_promise_is_kept(latency_ms: float, mb_per_s: float):
    card = CardModel(command_us=latency_ms * 1000, read_mb_per_s=mb_per_s)
    found = measure_latency(booted((1, 2, 3)), Conditions(card=card), Output(), 30)
    assert found.cold.card is not None
    assert found.cold.card.p95 <= found.cold_bound_frames


def test_a_sample_shorter_than_the_cards_wait_is_never_heard():
    heard = taps(CardModel(command_us=100_000), warm=False, seconds=0.02, count=5)
    assert {one.card for one in heard} == {None}
    report = measure_latency(booted((0.02,)), Conditions(card=CardModel(command_us=100_000)), Output(), 5)
    assert report.cold.unheard == 5
    assert report.document()["cold_frames"] is None


def test_pads_of_every_kind_and_the_slowest_named():
    device = booted(
        (1, 1, 1), [PadSettings(), PadSettings(reverse=True), PadSettings(start=4000, loop_start=5000)]
    )
    found = measure_latency(device, Conditions(card=CARD), Output(), 5)
    assert found.cold.unheard == found.warm.unheard == 0
    assert {pad for pad, _ in found.slowest} == {"A1", "A2", "A3"}


def test_a_seed_says_everything():
    device, conditions = booted((1, 1)), Conditions(card=CardModel(command_us=500, body_us=500), seed=5)
    once = measure_latency(device, conditions, Output(), 10)
    assert once == measure_latency(device, conditions, Output(), 10)
    assert once != measure_latency(device, Conditions(card=conditions.card, seed=6), Output(), 10)


def test_command(tmp_path: Path):
    card = make_card(tmp_path / "card.img", (0.5, 1))
    arguments = ["bench", "latency", str(card), "--card-latency", "1", "--card-speed", "10", "--taps", "5"]
    result = CliRunner().invoke(cli, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["warm_frames"] == {"p50": 0, "p95": 0, "max": 0}
    assert told["cold_frames"].keys() == {"p50", "p95", "max"}
    assert told["cold_bound_frames"] == 196
    assert CliRunner().invoke(cli, [*arguments, "--json"]).stdout == result.stdout
    people = CliRunner().invoke(cli, arguments)
    assert people.exit_code == 0
    assert "tap to sound" in people.stdout


@pytest.mark.parametrize(
    "arguments", [["--block", "0"], ["--buffers", "0"], ["--taps", "0"], ["--input-ms", "-1"]]
)
def test_wrong_arguments_are_refused(tmp_path: Path, arguments: list[str]):
    card = make_card(tmp_path / "card.img", (0.1,))
    result = CliRunner().invoke(cli, ["bench", "latency", str(card), *arguments])
    assert result.exit_code == 2
    assert arguments[0] in result.stderr
