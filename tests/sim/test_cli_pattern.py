"""``benchpad pattern``: files in, files out, and what is refused."""

from __future__ import annotations

import json

from click.testing import CliRunner

from sim.cli import cli


def run(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(cli, ["pattern", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout if status == 0 else result.stderr


def test_a_real_pattern_to_midi_to_the_sx_and_back(device_files, tmp_path) -> None:
    real = device_files / "sp404/mk2_project/PTN/PTN00009.BIN"
    midi, sx, back = (tmp_path / name for name in ("beat.mid", "PTN00001.BIN", "back.bin"))
    assert "16 notes in 1 bar (sp404mk2)" in run(real, midi)
    told = json.loads(run(midi, back, "--json"))
    assert (told["device"], told["bars"], told["notes"], told["remarks"]) == ("sp404mk2", 1, 16, [])
    assert back.read_bytes() == real.read_bytes()
    run(midi, sx, "--device", "sp404sx")
    assert "16 notes" in run(sx, back, "--device", "sp404mk2", "--force")


def test_refusals_leave_nothing(device_files, tmp_path) -> None:
    real = device_files / "sp404/mk2_project/PTN/PTN00009.BIN"
    out = tmp_path / "x.mid"
    assert "the ending says" in run(real, tmp_path / "x.wav", status=2)
    assert "neither a MIDI file" in run(__file__, out, status=2)
    assert "no such file" in run(tmp_path / "none", out, status=2)
    assert "is no file" in run(tmp_path, out, status=2)
    assert list(tmp_path.iterdir()) == []
    run(real, out)
    before = out.read_bytes()
    assert "--force" in run(real, out, status=2)
    assert out.read_bytes() == before
