"""The JSON document of every kind of card keeps to the published schema."""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path

import pytest
from check_cards import CASES, sx_card, wav
from click.testing import CliRunner
from json_schema import KNOWN, SCHEMA, violations, words

from sim.cli import cli

PARTITIONED = struct.pack("<446xB3xB3xII48xH", 0, 0x0C, 2048, 6000, 0xAA55)
NO_CARDS = {
    "blank": bytes(1 << 20),
    "blank-partition": PARTITIONED + bytes(4 << 20),
    "exfat": b"\xeb\x76\x90EXFAT   ".ljust(510, b"\0") + b"\x55\xaa" + bytes(1 << 20),
    "wave": wav(),
    "text": b"words\n" * 1000,
    "empty": b"",
}
ONE_BY_ONE = {"over-capacity", "too-long"}  # gigabytes, though on paper


def document(*arguments: object) -> dict:
    result = CliRunner().invoke(cli, ["check", *map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code in (0, 1), result.output
    made = json.loads(result.stdout)
    assert not violations(made, SCHEMA)
    assert sum(made["counts"].values()) == len(made["findings"])
    worst = next((name for name in ("error", "warning") if made["counts"][name]), "note")
    assert made["verdict"] == {"error": "errors", "warning": "warnings", "note": "ok"}[worst]
    return made


def test_the_judge_knows_every_word_of_the_schema() -> None:
    assert words(SCHEMA) <= KNOWN
    assert violations({"quick": 1}, SCHEMA)
    assert violations({"plan": {"counts": {"keep": True}}}, SCHEMA)


@pytest.mark.parametrize("name", CASES)
def test_every_card_with_a_flaw(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    folder = case.write(tmp_path)
    quick = document(folder, "--device", case.device, "--quick")
    assert quick["voices"] == []
    if name not in ONE_BY_ONE:
        assert "plan" in document(folder, "--device", case.device, "--plan", "--strict", "--quick")


@pytest.mark.parametrize("name", NO_CARDS)
@pytest.mark.parametrize("device", [None, "sp404sx", "sp404mk2"])
def test_what_is_no_card(name: str, device: str | None, tmp_path: Path) -> None:
    path = tmp_path / "card.img"
    path.write_bytes(NO_CARDS[name])
    made = document(path, *(("--device", device) if device else ()))
    assert made["verdict"] == "errors"


def test_names_of_every_kind(tmp_path: Path) -> None:
    folder = tmp_path / "IMPORT"
    folder.mkdir()
    for name in (
        b"\xff\xfe.wav",
        "\U0001f941\u200d.wav".encode(),
        "\u05e9\u202e.wav".encode(),
        b"a\nb\x07.wav",
    ):
        try:
            Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(wav())
        except OSError:
            continue  # the file system takes Unicode only
    assert document(tmp_path, "--device", "sp404mk2")["findings"]


def test_a_damaged_image_and_its_correction(tmp_path: Path) -> None:
    for path, data in sx_card().items():
        (tmp_path / "card" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "card" / path).write_bytes(data)
    image = tmp_path / "card.img"
    new = ["card", "new", str(image), "--size", "64M", "--from", str(tmp_path / "card")]
    assert CliRunner().invoke(cli, new).exit_code == 0
    assert document(image)["kind"] == "image"
    data = bytearray(image.read_bytes())
    start = struct.unpack_from("<I", data, 454)[0] * 512
    at = start + struct.unpack_from("<H", data, start + 14)[0] * 512
    data[at + 12 : at + 512] = bytes(500)
    image.write_bytes(data)
    made = document(image, "--fix", tmp_path / "fixed.img")
    assert {"plan", "fixed"} <= set(made)
    assert {one["id"] for one in made["findings"]} >= {"fat-copies-differ"}


def test_a_real_project(device_files: Path, tmp_path: Path) -> None:
    shutil.copytree(device_files / "sp404/mk2_project", tmp_path / "EXPORT/PROJECT/PROJECT_08")
    made = document(tmp_path)
    assert made["device"] == "sp404mk2"
    assert made["counts"]["error"] == 0
