"""Cards of mkfs.fat and mcopy, with all kinds of options: sound ones are left alone, hurt ones put right."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from card_formatted import FILES, OPTIONS, formatted
from card_tools import RamMedium, fsck, tree, write_image

from sdcard_image import Item, build_image, mount
from sdcard_image.check import check_volume, structural
from sdcard_image.repair import apply, is_clean, plan_repair

_MADE: dict[str, RamMedium] = {}


@pytest.fixture
def make(tmp_path: Path, require_tool: Callable[[str], str]) -> Callable[[str], RamMedium]:
    """A card of `FILES` formatted with some of `OPTIONS`; each is made once."""

    def made(name: str) -> RamMedium:
        if name not in _MADE:
            _MADE[name] = formatted(tmp_path, require_tool, name)
        return RamMedium(_MADE[name].size, _MADE[name].sectors)

    return made


@pytest.mark.parametrize("name", OPTIONS)
def test_a_sound_card_is_left_alone(name: str, make) -> None:
    medium = make(name)
    assert plan_repair(medium).changes.writes == []
    assert list(structural(check_volume(medium))) == []


@dataclass
class _Places:
    """Where a card's metadata lies, in bytes."""

    sector: int
    fats: list[int]
    fat_bytes: int
    root: int
    folder: int


def _places(medium: RamMedium) -> _Places:
    volume = mount(medium)
    boot = volume.boot
    folder = volume.cluster_offset(volume.entry("/Kicks").first_cluster)
    return _Places(
        boot.bytes_per_sector,
        [volume._fat_offset(i) for i in range(boot.fats)],
        -(-max(volume.fat.unused()[:1].tolist()) * 4 // 512) * 512,
        volume.cluster_offset(boot.root_cluster),
        folder,
    )


def _poke(medium: RamMedium, offset: int, data: bytes) -> None:
    number, within = divmod(offset, 512)
    while data:
        sector = bytearray(medium.sectors.get(number, bytes(512)))
        part, data = data[: 512 - within], data[512 - within :]
        sector[within : within + len(part)] = part
        medium.sectors[number] = bytes(sector)
        number, within = number + 1, 0


def _lost_boot(medium: RamMedium, at: _Places) -> None:
    _poke(medium, 0, bytes(at.sector))


def _lost_fats(medium: RamMedium, at: _Places) -> None:
    for fat in at.fats:
        _poke(medium, fat, bytes(at.fat_bytes))


def _lost_fat_1(medium: RamMedium, at: _Places) -> None:
    _poke(medium, at.fats[0], b"\xff" * at.sector)


def _noise_in_fat_1(medium: RamMedium, at: _Places) -> None:
    _poke(medium, at.fats[0] + 8, random.Random(1).randbytes(at.sector - 8))


def _lost_marks_and_top_folder(medium: RamMedium, at: _Places) -> None:
    for fat in at.fats:
        _poke(medium, fat, bytes(8))
    _poke(medium, at.root, b"\xff" * at.sector)


def _folder_name(medium: RamMedium, at: _Places) -> None:
    """A byte of the long name `Kicks`: its 8.3 name says what it was."""
    root = medium.pread(at.root, 4096)
    _poke(medium, at.root + root.index(b"K\0i\0c\0") + 4, b"Q")


DAMAGES = {
    "boot sector": _lost_boot,
    "FATs": _lost_fats,
    "FAT 1 of ones": _lost_fat_1,
    "noise in FAT 1": _noise_in_fat_1,
    "a folder's name": _folder_name,
    "marks and top folder": _lost_marks_and_top_folder,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "name", ["plain", "one FAT", "4 KB sectors", "4 KB sectors, one FAT", "64 KB clusters", "far backup"]
)
def test_a_hurt_card_is_put_right(name: str, damage: str, make, tmp_path, require_tool) -> None:
    medium = make(name)
    DAMAGES[damage](medium, _places(medium))
    plan = plan_repair(medium)
    apply(plan, medium)
    assert is_clean(medium)
    verdict = fsck(require_tool("fsck.fat"), write_image(tmp_path / "done.img", medium.size, medium.sectors))
    assert verdict.status == 0, verdict.lines
    found = {path: data for path, data in tree(mount(medium)).items() if data is not None}
    if damage != "marks and top folder":
        assert found == FILES
    else:
        assert {d for p, d in FILES.items() if p.startswith("/Kicks")} <= set(found.values())


def _in_gpt(volume: bytes, folder: Path, *, start: int = 2048) -> RamMedium:
    """A volume behind a protective MBR and a GPT of one partition of basic data."""
    last = start + len(volume) // 512 - 1
    entry = bytes.fromhex("a2a0d0ebe5b9334487c068b6b72699c7") + bytes(range(16))
    entry += struct.pack("<QQQ", start, last, 0) + "card".encode("utf-16-le").ljust(72, b"\0")
    header = b"EFI PART" + struct.pack("<IIIIQQQQ", 0x10000, 92, 0, 0, 1, last + 34, 34, last)
    header += bytes(16) + struct.pack("<QIII", 2, 128, 128, 0)
    protective = bytes(446) + struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff" * 3, 1, last + 34)
    head = protective.ljust(510, b"\0") + b"\x55\xaa" + header.ljust(512, b"\0") + entry
    path = folder / "gpt.img"
    with path.open("wb") as file:
        file.write(head.ljust(start * 512, b"\0") + volume)
        file.truncate((last + 35) * 512)
    return RamMedium.of_file(path)


@pytest.mark.parametrize(
    "lost", ["nothing", "boot sector", "protective MBR and boot sector", "partition entry"]
)
def test_a_volume_in_a_gpt(lost: str, tmp_path) -> None:
    image = tmp_path / "volume.img"
    build_image(
        image, [Item(p, d) for p, d in FILES.items()], size_bytes=40 << 20, partition=False, label="K"
    )
    medium = _in_gpt(image.read_bytes(), tmp_path)
    if "boot" in lost:
        _poke(medium, 2048 * 512, bytes(512))
    if "MBR" in lost:
        _poke(medium, 0, bytes(512))
    if "entry" in lost:
        _poke(medium, 1024, bytes(512))
    plan = plan_repair(medium)
    assert plan.system.offset == 2048 * 512
    assert bool(plan.changes.writes) == ("boot" in lost)
    assert all(offset >= 2048 * 512 for offset, _ in plan.changes.writes)  # never the tables
    apply(plan, medium)
    assert is_clean(medium)
    assert "partition-type" in {d.id for d in check_volume(medium).defects}
    if lost in ("nothing", "boot sector"):
        assert {p: d for p, d in tree(mount(medium)).items() if d is not None} == FILES


@pytest.mark.parametrize("field", [(72, 2**63), (80, 2**31), (84, 2**31), (72, 0), (84, 0)])
def test_a_gpt_may_say_anything(field: tuple[int, int], tmp_path) -> None:
    image = tmp_path / "volume.img"
    build_image(image, [], size_bytes=40 << 20, partition=False)
    medium = _in_gpt(image.read_bytes(), tmp_path)
    at, value = field
    _poke(medium, 512 + at, value.to_bytes(8 if at == 72 else 4, "little"))
    _poke(medium, 1024 + 32, b"\xff" * 16)
    assert plan_repair(medium).system.offset == 2048 * 512
