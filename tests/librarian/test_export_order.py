"""An exported card and a copy of its files give the same image."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from audio_files import sound_file
from click.testing import CliRunner

from sim.cli import cli


def run(*arguments: object) -> None:
    result = CliRunner().invoke(cli, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("device", ["sp404sx", "sp404mk2"])
def test_image_to_folder_to_image_changes_nothing(tmp_path, device) -> None:
    tone = 0.5 * np.sin(np.arange(9_000) * 0.06)[:, None]
    for name in ("A/kick", "A/snare", "B/hat"):
        source = tmp_path / "source" / f"{name}.wav"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(sound_file(tone))
    first, again, copied = (tmp_path / f"{name}.img" for name in ("first", "again", "copied"))
    run("export", "--size", "64M", "--device", device, "--from", tmp_path / "source", "-o", first)
    run("card", "get", first, "/", "-r", "-o", tmp_path / "got")
    run("export", "--size", "64M", "--device", device, "--from", first, "-o", again)
    run("export", "--size", "64M", "--device", device, "--from", tmp_path / "got", "-o", copied)
    assert digest(first) == digest(again) == digest(copied)
