"""The panel of `benchpad play`, as a program of its own: its address, its password, its card."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from fake_session import tone_folder

from sim.panel import change

ROOT = Path(__file__).resolve().parents[2]
PLAY = (sys.executable, "-m", "sim", "play")
QUIET = ("--no-browser", "--panel", "0", "--audio", "none", "--midi-api", "none")


def play(card: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*PLAY, str(card), *QUIET, *options]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )


def test_no_command_line_shows_the_token(tmp_path) -> None:
    kept, browser = tmp_path / "kept", tmp_path / "browser"
    code = f"""#!{sys.executable}
import os, pathlib, stat, sys, urllib.parse, urllib.request
path = urllib.parse.unquote(urllib.parse.urlsplit(sys.argv[1]).path)
text = pathlib.Path(path).read_text()
out = [sys.argv[1], oct(stat.S_IMODE(os.stat(path).st_mode)), text, path]
pathlib.Path({str(kept)!r}).write_text("\\0".join(out))
"""
    browser.write_text(code)
    browser.chmod(0o755)
    options = [one for one in QUIET if one != "--no-browser"]
    done = subprocess.run(
        [*PLAY, str(tone_folder(tmp_path / "kit")), *options, "--seconds", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "BROWSER": f"{browser} %s"},
    )
    given, mode, text, path = kept.read_text().split("\0")
    address = done.stdout.splitlines()[0]
    assert "token" not in given
    assert given.startswith("file:///")
    assert mode == "0o600"
    assert f'url={address}"' in text
    assert not Path(path).exists()


def test_the_first_line_is_an_address_that_works(tmp_path) -> None:
    command = [*PLAY, str(tone_folder(tmp_path / "kit")), *QUIET, "--seconds", "20"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        root, _, token = address.partition("/?token=")
        assert root.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{root}/api/status?token={token}", timeout=10) as answer:
            assert json.load(answer)["device"] == "generic"
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert b"<!doctype html" in answer.read().lower()
    finally:
        process.terminate()
        rest = process.communicate(timeout=20)[0]
    assert process.returncode == 0, rest


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--panel-host", "0.0.0.0"], "--panel-password"),
        (["--panel-host", "0.0.0.0", "--panel-password", "short"], "too short"),
        (["--panel-host", "no.invalid", "--panel-password", "long enough"], "no address no.invalid"),
    ],
)
def test_what_is_refused_in_one_sentence(tmp_path, options, says) -> None:
    done = play(tone_folder(tmp_path / "kit"), "--seconds", "1", *options)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_a_cut_off_change_is_settled_before_the_boot(tmp_path) -> None:
    kit = tone_folder(tmp_path / "kit")
    (kit / change.FOLDER[1:]).mkdir()
    (kit / change.FOLDER[1:] / "0").write_bytes(b"half a sample")
    done = play(kit, "--seconds", "0.1")
    assert done.returncode == 0
    assert (kit / change.FOLDER[1:]).exists()  # opened for reading, a card stays as it is
    done = play(kit, "--seconds", "0.1", "--writable")
    assert done.returncode == 0
    assert "settled" in done.stderr
    assert not (kit / change.FOLDER[1:]).exists()
