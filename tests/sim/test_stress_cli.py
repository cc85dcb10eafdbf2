"""`benchpad stress`: names that stay, the same bytes each time, and one sentence for what cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mido
import pytest
from click.testing import CliRunner, Result
from stress_kits import stems_image

from sim.cli import cli

SHORT = ("--seconds", "2", "--ram", "1M")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stems_image(tmp_path_factory.mktemp("stress") / "kit.img")


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("song") / "song.mid"
    made = mido.MidiFile(type=0)
    track = mido.MidiTrack()
    made.tracks.append(track)
    for note in range(6):
        track.append(mido.Message("note_on", note=36 + note, velocity=100, time=60))
    made.save(path)
    return path


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHPAD_CPUS", "1")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["stress", *map(str, arguments)])


def told(*arguments: str | Path) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


def test_names_that_stay(image: Path) -> None:
    report = told(image, "--card-latency", "2", "--card-speed", "4", *SHORT)
    assert 5 <= report["clean_voices"] <= report["bound_voices"]
    assert report["ratio"] == pytest.approx(report["clean_voices"] / report["bound_voices"], abs=1e-3)
    assert report["first_to_give"] in ("bandwidth", "command overhead", "RAM")
    points = {one["voices"]: one["underruns"] for one in report["points"]}
    assert points[report["clean_voices"]] == 0
    assert points[report["clean_voices"] + 1] > 0
    gains = [one["clean_voices"] for one in report["suggestions"]]
    assert gains == sorted(gains, reverse=True)
    assert all(gain > report["clean_voices"] for gain in gains)
    assert {"mono instead of stereo", "2 MB of RAM"} <= {one["change"] for one in report["suggestions"]}
    assert report["sentence"].endswith(".")
    assert set(report["clicks"]) == {"return", "hold", "drop"}
    assert max(report["clicks"].values()) < 0.01


def test_the_same_seed_says_the_same_whatever_runs_it(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = (image, "--card", "worn", "--seed", "7", "--voices", "10..40", *SHORT, "--json")
    one = run(*arguments).stdout
    monkeypatch.setenv("BENCHPAD_CPUS", "2")
    two = run(*arguments).stdout
    assert one == two
    assert json.loads(one)["seed"] == 7
    assert run(*arguments, "--seed", "8").stdout != one


def test_for_people_it_ends_in_a_sentence(image: Path) -> None:
    result = run(image, "--card", "class2", *SHORT)
    assert result.exit_code == 0, result.output
    last = result.stdout.strip().splitlines()[-1]
    assert "voices stream without a gap" in last
    assert "would help" in last
    assert "measured ÷ bound" in result.stdout
    assert "no pad heads pinned" in result.stdout
    assert "assumed" in result.stdout


def test_heads_take_of_the_ram(image: Path) -> None:
    report = told(image, "--heads", "--voices", "4..8", *SHORT)
    assert report["pinned_bytes"] > 0
    assert report["bound"]["ram_bytes"] == report["ram_bytes"] - report["pinned_bytes"]
    assert (report["limited"], report["first_to_give"]) == ("asked", "nothing")


def test_a_device_runs_out_of_voices(image: Path) -> None:
    report = told(image, "--card", "ideal", "--ram", "32M", "--seconds", "1")
    assert report["first_to_give"] == "voices"
    assert report["clean_voices"] == report["most_voices"] == 1_024
    assert report["bound_voices"] is None
    assert report["ratio"] is None


def test_the_order_is_a_setting(image: Path) -> None:
    arguments = (image, "--card-latency", "2", "--card-speed", "4", "--voices", "14..22", *SHORT)
    by_rating, by_deadline = told(*arguments, "--schedule", "rating"), told(*arguments)
    assert (by_rating["schedule"], by_deadline["schedule"]) == ("rating", "deadline")
    assert by_rating["points"] != by_deadline["points"]


def test_pages_and_traces(image: Path, song: Path, tmp_path: Path) -> None:
    page, trace = tmp_path / "page.html", tmp_path / "run.json"
    assert run(image, "--card", "class4", *SHORT, "--voices", "4..24", "--html", page).exit_code == 0
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    played = run(image, "--midi", song, "--card", "class4", "--trace", trace, "--html", page)
    assert played.exit_code == 0, played.output
    assert json.loads(trace.read_text("ascii"))["traceEvents"]


def test_a_song_is_watched(image: Path, song: Path) -> None:
    arguments = (image, "--midi", song, "--card-latency", "5", "--card-speed", "0.6", "--ram", "256K")
    arguments += ("--overload", "none")
    report = told(*arguments)
    assert report == told(*arguments)
    assert report["underrun_count"] > 0
    assert sum(report["causes"].values()) == report["underrun_count"]
    assert report["slack"][0]["least_ms"] is not None
    assert report["latency_ms"]["p50"] >= 5.0
    assert report["latency_ms"]["max"] >= report["latency_ms"]["p99"]
    assert report["metrics"]["voices.started"] == 6
    assert sum(report["ends"].values()) == 6
    assert report["alerts"][0]["state"] == "raised"
    assert "wall_s" not in report
    shown = run(*arguments)
    assert shown.stdout.strip().splitlines()[-1].startswith(f"{report['underrun_count']:,} underruns")


def test_what_a_miss_does_is_a_setting(image: Path, song: Path) -> None:
    slow = (image, "--midi", song, "--card-latency", "5", "--card-speed", "0.6", "--ram", "256K")
    slow += ("--overload", "none")
    dropped = told(*slow, "--on-miss", "drop")
    assert dropped["metrics"]["voices.dropped"] > 0
    held = told(*slow, "--on-miss", "hold")
    assert held["metrics"]["voices.held_frames"] > 0
    assert held["frames"] > told(*slow)["frames"]


def test_a_song_has_the_devices_policy_on_overload(image: Path, song: Path) -> None:
    slow = (image, "--midi", song, "--card-latency", "5", "--card-speed", "0.6", "--ram", "256K")
    report = told(*slow)
    assert report["ends"]["bandwidth"] == report["metrics"]["voices.dropped"] > 0
    assert report["underrun_count"] < told(*slow, "--overload", "none")["underrun_count"]
    assert f"{report['metrics']['voices.dropped']} voices were dropped" in report["sentence"]
    named = told(*slow, "--overload", "oldest")
    assert named["metrics"] == report["metrics"]
    spared = told(*slow, "--overload", "priority")
    assert spared["metrics"] != report["metrics"], "another pad gives way"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--voices", "9..3"), "not a range"),
        (("--voices", "many"), "not a range of voices"),
        (("--voices", "0..3"), "not a range"),
        (("--seconds", "nan"), "nan"),
        (("--ram", "12"), "too few"),
        (("--card", "class99"), "no card preset"),
        (("--card", "class10", "--card-latency", "1"), "exclude"),
        (("--card-latency", "-1"), "not between"),
        (("--card-speed", "0"), "not between"),
        (("--schedule", "random"), "random"),
        (("--trace", "x.json"), "--midi"),
        (("--cluster", "nowhere", *SHORT), "Dask"),
    ],
)
def test_wrong_arguments_are_one_sentence(image: Path, arguments: tuple[str, ...], words: str) -> None:
    result = run(image, *arguments)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("option", [("--heads",), ("--voices", "3..4"), ("--cluster", "tcp://x:1")])
def test_a_song_is_no_sweep(image: Path, song: Path, option: tuple[str, ...]) -> None:
    result = run(image, "--midi", song, *option)
    assert result.exit_code == 2
    assert option[0] in result.stderr


def test_nothing_to_play_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    result = run(folder)
    assert result.exit_code == 2
    assert "no pad" in result.stderr
    assert run(tmp_path / "nothing.img").exit_code == 2
    assert run(folder, "--midi", tmp_path / "no.mid").exit_code == 2


def test_a_report_never_replaces_the_card_or_the_song(image: Path, song: Path) -> None:
    before = song.read_bytes()
    assert run(image, "--html", image, *SHORT).exit_code == 2
    assert run(image, "--midi", song, "--trace", song).exit_code == 2
    assert run(image, "--midi", song, "--html", song).exit_code == 2
    slow = song.with_name("slow.toml")
    slow.write_text('base = "class2"\n')
    assert run(image, "--card", slow, "--html", slow, *SHORT).exit_code == 2
    assert slow.read_text() == 'base = "class2"\n'
    assert song.read_bytes() == before


def test_a_range_beyond_the_limit_still_finds_it(image: Path) -> None:
    arguments = (image, "--card-latency", "2", "--card-speed", "4", *SHORT)
    above = told(*arguments, "--voices", "30..34")
    assert [one["voices"] for one in above["points"]] == [30, 31, 32, 33, 34]
    assert above["clean_voices"] == told(*arguments, "--voices", "10..25")["clean_voices"]


def test_more_voices_than_the_device_has(image: Path) -> None:
    result = run(image, "--voices", "2000..3000")
    assert result.exit_code == 2
    assert "the device has 1024 voices" in result.stderr
