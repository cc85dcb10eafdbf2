"""A whole stress run: what is tried, and that a little lack of bandwidth is not overlooked."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from stress_kits import MIB, card, trial

from firmware.profiles import load
from sim.board import Setup, adjusted, engine_config
from sim.cards import CardPreset
from sim.errors import InputError
from sim.stress.kit import Kit, scattered, stems
from sim.stress.report import StressReport
from sim.stress.run import Asked, Scene, stress_run
from sim.stress.trial import Plan, run_trial

PLAN = Plan(seconds=3.0, warm_s=3.0, spread_s=1.0)


def scene(
    kit: Kit | None = None, *, ms: float = 1.0, mb_per_s: float = 4.0, ram: int = 2 * MIB, **more: float
) -> Scene:
    model = card(ms, mb_per_s, **more)
    setup = Setup(ram_bytes=ram, card=model)
    profile = adjusted(load("generic"), setup)
    one = trial(kit=kit or stems(8, 90.0), model=model, plan=PLAN)
    one = replace(one, config=engine_config(profile, 8))
    return Scene("kit.img", profile, setup, CardPreset("", "a card", model), one, 0, 64)


def run(made: Scene, voices: tuple[int, int] | None = None) -> StressReport:
    return stress_run(made, Asked(PLAN, voices))


def test_twice_the_bandwidth_is_what_a_slow_bus_needs() -> None:
    report = run(scene(ms=0.2, mb_per_s=2.0))
    assert report.first_to_give == "bandwidth"
    assert report.ratio == pytest.approx(1.0, abs=0.12)
    changes = {one.change: one.clean_voices for one in report.suggestions}
    assert changes["mono instead of stereo"] >= 1.7 * report.clean_voices
    assert changes["a uhs-i card"] >= changes["a class10 card"] > report.clean_voices


def test_quick_commands_are_what_a_sluggish_card_needs() -> None:
    report = run(scene(ms=40.0, mb_per_s=80.0, ram=16 * MIB))
    assert report.first_to_give == "command overhead"


def test_ram_is_what_a_small_device_needs() -> None:
    report = run(scene(ms=1.0, mb_per_s=20.0, ram=MIB // 4))
    assert report.first_to_give == "RAM"
    assert "512 KB of RAM" in {one.change for one in report.suggestions}


def test_spikes_are_blamed_where_they_break_it() -> None:
    report = run(scene(ms=0.5, mb_per_s=20.0, spike_every_s=0.5, spike_ms=90.0, spike_regular=True))
    assert report.first_to_give == "spikes"


def test_fragments_are_worth_joining() -> None:
    report = run(scene(scattered(stems(8, 40.0), piece_bytes=16 << 10), ms=2.0, mb_per_s=10.0))
    gains = {one.change: one.clean_voices - report.clean_voices for one in report.suggestions}
    assert gains["defragment"] > 3
    assert report.kit.fragmented == 8
    assert report.bound.transfer_bytes <= 16 << 10


def test_a_lack_that_the_ram_hides_for_a_while_is_found() -> None:
    made = scene(ms=0.0, mb_per_s=1.9)  # 10.8 voices: 11 last for as long as the RAM does
    assert run_trial(replace(made.trial, voices=11)).clean
    report = run(made)
    assert math.floor(report.bound.voices) == 10
    assert report.clean_voices == 10
    points = {one.voices: one.underruns for one in report.points}
    assert points[10] == 0
    assert points[11] > 0


def test_a_card_that_takes_no_time_is_limited_by_the_ram() -> None:
    made = scene(ms=0.0, mb_per_s=0.0, ram=32_768)
    made = replace(made, trial=replace(made.trial, card=None))
    report = run(made)
    assert report.bound.voices == math.inf
    assert report.document()["bound"] is None
    assert report.first_to_give in ("RAM", "voices")


def test_the_range_is_the_devices() -> None:
    made = replace(scene(), device_voices=12)
    assert run(made).limited == "device"
    assert run(made, (2, 40)).most_voices == 12
    assert run(made, (2, 6)).limited == "asked"
    with pytest.raises(InputError, match="12 voices"):
        run(made, (13, 14))


def test_what_is_not_wanted_is_not_recorded() -> None:
    assert run(scene(), (2, 3)).recordings == ()
    recorded = stress_run(scene(), Asked(PLAN, (10, 30), record=True))
    assert [one.title for one in recorded.recordings] == [
        f"{recorded.clean_voices} voices",
        f"{recorded.clean_voices + 1} voices",
    ]
