"""Playing through a real audio server: what another program captures is what offline rendering gives."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from live_kit import RATE, live_card, rendered

from benchmarks import jack_server as servers

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> Path:
    return live_card(tmp_path_factory.mktemp("jack") / "kit.img")


def played(jack_server, tmp_path: Path, card: Path, *options: str) -> dict:
    """Play through the server for two seconds, captured by another program."""
    files = ("--record", tmp_path / "take.wav", "--record-midi", tmp_path / "take.mid")
    with jack_server.start("live_player.py", card, "2", *files, *options) as player:
        with jack_server.capture(2.5, tmp_path / "captured.npz") as capturer:
            out, errors = player.communicate("\n", timeout=60)
            capturer.communicate(timeout=60)
        assert capturer.returncode == 0
    assert (player.returncode, errors) == (0, "")
    return json.loads(out)


@pytest.mark.parametrize("options", [(), ("--busy",)], ids=["", "while Python is busy"])
def test_what_is_captured_is_what_rendering_gives(jack_server, captured, card, tmp_path, options):
    for _ in range(3):  # a busy machine may place an event late: then that take is not exact, and says so
        status = played(jack_server, tmp_path, card, *options)["status"]
        if status["audio"]["late_events"] == 0:
            break
    assert status["audio"]["backend"] == "portaudio"
    assert "JACK" in status["audio"]["device"]
    assert (status["audio"]["rate"], status["audio"]["block"]) == (RATE, 128)
    assert status["underruns"] == 0
    assert status["audio"]["late_events"] == 0, "the machine was too busy, three times"
    offline = rendered(card, tmp_path / "take.mid", tmp_path / "offline.wav", ("--rate", str(RATE)))
    take, _ = soundfile.read(tmp_path / "take.wav", dtype="float32")
    begin = np.flatnonzero(offline.any(axis=1))[0]
    heard = captured(tmp_path / "captured.npz")
    length = min(len(heard), len(take) - begin)  # the take ends where the program did
    assert length > RATE // 2
    assert np.array_equal(heard[:length], offline[begin : begin + length])
    assert np.array_equal(take[: begin + length], offline[: begin + length])


@pytest.mark.parametrize("wait_s", [0.0, 8.0], ids=["ended at once", "played on"])
def test_a_server_that_is_gone_costs_the_sound_and_nothing_else(require_tool, card, tmp_path, wait_s):
    wav, pipe = tmp_path / "take.wav", subprocess.PIPE
    command = [sys.executable, "-m", "sim", "play", str(card), "--no-browser", "--panel", "0"]
    command += ["--midi-api", "none", "--record", str(wav), "--json"]
    with (
        servers.jack_server(require_tool("jackd")) as server,
        subprocess.Popen(
            command, env=server.environment, cwd=ROOT, stdout=pipe, stderr=pipe, text=True
        ) as player,
    ):
        assert player.stdout.readline().startswith("http://")
        time.sleep(1.0)
        server.process.kill()
        time.sleep(wait_s)
        player.terminate()
        out, errors = player.communicate(timeout=20)
    status = json.loads(out)
    assert player.returncode == 0
    assert (status["audio"]["backend"], bool(errors)) == (("none", True) if wait_s else ("portaudio", False))
    assert soundfile.info(wav).frames == pytest.approx(status["seconds"] * RATE, abs=RATE // 2)
    assert soundfile.info(wav).frames > RATE // 2


def test_devices_names_the_server_and_play_stays_quiet(jack_server):
    command = [sys.executable, "-m", "sim", "devices", "--json"]
    done = subprocess.run(
        command, env=jack_server.environment, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    audio, midi = found["audio"], found["midi"]
    assert (midi["own"], midi["note"]) == ("Benchpad", "")
    assert [one["api"] for one in audio["devices"] if one["index"] == audio["used"]] == [
        "JACK Audio Connection Kit"
    ]
