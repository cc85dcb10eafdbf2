"""The demo, as a user gets it."""

from __future__ import annotations

import json
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from sim.cli import cli
from sim.demo import show
from sim.demo.kit import sounds
from sim.demo.show import RAM_BYTES
from sim.demo.song import compose
from sim.errors import InputError


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("demo") / "out"
    result = CliRunner().invoke(cli, ["demo", "--out", str(folder), "--json"])
    assert result.exit_code == 0, result.output
    return folder, json.loads(result.stdout)


def test_it_leaves_what_it_promises(demo):
    folder, told = demo
    assert {path.name for path in folder.iterdir()} == {
        "kit",
        "card.img",
        "song.mid",
        "song.wav",
        "slow-card.wav",
        "summary.md",
    }
    page = (folder / "summary.md").read_text("utf-8")
    assert f"benchpad boot {folder}/card.img" in page
    assert "old take.wav" in page
    assert told["boot"]["refused"]


def test_it_streams_more_than_its_ram_without_an_underrun(demo):
    _, told = demo
    assert told["kit"]["bytes"] > 4 * RAM_BYTES
    assert told["render"]["underrun_count"] == 0
    assert told["render"]["card"]["bytes"] > 4 * RAM_BYTES
    assert told["render"]["cache"]["resident_bytes"] <= RAM_BYTES
    assert told["slow_card"]["underrun_count"] > 0


def test_24_voices_sound_for_30_seconds(demo):
    """Counted from the song and the lengths of the files, not from what the engine says."""
    folder, told = demo
    lengths = {}
    for bank in "ABCDE":
        files = sorted(path for path in (folder / "kit" / bank).iterdir() if path.name != "90 old take.wav")
        for pad, path in enumerate(files, 1):
            lengths["ABCDE".index(bank), 35 + pad] = soundfile.info(path).duration
    changes: list[tuple[float, int]] = []
    now = 0.0
    for message in mido.MidiFile(folder / "song.mid"):
        now += message.time
        if message.type == "note_on" and message.velocity:
            changes += [(now, 1), (now + lengths[message.channel, message.note], -1)]
    voices, since, sounding = 0, 0.0, 0.0
    for when, change in sorted(changes):
        sounding += when - since if voices >= 24 else 0
        voices, since = voices + change, when
    assert sounding >= 30
    assert told["render"]["voices_peak"] >= 24


def test_it_is_music_within_full_scale(demo):
    folder, told = demo
    audio, rate = soundfile.read(folder / "song.wav", dtype="float32")
    assert -6 < told["render"]["peak_dbfs"] < 0
    seconds = audio[: len(audio) // rate * rate].reshape(-1, rate, 2)
    loudness = np.sqrt((seconds**2).mean(axis=(1, 2)))
    assert (loudness[:34] > 0.05).all()


@pytest.mark.parametrize("name", ["song.mid", "summary.md", "kit/A/01 kick.wav"])
def test_it_replaces_nothing_that_no_demo_made(tmp_path, name: str):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    result = CliRunner().invoke(cli, ["demo", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "is not of a demo" in result.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / name]
    assert (tmp_path / name).read_text() == "mine"


def test_it_goes_over_a_demo_that_did_not_come_to_its_end(tmp_path, monkeypatch):
    def stopped(*_: object, **__: object) -> None:
        raise InputError("stopped")

    monkeypatch.setattr(show, "build_image", stopped)
    for _ in range(2):
        with pytest.raises(InputError, match="stopped"):
            show.run_demo(tmp_path)
    assert "did not come to its end" in (tmp_path / "summary.md").read_text("utf-8")


def test_it_is_the_same_each_time():
    first, again = (next(iter(sounds())).audio for _ in range(2))
    assert np.array_equal(first, again)
    assert [list(track) for track in compose().tracks] == [list(track) for track in compose().tracks]
