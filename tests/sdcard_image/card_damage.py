"""Hurting a small card on purpose (FAT entries, folder slots, sectors), and judging what a repair made."""

from __future__ import annotations

import struct
import tempfile
from functools import lru_cache
from pathlib import Path

from card_tools import RamMedium, State, fsck, small_card, tree, write_image

from sdcard_image import Item, mount
from sdcard_image.repair import Plan, RepairReport, apply, is_clean, plan_repair, report_of
from sdcard_image.volume import Volume

WAV = b"RIFF" + (2996).to_bytes(4, "little") + b"WAVE" + bytes(range(256)) * 11 + b"tail" * 44  # 3,004 bytes
FILES = {
    "/KICK.WAV": WAV,
    "/snare drum 01.wav": bytes(range(1, 200)) * 17,
    "/loops/long loop.aif": b"FORM" + (5996).to_bytes(4, "big") + b"AIFF" + b"loop!" * 1198 + b"xx",
    "/loops/deep/inner.wav": b"inner" * 700,
    "/loops/deep/none.wav": b"",
    "/one.wav": b"1" * 400,
}
END = 0x0FFF_FFFF


@lru_cache(1)
def pristine() -> RamMedium:
    with tempfile.TemporaryDirectory() as folder:
        return small_card(Path(folder), [Item(path, data) for path, data in FILES.items()])


def card() -> Hurt:
    """A card of `FILES`, to be hurt."""
    return Hurt(RamMedium(pristine().size, pristine().sectors))


class Hurt:
    """A card to change behind the file system's back."""

    def __init__(self, medium: RamMedium) -> None:
        self.medium = medium
        self.volume: Volume = mount(medium)
        medium.log.clear()

    def poke(self, offset: int, data: bytes) -> None:
        number, within = divmod(offset, 512)
        while data:
            sector = bytearray(self.medium.sectors.get(number, bytes(512)))
            part, data = data[: 512 - within], data[512 - within :]
            sector[within : within + len(part)] = part
            self.medium.sectors[number] = bytes(sector)
            number, within = number + 1, 0

    def fat(self, cluster: int, value: int, copies: tuple[int, ...] = (0, 1)) -> None:
        for copy in copies:
            self.poke(self.volume._fat_offset(copy) + 4 * cluster, struct.pack("<I", value))

    def zero_fat(self, first: int, count: int, copies: tuple[int, ...] = (0,)) -> None:
        for copy in copies:
            self.poke(self.volume._fat_offset(copy) + 4 * first, bytes(4 * count))

    def chain(self, path: str) -> list[int]:
        runs = self.volume.fat.runs(self.volume.entry(path).first_cluster)
        return [c for first, count in runs for c in range(first, first + count)]

    def slot(self, path: str, part: int = 0) -> int:
        """Byte of a path's 8.3 slot, or of its ``part``-th long-name slot."""
        table, slot, _ = self.volume.locate(path)
        assert slot is not None
        index = slot.index + slot.slots - 1 - part
        per = self.volume.cluster_bytes // 32
        clusters = [c for first, count in table.runs for c in range(first, first + count)]
        return self.volume.cluster_offset(clusters[index // per]) + index % per * 32

    def point(self, path: str, cluster: int) -> None:
        at = self.slot(path)
        self.poke(at + 20, struct.pack("<H", cluster >> 16))
        self.poke(at + 26, struct.pack("<H", cluster & 0xFFFF))

    def resize(self, path: str, size: int) -> None:
        self.poke(self.slot(path) + 28, struct.pack("<I", size))

    def add_slot(self, folder: str, entry: bytes) -> None:
        table = self.volume.folder(folder)
        self.poke(self.volume.cluster_offset(table.cluster) + table.end * 32, entry)
        table.end += 1

    def free_cluster(self) -> int:
        return int(self.volume.fat.unused()[-1])


def entry(name: bytes, attributes: int, cluster: int, size: int) -> bytes:
    place = struct.pack("<HHHHI", cluster >> 16, 0, 0x21, cluster & 0xFFFF, size)
    return name + bytes((attributes, 0)) + bytes(7) + place


def repaired(hurt: Hurt) -> tuple[Plan, RepairReport, dict[str, bytes | None]]:
    """The card after repair on a copy: plan, report, and what a reader finds."""
    copy = RamMedium(hurt.medium.size, hurt.medium.sectors)
    plan = plan_repair(copy)
    apply(plan, copy)
    report = report_of(plan, clean=is_clean(copy))
    hurt.medium = copy
    return plan, report, tree(mount(copy))


def judge(tool: str, tmp_path: Path, size: int, state: State) -> list[str]:
    """What `fsck.fat -n` has to say; nothing where it is content."""
    verdict = fsck(tool, write_image(tmp_path / "judged.img", size, state))
    return verdict.lines if verdict.status else []
