"""Geometry: where the parts of a FAT32 volume lie on a card of a given capacity."""

from __future__ import annotations

from dataclasses import dataclass

from sdcard_image.types import CardError

SECTOR = 512
MASK = 0x0FFF_FFFF  # what of a FAT entry counts: 28 bits
BAD = 0x0FFF_FFF7  # a cluster that must not be used
END = 0x0FFF_FFFF  # the last cluster of a chain
CLEAN = 0x0800_0000  # bit of FAT[1]: the volume was closed properly
ALIGNMENT = 4 << 20  # the SD Association's boundary unit for cards of 2 to 32 GB
MIN_CLUSTERS = 65_525  # Microsoft FAT specification: fewer is FAT16
MIN_RESERVED = 32
MAX_CLUSTER_BYTES = 64 << 10
MAX_FAT_CLUSTERS = (128 << 20) // 4 - 2  # a mounted FAT is held in memory: 2 TiB in 64 KB clusters fit
MAX_SECTORS = 2**32 - 1  # the boot sector's and the partition table's fields; a card of 2 TiB has one more
MAX_BYTES = 2 << 40


@dataclass(frozen=True, slots=True)
class Geometry:
    """A volume's parts. Units: sectors of 512 bytes; ``start`` is the volume's place on the card."""

    start: int
    total: int
    cluster_sectors: int
    reserved: int
    fat_sectors: int
    clusters: int

    @property
    def cluster_bytes(self) -> int:
        """Bytes of one cluster."""
        return self.cluster_sectors * SECTOR

    @property
    def data_offset(self) -> int:
        """Byte on the card where cluster 2 begins."""
        return (self.start + self.reserved + 2 * self.fat_sectors) * SECTOR


def _ceil(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def _fit(card_sectors: int, start: int, cluster_sectors: int) -> Geometry:
    """Data area on an alignment boundary: the reserved area takes up the slack."""
    total = card_sectors - start
    most = max(total - MIN_RESERVED, 0) // cluster_sectors
    fat_sectors = -(-(most + 2) * 4 // SECTOR)
    data = _ceil(start + MIN_RESERVED + 2 * fat_sectors, ALIGNMENT // SECTOR)
    reserved = data - start - 2 * fat_sectors
    clusters = max(card_sectors - data, 0) // cluster_sectors
    return Geometry(start, total, cluster_sectors, reserved, fat_sectors, clusters)


def smallest_bytes(*, partition: bool = True, cluster_bytes: int = SECTOR) -> int:
    """The least capacity in bytes that holds a FAT32 volume with clusters of ``cluster_bytes``."""
    start = ALIGNMENT if partition else 0
    fats = 2 * _ceil((MIN_CLUSTERS + 2) * 4, SECTOR)
    size = _ceil(start + MIN_RESERVED * SECTOR + fats, ALIGNMENT) + MIN_CLUSTERS * cluster_bytes
    return _ceil(size, 1 << 20)


def plan_geometry(size_bytes: int, *, partition: bool = True, cluster_bytes: int | None = None) -> Geometry:
    """Lay out a card of ``size_bytes`` (a trailing part of a sector stays unused).

    Cluster size as the SD Association's formatter chooses it: 32 KB up to 32 GB, 64 KB above; below 2 GB,
    where that formatter would leave FAT32, the largest that still gives 65,525 clusters. Raises `CardError`.
    """
    if size_bytes > MAX_BYTES:
        raise CardError(f"{size_bytes:,} bytes is more than FAT32 can address; the largest is 2 TiB (2T)")
    smallest = smallest_bytes(partition=partition)
    if size_bytes < smallest:
        raise CardError(
            f"{size_bytes:,} bytes is too small for a FAT32 card; the smallest is {smallest >> 20} MiB"
        )
    start = ALIGNMENT // SECTOR if partition else 0
    sectors = min(size_bytes // SECTOR, MAX_SECTORS)
    if cluster_bytes is not None:
        return _chosen(sectors, start, cluster_bytes)
    cluster = (32 << 10) if size_bytes <= 32 << 30 else MAX_CLUSTER_BYTES
    while (plan := _fit(sectors, start, cluster // SECTOR)).clusters < MIN_CLUSTERS:
        cluster //= 2
    return plan


def _chosen(card_sectors: int, start: int, cluster_bytes: int) -> Geometry:
    if cluster_bytes & (cluster_bytes - 1) or not SECTOR <= cluster_bytes <= MAX_CLUSTER_BYTES:
        raise CardError(
            f"a cluster is 512 bytes to 64 KB, doubling; {cluster_bytes:,} bytes is none of these"
        )
    plan = _fit(card_sectors, start, cluster_bytes // SECTOR)
    if plan.clusters < MIN_CLUSTERS:
        raise CardError(
            f"clusters of {cluster_bytes:,} bytes give {plan.clusters:,} of them on this card and FAT32 "
            f"needs {MIN_CLUSTERS:,}; choose smaller clusters or a larger card"
        )
    if plan.clusters > MAX_FAT_CLUSTERS:
        raise CardError(
            f"clusters of {cluster_bytes:,} bytes give {plan.clusters:,} of them on this card, and up to "
            f"{MAX_FAT_CLUSTERS:,} can be held; choose larger clusters"
        )
    return plan
