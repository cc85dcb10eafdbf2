"""``benchpad convert``: what it prints, writes and returns."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pytest
from audio_files import sine, sound_file
from click.testing import CliRunner

from sim.cli import cli


def run(*arguments: object, status: int = 0):
    result = CliRunner().invoke(cli, ["convert", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result


@pytest.fixture
def kit(tmp_path):
    folder = tmp_path / "kit"
    (folder / "Drüms").mkdir(parents=True)
    (folder / "plain.wav").write_bytes(sound_file(sine(440, 44_100)))
    (folder / unicodedata.normalize("NFD", "é.flac")).write_bytes(
        sound_file(sine(440, 44_100), container="FLAC", subtype="PCM_24")
    )
    (folder / "Drüms" / "loud.wav").write_bytes(
        sound_file(sine(440, 48_000, level=2.0), 48_000, subtype="FLOAT")
    )
    (folder / "no ending").write_bytes(sound_file(sine(440, 44_100)))
    (folder / "notes.txt").write_text("hello")
    (folder / "gone.wav").symlink_to("nowhere")
    (folder / "._plain.wav").write_bytes(b"\0\5\x16\7")
    return folder


def test_a_folder_becomes_files_that_the_device_takes(kit, tmp_path) -> None:
    out = tmp_path / "out"
    document = json.loads(run(kit, "-o", out, "--device", "sp404mk2", "--json").stdout)
    assert document["counts"] == {"copied": 2, "converted": 2, "failed": 0}
    assert {one["output"] for one in document["files"]} == {
        "plain.wav",
        "e.wav",
        "Drums/loud.wav",
        "no ending.wav",
    }
    assert {p.relative_to(out).as_posix() for p in out.rglob("*.*")} == {
        one["output"] for one in document["files"]
    }
    assert (out / "plain.wav").read_bytes() == (kit / "plain.wav").read_bytes()
    assert (out / "no ending.wav").read_bytes() == (kit / "no ending").read_bytes()
    loud = next(one for one in document["files"] if one["output"] == "Drums/loud.wav")
    assert loud["gain_db"] == pytest.approx(-6.02, abs=0.01)
    assert "quieter by 6.02 dB" in " ".join(loud["notes"])
    assert loud["to"] == {"rate": 48_000, "bits": 16, "channels": 1, "float": False}
    skipped = {one["source"].rpartition("/")[2]: one["why"] for one in document["skipped"]}
    assert skipped.keys() == {"._plain.wav", "notes.txt", "gone.wav"}
    assert skipped["._plain.wav"] == "a hidden file"
    assert "no audio file" in skipped["notes.txt"]


def test_the_plan_writes_nothing_and_shows_old_and_new(kit, tmp_path) -> None:
    out = tmp_path / "out"
    shown = run(kit, "-o", out, "--device", "sp404sx", "--plan").stdout
    assert not out.exists()
    assert "Drüms/loud.wav" in shown
    assert "48000 Hz 32 bit float" in shown
    assert "2 to be copied as they are, 2 to be converted, 0 failed" in shown


def test_a_bad_file_does_not_stop_the_others(kit, tmp_path) -> None:
    (kit / "bad.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    (kit / "empty.wav").write_bytes(b"")
    result = run(kit, tmp_path / "missing.wav", "-o", tmp_path / "out", "--device", "sp404sx", status=1)
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert "missing.wav: there is no such file" in lines[-1]
    assert "3 failed" in result.stdout


def test_nothing_done_is_bad_input(tmp_path) -> None:
    (tmp_path / "x.wav").write_bytes(b"no audio at all")
    run(tmp_path / "x.wav", "-o", tmp_path / "out", "--device", "sp404sx", status=2)
    run(tmp_path / "x.wav", "-o", tmp_path / "out", "--device", "none", status=2)
    run(tmp_path / "x.wav", "-o", tmp_path / "x.wav", "--device", "generic", status=2)
    assert not (tmp_path / "out").exists()


def test_what_exists_is_not_replaced_unasked_and_never_the_source(kit, tmp_path) -> None:
    out = tmp_path / "out"
    run(kit, "-o", out, "--device", "sp404sx")
    first = {p: p.read_bytes() for p in out.rglob("*.wav")}
    assert "--force" in run(kit, "-o", out, "--device", "sp404sx", status=2).stderr
    run(kit, "-o", out, "--device", "sp404sx", "--force")
    assert {p: p.read_bytes() for p in out.rglob("*.wav")} == first
    assert (
        "overwrite itself"
        in run(kit / "plain.wav", "-o", kit, "--device", "sp404sx", "--force", status=2).stderr
    )


def test_a_coded_file_cut_short_is_told_and_leaves_nothing_half_written(tmp_path) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (90_000, 2))
    data = sound_file(noise, container="FLAC", subtype="PCM_16")
    (tmp_path / "cut.flac").write_bytes(data[: len(data) // 2])
    (tmp_path / "head.flac").write_bytes(data[:90])
    (tmp_path / "whole.flac").write_bytes(data)
    out = tmp_path / "out"
    files = [tmp_path / f"{name}.flac" for name in ("cut", "head", "whole")]
    document = json.loads(run(*files, "-o", out, "--device", "sp404sx", "--json", status=1).stdout)
    cut, head, whole = document["files"]
    assert (head["action"], whole["action"], whole["frames"]) == ("failed", "converted", 90_000)
    assert (
        "copy it again" in cut["error"] if cut["action"] == "failed" else "end is missing" in cut["notes"][-1]
    )
    assert {p.name for p in out.iterdir()} == {one["output"] for one in document["files"] if one["output"]}
