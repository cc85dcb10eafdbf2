"""docs/export.md is complete, and its example works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile as sf
from click.testing import CliRunner

from librarian import kit
from sim.cli import cli

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "export.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("table", "keys"),
    [("[kit]", kit._KIT), ("[bank.X]", kit._BANK), ("[pad.X1]", kit._PAD), ("[pattern.X1]", kit._PATTERN)],
)
def test_every_key_is_documented(table, keys) -> None:
    section = TEXT.split(f"| `{table}` |")[1].split("\n\n")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(first_cells))) == set(keys)


@pytest.mark.parametrize("device", ["sp404sx", "sp404mk2"])
def test_the_example_works(tmp_path, device) -> None:
    example = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert example
    source = tmp_path / "kit"
    (source / "drums").mkdir(parents=True)
    (source / "kit.toml").write_text(example[1], "utf-8")
    for name in ("drums/kick.wav", "drums/snare.wav", "hat.flac"):
        sf.write(source / name, np.zeros((22_050, 2)), 44_100)
    song = mido.MidiFile()
    song.tracks.append(
        mido.MidiTrack([mido.Message("note_on", note=36), mido.Message("note_off", note=36, time=9)])
    )
    song.save(source / "beat.mid")
    arguments = ["export", "--device", device, "--from", str(source), "-o", str(tmp_path / "card"), "--json"]
    told = json.loads(CliRunner().invoke(cli, arguments, catch_exceptions=False).stdout)
    assert told["booted"] == ["A1", "A2", "A3"]
    assert len(told["patterns"]) == 1
