"""Heads sized for the card's tail, and the chance of an underrun an hour."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from measure_cards import booted, make_card, make_song

from firmware.catalogue import PadSettings
from native import CardModel
from sim.cli import cli
from sim.measure.dry import Conditions
from sim.measure.parallel import RUN_CPUS
from sim.measure.risk import RiskJob, Tail, card_tail, head_ms_for, head_sizes, risk_curve

MIB = 1 << 20
GOOD = CardModel(command_us=500, read_mb_per_s=40)
HOPELESS = CardModel(command_us=400_000, read_mb_per_s=0.1)


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(RUN_CPUS, "1")


def job(card: CardModel | None, seconds: float = 60) -> RiskJob:
    return RiskJob(booted((2, 3, 4)), Conditions(ram_bytes=MIB, card=card, voices=16), (), seconds)


def test_the_tail_is_that_of_the_commands():
    plain, spiky = (
        card_tail(job(GOOD)),
        card_tail(job(CardModel(500, read_mb_per_s=40, spike_every_s=0.5, spike_ms=50))),
    )
    assert 0.5 < plain.block_ms < plain.tail_ms <= plain.worst_ms < 20
    assert spiky.tail_ms > 50
    assert plain.commands > 100
    assert card_tail(job(None)) == Tail(0, 0, 0, 0)


def test_heads_last_for_the_tail_and_the_margin():
    assert head_ms_for(Tail(1.0, 30.0, 90.0, 1000), 48_000) == pytest.approx(60 + 448 / 48)


def test_a_pad_that_plays_faster_has_a_longer_head():
    device = booted((2, 2, 2), [PadSettings(pitch_cents=1200), PadSettings(), PadSettings(speed=0.5)])
    found = {one.pad: one for one in head_sizes(device, 100, 4_096)}
    assert (found["A1"].ratio, found["A2"].ratio, found["A3"].ratio) == (2, 1, 0.5)
    assert found["A1"].frames == 9_601
    assert found["A2"].frames == 4_801
    assert found["A3"].frames == 2_401
    assert head_sizes(device, 100, 4_096)[0].pad == "A1"


def test_a_good_card_has_no_underruns_and_the_interval_says_how_sure_that_is():
    found = risk_curve(booted((2, 3)), Conditions(card=GOOD, voices=8), (16 * MIB,), runs=10, seconds=20)
    point = found.points[0]
    assert (point.failed, point.underruns, point.runs) == (0, 0, 10)
    assert point.per_run.estimate == point.per_hour.estimate == point.per_hour.low == 0
    assert point.per_run.high == pytest.approx(1 - 0.05**0.1)
    assert point.per_run.high < point.per_hour.high <= 1
    assert found.least_ram(1.0) == 16 * MIB
    assert found.least_ram(0.01) is None


def test_a_hopeless_card_always_fails():
    found = risk_curve(booted((8, 8, 8)), Conditions(card=HOPELESS, voices=8), (MIB,), runs=6, seconds=30)
    assert found.points[0].failed == 6
    assert found.points[0].per_hour.estimate == 1
    assert found.points[0].per_hour.low > 0.99


def test_runs_differ_by_their_seeds_alone():
    device, card = booted((3, 4, 5)), CardModel(command_us=3000, read_mb_per_s=3, body_us=2000)
    made = [
        risk_curve(device, Conditions(card=card, voices=16, seed=seed), (MIB, 4 * MIB), runs=6, seconds=20)
        for seed in (1, 1, 2)
    ]
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_command(tmp_path: Path):
    card = make_card(tmp_path / "card.img", (1, 2))
    arguments = ["bench", "risk", str(card), "--runs", "4", "--seconds", "10", "--ram", "1M,512K"]
    result = CliRunner().invoke(cli, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [point["ram_bytes"] for point in told["points"]] == [MIB // 2, MIB]
    assert told["points"][0]["per_hour"].keys() == {"estimate", "low", "high"}
    assert len(told["heads"]) == 2
    assert told["head_ms"] > told["card_tail"]["tail_ms"]
    assert CliRunner().invoke(cli, [*arguments, "--json"]).stdout == result.stdout
    song = make_song(tmp_path / "song.mid", [1, 2] * 10)
    people = CliRunner().invoke(cli, [*arguments, "--midi", str(song), "--card", "a1", "--head-ms", "20"])
    assert people.exit_code == 0, people.output
    assert "chance an hour" in people.stdout
    assert "20.0 ms" in people.stdout


@pytest.mark.parametrize("ram", ["", "2M,,4M", "1M,x", "1", ",".join(["1M"] * 65), "9999T"])
def test_wrong_ram_is_refused(tmp_path: Path, ram: str):
    card = make_card(tmp_path / "card.img", (0.1,))
    result = CliRunner().invoke(cli, ["bench", "risk", str(card), "--ram", ram])
    assert result.exit_code == 2
    assert "ram" in result.stderr.lower()
