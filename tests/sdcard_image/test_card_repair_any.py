"""Whatever the bytes: clean after one repair, or one sentence, in bounded time and memory."""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
import tracemalloc
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from card_damage import END, FILES, Hurt, card, judge, repaired
from card_mutation import Mutator, valid_card
from card_repair_properties import check_and_repair, wreck
from card_tools import RamMedium, mtools_env, small_card, tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdcard_image import Item, build_image, mount
from sdcard_image.bootsector import Mbr
from sdcard_image.check import check_volume, structural
from sdcard_image.medium import FileMedium
from sdcard_image.repair import apply, plan_repair, repair_image
from sdcard_image.types import CardError


@lru_cache(1)
def _mutator() -> Mutator:
    with tempfile.TemporaryDirectory() as folder:
        return Mutator(valid_card(Path(folder)))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_changes_to_a_card(data: st.DataObject) -> None:
    check_and_repair(_mutator().mutated(lambda low, high: data.draw(st.integers(low, high))))


@pytest.mark.parametrize("seed", range(12))
def test_sectors_lost_shifted_and_noise(seed: int, tmp_path, require_tool) -> None:
    medium = RamMedium(card().medium.size, card().medium.sectors)
    wreck(medium, random.Random(seed))
    done = check_and_repair(medium)
    assert done is None or judge(require_tool("fsck.fat"), tmp_path, done.size, done.sectors) == []


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=3000), st.integers(0, 4))
def test_any_bytes_at_all(noise: bytes, kind: int) -> None:
    head = (
        b"",
        b"\xeb\x58\x90MSWIN4.1",
        b"\xeb\x58\x90" + bytes(8) + b"\0\2\1\x20\0\2",
        b"RIFF",
        bytes(510) + b"\x55\xaa",
    )
    data = (head[kind] + noise).ljust(1024, b"\0")
    medium = RamMedium(
        len(data) // 512 * 512, {i: data[i * 512 : i * 512 + 512] for i in range(len(data) // 512)}
    )
    assert check_and_repair(medium) is None


def _hostile(kind: str) -> Hurt:
    hurt = card()
    clusters = hurt.volume.boot.clusters + 2
    rng = np.random.default_rng(7)
    for copy in range(2):
        values = {
            "random": rng.integers(0, clusters + 99, clusters),
            "one circle": (np.arange(clusters) * 7919 + 13) % clusters,
            "chain backwards": np.maximum(np.arange(clusters) - 2, 2),
            "all ends": np.full(clusters, 0x0FFF_FFFF),
        }[kind].astype("<u4")
        hurt.poke(hurt.volume._fat_offset(copy), values.tobytes())
    hurt.resize("/KICK.WAV", 0x7FFF_FFFF)
    return hurt


@pytest.mark.parametrize("kind", ["random", "one circle", "chain backwards"])
def test_hostile_fats_cost_seconds(kind: str) -> None:
    hurt = _hostile(kind)
    began = time.process_time()
    plan_repair(hurt.medium)
    assert time.process_time() - began < 10


def test_hostile_fats_cost_a_multiple_of_the_fat() -> None:
    hurt = _hostile("all ends")
    tracemalloc.start()
    report = check_volume(hurt.medium)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert list(structural(report))
    assert peak < 48 * 4 * hurt.volume.boot.clusters


def test_a_card_with_a_partition_and_a_lost_table(tmp_path, require_tool) -> None:
    image = tmp_path / "card.img"
    build_image(image, [Item(p, d) for p, d in FILES.items()], size_bytes=48 << 20, partition=True)
    data = bytearray(image.read_bytes())
    assert Mbr.unpack(bytes(data[:512])) is not None
    data[:512] = bytes(512)
    image.write_bytes(data)
    assert "no-partition-table" in {d.id for d in check_volume(image).defects}
    report = repair_image(image, tmp_path / "out.img")
    assert report.clean
    assert tree(mount(RamMedium.of_file(tmp_path / "out.img"))).items() >= FILES.items()


def test_an_image_cut_short_gets_its_end_back_as_zeros(tmp_path) -> None:
    image = tmp_path / "card.img"
    build_image(image, [Item(p, d) for p, d in FILES.items()], size_bytes=48 << 20, partition=False)
    with image.open("r+b") as file:
        file.truncate(30 << 20)
    assert "boot-sector-damaged" in {d.id for d in check_volume(image).defects}
    assert repair_image(image, tmp_path / "out.img").clean
    assert (tmp_path / "out.img").stat().st_size == 48 << 20
    assert tree(mount(RamMedium.of_file(tmp_path / "out.img"))).items() >= FILES.items()


def test_one_name_twice(tmp_path, require_tool) -> None:
    hurt = card()
    at = hurt.slot("/one.wav")
    hurt.poke(at, b"KICK    WAV")
    _, report, found = repaired(hurt)
    assert judge(require_tool("fsck.fat"), tmp_path, hurt.medium.size, hurt.medium.sectors) == []
    assert sorted(d for d in found.values() if d) == sorted(d for d in FILES.values() if d)
    assert any("name" in f.why for f in report.files)


def test_a_folder_of_more_than_65536_entries(tmp_path, require_tool) -> None:
    """Its chain runs on into more slots than any folder may have."""
    medium = small_card(tmp_path, [Item(f"/many/F{i:06}.WAV", b"") for i in range(3000)])
    hurt = Hurt(medium)
    size = hurt.volume.cluster_bytes
    first = hurt.volume.entry("/many").first_cluster
    block = hurt.medium.pread(hurt.volume.cluster_offset(first + 2), size)
    last = hurt.chain("/many")[-1]
    for i in range(4300):
        hurt.poke(hurt.volume.cluster_offset(last + i), block)
        hurt.fat(last + i, last + i + 1)
    hurt.fat(last + 4300, 0x0FFF_FFFF)
    ids = {d.id for d in check_volume(hurt.medium).defects}
    assert {"chain-too-long", "name-collision"} <= ids
    copy = RamMedium(hurt.medium.size, hurt.medium.sectors)
    apply(plan_repair(copy), copy)
    assert list(structural(check_volume(copy))) == []
    assert judge(require_tool("fsck.fat"), tmp_path, copy.size, copy.sectors) == []


def test_a_repair_never_overwrites_what_it_was_not_told_to(tmp_path) -> None:
    image = tmp_path / "card.img"
    build_image(image, [], size_bytes=48 << 20, partition=False)
    (tmp_path / "there.img").write_text("mine")
    with pytest.raises(CardError, match="exists already"):
        repair_image(image, tmp_path / "there.img")
    with pytest.raises(CardError, match="the card itself"):
        repair_image(image, image, overwrite=True)
    assert (tmp_path / "there.img").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["card.img", "there.img"]


NAMES = ["Café.wav", "naïve kick.wav", "😀 drum.wav", "طبل.wav", "Drum鼓.wav", "Kīck.wav", "a.b.c.wav"]
NAMES += ["no ext", "foo+bar [x];=,.wav", ".hidden", "x" * 200 + ".wav", "tilde~name.wav", "ßtraße.wav"]
NAMES += [
    "1 2 3 4 5 6 7 8.aif",
    "UPPER lower.WAV",
    "thirteen.char",
    *(f"loop number {i}.wav" for i in range(20)),
]


def test_sound_names_are_left_alone(tmp_path) -> None:
    medium = small_card(tmp_path, [Item(f"/d/{name}", b"x" * 700) for name in NAMES])
    assert list(structural(check_volume(medium))) == []
    assert plan_repair(medium).changes.writes == []


def test_sound_names_of_mtools_are_left_alone(tmp_path, require_tool) -> None:
    image = tmp_path / "card.img"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run([require_tool("mkfs.fat"), "-F", "32", "-s", "1", image], check=True, capture_output=True)
    for name in NAMES:
        (tmp_path / name).write_bytes(b"y" * 300)
    command = [require_tool("mcopy"), "-Q", "-i", image, *(tmp_path / name for name in NAMES), "::/"]
    subprocess.run(command, check=True, capture_output=True, env=mtools_env())
    report = check_volume(image)
    assert report.files == len(NAMES)
    assert list(structural(report)) == []
    medium = FileMedium(image)
    assert plan_repair(medium).changes.writes == []
    medium.close()


@pytest.mark.parametrize("many", [0, 40])
def test_one_chain_through_the_whole_card(many: int, tmp_path, require_tool) -> None:
    """No cluster is free: what nobody owns gives way to the folder that it is found in."""
    items = [Item(f"/{i:02} a name that takes some room", bytes([i + 1]) * 600) for i in range(many)]
    hurt = Hurt(small_card(tmp_path, items or [Item(p, d) for p, d in FILES.items()]))
    before = {path: data for path, data in tree(hurt.volume).items() if data is not None}
    clusters = hurt.volume.fat.limit
    values = np.arange(1, clusters + 1, dtype="<u4")
    values[:2], values[-1] = (0x0FFF_FFF8, 0x0FFF_FFFF), 0x0FFF_FFFF
    for copy in range(2):
        hurt.poke(hurt.volume._fat_offset(copy), values.tobytes())
    _, report, found = repaired(hurt)
    assert report.clean
    assert judge(require_tool("fsck.fat"), tmp_path, hurt.medium.size, hurt.medium.sectors) == []
    assert report.recovered
    assert {p: d for p, d in found.items() if p in before} == before


def test_lost_chains_that_meet_are_given_away_once() -> None:
    """Two files whose first clusters are lost, and two lost chains of their lengths that share an end."""
    hurt = card()
    free = hurt.free_cluster() - 40
    for start in (free, free + 20):
        for i in range(5):
            hurt.fat(start + i, start + i + 1)
    hurt.fat(free + 5, END)
    hurt.fat(free + 24, free + 5)
    for path, head in (("/KICK.WAV", free), ("/snare drum 01.wav", free + 20)):
        for cluster in hurt.chain(path):
            hurt.fat(cluster, 0)
            hurt.poke(hurt.volume.cluster_offset(cluster), bytes(512))
        hurt.resize(path, 6 * 512)
        hurt.point(path, head | 0x0100_0000)  # one byte off
    check_and_repair(hurt.medium)
