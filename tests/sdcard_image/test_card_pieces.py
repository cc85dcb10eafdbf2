"""The pure parts: geometry, boot sectors, names, entries; and what a build and a writer refuse."""

from __future__ import annotations

import errno
import os
from datetime import datetime

import pytest
from card_tools import SMALL, RamMedium, small_card, tree, writer
from hypothesis import given
from hypothesis import strategies as st

from sdcard_image import CardError, CardIOError, Item, Made, build_image, mount, open_card
from sdcard_image.bootsector import BootSector, FsInfo, Mbr
from sdcard_image.direntry import ARCHIVE, dos_time, moment, pack_entry, parse
from sdcard_image.layout import ALIGNMENT, MAX_BYTES, MIN_CLUSTERS, plan_geometry, smallest_bytes
from sdcard_image.names import alias, check_label, check_name, fold
from sdcard_image.volume import MAX_FAT_BYTES

WHEN = datetime(2023, 4, 5, 6, 7, 8)


@given(st.integers(smallest_bytes(), MAX_BYTES), st.booleans())
def test_geometry_is_aligned_and_fits(size, partition) -> None:
    plan = plan_geometry(size, partition=partition)
    assert plan.data_offset % ALIGNMENT == 0
    assert plan.data_offset + plan.clusters * plan.cluster_bytes <= size
    assert plan.clusters >= MIN_CLUSTERS
    assert (plan.clusters + 2) * 4 <= plan.fat_sectors * 512
    assert 32 <= plan.reserved < 65_536
    assert plan.start * 512 == (ALIGNMENT if partition else 0)
    wider = plan.cluster_bytes * 2
    if wider <= (32 << 10):  # no cluster smaller than need be
        with pytest.raises(CardError):
            plan_geometry(size, partition=partition, cluster_bytes=wider)


@pytest.mark.parametrize(
    ("size", "cluster"), [(2 << 30, 16), (4 << 30, 32), (32 << 30, 32), (64 << 30, 64), (512 << 20, 4)]
)
def test_cluster_sizes_by_capacity(size, cluster) -> None:
    assert plan_geometry(size).cluster_bytes == cluster << 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"size_bytes": smallest_bytes() - (1 << 20)}, "too small"),
        ({"size_bytes": 3 << 40}, "more than FAT32"),
        ({"size_bytes": 2 << 30, "cluster_bytes": 64 << 10}, "65,525"),
        ({"size_bytes": 2 << 30, "cluster_bytes": 3000}, "doubling"),
        ({"size_bytes": 32 << 30, "cluster_bytes": 512}, "choose larger clusters"),
        ({"size_bytes": (2 << 40) + 1}, "2T"),
    ],
)
def test_impossible_geometries_are_refused(arguments, said) -> None:
    with pytest.raises(CardError, match=said):
        plan_geometry(**arguments)


def test_the_largest_card_has_as_many_sectors_as_can_be_said() -> None:
    plan = plan_geometry(2 << 40)
    assert plan.start + plan.total == 2**32 - 1
    assert (plan.clusters + 2) * 4 <= MAX_FAT_BYTES


@pytest.mark.parametrize("size", [16 << 30, 15 << 30])
def test_what_is_made_can_be_opened(tmp_path, size) -> None:
    build_image(tmp_path / "x.img", [Item("/a", b"a")], size_bytes=size, cluster_bytes=512)
    card = open_card(tmp_path / "x.img")
    assert card.read("/a") == b"a"
    card.close()


def test_a_sparse_source_makes_a_sparse_card(tmp_path) -> None:
    with (tmp_path / "sparse").open("wb") as out:
        out.seek(30 << 20)
        out.write(b"end")
    build_image(tmp_path / "x.img", [Item("/a", tmp_path / "sparse")], size_bytes=64 << 20)
    assert (tmp_path / "x.img").stat().st_blocks * 512 < 16 << 20
    card = open_card(tmp_path / "x.img")
    assert card.read("/a") == bytes(30 << 20) + b"end"
    card.close()


@given(st.binary(min_size=512, max_size=512))
def test_boot_sector_round_trip(data) -> None:
    assert BootSector.unpack(data).pack() == data


@given(st.lists(st.sampled_from([0, 0x80]), min_size=4, max_size=4), st.binary(min_size=510, max_size=510))
def test_mbr_round_trip(active, data) -> None:
    sector = bytearray(data + b"\x55\xaa")
    for i, value in enumerate(active):
        sector[446 + 16 * i] = value
    record = Mbr.unpack(bytes(sector))
    assert record is not None
    assert record.pack() == bytes(sector)


def test_fsinfo_round_trip() -> None:
    assert FsInfo.unpack(FsInfo(7, 9).pack()) == FsInfo(7, 9)
    assert FsInfo.unpack(bytes(512)) is None


@given(st.datetimes(datetime(1980, 1, 1), datetime(2107, 12, 31)))
def test_times_round_trip_in_two_second_steps(when) -> None:
    assert moment(*dos_time(when)) == when.replace(microsecond=0, second=when.second // 2 * 2)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (datetime(1970, 1, 1), datetime(1980, 1, 1)),
        (datetime(2200, 1, 1), datetime(2107, 12, 31, 23, 59, 58)),
    ],
)
def test_a_date_that_fat_cannot_hold_becomes_the_nearest(tmp_path, given, kept) -> None:
    medium = small_card(tmp_path, [Item("/built", b"", given)])
    volume = writer(medium)
    volume.put("/put", b"x", given)
    volume.mkdir("/made", given)
    assert [e.modified for e in volume.listdir()] == [kept] * 3


def _allowed(name: str) -> bool:
    try:
        check_name(name)
    except CardError:
        return False
    return True


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255).filter(_allowed))
def test_every_allowed_name_round_trips(name) -> None:
    name = check_name(name)
    short = alias(name, set())
    (slot,) = parse(pack_entry(name, short, ARCHIVE, cluster=70_000, size=5, when=WHEN))
    expected = name if slot.slots > 1 else fold(name)
    assert (slot.name, slot.cluster, slot.size) == (expected, 70_000, 5)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "a:b",
        'a"b',
        "a*",
        "tail.",
        "tail ",
        "n" * 256,
        "\U0001f941" * 128,
        "a\0b",
        "a\nb",
    ],
)
def test_names_that_cannot_be(name) -> None:
    with pytest.raises(CardError, match="cannot be on a FAT32 card"):
        check_name(name)


def test_labels() -> None:
    assert check_label("my card") == "MY CARD"
    for wrong in ("twelve chars", "a*b", "\u00e4", " leading"):
        with pytest.raises(CardError, match="label"):
            check_label(wrong)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([Item("/a.wav", b""), Item("/A.WAV", b"")], "/a.wav and /A.WAV are the same"),
        ([Item("/k/a", b""), Item("/K/b", b"")], "/k and /K are the same"),
        ([Item("/e\u0301", b""), Item("/\u00c9", b"")], "are the same"),
        ([Item("/a", b""), Item("/a", b"")], "twice"),
        ([Item("/a", b""), Item("/a/b", b"")], "twice|the same"),
        ([Item("/", None)], "no name"),
        ([Item("/../x", b"")], "from the top"),
        ([Item("/" + "d/" * 200 + "x", b"")], "deeper"),
        ([Item("/big", Made(4 << 30, bytes))], "4 GiB"),
        ([Item("/big", Made(200 << 20, bytes))], "too small"),
        ([Item("/made", Made(3, lambda: b"four"))], "3 bytes and is 4"),
    ],
)
def test_a_build_refuses_and_leaves_nothing(tmp_path, items, said) -> None:
    with pytest.raises(CardError, match=said):
        build_image(tmp_path / "card.img", items, size_bytes=SMALL, partition=False)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_image_stays_unless_told(tmp_path) -> None:
    image = tmp_path / "card.img"
    image.write_bytes(b"mine")
    with pytest.raises(CardError, match="exists already"):
        build_image(image, [], size_bytes=SMALL, partition=False)
    with pytest.raises(CardError, match="twice"):
        build_image(image, [Item("/a", b"")] * 2, size_bytes=SMALL, partition=False, overwrite=True)
    assert image.read_bytes() == b"mine"
    build_image(image, [], size_bytes=SMALL, partition=False, overwrite=True)
    assert image.stat().st_size == SMALL
    with pytest.raises(CardError, match="is not a file"):
        build_image(tmp_path, [], size_bytes=SMALL, overwrite=True)


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(CardIOError, match="no space left on device"):
        build_image(tmp_path / "card.img", [], size_bytes=SMALL, partition=False)
    assert list(tmp_path.iterdir()) == []


def test_a_full_card_refuses_and_stays_as_it_is(tmp_path) -> None:
    medium = small_card(tmp_path, [Item("/a.wav", b"a" * 1000)])
    volume = writer(medium)
    free = volume.info().free_bytes
    with pytest.raises(CardError, match="the card is full"):
        volume.put("/big.wav", bytes(free + 1))
    volume.put("/fits.wav", bytes(free))
    with pytest.raises(CardError, match="the card is full"):
        volume.put("/a.wav", b"more")
    volume.close()
    again = mount(RamMedium(medium.size, medium.sectors))
    assert again.info().free_bytes == 0
    assert again.read("/a.wav") == b"a" * 1000
    assert again.full_audit().sentences == []


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda v: v.put("/no/where.wav", b""), "there is no folder"),
        (lambda v: v.put("/kit", b""), "is a folder"),
        (lambda v: v.put("/", b""), "top folder"),
        (lambda v: v.put("/a*b", b""), "contains"),
        (lambda v: v.mkdir("/KIT"), "already"),
        (lambda v: v.remove("/kit"), "not empty"),
        (lambda v: v.remove("/none"), "there is no"),
        (lambda v: v.remove("/"), "top folder"),
        (lambda v: v.rename("/kit", "/kit/in/kit"), "there is no folder|into itself"),
        (lambda v: v.rename("/kit", "/kit/kit"), "into itself"),
        (lambda v: v.rename("/kit/a.wav", "/b.wav"), "already"),
        (lambda v: v.rename("/none", "/x"), "there is no"),
    ],
)
def test_a_writer_refuses_without_a_write(tmp_path, act, said) -> None:
    medium = small_card(tmp_path, [Item("/kit/a.wav", b"a"), Item("/b.wav", b"b")])
    volume = writer(medium)
    with pytest.raises(CardError, match=said):
        act(volume)
    volume.close()
    assert medium.log == []


def test_case_only_rename_and_aliases(tmp_path) -> None:
    medium = small_card(tmp_path, [Item("/KICK.WAV", b"k"), Item("/a long name one.wav", b"1")])
    volume = writer(medium)
    volume.rename("/KICK.WAV", "/Kick.wav")
    volume.put("/a long name two.wav", b"2")
    volume.close()
    again = mount(medium)
    assert tree(again) == {"/Kick.wav": b"k", "/a long name one.wav": b"1", "/a long name two.wav": b"2"}
    short = again.entry("/a long name two.wav").short_name
    assert again.read(f"/{short}") == b"2"


def test_one_read_for_a_contiguous_file(tmp_path) -> None:
    volume = mount(small_card(tmp_path, [Item("/a.wav", b"a" * 5000)]))
    volume.entry("/a.wav")
    before = volume.reads.reads
    volume.read("/a.wav")
    assert volume.reads.reads == before + 1


@given(st.binary(max_size=4096))
def test_any_bytes_are_a_folder_of_safe_names(data) -> None:
    for slot in parse(data):
        assert slot.name not in ("", ".", "..")
        assert not set(slot.name) & {"/", "\0"}
        slot.name.encode()
