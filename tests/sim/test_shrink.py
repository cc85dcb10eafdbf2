"""Shrinking: what is left still fails alike, nothing can be left out, and the file says it all."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from measure_cards import booted, make_card, make_song

from firmware.catalogue import PadSettings
from firmware.hal import MidiMessage
from native import CardModel, Fault, FaultKind
from native.types import Bend, Cause, EngineConfig, Loop, OnMiss, Release, Start, Stop
from sim.cli import cli
from sim.errors import InputError
from sim.measure.dry import Conditions, play, power_on
from sim.measure.mash import mash_for
from sim.replay import FORMAT, Case, parse_case, read_case, run_case, write_case
from sim.shrink import capture, ddmin, shrink

RATE = 48_000
SLOW = CardModel(command_us=20_000, read_mb_per_s=0.6, body_us=300, page_bytes=16_384, page_us=150)
KEYS = [(0, 36 + pad) for pad in range(6)]


def mashed(seed: int = 1, seconds: float = 20, **changes: object) -> Case:
    """Six pads under the hands, on a card that is too slow for them."""
    settings = [
        PadSettings(pitch_cents=300),
        PadSettings(loop=Loop.FORWARD, gate=True),
        PadSettings(level=90),
    ]
    device = booted((3, 4, 5, 0.4, 6, 2), settings)
    conditions = replace(Conditions(ram_bytes=1 << 20, voices=8, card=SLOW, seed=seed), **changes)
    messages = mash_for(KEYS, RATE, seed, seconds)
    return capture(device, conditions, messages, round(seconds * RATE), about="hands")


# ---- ddmin ----


@given(st.lists(st.integers(0, 60), max_size=60, unique=True), st.data())
def test_ddmin_finds_what_is_needed(items: list[int], data: st.DataObject):
    needed = data.draw(st.sets(st.sampled_from(items))) if items else set()
    assert ddmin(items, lambda part: needed <= set(part)) == [one for one in items if one in needed]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=25))
def test_nothing_can_be_left_out_of_what_is_left(items: list[int]):
    """Not every part of what fails fails here: a sum that is a multiple of five."""

    def fails(part: list[int]) -> bool:
        return sum(part) % 5 == 0

    if not fails(items):
        return
    left = ddmin(items, fails)
    assert fails(left)
    assert not any(fails(left[:at] + left[at + 1 :]) for at in range(len(left)))


def test_few_of_many_are_found_quickly():
    tried = 0

    def fails(part: list[int]) -> bool:
        nonlocal tried
        tried += 1
        return {70, 700} <= set(part)

    assert ddmin(range(1_000), fails) == [70, 700]
    assert tried < 100


# ---- capture and replay ----


def test_a_case_is_what_the_device_does():
    device = booted((3, 4, 5))
    conditions = Conditions(ram_bytes=1 << 20, voices=8, card=SLOW, seed=3)
    messages = mash_for(KEYS[:3], RATE, 3, 20)
    replay = run_case(capture(device, conditions, messages, 20 * RATE))
    with power_on(device, conditions) as dry:
        play(dry, messages, 20 * RATE)
        counters = dry.engine.counters()
    assert counters.underruns == replay.count > 10
    assert (counters.reads, counters.read_bytes) == (replay.reads, replay.read_bytes)


def test_loops_can_be_stopped():
    messages = [MidiMessage(0, bytes((0x90, 36, 100)))]
    device = booted((1,), [PadSettings(loop=Loop.FORWARD)])
    case = capture(device, Conditions(), messages, 10 * RATE, loops_stop=5 * RATE)
    assert case.events[-1] == Stop(5 * RATE, case.events[0].tag)


# ---- shrinking ----


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_left_fails_alike_and_no_event_can_go(seed: int):
    before = mashed(seed)
    small = shrink(before).case
    assert small.expects is not None
    assert small.expects.cause is Cause.LATE
    assert run_case(small).failure(Cause.LATE) == small.expects
    assert small.seed == before.seed
    assert len(small.events) < len(before.events) / 4
    assert small.frames < before.frames
    assert {event.sample for event in small.events if isinstance(event, Start)} == set(
        range(len(small.samples))
    )
    for at in range(len(small.events)):
        less = replace(small, events=small.events[:at] + small.events[at + 1 :])
        assert run_case(less).failure(Cause.LATE) is None


def test_the_card_keeps_only_what_matters():
    """The bandwidth alone makes them late: what else the card costs goes."""
    card = CardModel(
        command_us=10, read_mb_per_s=0.3, unit_bytes=4 << 20, unit_us=300, spike_every_s=30, spike_ms=2
    )
    small = shrink(mashed(card=card)).case
    assert small.card is not None
    kept = {one.name for one in fields(CardModel) if getattr(small.card, one.name) != one.default}
    assert "read_mb_per_s" in kept
    assert not kept & {"unit_us", "spike_ms"}


def test_faults_shrink_too():
    base = mashed(card=CardModel(command_us=300, read_mb_per_s=40), ram_bytes=8 << 20)
    assert run_case(base).count == 0
    faults = tuple(Fault(FaultKind.SPIKE, n * 10**8, times=1, spike_ns=10**6) for n in range(20, 60))
    gone = (Fault(FaultKind.REMOVED, 6 * 10**9), Fault(FaultKind.INSERTED, 12 * 10**9))
    small = shrink(replace(base, faults=(*faults, *gone))).case
    assert [one.kind for one in small.faults] == [FaultKind.REMOVED]
    assert len(small.events) <= 2


def test_another_cause_can_be_asked_for():
    case = mashed(head_ms=0)
    assert {one.cause for one in run_case(case).underruns} >= {Cause.COLD, Cause.LATE}
    cold = shrink(case, Cause.COLD).case
    assert len(cold.events) == 1
    assert cold.expects is not None
    assert cold.expects.cause is Cause.COLD


def test_what_does_not_fail_is_not_shrunk():
    with pytest.raises(InputError, match="no underrun"):
        shrink(mashed(card=None))
    with pytest.raises(InputError, match="read_error"):
        shrink(mashed(), Cause.READ_ERROR)


def test_shrinking_is_the_same_each_time():
    assert write_case(shrink(mashed(4)).case) == write_case(shrink(mashed(4)).case)


# ---- files ----


def full_case() -> Case:
    """One that has something everywhere."""
    case = mashed(on_miss=OnMiss.HOLD)
    faults = (Fault(FaultKind.READ_ERROR, 5, 9, 1, 512, 512),)
    events = (
        *case.events,
        Bend(case.frames, 3, -50.5),
        Release(case.frames, 3),
        Stop(case.frames, None),
        Stop(case.frames, 2),
    )
    failure = run_case(case).failure()
    return replace(case, faults=faults, events=events, expects=failure)


def test_a_file_holds_everything():
    case = full_case()
    assert parse_case(write_case(case)) == case
    assert write_case(parse_case(write_case(case))) == write_case(case)
    small = shrink(mashed()).case
    assert parse_case(write_case(small)) == small


def without(key: str) -> dict[str, object]:
    document = json.loads(write_case(full_case()))
    del document[key]
    return document


def changed(path: tuple[str | int, ...], value: object) -> dict[str, object]:
    document = json.loads(write_case(full_case()))
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ([], "format"),
        ({"format": "benchpad case 2"}, FORMAT),
        (without("engine"), "engine is no object"),
        (without("frames"), "frames"),
        (changed(("frames",), -1), "frames"),
        (changed(("frames",), 1e99), "frames"),
        (changed(("frames",), True), "frames"),
        (changed(("seed",), 2**64), "seed"),
        (changed(("engine", "pool_bytes"), "much"), "pool_bytes"),
        (changed(("engine", "colour"), 1), "colour"),
        (changed(("engine", "on_miss"), "weep"), "on_miss"),
        (changed(("engine", "on_miss"), [1]), "on_miss"),
        (changed(("card", "command_us"), -5), "command_us"),
        (changed(("card", "command_us"), "5"), "command_us"),
        (changed(("samples",), 3), "samples"),
        (changed(("samples", 0), 3), "sample 0"),
        (changed(("samples", 1, "extents"), [[1]]), "extents"),
        (changed(("samples", 1, "extents"), [[-1, 5]]), "extent"),
        (changed(("samples", 1, "encoding"), "mp3"), "encoding"),
        (changed(("events", 0, "event"), "jump"), "event 0"),
        (changed(("events", 0), {"event": "start", "frame": 1}), "lacks"),
        (changed(("events", 0, "frame"), 10**12), "before"),
        (changed(("faults", 0, "kind"), "rain"), "kind"),
        (changed(("pins", 0), {"sample": 0}), "lacks"),
        (changed(("samples",), []), "it describes no samples, and pin 0 is of sample 0"),
        (changed(("pins", 0, "sample"), 9), "and pin 0 is of sample 9"),
        (changed(("events", 0, "sample"), -1), "and event 0 is of sample -1"),
        (changed(("expects", "cause"), None), "cause"),
    ],
)
def test_a_bad_file_is_one_sentence(document: object, word: str, tmp_path: Path):
    path = tmp_path / "case.json"
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(InputError, match=r"case\.json is no case") as error:
        read_case(path)
    assert word in str(error.value)
    assert len(str(error.value)) < 400


@given(st.binary(max_size=200))
def test_any_bytes_are_a_case_or_a_sentence(data: bytes):
    with pytest.raises(InputError):
        parse_case(data)


@pytest.mark.parametrize(
    "document",
    [
        changed(("events", 0, "sample"), 99),
        changed(("events", 0, "pitch_cents"), 1e308),
        changed(("events", 0, "gain"), float("nan")),
        changed(("pins", 0, "sample"), 2**40),
        changed(("engine", "pool_bytes"), 2**62),
        changed(("engine", "max_samples"), 1),
        changed(("samples", 0, "frames"), 10**9),
        changed(("samples", 0, "extents"), []),
        changed(("samples", 0, "extents"), [[2**61, 2**61]] * 4),
        changed(("faults", 0, "length"), 2**64),
        changed(("engine", "path"), "quantum"),
    ],
)
def test_what_no_engine_takes_ends_in_one_sentence(document: object, tmp_path: Path):
    path = tmp_path / "case.json"
    path.write_text(json.dumps(document), "utf-8")
    result = CliRunner().invoke(cli, ["stress", "--replay", str(path)])
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_huge_file_is_refused(tmp_path: Path):
    path = tmp_path / "case.json"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(InputError, match="larger than"):
        read_case(path)


# ---- the command ----


def test_shrink_and_replay_from_the_command_line(tmp_path: Path):
    card = make_card(tmp_path / "card.img", (2, 3, 1))
    song = make_song(tmp_path / "song.mid", [1, 2, 3] * 12)
    out = tmp_path / "case.json"
    given = ["stress", str(card), "--midi", str(song), "--card-latency", "20", "--card-speed", "0.4"]
    told = CliRunner().invoke(cli, [*given, "--seed", "9", "--shrink", str(out), "--json"])
    assert told.exit_code == 0, told.output
    document = json.loads(told.stdout)
    assert document["events"] < 36
    assert read_case(out).seed == document["seed"] == 9
    card.unlink()
    again = CliRunner().invoke(cli, ["stress", "--replay", str(out), "--json"])
    assert again.exit_code == 1
    replayed = json.loads(again.stdout)
    assert replayed["as_expected"] is True
    assert replayed["failure"] == document["failure"]
    people = CliRunner().invoke(cli, ["stress", "--replay", str(out)])
    assert people.exit_code == 1
    assert "late" in people.stdout


def test_what_no_longer_fails_is_told(tmp_path: Path):
    small = shrink(mashed()).case
    path = tmp_path / "case.json"
    path.write_bytes(write_case(replace(small, card=None)))
    result = CliRunner().invoke(cli, ["stress", "--replay", str(path)])
    assert result.exit_code == 0
    assert "does not fail" in result.stdout
    assert "another outcome" in result.stdout


@pytest.mark.parametrize("output", ["card.img", "song.mid", "absent/case.json"])
def test_nothing_is_replaced_by_mistake(tmp_path: Path, output: str):
    card = make_card(tmp_path / "card.img", (2,))
    song = make_song(tmp_path / "song.mid", [1] * 9)
    before = (card.stat().st_mtime_ns, song.read_bytes())
    arguments = [
        "stress",
        str(card),
        "--midi",
        str(song),
        "--card-speed",
        "0.1",
        "--shrink",
        str(tmp_path / output),
    ]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert (card.stat().st_mtime_ns, song.read_bytes()) == before


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["stress"], "name a card"),
        (["stress", "{card}", "--shrink", "x.json"], "--midi"),
        (["stress", "--replay", "none"], "none"),
    ],
)
def test_wrong_arguments_are_one_sentence(tmp_path: Path, arguments: list[str], word: str):
    card = make_card(tmp_path / "card.img", (0.1,))
    result = CliRunner().invoke(cli, [one.format(card=card) for one in arguments])
    assert result.exit_code == 2
    assert word in result.stderr


def test_the_defaults_are_the_engines():
    """A case leaves out what has its default: so what a default is must not change unnoticed."""
    assert json.loads(write_case(replace(full_case(), config=EngineConfig())))["engine"] == {}
    assert EngineConfig().on_miss is OnMiss.RETURN
