"""``benchpad play`` and ``benchpad devices`` as programs: first line, signals, files, exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile
from live_kit import live_card

from sim.midifile import parse_midi

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> Path:
    return live_card(tmp_path_factory.mktemp("play") / "kit.img")


@contextmanager
def playing(card: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[tuple]:
    """The program, and the first line that it printed."""
    command = [sys.executable, "-m", "sim", "play", str(card), "--no-browser", "--panel", "0"]
    command += ["--midi-api", "none", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=environment or dict(os.environ), stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_it_stops_by_itself_and_its_files_are_whole(card, tmp_path):
    wav, midi = tmp_path / "take.wav", tmp_path / "take.mid"
    files = ("--record", str(wav), "--record-midi", str(midi))
    with playing(card, "--audio", "none", "--seconds", "1.5", *files) as (process, address):
        assert address.startswith("http://127.0.0.1:")
        assert "/?token=" in address
        with urllib.request.urlopen(address.replace("/?", "/api/status?"), timeout=5) as answer:
            status = json.load(answer)
        out, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")
    assert status["audio"]["backend"] == "none"
    assert out.splitlines()[-1].startswith("played 1.5 s; underruns of the card 0, ")
    assert soundfile.info(wav).frames == round(1.5 * status["audio"]["rate"])
    assert parse_midi(midi.read_bytes(), 48_000) == []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["take.mid", "take.wav"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_good_order(card, tmp_path, number):
    wav = tmp_path / "take.wav"
    with playing(card, "--audio", "none", "--record", str(wav)) as (process, address):
        assert address
        time.sleep(0.5)
        assert not wav.exists()
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")
    assert soundfile.info(wav).frames > 10_000
    assert [one.name for one in tmp_path.iterdir()] == ["take.wav"]


def test_without_an_audio_device_it_says_so_in_one_line_and_goes_on(card):
    environment = {**os.environ, "JACK_DEFAULT_SERVER": "benchpad-none", "JACK_NO_START_SERVER": "1"}
    script = "from sim.live import devices; print(len(devices.output_devices()))"
    found = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, cwd=ROOT, check=False
    )
    if found.returncode == 0 and found.stdout.strip() != "0":
        pytest.skip("this machine has an audio device")
    with playing(card, "--seconds", "0.3", environment=environment) as (process, address):
        assert address.startswith("http://")
        _out, errors = process.communicate(timeout=20)
        assert process.returncode == 0
    assert errors.count("\n") == 1
    assert "--audio browser" in errors
    with playing(card, "--audio", "portaudio", environment=environment) as (process, address):
        assert address == ""
        _out, errors = process.communicate(timeout=20)
        assert process.returncode == 3
    assert errors.startswith("benchpad: ")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--record", "{card}"), "would replace an input"),
        (("--record", "{folder}/a.wav", "--record-midi", "{folder}/a.wav"), "the same file"),
        (("--record", "{folder}/none/a.wav"), "no such file or directory"),
        (("--card", "nonsense"), "no card preset"),
        (("--ram", "1"), "too few"),
        (("--panel-host", "0.0.0.0"), "password"),
        (("--faults", "{folder}/writes.toml"), "render plays such a script"),
        (("--mirror", "{folder}/none.img"), "none.img"),
        (("--swap", "{folder}/none.img"), "none.img"),
        (("--faults", "{folder}/spike.toml", "--record", "{folder}/spike.toml"), "would replace an input"),
        (("--card", "{folder}/slow.toml", "--record-midi", "{folder}/slow.toml"), "would replace an input"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(card, tmp_path, options, said):
    (tmp_path / "writes.toml").write_text('[[write]]\nat_s = 1\npath = "/x.bin"\nsize = 10\n')
    (tmp_path / "spike.toml").write_text('[[fault]]\nkind = "spike"\nat_s = 1\nms = 5\n')
    (tmp_path / "slow.toml").write_text("command_us = 500.0\nread_mb_per_s = 10.0\n")
    before = {one: one.read_bytes() for one in tmp_path.iterdir()}
    made = [one.format(card=card, folder=tmp_path) for one in options]
    with playing(card, "--audio", "none", *made) as (process, address):
        _, errors = process.communicate(timeout=20)
        assert (address, process.returncode) == ("", 2)
    assert said in errors
    assert errors.count("\n") == 1
    assert {one: one.read_bytes() for one in tmp_path.iterdir()} == before


def test_one_session_at_a_time_writes_to_a_card(card):
    with playing(card, "--audio", "none", "--writable") as (_, address):
        assert address.startswith("http://")
        with playing(card, "--audio", "none", "--writable") as (second, nothing):
            _, errors = second.communicate(timeout=20)
            assert (nothing, second.returncode) == ("", 2)
        assert "open for writing in another session" in errors
        assert errors.count("\n") == 1
        with playing(card, "--audio", "none", "--seconds", "0.1") as (third, first):
            assert first.startswith("http://")
            assert third.wait(20) == 0


def test_a_fault_script_is_played(card, tmp_path):
    script = tmp_path / "faults.toml"
    script.write_text(
        '[[fault]]\nkind = "remove"\nat_s = 0.2\nfor_s = 0.2\n\n[[random]]\nkind = "spike"\nevery_s = 0.1\n'
    )
    with playing(card, "--audio", "none", "--faults", str(script), "--seconds", "3") as (process, address):
        time.sleep(1.0)
        with urllib.request.urlopen(address.replace("/?", "/api/status?"), timeout=5) as answer:
            status = json.load(answer)
        process.communicate(timeout=20)
        assert process.returncode == 0
    assert "faults" in status["card"]


def test_a_program_gets_the_status_at_the_end(card):
    with playing(card, "--audio", "none", "--seconds", "0.4", "--json") as (process, address):
        out, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")
    assert address.startswith("http://")
    assert json.loads(out)["audio"]["rate"] == 48_000


def test_devices_for_programs():
    done = subprocess.run(
        [sys.executable, "-m", "sim", "devices", "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert {"devices", "used", "note"} <= set(found["audio"])
    assert found["audio"]["devices"] or found["audio"]["note"]
    assert {"api", "inputs", "own", "note"} <= set(found["midi"])
    assert found["midi"]["api"] or found["midi"]["note"]
