"""Playing through a real audio server: what another program captures is what offline rendering gives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from live_kit import RATE, live_card, rendered

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
    found = played(jack_server, tmp_path, card, *options)
    status = found["status"]
    assert status["audio"]["backend"] == "portaudio"
    assert "JACK" in status["audio"]["device"]
    assert (status["audio"]["rate"], status["audio"]["block"]) == (RATE, 128)
    assert status["underruns"] == 0
    assert status["audio"]["late_events"] == 0, "the machine was too busy to place events exactly"
    offline = rendered(card, tmp_path / "take.mid", tmp_path / "offline.wav", ("--rate", str(RATE)))
    take, _ = soundfile.read(tmp_path / "take.wav", dtype="float32")
    begin = np.flatnonzero(offline.any(axis=1))[0]
    heard = captured(tmp_path / "captured.npz")
    length = min(len(heard), len(take) - begin)  # the take ends where the program did
    assert length > RATE
    assert np.array_equal(heard[:length], offline[begin : begin + length])
    assert np.array_equal(take[: begin + length], offline[: begin + length])


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
