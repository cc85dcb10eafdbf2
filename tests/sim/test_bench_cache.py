"""Hit rates: the engine's own against the best possible, on traces that voices made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from measure_cards import booted, make_card, make_song

from firmware.hal import MidiMessage
from native.types import Policy
from sim.cli import cli
from sim.measure.cache import CacheJob, Song, cache_table, run_cache, table_rams
from sim.measure.dry import Conditions
from sim.measure.parallel import RUN_CPUS

MIB = 1 << 20
RATE = 48_000


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(RUN_CPUS, "1")


def hits(*pads_at: tuple[float, int]) -> Song:
    return Song(tuple(MidiMessage(round(at * RATE), bytes((0x90, 35 + pad, 100))) for at, pad in pads_at))


def run(song: Song, ram: int, policy: Policy = Policy.LRU, lengths: tuple[float, ...] = (2, 2, 2)):
    conditions = Conditions(ram_bytes=ram, policy=policy, head_ms=0)
    return run_cache(CacheJob(booted(lengths), song, conditions, with_optimum=True))


def test_with_room_for_all_only_the_first_time_misses():
    twice = hits((0, 1), (3, 2), (6, 1), (9, 2), (12, 3))
    for policy in Policy:
        found = run(twice, 8 * MIB, policy)
        assert found.underruns == 0
        assert found.hit_rate == found.optimum == pytest.approx(1 - found.different_blocks / found.accesses)
        assert found.accesses == pytest.approx(5 / 3 * found.different_blocks, rel=0.01)


def test_without_room_what_came_first_is_gone_when_it_is_wanted_again():
    song = hits((0, 1), (3, 2), (6, 3), (9, 1), (12, 2), (15, 3))
    found = run(song, MIB)  # 2 s take 375 KiB
    assert found.hit_rate < 0.05
    assert 0.3 < found.optimum < 0.5


def test_no_policy_beats_the_optimum():
    for policy in Policy:
        for ram in (MIB // 2, MIB, 2 * MIB):
            found = run(Song(mash_s=60, seed=3), ram, policy, (1, 2, 3, 4, 0.5))
            assert found.accesses > 1000
            assert 0 < found.hit_rate <= found.optimum


def test_a_table_has_every_policy_and_the_ram_asked_for():
    device = booted((2, 2, 3))
    conditions = Conditions(ram_bytes=MIB)
    table = cache_table(device, "song", hits((0, 1), (3, 2), (6, 1)), conditions)
    document = table.document()
    assert list(document["policies"]) == ["lru", "slru", "mru", "belady"]
    assert [row["ram_bytes"] for row in document["table"]] == table_rams(device, conditions)
    assert document["ram_bytes"] == MIB
    assert document["to_belady"]["belady"] == 1
    assert document["best_policy"] in document["policies"]
    assert document == cache_table(device, "song", hits((0, 1), (3, 2), (6, 1)), conditions).document()


def test_ram_sizes_stay_sensible():
    device = booted((2, 2, 3))
    assert table_rams(device, Conditions(ram_bytes=MIB)) == [MIB // 8, MIB // 4, MIB // 2, MIB, 2 * MIB]
    assert 16 * MIB in table_rams(device, Conditions())
    assert table_rams(device, Conditions(ram_bytes=40_000))[:2] == [39_936, 79_872]


def test_command(tmp_path: Path):
    card = make_card(tmp_path / "card.img", (1, 1, 2))
    song = make_song(tmp_path / "song.mid", [1, 2, 3, 1, 2, 3])
    arguments = ["bench", "cache", str(card), "--midi", str(song), "--ram", "512K", "--seconds", "30"]
    result = CliRunner().invoke(cli, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert {"lru", "belady"} <= told["policies"].keys() == told["mash"]["policies"].keys()
    assert told["policies"]["lru"] <= told["policies"]["belady"]
    assert told["trace"] == str(song)
    assert CliRunner().invoke(cli, [*arguments, "--json"]).stdout == result.stdout
    people = CliRunner().invoke(cli, [*arguments, "--policy", "mru"])
    assert people.exit_code == 0
    assert "belady" in people.stdout
    assert "slru" not in people.stdout


def test_the_same_over_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    device = booted((1, 1, 1))
    song, conditions = Song(mash_s=20, seed=1), Conditions(ram_bytes=MIB // 2)
    alone = cache_table(device, "mash", song, conditions)
    monkeypatch.setenv(RUN_CPUS, "2")
    assert cache_table(device, "mash", song, conditions) == alone


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--ram", "1"], "too few"),
        (["--seconds", "nan"], "length of time"),
        (["--policy", "best"], "best"),
        (["--card", "nothing"], "no card preset"),
        (["--midi", "absent.mid"], "absent.mid"),
    ],
)
def test_wrong_arguments_are_one_sentence(tmp_path: Path, arguments: list[str], word: str):
    card = make_card(tmp_path / "card.img", (0.1,))
    result = CliRunner().invoke(cli, ["bench", "cache", str(card), *arguments])
    assert result.exit_code == 2
    assert word in result.stderr


def test_a_card_without_samples_is_one_sentence(tmp_path: Path):
    result = CliRunner().invoke(cli, ["bench", "cache", str(make_card(tmp_path / "card.img", ()))])
    assert result.exit_code == 2
    assert "nothing to measure" in result.stderr
