"""``benchpad card repair`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sdcard_image import Item, build_image, open_card
from sim.cli import cli

DATA = bytes(range(256)) * 30


def _type(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["card", "repair", *map(str, arguments)])


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A card whose boot sector is wrong."""
    image = tmp_path / "broken.img"
    build_image(image, [Item("/a/kick.wav", DATA)], size_bytes=48 << 20, partition=False)
    _poke(image, 13, b"\x40")
    return image


def _poke(image: Path, at: int, data: bytes) -> None:
    with image.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_a_copy(broken: Path, tmp_path: Path) -> None:
    before = broken.read_bytes()
    done = _type(broken, "-o", tmp_path / "out.img", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["clean"] is True
    assert document["files"] == [{"path": "/a/kick.wav", "state": "whole", "why": "", "sure": "certain"}]
    assert document["recovered"] == []
    assert document["system"] == ["the boot sector is wrong in: sectors per cluster",
                                  "the boot sector and its backup are not the same"]  # fmt: skip
    assert broken.read_bytes() == before
    card = open_card(tmp_path / "out.img")
    assert card.read("/a/kick.wav") == DATA
    card.close()


def test_in_place_and_back(broken: Path, tmp_path: Path) -> None:
    before = broken.read_bytes()
    done = _type(broken, "--in-place", "--undo", tmp_path / "undo")
    assert done.exit_code == 0, done.output
    assert "clean; 1 whole" in done.stdout
    assert broken.read_bytes() != before
    undone = _type(broken, "--undo-with", tmp_path / "undo")
    assert undone.exit_code == 0, undone.output
    assert broken.read_bytes() == before


def test_what_is_lost_is_said_and_is_status_1(broken: Path, tmp_path: Path) -> None:
    fixed = tmp_path / "fixed.img"
    _type(broken, "-o", fixed)
    reader = open_card(fixed)
    [extent] = reader.extents("/a/kick.wav")
    reader.close()
    folder = extent.offset - 512
    entry = fixed.read_bytes()[folder : folder + 512].index(b"KICK")
    _poke(fixed, folder + entry + 28, (900_000).to_bytes(4, "little"))
    done = _type(fixed, "-o", tmp_path / "again.img")
    assert done.exit_code == 1, done.output
    assert "cut" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["--in-place"], ["--undo", "u"], ["-o", "x", "--undo-with", "u"]])
def test_usage(arguments: list[str], broken: Path) -> None:
    done = _type(broken, *arguments)
    assert done.exit_code == 2
    assert "--in-place" in done.stderr


def test_what_is_no_card_is_status_2(tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_bytes(b"RIFF" + bytes(5000))
    done = _type(tmp_path / "song.wav", "-o", tmp_path / "out.img")
    assert done.exit_code == 2
    assert "RIFF" in done.stderr
    assert not (tmp_path / "out.img").exists()


def test_an_undo_file_that_is_cut_short(broken: Path, tmp_path: Path) -> None:
    assert _type(broken, "--in-place", "--undo", tmp_path / "undo").exit_code == 0
    after = broken.read_bytes()
    data = (tmp_path / "undo").read_bytes()
    (tmp_path / "undo").write_bytes(data[:-1])
    undone = _type(broken, "--undo-with", tmp_path / "undo")
    assert undone.exit_code == 2
    assert "is cut short: what it holds is sound up to byte" in undone.stderr
    assert broken.read_bytes() == after
