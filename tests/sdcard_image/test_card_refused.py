"""A change that is refused leaves the card as it was: no cluster lost, nothing half there."""

from __future__ import annotations

import pytest
from card_tools import RamMedium, small_card, tree, writer

from sdcard_image import CardError, Item, mount

SLOTS_OF_A_SECTOR = 16


def _fill(volume, leave: int) -> None:
    """Take all free clusters but ``leave``."""
    volume.put("/fill", bytes((volume.fat.free_clusters() - leave) * volume.cluster_bytes))


def _audited(medium: RamMedium) -> tuple[list[str], int]:
    audit = mount(medium).full_audit()
    return audit.sentences, audit.lost


def _full_folder() -> list[Item]:
    """A folder whose one cluster has no slot left (two are its dot entries), and one of long names."""
    names = [Item(f"/D/F{i:02}.WAV", b"x") for i in range(SLOTS_OF_A_SECTOR - 2)]
    return [*names, Item("/E/a name of several slots.wav", b"y"), Item("/E/deep/another of them.wav", b"z")]


@pytest.mark.parametrize(
    ("free", "act"),
    [
        (1, lambda v: v.put("/D/new.wav", b"n")),
        (0, lambda v: v.put("/D/empty.wav", b"")),
        (1, lambda v: v.mkdir("/D/new")),
        (1, lambda v: v.rename("/E/a name of several slots.wav", "/D/a name of several slots.wav")),
        (3, lambda v: v.rename("/E", "/D/E")),
        (2, lambda v: v.put("/D/" + "long " * 40 + ".wav", b"n")),
    ],
)
def test_a_card_that_fills_up_while_the_folder_grows(tmp_path, free, act) -> None:
    medium = small_card(tmp_path, _full_folder(), cluster_bytes=512)
    volume = writer(medium)
    _fill(volume, free)
    before = tree(volume)
    with pytest.raises(CardError, match="full"):
        act(volume)
    assert tree(volume) == before
    assert volume.fat.free_clusters() == free
    volume.remove("/D/F00.WAV")  # the card can still be written
    volume.close()
    assert _audited(medium) == ([], 0)
    assert int(mount(medium).fat.raw[1]) & 0x0800_0000


@pytest.mark.parametrize(
    ("free", "act", "there"),
    [
        (2, lambda v: v.put("/D/new.wav", b"n"), "/D/new.wav"),
        (2, lambda v: v.mkdir("/D/new"), "/D/new"),
        (4, lambda v: v.rename("/E", "/D/E"), "/D/E/deep/another of them.wav"),
    ],
)
def test_one_cluster_more_is_enough(tmp_path, free, act, there) -> None:
    medium = small_card(tmp_path, _full_folder(), cluster_bytes=512)
    volume = writer(medium)
    _fill(volume, free)
    act(volume)
    assert volume.exists(there)
    volume.close()
    assert _audited(medium) == ([], 0)


def test_a_folder_of_65536_slots_takes_no_more(tmp_path) -> None:
    medium = small_card(tmp_path, [Item(f"/D/{i:08}", b"") for i in range(65_534)] + [Item("/a", b"a")])
    volume = writer(medium)
    for act in (
        lambda: volume.put("/D/new", b"n"),
        lambda: volume.mkdir("/D/new"),
        lambda: volume.rename("/a", "/D/a"),
    ):
        with pytest.raises(CardError, match="65,536"):
            act()
    volume.close()
    assert _audited(medium) == ([], 0)
