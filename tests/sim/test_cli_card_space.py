"""``benchpad card fragment``, ``defrag`` and ``map``: what they print, write and return."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from sdcard_image import Item, build_image, open_card
from sim.cli import cli


def run(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(cli, ["card", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.output if status == 0 else result.stderr


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "kit.img"
    items = [Item(f"/A/sample {n}.wav", bytes([n]) * 20_000) for n in range(9)]
    build_image(path, items, size_bytes=64 << 20, label="KIT")
    return path


def contents(path) -> dict[str, bytes]:
    card = open_card(path)
    found = {e.path: card.read(e.path) for e in card.walk() if not e.is_dir}
    card.close()
    return found


def test_there_and_back(image, tmp_path) -> None:
    before, data = contents(image), image.read_bytes()
    shown = run("fragment", image, "-o", tmp_path / "worn.img")
    assert "9 pieces before, 360 pieces now" in shown
    assert image.read_bytes() == data
    document = json.loads(run("defrag", tmp_path / "worn.img", "-o", tmp_path / "again.img", "--json"))
    assert (document["extents_before"], document["extents_after"], document["left"]) == (360, 9, [])
    assert contents(tmp_path / "worn.img") == contents(tmp_path / "again.img") == before
    run("defrag", tmp_path / "worn.img")
    assert contents(tmp_path / "worn.img") == before
    info = json.loads(run("info", tmp_path / "worn.img", "--json"))
    assert info["fragments_per_file"] == 1.0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again.img", "kit.img", "worn.img"]


def test_fragmenting_in_place_replaces_the_image_whole(image) -> None:
    before = contents(image)
    run("fragment", image, "--extent-clusters", 4, "--seed", 2)
    assert contents(image) == before
    assert json.loads(run("info", image, "--json"))["fragments_per_file"] == 10.0


def test_the_map(image) -> None:
    document = json.loads(run("map", image, "--json"))
    assert document["counts"]["file"] == 360
    assert sum(count for _, count, _ in document["runs"]) == document["clusters"]
    shown = run("map", image)
    assert "█" in shown
    assert "9 files in 9 pieces, 0 of them fragmented" in shown


def test_wrong_input_is_told_in_a_sentence(image, tmp_path) -> None:
    assert "folder" in run("defrag", tmp_path, status=2)
    assert "folder" in run("map", tmp_path, status=2)
    (tmp_path / "there.img").write_bytes(b"precious")
    assert "--force" in run("fragment", image, "-o", tmp_path / "there.img", status=2)
    assert "no FAT32" in run("defrag", tmp_path / "there.img", status=2)
    assert (tmp_path / "there.img").read_bytes() == b"precious"
    assert not list(tmp_path.glob(".*part"))


@pytest.mark.parametrize(
    ("lost", "advice"),
    [
        (0, "free some space and try again"),
        (1, "1 cluster belongs to no file"),
        (12, "12 clusters belong to no file, as after a run cut short; let 'benchpad card repair' find them"),
    ],
)
def test_what_to_do_for_more_room(lost: int, advice: str) -> None:
    from sim.cli.card_space import _advice  # noqa: PLC0415  the sentence alone

    assert advice in _advice({"lost_clusters": lost})
