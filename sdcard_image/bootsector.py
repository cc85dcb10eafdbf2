"""The first sectors of a card and a volume as pure ``bytes <-> dataclass``: MBR, FAT32 boot sector, FSInfo.

Formats: Microsoft "FAT: General Overview of On-Disk Format" 1.03 (BPB, FSInfo) and the IBM PC
partition table. Packing what was unpacked gives the same bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from sdcard_image.types import CardError

SIGNATURE = b"\x55\xaa"
HEADS, TRACK_SECTORS = 255, 63
FAT32_CHS, FAT32_LBA = 0x0B, 0x0C  # partition types
UNKNOWN = 0xFFFF_FFFF  # FSInfo: free count or next free not known

_BPB = struct.Struct("<3s8sHBHBHHBHHHIIIHHIHH12sBBBI11s8s420s2s")
_FSINFO = struct.Struct("<I480sIII12sI")
_PARTITION = struct.Struct("<B3sB3sII")


@dataclass(frozen=True, slots=True)
class BootSector:
    """Fields of a FAT32 boot sector (512 bytes), named after the specification's, in its order."""

    jump: bytes
    oem_name: bytes
    bytes_per_sector: int
    sectors_per_cluster: int
    reserved_sectors: int
    fats: int
    root_entries: int
    total_sectors_16: int
    media: int
    fat_sectors_16: int
    sectors_per_track: int
    heads: int
    hidden_sectors: int
    total_sectors: int
    fat_sectors: int
    ext_flags: int
    version: int
    root_cluster: int
    fsinfo_sector: int
    backup_sector: int
    reserved: bytes
    drive_number: int
    reserved1: int
    boot_signature: int
    serial: int
    label: bytes
    fs_type: bytes
    code: bytes
    signature: bytes

    @classmethod
    def unpack(cls, data: bytes) -> BootSector:
        """Parse 512 bytes, without judging them."""
        return cls(*_BPB.unpack(data[:512]))

    def pack(self) -> bytes:
        """The 512 bytes."""
        return _BPB.pack(*(getattr(self, name) for name in self.__slots__))

    @property
    def clusters(self) -> int:
        """Clusters of the data area."""
        data = self.total_sectors - self.reserved_sectors - self.fats * self.fat_sectors
        return max(data, 0) // self.sectors_per_cluster

    @property
    def cluster_bytes(self) -> int:
        """Bytes of a cluster."""
        return self.bytes_per_sector * self.sectors_per_cluster

    @property
    def active_fat(self) -> int | None:
        """The only FAT in use, or None where all mirror each other."""
        return self.ext_flags & 15 if self.ext_flags & 0x80 else None


def looks_like_fat32(data: bytes) -> bool:
    """Whether a sector carries the marks of a FAT32 boot sector: a sector size, FATs, and no FAT16 fields."""
    if len(data) < 512 or data[510:512] != SIGNATURE:
        return False
    boot = BootSector.unpack(data)
    return (
        boot.bytes_per_sector in (512, 1024, 2048, 4096)
        and boot.fats > 0
        and boot.root_entries == 0
        and boot.fat_sectors_16 == 0
        and boot.fat_sectors > 0
    )


def validate(boot: BootSector, room_bytes: int) -> None:
    """Raise `CardError` unless ``boot`` describes a volume that fits into ``room_bytes``."""
    spc = boot.sectors_per_cluster
    if spc == 0 or spc & (spc - 1):
        raise CardError(f"the boot sector is damaged: {spc} sectors per cluster is not a power of two")
    if boot.reserved_sectors == 0:
        raise CardError("the boot sector is damaged: it leaves no room for itself")
    if boot.active_fat is not None and boot.active_fat >= boot.fats:
        raise CardError(
            f"the boot sector is damaged: FAT {boot.active_fat} is in use but only {boot.fats} exist"
        )
    if not 1 <= boot.clusters <= 0x0FFF_FFF5:
        raise CardError(f"the boot sector is damaged: it gives {boot.clusters:,} clusters")
    if (boot.clusters + 2) * 4 > boot.fat_sectors * boot.bytes_per_sector:
        raise CardError(
            f"the boot sector is damaged: a FAT of {boot.fat_sectors:,} sectors cannot number its "
            f"{boot.clusters:,} clusters"
        )
    if not 2 <= boot.root_cluster < boot.clusters + 2:
        raise CardError(f"the boot sector is damaged: the root folder is at cluster {boot.root_cluster:,}")
    if boot.total_sectors * boot.bytes_per_sector > room_bytes:
        raise CardError(
            f"the image is cut short: its volume is {boot.total_sectors * boot.bytes_per_sector:,} bytes "
            f"and only {room_bytes:,} are there; copy the card again"
        )


@dataclass(frozen=True, slots=True)
class FsInfo:
    """The free-space hint of a volume: ``UNKNOWN`` where it must be counted."""

    free: int = UNKNOWN
    next_free: int = UNKNOWN

    @classmethod
    def unpack(cls, data: bytes) -> FsInfo | None:
        """The hint, or None where the sector's signatures are not those of an FSInfo."""
        lead, _, struct_sig, free, next_free, _, trail = _FSINFO.unpack(data[:512])
        if (lead, struct_sig, trail) != (0x4161_5252, 0x6141_7272, 0xAA55_0000):
            return None
        return cls(free, next_free)

    def pack(self) -> bytes:
        """The 512 bytes."""
        zeros = bytes(480)
        return _FSINFO.pack(
            0x4161_5252, zeros, 0x6141_7272, self.free, self.next_free, zeros[:12], 0xAA55_0000
        )


@dataclass(frozen=True, slots=True)
class Partition:
    """One of four entries of an MBR. ``start`` and ``sectors`` are sectors of 512 bytes."""

    type: int
    start: int
    sectors: int
    active: int = 0
    chs_first: bytes = b"\xfe\xff\xff"
    chs_last: bytes = b"\xfe\xff\xff"


@dataclass(frozen=True, slots=True)
class Mbr:
    """A master boot record."""

    partitions: tuple[Partition, ...]
    code: bytes = field(default=bytes(440), repr=False)
    disk_id: int = 0
    reserved: int = 0

    @classmethod
    def unpack(cls, data: bytes) -> Mbr | None:
        """The record in a sector, or None where signature or status bytes say that it is not one."""
        if len(data) < 512 or data[510:512] != SIGNATURE:
            return None
        entries = [_PARTITION.unpack_from(data, 446 + 16 * i) for i in range(4)]
        if any(active not in (0, 0x80) for active, *_ in entries):
            return None
        parts = (Partition(kind, start, count, active, a, b) for active, a, kind, b, start, count in entries)
        disk_id, reserved = struct.unpack_from("<IH", data, 440)
        return cls(tuple(parts), data[:440], disk_id, reserved)

    def pack(self) -> bytes:
        """The 512 bytes."""
        table = b"".join(
            _PARTITION.pack(p.active, p.chs_first, p.type, p.chs_last, p.start, p.sectors)
            for p in self.partitions
        )
        return (
            self.code + struct.pack("<IH", self.disk_id, self.reserved) + table.ljust(64, b"\0") + SIGNATURE
        )


def chs(sector: int) -> bytes:
    """The three bytes for a sector in an MBR entry, at the limit where it lies beyond cylinder 1,023."""
    cylinder, rest = divmod(sector, HEADS * TRACK_SECTORS)
    if cylinder > 1023:
        return b"\xfe\xff\xff"
    head, record = divmod(rest, TRACK_SECTORS)
    return bytes((head, (record + 1) | (cylinder >> 2 & 0xC0), cylinder & 0xFF))
