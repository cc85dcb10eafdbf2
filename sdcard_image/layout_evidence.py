"""Evidence on a card for or against a layout of its volume."""

from __future__ import annotations

import numpy as np

from sdcard_image.bootsector import SIGNATURE, BootSector
from sdcard_image.direntry import DIRECTORY, LONG, SIZE
from sdcard_image.layout import SECTOR
from sdcard_image.medium import Medium, read_within
from sdcard_image.slots import Found, dots, looks_like_folder

_ERASED = b"\xff" * SECTOR  # a lost sector, that begins as a FAT does


class Judge:
    """Evidence for a layout of the volume at ``offset``. ``room``: sectors by the partition table, or 0."""

    def __init__(self, medium: Medium, offset: int, room: int) -> None:
        self.medium, self.offset, self.room = medium, offset, room

    def is_fat(self, at: int) -> bool:
        """Whether a FAT's first two entries stand at a byte."""
        data = read_within(self.medium, at, SECTOR)
        if data == _ERASED:
            return False
        return data[0] >= 0xF0 and data[1:3] == b"\xff\xff" and data[3] & 15 == 15 and data[7] & 3 == 3

    def find_fat(self, begin: int, length: int) -> int | None:
        """First sector from byte ``begin`` of the volume on that begins like a FAT."""
        for at in range(self.offset + begin, min(self.offset + begin + length, self.medium.size), 1 << 20):
            data = read_within(self.medium, at, 1 << 20)
            words = np.frombuffer(data, "<u4").reshape(-1, SECTOR // 4)
            marks = (words[:, 0] & 0x0FFF_FFF0 == 0x0FFF_FFF0) & (words[:, 1] & 0x03FF_FFF8 == 0x03FF_FFF8)
            marks &= (words != 0xFFFF_FFFF).any(axis=1)
            if marks.any():
                return at + int(np.argmax(marks)) * SECTOR
        return None

    def points(self, boot: BootSector) -> int:
        """How much speaks for a layout; 0 where it cannot be one."""
        if not self.is_possible(boot):
            return 0
        start = (boot.reserved_sectors + boot.fats * boot.fat_sectors) * boot.bytes_per_sector
        need = -(-(boot.clusters + 2) * 4 // boot.bytes_per_sector)
        return self._fats(boot, need) + self._size(boot) + self._marks(boot) + self._folders(boot, start)

    def is_possible(self, boot: BootSector) -> bool:
        """Whether a layout's numbers fit each other and the card."""
        spc, bps = boot.sectors_per_cluster, boot.bytes_per_sector
        if bps not in (512, 1024, 2048, 4096) or not 0 < spc <= 128 or spc & (spc - 1):
            return False
        if not 1 <= boot.fats <= 4 or not boot.reserved_sectors or not boot.fat_sectors:
            return False
        need = -(-(boot.clusters + 2) * 4 // bps)
        start = (boot.reserved_sectors + boot.fats * boot.fat_sectors) * bps
        if not 1 <= boot.clusters <= 0x0FFF_FFF5 or need > boot.fat_sectors:
            return False
        return 2 <= boot.root_cluster < boot.clusters + 2 and self.offset + start < self.medium.size

    def _fats(self, boot: BootSector, need: int) -> int:
        bps = boot.bytes_per_sector
        at = [self.offset + (boot.reserved_sectors + i * boot.fat_sectors) * bps for i in range(boot.fats)]
        points = 7 * sum(self.is_fat(a) for a in at[:2]) + (4 if boot.fats == 2 else 0)
        points += 2 if boot.fat_sectors - need <= max(16, need // 8, boot.sectors_per_cluster) else 0
        tail = read_within(self.medium, at[0] + (boot.clusters + 2) * 4, 2048)
        room = max(0, boot.fat_sectors * bps - (boot.clusters + 2) * 4)
        points -= 3 if any(tail[:room]) else 0
        # nothing but the second FAT and the data may follow the first
        return points - (6 if self.is_fat(self.offset + boot.reserved_sectors * bps + need * bps // 2) else 0)

    def _size(self, boot: BootSector) -> int:
        total, room = boot.total_sectors * boot.bytes_per_sector, self.medium.size - self.offset
        points = 4 if total in (room, self.room * SECTOR) else 0
        return points + (3 if total <= room else -4)

    def _marks(self, boot: BootSector) -> int:
        usual = (
            boot.signature == SIGNATURE,
            boot.fs_type == b"FAT32   ",
            boot.boot_signature == 0x29,
            boot.root_entries == 0 and boot.fat_sectors_16 == 0 and boot.total_sectors_16 == 0,
            boot.version == 0,
            boot.media >= 0xF0,
            boot.root_cluster == 2,
        )
        return sum(usual) - 3 * sum(not u for u in usual[:1])

    def is_plausible(self, boot: BootSector) -> bool:
        """Whether a layout is one that formatters make, whatever is left of FATs and folders."""
        need = -(-(boot.clusters + 2) * 4 // boot.bytes_per_sector) if self.is_possible(boot) else 0
        return (
            need > 0
            and boot.fats in (1, 2)
            and boot.root_cluster == 2
            and boot.fat_sectors - need <= max(16, need // 8, boot.sectors_per_cluster)
            and boot.total_sectors * boot.bytes_per_sector <= self.medium.size - self.offset
        )

    def stands(self, boot: BootSector) -> bool:
        """Whether the FATs are in their places besides, and nowhere else."""
        if not self.is_plausible(boot):
            return False
        places = [boot.reserved_sectors + i * boot.fat_sectors for i in range(boot.fats + 1)]
        *fats, data = [self.is_fat(self.offset + place * boot.bytes_per_sector) for place in places]
        return all(fats) and not data

    def has_top_folder(self, boot: BootSector) -> bool:
        """Whether something stands where a layout puts the top folder."""
        start = (boot.reserved_sectors + boot.fats * boot.fat_sectors) * boot.bytes_per_sector
        at = self.offset + start + (boot.root_cluster - 2) * boot.cluster_bytes
        return any(read_within(self.medium, at, 32))

    def _folders(self, boot: BootSector, start: int) -> int:
        """The top folder looks like one, and the folders in it stand where their dot entries say."""
        at, size = self.offset + start, boot.cluster_bytes
        top = read_within(self.medium, at + (boot.root_cluster - 2) * size, min(size, 1 << 16))
        if not looks_like_folder(top, boot.clusters + 2) or dots(top)[0] is not None:
            return -8
        points, asked = (5 if any(top) else 1), 0
        for i in range(0, len(top) - 31, SIZE):
            slot = top[i : i + SIZE]
            if not slot[0] or slot[0] == 0xE5 or not slot[11] & DIRECTORY or slot[11] & 0x3F == LONG:
                continue
            cluster = Found(0, slot, "", b"").cluster
            if 2 <= cluster < boot.clusters + 2 and asked < 4:
                asked += 1
                own, _ = dots(read_within(self.medium, at + (cluster - 2) * size, 64))
                points += 3 if own == cluster else -1
        return points
