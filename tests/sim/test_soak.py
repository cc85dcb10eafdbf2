"""The soak: that it finds nothing where nothing is wrong, and everything that is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from measure_cards import booted, make_card

from firmware.catalogue import PadSettings
from native import CardModel, Engine, Fault, FaultKind, faulty_device, null_device
from native.types import (
    Encoding,
    EndCause,
    Extent,
    Loop,
    OnMiss,
    Policy,
    Sample,
    Schedule,
    Start,
    VoiceEnd,
    VoiceState,
)
from sim.cli import cli
from sim.measure.dry import Conditions
from sim.measure.parallel import RUN_CPUS
from sim.soak import run as soak_run
from sim.soak.drift import Drift, Probe, increment, playing_time, position
from sim.soak.run import SoakJob, run_soak, soak, soak_document, varied
from sim.soak.trouble import Account, Trouble, troubles

CARD = CardModel(command_us=800, read_mb_per_s=10, body_us=200)
SAMPLE = Sample((Extent(0, 1 << 20),), 0, 1_000, 1, 44_100, Encoding.S16_LE)


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(RUN_CPUS, "1")


def job(hours: float = 0.1, faults: float = 600, **conditions: object) -> SoakJob:
    settings = [
        PadSettings(),
        PadSettings(pitch_cents=-370),
        PadSettings(loop=Loop.FORWARD),
        PadSettings(reverse=True),
    ]
    device = booted((2, 5, 3, 9, 0.2), settings)
    made = replace(Conditions(ram_bytes=2 << 20, voices=16, card=CARD), **conditions)
    return SoakJob(device, made, hours, 7, faults)


@pytest.fixture(scope="module")
def usual():
    return run_soak(job())


def test_everything_adds_up(usual):
    assert usual.problems == []
    assert usual.frames == 6 * 60 * 48_000
    assert usual.faults["posted"] > 30
    assert usual.faults["errors"] > 10
    assert usual.faults["unexplained_errors"] == 0
    assert usual.drift["checked"] > 500
    assert usual.drift["off"] == 0
    assert sum(usual.ends.values()) > 300
    assert sum(usual.underruns.values()) > 10


@pytest.mark.parametrize("on_miss", list(OnMiss))
def test_it_adds_up_whatever_a_miss_does(on_miss: OnMiss):
    assert run_soak(job(0.05, on_miss=on_miss)).problems == []


def test_without_faults_nothing_fails():
    found = run_soak(job(0.05, faults=0))
    assert found.problems == []
    assert found.faults["posted"] == found.faults["errors"] == 0
    assert "read_error" not in found.underruns


def test_a_seed_says_everything(usual):
    again = run_soak(job())
    assert {**soak_document([again], 1, 1), "machine": 0} == {**soak_document([usual], 1, 1), "machine": 0}
    assert run_soak(replace(job(), seed=8)).voices_started != usual.voices_started


def test_runs_go_through_the_settings():
    found = soak(job().booted, job().conditions, 0.01, seed=1, runs=3, faults_per_hour=600)
    assert [run.seed for run in found] == [1, 2, 3]
    assert [run.settings["policy"] for run in found] == ["lru", "slru", "mru"]
    assert all(run.problems == [] for run in found)
    second = varied(Conditions(policy=Policy.MRU, schedule=Schedule.EMPTIEST), 1)
    assert (second.policy, second.schedule) == (Policy.LRU, Schedule.DEADLINE)


def test_memory_that_grows_is_told(monkeypatch: pytest.MonkeyPatch):
    readings = iter([100 << 20, 120 << 20, 200 << 20])
    monkeypatch.setattr(soak_run, "resident_bytes", lambda: next(readings))
    assert any("memory grew" in text for text in run_soak(job(0.01)).problems)


def test_memory_of_the_engine_may_come_late(monkeypatch: pytest.MonkeyPatch):
    """The system gives it page by page: more in the second half is no growth while it is the engine's."""
    readings = iter([100 << 20, 101 << 20, 107 << 20])
    monkeypatch.setattr(soak_run, "resident_bytes", lambda: next(readings))
    found = run_soak(job(0.01))
    assert found.growth_bytes == 6 << 20
    assert found.problems == []


def test_where_memory_is_not_known_nothing_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(soak_run, "resident_bytes", lambda: None)
    found = run_soak(job(0.01))
    assert found.growth_bytes is None
    assert found.problems == []


def test_a_voice_that_is_off_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sim.soak.run.increment", lambda *given: increment(*given) + (1 << 20))
    assert any("were off" in text for text in run_soak(job(0.02)).problems)


def test_an_end_without_a_record_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Engine, "drain_ends", lambda engine: [])
    assert any("ended with a cause" in text for text in run_soak(job(0.02)).problems)


# ---- faults ----


def test_troubles_never_overlap():
    found = list(islice(troubles(1, 1 << 30, 3600), 500))
    assert all(a.until_ns < b.at_ns for a, b in pairwise(found))
    assert {one.kind for one in found} == {
        FaultKind.SPIKE,
        FaultKind.STUCK,
        FaultKind.READ_ERROR,
        FaultKind.WRONG_DATA,
        FaultKind.REMOVED,
    }
    assert found == list(islice(troubles(1, 1 << 30, 3600), 500))


COMMANDS = np.dtype([("start_ns", "u8"), ("done_ns", "u8"), ("status", "i4")])


def account(*planned: Trouble) -> Account:
    return Account(faulty_device(null_device(1 << 20)), iter(planned))


def test_an_error_without_a_fault_is_found():
    one = account(Trouble(FaultKind.STUCK, 1000, 2000, (Fault(FaultKind.STUCK, 1000, 2000),)))
    one.post_until(5000)
    one.check(np.array([(1500, 1800, -4), (0, 100, 0), (2100, 2200, -4)], COMMANDS))
    assert (one.errors, one.unexplained_errors) == (2, 1)
    assert any("without a fault" in text for text in one.gaps(2))
    assert any("engine counted 3" in text for text in one.gaps(3))


def test_a_fault_that_does_nothing_is_found():
    """Commands failed by the device's own count, but nobody saw them fail."""
    fault = Fault(FaultKind.READ_ERROR, 0, 10_000)
    device = faulty_device(null_device(1 << 20))
    one = Account(device, iter([Trouble(fault.kind, 0, 10_000, (fault,))]))
    one.post_until(1)
    assert device.read(0, 512, 5)[0] is None
    assert any("must be 1 to 1" in text for text in one.gaps(0))


def test_more_faults_than_the_device_takes_at_once_wait():
    many = [Trouble(FaultKind.SPIKE, n, n, (Fault(FaultKind.SPIKE, n, times=1),)) for n in range(3_000)]
    one = account(*many)
    one.post_until(10_000)
    assert 0 < sum(one.posted.values()) < 3_000
    assert one.gaps(0) == []


# ---- drift ----


def walk(start: Start, frames: int) -> Iterator[int]:
    """File frames in the order in which a loop passes over them."""
    end = min(start.end or frames, frames)
    first = min(start.start, end - 1)
    low = min(max(start.loop_start, first), end - 1)
    once, cycle = list(range(first, end)), list(range(low, end))
    if start.reverse:
        once.reverse()
        cycle.reverse()
    yield from once
    while True:
        if start.loop is Loop.PING_PONG:
            cycle.reverse()
        yield from cycle


@given(
    st.tuples(st.integers(0, 999), st.integers(0, 1_200), st.integers(0, 1_200)),
    st.booleans(),
    st.sampled_from([Loop.FORWARD, Loop.PING_PONG]),
    st.floats(0.1, 3.0),
)
def test_positions_are_those_of_a_walk(region: tuple[int, int, int], reverse: bool, loop: Loop, speed: float):
    start, end, again = region
    event = Start(0, 0, 0, start, end, again, reverse=reverse, loop=loop, speed=speed)
    inc = increment(event, SAMPLE, 48_000)
    passed = list(islice(walk(event, SAMPLE.frames), 6_000))
    for age in range(0, (5_000 << 32) // inc, 97):
        assert position(event, SAMPLE, inc, age) == passed[age * inc >> 32]


def test_a_day_is_no_rounding():
    event = Start(0, 0, 0, loop=Loop.FORWARD, speed=0.7310585)
    inc, day = increment(event, SAMPLE, 48_000), 24 * 3600 * 48_000
    assert position(event, SAMPLE, inc, day) == day * inc // 2**32 % 1_000


def test_a_frame_off_is_noticed():
    event = Start(0, 0, 3, loop=Loop.FORWARD)
    once = Start(0, 0, 4)
    drift = Drift({4: once}, {0: SAMPLE}, 48_000)
    probe = Probe(event, SAMPLE, increment(event, SAMPLE, 48_000), began=100)
    due = position(event, SAMPLE, probe.inc, 5_000)
    state = VoiceState(3, 0, "playing", 0, 0, 0, due, 1.0)
    drift.probe(probe, state, 5_100)
    assert (drift.checked, drift.off) == (1, 0)
    drift.probe(probe, replace(state, position=due + 1), 5_100)
    assert (drift.off, drift.worst_frames) == (1, 1)
    time = playing_time(once, SAMPLE, increment(once, SAMPLE, 48_000))
    assert time == 1_089  # 1,000 frames at 44.1 kHz
    for late, off in ((0, 1), (63, 1), (64, 2), (-1, 3)):
        drift.end(VoiceEnd(10_000 + time + late, 10_000, 4, 0, EndCause.END, None, None, 0))
        assert drift.off == off
    drift.end(VoiceEnd(10_001, 10_000, 4, 0, EndCause.STOLEN, None, None, 0))
    assert drift.checked == 6


# ---- the command ----


def test_command(tmp_path: Path):
    card = make_card(tmp_path / "card.img", (1, 4, 0.3))
    arguments = ["soak", str(card), "--hours", "0.02", "--runs", "1", "--faults", "900", "--seed", "3"]
    result = CliRunner().invoke(cli, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["problems"] == []
    assert told["runs"][0]["frames"] == round(0.02 * 3600 * 48_000)
    again = json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).stdout)
    assert {**again, "machine": 0} == {**told, "machine": 0}
    people = CliRunner().invoke(cli, arguments)
    assert people.exit_code == 0
    assert "Everything adds up." in people.stdout


def test_a_problem_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    card = make_card(tmp_path / "card.img", (1,))
    monkeypatch.setattr("sim.soak.run.increment", lambda *given: increment(*given) + (1 << 20))
    result = CliRunner().invoke(cli, ["soak", str(card), "--hours", "0.01", "--runs", "1"])
    assert result.exit_code == 1
    assert "PROBLEM" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [["--hours", "0"], ["--hours", "nan"], ["--runs", "0"], ["--faults", "-1"], ["--voices", "0"]],
)
def test_wrong_arguments_are_refused(tmp_path: Path, arguments: list[str]):
    card = make_card(tmp_path / "card.img", (0.1,))
    result = CliRunner().invoke(cli, ["soak", str(card), *arguments])
    assert result.exit_code == 2
    assert arguments[0] in result.stderr
