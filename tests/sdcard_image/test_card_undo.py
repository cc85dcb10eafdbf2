"""Repair in place: the power is cut at every write, and the undo file gives the original back to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from card_damage import END, FILES, Hurt, card
from card_tools import RamMedium, crash_states, fsck, tree, write_image

from sdcard_image import CardError, mount
from sdcard_image.repair import repair_in_place, repair_medium, undo_repair
from sdcard_image.types import CardIOError
from sdcard_image.undo import undo


def _hurt() -> Hurt:
    """Damage to every part: system area, FATs, folders, names, a file to be copied, a lost chain."""
    hurt = card()
    loop, snare, kick = (hurt.chain(p) for p in ("/loops/long loop.aif", "/snare drum 01.wav", "/KICK.WAV"))
    hurt.fat(loop[3], 0)
    hurt.fat(snare[2], 0x0ABC_DEF0, (0,))
    hurt.poke(hurt.slot("/loops/deep/inner.wav", 1) + 13, b"\x99")
    hurt.poke(13, b"\x40")
    hurt.poke(512 + 488, b"\1\2\3")
    hurt.fat(hurt.free_cluster() - 5, END)
    hurt.poke(hurt.volume.cluster_offset(hurt.free_cluster() - 5), b"RIFF" + bytes(8) + b"lost" * 20)
    hurt.point("/one.wav", kick[-1])
    return hurt


def test_a_power_cut_at_every_write_can_be_undone(tmp_path, require_tool) -> None:
    tool = require_tool("fsck.fat")
    hurt = _hurt()
    base = dict(hurt.medium.sectors)
    medium = RamMedium(hurt.medium.size, base)
    journal = tmp_path / "card.undo"
    report = repair_medium(medium, journal)
    assert report.clean
    assert len([step for step in medium.log if step is not None]) >= 6
    states = 0
    for state in crash_states(base, medium.log):
        cut = RamMedium(medium.size, state)
        undo(cut, journal)
        assert _same(cut, base)
        states += 1
    assert states > 30
    assert fsck(tool, write_image(tmp_path / "done.img", medium.size, medium.sectors)).status == 0
    found = tree(mount(medium))
    assert all(found[path] == data for path, data in FILES.items() if path != "/one.wav")


def test_the_undoing_survives_a_power_cut_too(tmp_path) -> None:
    hurt = _hurt()
    base = dict(hurt.medium.sectors)
    medium = RamMedium(hurt.medium.size, base)
    repair_medium(medium, tmp_path / "card.undo")
    after = dict(medium.sectors)
    medium.log.clear()
    undo(medium, tmp_path / "card.undo")
    for state in crash_states(after, medium.log):
        cut = RamMedium(medium.size, state)
        undo(cut, tmp_path / "card.undo")
        assert _same(cut, base)


def _same(medium: RamMedium, base: dict[int, bytes]) -> bool:
    zero = bytes(512)
    return all(medium.sectors.get(i, zero) == base.get(i, zero) for i in medium.sectors.keys() | base.keys())


def test_every_failed_write_leaves_what_can_be_undone(tmp_path) -> None:
    base = dict(_hurt().medium.sectors)
    whole = RamMedium(_hurt().medium.size, base)
    repair_medium(whole, tmp_path / "0.undo")
    for step in range(len(whole.log)):
        faulty = RamMedium(whole.size, base)
        faulty.fail_at = step
        journal = tmp_path / f"{step + 1}.undo"
        with pytest.raises(CardIOError, match="does not take"):
            repair_medium(faulty, journal)
        faulty.fail_at = None
        undo(faulty, journal)
        assert _same(faulty, base)


@pytest.mark.parametrize("repaired", [False, True], ids=["never begun", "after the repair"])
def test_a_journal_that_is_cut_short_undoes_nothing_and_says_so(repaired: bool, tmp_path) -> None:
    medium = _hurt().medium
    base = dict(medium.sectors)
    journal = tmp_path / "card.undo"
    repair_medium(medium, journal)
    whole = journal.read_bytes()
    for length in (0, 5, 24, 30, 100, len(whole) // 2, len(whole) - 17, len(whole) - 16, len(whole) - 1):
        journal.write_bytes(whole[:length])
        card = RamMedium(medium.size, medium.sectors if repaired else base)
        with pytest.raises(CardError, match=r"cut short.*nothing was undone") as said:
            undo(card, journal)
        assert "\n" not in str(said.value)
        assert card.log == []
        if length > len(whole) // 2:
            assert "sound up to byte" in str(said.value)
            assert ("had not begun" in str(said.value)) is not repaired


def _files(tmp_path: Path) -> tuple[Path, Path, bytes]:
    hurt = _hurt()
    image = write_image(tmp_path / "card.img", hurt.medium.size, hurt.medium.sectors)
    return image, tmp_path / "card.undo", image.read_bytes()


def test_files_in_place_and_back(tmp_path) -> None:
    image, journal, original = _files(tmp_path)
    report = repair_in_place(image, journal)
    assert report.clean
    assert image.read_bytes() != original
    assert undo_repair(image, journal) > 0
    assert image.read_bytes() == original


def test_an_undo_file_is_never_overwritten(tmp_path) -> None:
    image, journal, original = _files(tmp_path)
    journal.write_text("mine")
    with pytest.raises(CardError, match="exists already"):
        repair_in_place(image, journal)
    assert image.read_bytes() == original


def test_a_card_changed_since_is_not_undone(tmp_path) -> None:
    image, journal, _ = _files(tmp_path)
    repair_in_place(image, journal)
    changed = bytearray(image.read_bytes())
    changed[13] ^= 0x80
    image.write_bytes(changed)
    with pytest.raises(CardError, match="changed after its repair"):
        undo_repair(image, journal)
    assert image.read_bytes() == changed


@pytest.mark.parametrize("damage", ["head", "body", "size", "other"])
def test_a_damaged_undo_file_undoes_nothing(damage: str, tmp_path) -> None:
    image, journal, _ = _files(tmp_path)
    repair_in_place(image, journal)
    after = image.read_bytes()
    data = bytearray(journal.read_bytes())
    if damage == "other":
        data = bytearray(b"not a journal at all, and long enough to be read as one")
    else:
        data[{"head": 3, "body": 60, "size": 17}[damage]] ^= 0x55
    journal.write_bytes(data)
    with pytest.raises(CardError):
        undo_repair(image, journal)
    assert image.read_bytes() == after
