"""Making cards fragmented, and files contiguous again: nothing is lost, whenever the power goes."""

from __future__ import annotations

import random

import numpy as np
import pytest
from card_tools import SMALL, RamMedium, crash_states, fsck, small_card, tree, write_image, writer

from sdcard_image import CardError, Item, mount
from sdcard_image.defrag import defrag
from sdcard_image.fragment import fragment
from sdcard_image.relocate import FREE, Mover, Occupancy
from sdcard_image.repair import apply, plan_repair
from sdcard_image.usage_map import usage_map

CHANCE = random.Random(7)
FILES = [Item(f"/d{n % 3}/sample number {n}.wav", CHANCE.randbytes(512 * n + 100)) for n in range(2, 9)]
FILES += [Item("/KICK.WAV", CHANCE.randbytes(1_500)), Item("/none.wav", b""), Item("/empty", None)]


_MADE: dict[int, RamMedium] = {}


def card(tmp_path, items=FILES) -> RamMedium:
    """A new card in memory; those of `FILES` are made once."""
    if items is not FILES:
        return small_card(tmp_path, items)
    if 0 not in _MADE:
        _MADE[0] = small_card(tmp_path, items)
    return RamMedium(SMALL, _MADE[0].sectors)


def worn(tmp_path, items=FILES, extent_clusters=1, seed=3) -> RamMedium:
    """A card whose files are scattered."""
    medium = card(tmp_path, items)
    out = RamMedium(medium.size, medium.sectors)
    fragment(medium, out, extent_clusters=extent_clusters, seed=seed)
    out.log.clear()
    return out


def fill(medium: RamMedium, leave: int) -> None:
    """Mark all but ``leave`` free clusters bad, so that there is next to no room."""
    mover = Mover(medium)
    mover.begin()
    free = mover.fat.unused()
    taken = free[leave:]
    mover.store_fat(taken, np.full(len(taken), 0x0FFF_FFF7, np.uint32))
    mover.finish()
    medium.log.clear()


def extents(medium: RamMedium) -> dict[str, int]:
    volume = mount(medium)
    return {e.path: len(volume.extents(e.path)) for e in volume.walk() if not e.is_dir}


@pytest.mark.parametrize("extent_clusters", [1, 2, 5])
def test_fragmenting_cuts_into_pieces_and_keeps_everything(tmp_path, extent_clusters, require_tool) -> None:
    medium = card(tmp_path)
    before, entries = tree(mount(medium)), list(mount(medium).walk())
    out = RamMedium(medium.size, medium.sectors)
    report = fragment(medium, out, extent_clusters=extent_clusters, seed=1)
    assert tree(mount(medium)) == before == tree(mount(out))
    for old, new in zip(entries, mount(out).walk(), strict=True):
        assert (old.path, old.size, old.modified, old.short_name) == (
            new.path,
            new.size,
            new.modified,
            new.short_name,
        )
    for path, count in extents(out).items():
        clusters = -(-len(before[path]) // 512)
        assert count == -(-clusters // extent_clusters), path
    assert report.extents_after == sum(extents(out).values())
    assert report.extents_before == report.files == 8
    verdict = fsck(require_tool("fsck.fat"), write_image(tmp_path / "out.img", out.size, out.sectors))
    assert verdict.status == 0, verdict.lines


def test_fragmenting_depends_on_the_seed_alone(tmp_path) -> None:
    assert worn(tmp_path, seed=1).sectors == worn(tmp_path, seed=1).sectors
    assert worn(tmp_path, seed=1).sectors != worn(tmp_path, seed=2).sectors


def test_a_single_file_is_spread_by_gaps(tmp_path) -> None:
    medium = worn(tmp_path, [Item("/a.wav", bytes(range(256)) * 40)])
    assert extents(medium) == {"/a.wav": 20}


@pytest.mark.parametrize("leave", [None, 40, 9, 2, 1])
def test_defragmenting_in_any_room(tmp_path, leave, require_tool) -> None:
    medium = worn(tmp_path)
    if leave is not None:
        fill(medium, leave)
    before = tree(mount(medium))
    report = defrag(medium)
    assert tree(mount(medium)) == before
    assert report.left == ()
    assert set(extents(medium).values()) <= {0, 1}
    assert (report.fragmented_before, report.fragmented_after) == (8, 0)
    assert report.extents_after == report.files == 8
    assert not mount(medium).full_audit().lost
    verdict = fsck(require_tool("fsck.fat"), write_image(tmp_path / "out.img", medium.size, medium.sectors))
    assert verdict.damage == []
    assert verdict.status == 0, verdict.lines


def test_without_a_free_cluster_it_says_what_is_left(tmp_path) -> None:
    medium = worn(tmp_path)
    fill(medium, 0)
    sectors = dict(medium.sectors)
    report = defrag(medium)
    assert len(report.left) == report.fragmented_after == 8
    assert tree(mount(medium)) == tree(mount(RamMedium(medium.size, sectors)))


def test_what_is_in_one_piece_stays_untouched(tmp_path) -> None:
    medium = card(tmp_path)
    report = defrag(medium)
    assert report.moved_bytes == 0
    assert medium.log == []


@pytest.mark.parametrize("leave", [None, 9, 1], ids=["room", "little room", "one cluster"])
def test_power_cut_at_every_write_of_defragmenting(tmp_path, leave, require_tool) -> None:
    tool = require_tool("fsck.fat")
    medium = worn(tmp_path, FILES[1:4] + FILES[-3:])
    if leave is not None:
        fill(medium, leave)
    before, base = tree(mount(medium)), dict(medium.sectors)
    defrag(medium)
    seen: set[int] = set()
    for number, state in enumerate(crash_states(base, medium.log, extra=3)):
        key = hash(frozenset(state.items()))
        if key in seen:
            continue
        seen.add(key)
        cut = mount(RamMedium(medium.size, state))
        assert not cut.audit()
        assert tree(cut) == before
        if number % 29 == 0:
            verdict = fsck(tool, write_image(tmp_path / "cut.img", medium.size, state))
            assert not verdict.damage, verdict.lines
    assert len(seen) > 60


def test_after_a_cut_it_can_be_done_again(tmp_path) -> None:
    medium = worn(tmp_path)
    before, base = tree(mount(medium)), dict(medium.sectors)
    defrag(medium)
    for state in list(crash_states(base, medium.log, extra=0))[::25]:
        again = RamMedium(medium.size, state)
        assert defrag(again).left == ()
        assert tree(mount(again)) == before


def test_every_failed_write_leaves_every_file_whole(tmp_path) -> None:
    medium = worn(tmp_path, FILES[1:4])
    base = dict(medium.sectors)
    before = tree(mount(medium))
    defrag(RamMedium(medium.size, base))
    for step in range(0, 60, 3):
        faulty = RamMedium(medium.size, base)
        faulty.fail_at = step
        try:
            defrag(faulty)
        except CardError:
            assert tree(mount(RamMedium(medium.size, faulty.sectors))) == before
            continue
        break
    else:
        pytest.fail("never without a fault")


def test_random_cards_at_random_fullness(tmp_path) -> None:
    chance = random.Random(11)
    for _ in range(6):
        items = [
            Item(f"/f{n}", chance.randbytes(chance.randrange(1, 9_000)))
            for n in range(chance.randrange(2, 15))
        ]
        medium = worn(tmp_path, items, chance.choice([1, 2, 3]), chance.randrange(99))
        fill(medium, chance.choice([1, 3, 10, 30]))
        before = tree(mount(medium))
        report = defrag(medium)
        assert tree(mount(medium)) == before
        assert report.left == ()
        assert not mount(medium).full_audit().sentences


def test_a_damaged_card_is_refused(tmp_path) -> None:
    medium = card(tmp_path)
    mover = Mover(medium)
    first = mover.entry("/KICK.WAV").first_cluster
    mover.store_fat(np.array([first]), np.array([0], np.uint32))
    for action in (
        defrag,
        lambda m: fragment(m, RamMedium(m.size, m.sectors)),
        lambda m: usage_map(mount(m)),
    ):
        with pytest.raises(CardError, match="repair"):
            action(medium)


def test_the_map_counts_every_cluster(tmp_path) -> None:
    medium = worn(tmp_path)
    volume = mount(medium)
    found = usage_map(volume)
    data = sum(-(-e.size // 512) for e in volume.walk())
    assert found.counts["fragmented"] == data
    assert found.counts["file"] == 0
    assert found.counts["folder"] == 5
    assert found.counts["free"] == volume.fat.free_clusters()
    assert sum(found.counts.values()) == volume.boot.clusters
    assert sum(count for _, count, _ in found.runs()) == volume.boot.clusters
    assert found.runs()[0][0] == 2
    shares = found.columns(50)
    assert shares.shape == (50, 5)
    assert np.allclose(shares.sum(axis=1), 1)
    assert (Occupancy(volume).owner == FREE).sum() == found.counts["free"]
    assert medium.size == SMALL


def test_after_a_cut_the_advice_leads_to_the_end(tmp_path) -> None:
    """With one cluster to spare, what a cut leaves takes it: it is told, the repair gives it back."""
    medium = worn(tmp_path, FILES[1:4] + FILES[-3:])
    fill(medium, 1)
    before, base = tree(mount(medium)), dict(medium.sectors)
    defrag(medium)
    blocked = 0
    for state in list(crash_states(base, medium.log, extra=0))[::23]:
        again = RamMedium(medium.size, state)
        report = defrag(again)
        if not report.left:
            continue
        blocked += 1
        assert report.lost_clusters > 0
        apply(plan_repair(again), again)
        volume = writer(again)
        for entry in reversed(list(volume.walk())):
            if entry.path.startswith("/FOUND"):
                volume.remove(entry.path)
        volume.close()
        report = defrag(again)
        assert (report.left, report.lost_clusters) == ((), 0)
        assert tree(mount(again)) == before
    assert blocked >= 2


def test_an_interrupt_while_data_is_copied_leaves_the_card_closed(tmp_path, monkeypatch) -> None:
    medium = worn(tmp_path)
    before = tree(mount(medium))

    def interrupted(mover: Mover, old: np.ndarray, new: np.ndarray) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Mover, "_copy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        defrag(medium)
    after = mount(medium)
    assert tree(after) == before
    assert int(after.fat.raw[1]) & 0x0800_0000
    assert not after.full_audit().lost
