"""A trial: the same every time, with audio or without; what counts, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stress_kits import MIB, RATE_BYTES, card, trial

from firmware.catalogue import PadSettings
from native.types import OnMiss, Overload
from sim.stress.kit import Kit, stems
from sim.stress.record import Watched, watch
from sim.stress.trial import Plan, pinned_bytes, run_trial, starts


def test_few_voices_are_clean_and_read_what_they_play() -> None:
    outcome = run_trial(trial(8))
    assert outcome.clean
    assert outcome.seconds == 4.0
    assert outcome.read_bytes == pytest.approx(8 * RATE_BYTES * 4.0, rel=0.1)
    assert 0.3 < outcome.busy_part < 0.7
    assert not outcome.broke_off


def test_more_than_the_bandwidth_is_not_clean() -> None:
    outcome = run_trial(trial(30))
    assert outcome.underruns > 10
    assert outcome.causes.keys() <= {"late", "no room", "cold"}
    assert sum(outcome.causes.values()) == outcome.underruns
    assert outcome.busy_part > 0.95


def test_stopping_early_counts_less_but_judges_alike() -> None:
    whole, early = run_trial(trial(30)), run_trial(trial(30, stop_early=True))
    assert early.broke_off
    assert 0 < early.underruns <= whole.underruns
    assert early.seconds < whole.seconds
    assert run_trial(trial(8, stop_early=True)) == run_trial(trial(8))


@pytest.mark.parametrize("voices", [8, 23, 30])
def test_the_same_with_audio_and_without(voices: int) -> None:
    spiky = card(1.0, 4.0, body_us=300.0, spike_every_s=1.0, spike_ms=30.0)
    one = trial(voices, model=spiky, seed=5)
    assert run_trial(one) == run_trial(one) == run_trial(one, dry=False)


def test_another_seed_is_another_card() -> None:
    spiky = card(1.0, 4.0, body_us=300.0)
    assert run_trial(trial(20, model=spiky, seed=1)) != run_trial(trial(20, model=spiky, seed=2))


def test_the_warm_up_does_not_count() -> None:
    cold = Plan(seconds=3.0, warm_s=0.0, spread_s=0.0)  # no pad head: every voice begins cold
    assert run_trial(trial(10, plan=cold)).causes["cold"] == 10
    assert run_trial(trial(10, plan=replace(cold, warm_s=3.0))).clean


@pytest.mark.parametrize("kind", list(OnMiss))
def test_a_voice_that_fell_silent_in_the_warm_up_counts(kind: OnMiss) -> None:
    one = trial(60)
    outcome = run_trial(replace(one, config=replace(one.config, on_miss=kind), stop_early=True))
    assert not outcome.clean


@pytest.mark.parametrize("kind", [Overload.OLDEST, Overload.QUIETEST, Overload.PRIORITY])
def test_a_voice_that_gives_way_counts(kind: Overload) -> None:
    one = trial(60, plan=Plan(seconds=4.0, warm_s=0.0, spread_s=0.5, own_heads_ms=60.0))
    outcome = run_trial(replace(one, config=replace(one.config, overload=kind)))
    assert outcome.causes["dropped"] > 0
    assert sum(outcome.causes.values()) == outcome.underruns


def test_ram_too_small_for_the_voices_is_not_clean() -> None:
    assert not run_trial(trial(40, ram=16_384)).clean


def test_own_heads_let_all_begin_at_once() -> None:
    together = Plan(seconds=1.0, warm_s=0.0, lap_s=0.125, own_heads_ms=60.0)
    assert run_trial(trial(12, plan=together)).clean
    assert not run_trial(trial(12, plan=replace(together, own_heads_ms=0.0))).clean


def test_pins_take_of_the_ram() -> None:
    assert pinned_bytes(trial()) == 0
    pinned = trial(pins=((0, 0, 44_100), (1, 0, 44_100)))
    assert pinned_bytes(pinned) == pytest.approx(2 * RATE_BYTES, abs=4_096)
    assert run_trial(replace(pinned, voices=4)).clean


def test_each_lap_begins_elsewhere() -> None:
    kit = stems(2, 10.0)
    made = starts(kit, 6, Plan(spread_s=6.0), 48_000)
    assert [one.start for one in made] == [0, 0, 147_000, 147_000, 294_000, 294_000]
    assert [one.frame for one in made] == [n * 48_000 for n in range(6)]
    assert {one.loop_start for one in made} == {0}


def test_a_reverse_pad_ends_elsewhere_where_it_begins() -> None:
    (one,) = stems(1, 10.0).sources
    kit = Kit((replace(one, settings=PadSettings(start=1_000, end=201_000, reverse=True)),))
    first, second = starts(kit, 2, Plan(), 48_000)
    assert (first.start, first.end) == (1_000, 201_000)
    assert (second.start, second.end) == (1_000, 101_000)
    assert run_trial(trial(4, kit=kit)).clean


def test_resident_samples_cost_the_card_nothing() -> None:
    outcome = run_trial(trial(100, kit=stems(4, 1.0)))
    assert outcome.clean
    assert outcome.reads == 0
    assert outcome.hit_part == 1.0


def test_watching_changes_nothing_and_sees_the_slack() -> None:
    plain = run_trial(trial(12))
    outcome, recording = watch(Watched(trial(12), "twelve"))
    assert replace(outcome, least_slack_ms=None, p1_slack_ms=None, mean_depth=None) == plain
    assert outcome.least_slack_ms is not None
    assert outcome.p1_slack_ms is not None
    assert 0 < outcome.least_slack_ms <= outcome.p1_slack_ms < 2 * MIB / RATE_BYTES * 1000
    assert outcome.mean_depth is not None
    assert recording is not None
    assert recording.title == "twelve"
    assert len(recording.voices) == 12
    assert len(recording.commands) == plain.reads


def test_watching_without_a_picture_records_nothing() -> None:
    _, recording = watch(Watched(trial(2)))
    assert recording is None
