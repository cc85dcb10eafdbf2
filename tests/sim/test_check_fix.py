"""What the catalogue says that ``--fix`` does, it does; and the command around it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from card_damage_tools import hurt_fats, image_of
from check_cards import CASES, Case, imported, mk2_card, sx_card, sx_wav, wav, wave
from click.testing import CliRunner

from firmware.findings import catalogue
from firmware.formats import pad_info
from sdcard_image import open_card
from sdcard_image.repair import RepairReport, repair_image
from sim.check import Options, run_check
from sim.check.fixing import make_fixed
from sim.cli import cli

FIXABLE = [name for name in CASES if catalogue()[name].fixable]


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


WAVS = {f"IMPORT/s{n:02}.wav": wav(wave(9_000 + n)) for n in range(20)}


@pytest.mark.parametrize("value", [0x0765_4321, 5])
def test_files_that_a_repair_saves_are_not_left_out(value: int, tmp_path: Path) -> None:
    image = image_of(tmp_path / "hurt.img", WAVS)
    hurt_fats(image, [f"/{name}" for name in list(WAVS)[::3]], value, copies=(0,))
    before = image.read_bytes()
    plan = check(image, "--device", "sp404mk2", "--plan", status=1)
    assert "repaired copy, with 20 of 20 whole" in plan
    assert "drop " not in plan
    text = check(image, "--device", "sp404mk2", "--fix", tmp_path / "fixed.img")
    assert "repaired copy, with 20 of 20 whole" in text
    card = open_card(tmp_path / "fixed.img")
    assert {e.path[1:]: card.read(e.path) for e in card.walk() if not e.is_dir} == WAVS
    card.close()
    assert image.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fixed.img", "hurt.img"]


def test_what_cannot_be_saved_is_an_error_and_its_pad_is_emptied(tmp_path: Path) -> None:
    files = sx_card()
    folder = "ROLAND/SP-404SX/SMPL"
    first = next(name for name in files if name.endswith("A0000001.WAV"))
    image = image_of(tmp_path / "hurt.img", {**files, f"{folder}/B0000001.WAV": sx_wav(pad=12)})
    hurt_fats(image, [f"/{first}"], 0, copies=(0, 1), step=0)
    data = bytearray(image.read_bytes())
    slot, content = data.find(b"A0000001WAV"), data.find(files[first])
    data[slot + 26 : slot + 28] = data[slot + 20 : slot + 22] = b"\0\0"
    data[content : content + len(files[first])] = bytes(len(files[first]))
    image.write_bytes(data)
    out = tmp_path / "fixed.img"
    document = json.loads(check(image, "--device", "sp404sx", "--fix", out, "--json", status=1))
    assert document["fixed"]["verdict"] == "errors"
    card = open_card(out)
    assert not card.exists(f"/{first}")
    assert pad_info.parse(card.read(f"/{folder}/PAD_INFO.BIN"))[0].is_empty
    card.close()


def test_a_file_that_is_saved_in_part_is_an_error(tmp_path: Path) -> None:
    image = image_of(tmp_path / "hurt.img", WAVS)
    with image.open("r+b") as file:
        file.truncate(image.read_bytes().find(WAVS["IMPORT/s19.wav"]) + 9_000)
    text = check(image, "--device", "sp404mk2", "--fix", tmp_path / "fixed.img", status=1)
    assert "with 19 of 20 whole" in text
    assert "cut      /IMPORT/s19.wav" in text
    assert "ERRORS: 1 error," in text


def test_a_file_that_was_put_together_by_guess_is_a_warning(tmp_path: Path, monkeypatch) -> None:
    image = image_of(tmp_path / "hurt.img", WAVS)
    for step in range(1, 20):
        hurt_fats(image, ["/IMPORT/s00.wav"], 0, copies=(0, 1), step=step)

    def guessing(*arguments: Any, **options: Any) -> RepairReport:
        report = repair_image(*arguments, **options)
        files = [replace(f, sure="guess") if f.path == "/IMPORT/s00.wav" else f for f in report.files]
        return replace(report, files=files)

    monkeypatch.setattr("sim.check.fixing.repair_image", guessing)
    text = check(image, "--device", "sp404mk2", "--fix", tmp_path / "fixed.img")
    assert "repaired /IMPORT/s00.wav (guess" in text
    assert "OK, WITH WARNINGS: 0 errors, 1 warning," in text


def test_a_repair_is_not_begun_where_the_copy_exists(tmp_path: Path) -> None:
    image = image_of(tmp_path / "hurt.img", WAVS)
    hurt_fats(image, ["/IMPORT/s00.wav"], 0x0765_4321, copies=(0,))
    (tmp_path / "out.img").write_bytes(b"precious")
    assert "exists already" in check(image, "--fix", tmp_path / "out.img", status=2)
    assert (tmp_path / "out.img").read_bytes() == b"precious"


def test_a_stray_sample_needs_no_pad_in_its_chunk(tmp_path: Path) -> None:
    folder = Case("sp404sx", sx_card(KICK_WAV=wav(), A0000002_WAV=wav())).write(tmp_path / "in")
    found = {one.path.rpartition("/")[2] for one in run_check(folder).findings if one.id == "rlnd-missing"}
    assert found == {"A0000002.WAV"}
    _, _, after = make_fixed(run_check(folder, options=Options(strict=True)), tmp_path / "out")
    assert "rlnd-missing" not in {one.id for one in after.findings}
