"""What the boot sectors still say when the top folder is lost, and files beyond the end of a cut image."""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from sdcard_image import Item, build_image, open_card
from sdcard_image.repair import repair_image
from sdcard_image.volume import Volume

LOST = {"zeros": bytes(512), "ones": b"\xff" * 512, "noise": bytes((i * 37 + 11) % 256 for i in range(512))}
FILES = {
    f"{bank}{i:02d}.wav": bytes([i + 1, ord(bank)]) * (1_500 * i + 5) for bank in "AB" for i in range(10)
}


def judged(image: Path, offset: int, fsck: str) -> str:
    volume = image.with_suffix(".volume")
    with image.open("rb") as source, volume.open("wb") as target:
        source.seek(offset)
        target.write(source.read())
    result = subprocess.run([fsck, "-n", volume], capture_output=True, text=True, check=False)
    return result.stdout if result.returncode else ""


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("partition", [True, False])
def test_the_layout_is_not_guessed_anew(tmp_path: Path, require_tool, lost: str, partition: bool) -> None:
    image, mended = tmp_path / "card.img", tmp_path / "mended.img"
    items = [Item(f"/{name[0]}/{name}", data) for name, data in FILES.items()]
    build_image(image, items, size_bytes=48 << 20, partition=partition)
    with closing(open_card(image)) as card:
        assert isinstance(card, Volume)
        offset, boot, root = card.offset, card.boot, card.cluster_offset(card.boot.root_cluster)
    with image.open("r+b") as file:
        file.seek(root)
        file.write(LOST[lost])
    repair_image(image, mended)
    with closing(open_card(mended)) as card:
        assert isinstance(card, Volume)
        assert (card.offset, card.boot.clusters) == (offset, boot.clusters)
        assert card.boot.cluster_bytes == boot.cluster_bytes
        found = {e.name: card.read(e.path) for e in card.walk() if not e.is_dir}
    assert found == FILES  # their folders come back under other names, they themselves whole
    assert judged(mended, offset, require_tool("fsck.fat")) == ""


def test_files_beyond_the_end_of_a_cut_image_are_not_called_whole(tmp_path: Path) -> None:
    image, mended = tmp_path / "card.img", tmp_path / "mended.img"
    build_image(image, [Item(f"/{name}", data) for name, data in FILES.items()], size_bytes=48 << 20)
    with closing(open_card(image)) as card:
        last = card.extents("/B09.wav")[0]
    with image.open("r+b") as file:
        file.truncate(last.offset)
    report = repair_image(image, mended)
    states = {file.path: file.state for file in report.files}
    assert states["/B09.wav"] == "cut"
    assert [path for path, state in states.items() if state != "whole"] == ["/B09.wav"]
    assert not report.complete


def test_a_folder_that_comes_back_is_not_marked_deleted(tmp_path: Path, require_tool) -> None:
    """A sector of FAT 1 full of ones makes a deleted folder look like a lost one."""
    image, mended, sound = tmp_path / "card.img", tmp_path / "mended.img", tmp_path / "x.wav"
    sound.write_bytes(FILES["A03.wav"])
    with image.open("wb") as file:
        file.truncate(64 << 20)
    commands = (
        ["mkfs.fat", "-F32", "-s", "1", image],
        ["mmd", "-i", image, "::OLD"],
        ["mcopy", "-i", image, sound, "::keep.wav"],
        ["mcopy", "-i", image, sound, "::OLD/x.wav"],
        ["mdeltree", "-i", image, "::OLD"],
    )
    for name, *arguments in commands:
        subprocess.run([require_tool(str(name)), *map(str, arguments)], check=True, capture_output=True)
    with image.open("r+b") as file:
        file.seek(32 * 512)
        file.write(b"\xff" * 512)
    report = repair_image(image, mended)
    assert report.clean
    assert judged(mended, 0, require_tool("fsck.fat")) == ""
    with closing(open_card(mended)) as card:
        assert card.read("/keep.wav") == FILES["A03.wav"]
