"""What the catalogue says that ``--fix`` does, it does; and the command around it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from check_cards import CASES, Case, imported, mk2_card, sx_card, wav, wave
from click.testing import CliRunner

from firmware.findings import catalogue
from sim.check import Options, run_check
from sim.check.fixing import make_fixed
from sim.cli import cli

# odd-chunk is fixed where the audio can be found, which it cannot in that case.
FIXABLE = [name for name in CASES if catalogue()[name].fixable and name != "odd-chunk"]


def check(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(cli, ["check", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout if status in (0, 1) else result.stderr


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", FIXABLE)
def test_what_is_fixable_is_fixed(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    folder = tmp_path / "in"
    folder.mkdir()
    before = digest(case.write(folder))
    report = run_check(folder, case.device, Options(quick=name != "over-full-scale"))
    _, _, after = make_fixed(report, tmp_path / "out")
    assert after.verdict != "errors"
    assert name not in {one.id for one in after.findings}
    assert digest(folder) == before


def test_the_command_fixes_and_checks_again(tmp_path: Path) -> None:
    card = imported("Schl\u00e4ger.wav", wav(wave(4410), 44_100, "FLOAT")).write(tmp_path / "card")
    out = tmp_path / "fixed.img"
    check(card, "--device", "sp404mk2", status=1)
    text = check(card, "--device", "sp404mk2", "--plan", status=1)
    assert "Schl\u00e4ger.wav -> " in text
    assert not out.exists()
    document = json.loads(check(card, "--device", "sp404mk2", "--fix", out, "--json"))
    assert document["verdict"] == "errors"
    assert document["fixed"]["verdict"] != "errors"
    assert document["fixed"]["converted"] == 1
    assert "exists already" in check(card, "--device", "sp404mk2", "--fix", out, status=2)
    check(card, "--device", "sp404mk2", "--fix", out, "--force")
    assert "the card itself" in check(out, "--fix", out, "--force", status=2)
    assert "ok" in json.loads(check(out, "--json"))["verdict"]


@pytest.mark.parametrize(("device", "files"), [("sp404sx", sx_card()), ("sp404mk2", mk2_card())])
def test_a_good_card_stays_bit_for_bit(device: str, files: dict[str, bytes], tmp_path: Path) -> None:
    folder = Case(device, files).write(tmp_path / "in")
    make_fixed(run_check(folder), tmp_path / "out")
    assert digest(tmp_path / "out") == digest(folder)


def test_what_does_not_mount_is_said(tmp_path: Path) -> None:
    image = tmp_path / "x.img"
    image.write_bytes(bytes(1 << 20))
    assert "no FAT32 card" in check(image, "--fix", tmp_path / "y.img", status=2)
