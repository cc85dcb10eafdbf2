"""Two FATs that differ, sectors of them lost, both of them gone: which is believed, and how surely."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from card_damage import END, FILES, Hurt, card, judge, repaired
from card_tools import RamMedium, small_card

from sdcard_image import Item
from sdcard_image.arbitration import merge, repeated, without_lost
from sdcard_image.fragment import fragment
from sdcard_image.repair import RepairReport

CHANCE = random.Random(5)
PIECES = {f"/f{i}.wav": CHANCE.randbytes(512 * 10) for i in range(6)}
ONES = 0xFFFF_FFFF


def _scattered(folder: Path) -> Hurt:
    """Six files of ten clusters, in pieces of two, so that any two chains may be exchanged."""
    medium = small_card(folder, [Item(path, data) for path, data in PIECES.items()])
    out = RamMedium(medium.size, medium.sectors)
    fragment(medium, out, extent_clusters=2, seed=3)
    return Hurt(out)


def _sure(report: RepairReport) -> dict[str, str]:
    return {f.path: f.sure for f in report.files}


@pytest.mark.parametrize("copy", [0, 1])
@pytest.mark.parametrize(("one", "other"), [("/f0.wav", "/f4.wav"), ("/f4.wav", "/f0.wav")])
@pytest.mark.parametrize("at", [1, 3, 5, 7])
def test_one_wrong_entry_that_makes_two_files_fit(tmp_path, copy, one, other, at) -> None:
    hurt = _scattered(tmp_path)
    hurt.fat(hurt.chain(one)[at], hurt.chain(other)[at + 1], (copy,))
    _, report, found = repaired(hurt)
    assert found == PIECES
    assert report.recovered == ()


@pytest.mark.parametrize("copy", [0, 1])
def test_one_wrong_entry_that_leads_to_the_start_of_another_file(tmp_path, copy) -> None:
    items = [Item("/a.wav", bytes(range(1, 255)) * 20), Item("/b.wav", b"beta" * 128 * 5)]
    medium = small_card(tmp_path, items)
    out = RamMedium(medium.size, medium.sectors)
    fragment(medium, out, extent_clusters=1, seed=2)
    hurt = Hurt(out)
    chain = hurt.chain("/a.wav")
    hurt.fat(chain[len(chain) - 6], hurt.chain("/b.wav")[0], (copy,))
    _, report, found = repaired(hurt)
    assert found == {item.path: item.source for item in items}
    assert report.complete


def test_where_no_telling_is_possible_nothing_is_certain(tmp_path) -> None:
    hurt = _scattered(tmp_path)
    hurt.fat(hurt.chain("/f0.wav")[3], hurt.chain("/f4.wav")[4])
    _, report, found = repaired(hurt)
    for path, sure in _sure(report).items():
        assert found[path] == PIECES[path] or sure != "certain", path


@pytest.mark.parametrize("copies", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("sector", [0, 1, 40])
def test_a_sector_of_ones_makes_no_files(tmp_path, copies, sector, require_tool) -> None:
    hurt = card()
    for cluster in range(128 * sector, 128 * sector + 128):
        hurt.fat(cluster, ONES, copies)
    _, report, found = repaired(hurt)
    assert report.recovered == ()
    assert found.items() >= FILES.items()
    assert judge(require_tool("fsck.fat"), tmp_path, hurt.medium.size, hurt.medium.sectors) == []


def test_many_files_of_one_cluster_are_no_lost_sector(tmp_path) -> None:
    files = {f"/{i:03}": bytes([i % 255 + 1]) * 500 for i in range(400)}
    hurt = Hurt(small_card(tmp_path, [Item(path, data) for path, data in files.items()]))
    assert len(repeated(hurt.volume.fat.next)) >= 2
    plan, _, found = repaired(hurt)
    assert plan.changes.writes == []
    assert found == files


@pytest.mark.parametrize("value", [0, ONES])
def test_without_both_fats_files_are_named_and_put_together(value, tmp_path, require_tool) -> None:
    hurt = card()
    for copy in range(2):
        size = hurt.volume.boot.fat_sectors * 512
        hurt.poke(hurt.volume._fat_offset(copy), (b"\xff" if value else b"\0") * size)
    _, report, found = repaired(hurt)
    assert found.items() >= FILES.items()
    assert judge(require_tool("fsck.fat"), tmp_path, hurt.medium.size, hurt.medium.sectors) == []
    sure = _sure(report)
    assert {sure[path] for path, data in FILES.items() if len(data) > 512} == {"likely"}


def test_without_fats_files_in_pieces_are_named_and_cut(tmp_path) -> None:
    hurt = _scattered(tmp_path)
    hurt.zero_fat(0, 9000, (0, 1))
    _, report, found = repaired(hurt)
    assert set(found) == set(PIECES)
    states = {f.path: (f.state, f.sure) for f in report.files}
    assert set(states) == set(PIECES)
    assert ("cut", "guess") in states.values()
    for path, (state, sure) in states.items():
        assert sure != "certain", path
        assert state != "cut" or PIECES[path].startswith(found[path][:1024]), path


def test_what_joins_and_resizes_is_never_certain() -> None:
    hurt = card()
    loop = hurt.chain("/loops/long loop.aif")
    hurt.fat(loop[3], 0)
    hurt.resize("/KICK.WAV", 3004 + 0x1000)
    hurt.point("/one.wav", 0)
    _, report, _ = repaired(hurt)
    sure = _sure(report)
    assert sure["/loops/long loop.aif"] == sure["/KICK.WAV"] == "likely"
    assert sure["/one.wav"] == "guess"  # only its length speaks for it


def test_an_entry_that_others_lead_to_loses() -> None:
    good = np.zeros(300, np.uint32)
    good[10:13] = 50, 60, END
    good[50:52], good[60:62] = (51, END), (61, END)
    bad = good.copy()
    bad[10] = 60  # a jump as good as 50, but entry 11 leads there in both
    assert (merge(bad, good, 300) == good).all()
    assert (merge(good, bad, 300) == good).all()


def test_a_repeated_sector_says_nothing_unless_its_files_do() -> None:
    values = np.zeros(300, np.uint32)
    values[128:256] = END
    alone = np.zeros(300, bool)
    alone[130] = True
    kept = without_lost(values, alone)
    assert kept[130] == END
    assert np.count_nonzero(kept) == 1
    alone[128:220] = True
    assert (without_lost(values, alone) == values).all()
