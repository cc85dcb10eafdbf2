"""Where a damaged card's volume begins and how it is laid out: boot sector, backup, and what the FATs betray.

Every candidate (each boot sector as stored, each with single fields taken from the other or inferred) is
judged by evidence on the card: where FATs begin, whether the top folder is one, whether folders' dot entries
name the clusters they stand in, whether the size fits. The best one wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sdcard_image.bootsector import SIGNATURE, BootSector, FsInfo, Mbr, looks_like_fat32
from sdcard_image.gpt import gpt_partitions, has_gpt
from sdcard_image.layout import SECTOR
from sdcard_image.layout_evidence import Judge
from sdcard_image.locate import find_volume
from sdcard_image.medium import Medium, read_within
from sdcard_image.slots import label_is_fine
from sdcard_image.types import CardError

GEOMETRY = ("bytes_per_sector", "sectors_per_cluster", "reserved_sectors", "fats", "total_sectors",
            "fat_sectors", "root_cluster")  # fmt: skip
BACKUP = 6
SECTOR_SIZES = (512, 1024, 2048, 4096)
_BACKUP_SEARCH = 128 << 10  # bytes in which a copy of the boot sector is looked for
_SEARCH = 32 << 20  # bytes in which a FAT's first entries are looked for
_STARTS = (0, 63, 128, 2048, 8192, 16384, 32768, 65536)  # where formatters put partitions, in sectors
# What these fields hold on nearly every card: where the two boot sectors disagree, this is believed.
_USUAL: dict[str, Any] = {
    "jump": b"\xeb\x58\x90",
    "reserved": bytes(12),
    "boot_signature": 0x29,
    "fs_type": b"FAT32   ",
}
_SURE = 18  # evidence below which nothing is repaired
_AGREED = 10  # evidence in a boot sector and its copy that say the same: damage does not hit both alike
_FAT32_TYPES = (0x0B, 0x0C)  # of partitions


@dataclass(slots=True)
class System:
    """A volume's place and layout. ``defects``: (identifier, sentence); ``evidence``: what speaks for it."""

    offset: int
    boot: BootSector
    primary: bytes
    backup: bytes
    mbr: Mbr | None
    part: int | None  # which entry of the partition table
    gpt: bool  # whether the card has a GPT, whose tables are left alone
    medium_size: int
    evidence: int
    inferred: tuple[str, ...] = ()
    defects: list[tuple[str, str]] = field(default_factory=list)

    @property
    def sector(self) -> int:
        """Bytes of a sector."""
        return self.boot.bytes_per_sector

    @property
    def cluster_bytes(self) -> int:
        """Bytes of a cluster."""
        return self.boot.cluster_bytes

    def fat_offset(self, copy: int) -> int:
        """Byte on the card where a FAT begins."""
        return self.offset + (self.boot.reserved_sectors + copy * self.boot.fat_sectors) * self.sector

    @property
    def data_offset(self) -> int:
        """Byte on the card where cluster 2 begins."""
        return self.fat_offset(self.boot.fats)

    def cluster_offset(self, cluster: int) -> int:
        """Byte on the card where a cluster begins."""
        return self.data_offset + (cluster - 2) * self.cluster_bytes


def locate(medium: Medium) -> System:
    """The volume on a medium; `CardError` that says what is there instead."""
    if medium.size < SECTOR:
        raise CardError(f"this is no FAT32 card: it is only {medium.size} bytes")
    head = medium.pread(0, SECTOR)
    mbr = Mbr.unpack(head)
    named = (
        [p for p in mbr.partitions if p.type in _FAT32_TYPES and p.start * SECTOR < medium.size]
        if mbr
        else []
    )
    gpt = has_gpt(medium.pread, medium.size)
    best: System | None = None
    for place in _places(medium, mbr, bool(named) and not looks_like_fat32(head), gpt=gpt):
        if place.offset + SECTOR > medium.size:
            continue
        system = _at(medium, place, mbr if place.offset else None, gpt=gpt)
        if system and (best is None or system.evidence > best.evidence):
            best = system
            if best.evidence >= _SURE + 8 and not best.inferred:
                break
    if best is None or best.evidence < _SURE:
        find_volume(medium.pread, medium.size)  # says what it is instead
        raise CardError("this is no FAT32 card, or too little of its system area is left to repair it")
    _note(medium, best)
    return best


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a volume may begin; ``room``: sectors by the partition table, or 0."""

    offset: int
    room: int = 0
    part: int | None = None


def _places(medium: Medium, mbr: Mbr | None, is_table: bool, *, gpt: bool) -> Iterator[_Place]:
    """Where to look. A partition table that names a FAT32 volume is not itself the start of one."""
    parts = [
        (p.start, p.sectors, i) for i, p in enumerate(mbr.partitions if mbr else ()) if p.type and p.start
    ]
    entries = gpt_partitions(medium.pread, medium.size) if gpt else []
    places = [] if is_table or entries else [_Place(0)]
    places += [_Place(start, length // SECTOR) for start, length in entries]
    places += [_Place(start * SECTOR, room, i) for start, room, i in parts]
    places += [_Place(start * SECTOR) for start in _STARTS[1:]]
    seen: set[int] = set()
    for place in places:
        if place.offset not in seen:
            seen.add(place.offset)
            yield place


def _at(medium: Medium, place: _Place, mbr: Mbr | None, *, gpt: bool) -> System | None:
    """The best reading of the sectors at a place."""
    offset = place.offset
    primary = read_within(medium, offset, SECTOR)
    boot = BootSector.unpack(primary)
    backup = _backup(medium, offset, boot)
    judge = Judge(medium, offset, place.room)
    best: tuple[int, BootSector, tuple[str, ...]] | None = None
    for candidate, inferred in _candidates(judge, primary, backup):
        points = judge.points(candidate) - min(4, 2 * len(inferred))
        if not inferred and _agree(boot, BootSector.unpack(backup)) and judge.is_plausible(boot):
            points += _AGREED
        if best is None or points > best[0]:
            best = points, candidate, inferred
    if best is None or best[0] < _SURE:
        return None
    boot = _normalised(medium, offset, best[1], BootSector.unpack(backup))
    return System(offset, boot, primary, backup, mbr, place.part, gpt, medium.size, best[0], best[2])


def _backup(medium: Medium, offset: int, boot: BootSector) -> bytes:
    """The copy of a boot sector: where it says, else where one says of itself that it is, else sector 6."""
    unit = boot.bytes_per_sector if boot.bytes_per_sector in SECTOR_SIZES else SECTOR
    if 0 < boot.backup_sector < max(64, boot.reserved_sectors):
        said = read_within(medium, offset + boot.backup_sector * unit, SECTOR)
        if looks_like_fat32(said):
            return said
    head = read_within(medium, offset, _BACKUP_SEARCH)
    for at in range(SECTOR, len(head), SECTOR):
        sector = head[at : at + SECTOR]
        if sector[510:] == SIGNATURE and looks_like_fat32(sector):
            copy = BootSector.unpack(sector)
            if copy.backup_sector * copy.bytes_per_sector == at:
                return sector
    return head[BACKUP * SECTOR : (BACKUP + 1) * SECTOR]


def _candidates(judge: Judge, primary: bytes, backup: bytes) -> Iterator[tuple[BootSector, tuple[str, ...]]]:
    """Each boot sector as stored; where neither stands by itself, with fields from elsewhere."""
    stored = [BootSector.unpack(primary), BootSector.unpack(backup)]
    points = [judge.points(boot) for boot in stored]
    yield from ((boot, ()) for boot in stored)
    if _agree(*stored) and judge.stands(stored[0]):
        return
    best = stored[points.index(max(points))]
    if max(points) >= _SURE + 8 and judge.has_top_folder(best):
        return
    if not (any(primary) or any(backup)) and judge.offset and not judge.room:
        return  # nothing speaks for a volume here
    one, other = stored
    for name in GEOMETRY:
        yield replace(one, **{name: getattr(other, name)}), (name,)
        yield replace(other, **{name: getattr(one, name)}), (name,)
    guessed = _inferred(judge, stored)
    for base in stored:
        for name, value in guessed.items():
            yield replace(base, **{name: value}), (name,)
        if guessed:
            yield from _with_clusters(replace(base, **guessed), tuple(guessed), judge)


def _agree(one: BootSector, other: BootSector) -> bool:
    """Whether a boot sector and its copy say the same of the layout."""
    signed = one.signature == SIGNATURE and other.signature == SIGNATURE
    return signed and all(getattr(one, name) == getattr(other, name) for name in GEOMETRY)


def _with_clusters(
    base: BootSector, names: tuple[str, ...], judge: Judge
) -> Iterator[tuple[BootSector, tuple[str, ...]]]:
    for total in {base.total_sectors, judge.room, (judge.medium.size - judge.offset) // SECTOR} - {0}:
        for power in range(8):
            boot = replace(base, sectors_per_cluster=1 << power, total_sectors=total & 0xFFFF_FFFF)
            yield boot, (*names, "sectors_per_cluster")


def _inferred(judge: Judge, stored: list[BootSector]) -> dict[str, Any]:
    """Fields that show on the card: two FATs begin with the same mark, and data follows the second."""
    first = judge.find_fat(SECTOR, _SEARCH)
    if first is None:
        return {"root_cluster": 2}
    fields: dict[str, Any] = {
        "root_cluster": 2,
        "bytes_per_sector": SECTOR,
        "reserved_sectors": (first - judge.offset) // SECTOR,
    }
    for boot in stored:
        at = first + boot.fat_sectors * SECTOR
        if boot.fat_sectors and judge.is_fat(at):
            return fields | {"fat_sectors": boot.fat_sectors, "fats": 2}
    second = judge.find_fat(first - judge.offset + SECTOR, 2 * _SEARCH)
    if second is None:
        return fields
    return fields | {"fat_sectors": (second - first) // SECTOR, "fats": 2}


def _normalised(medium: Medium, offset: int, boot: BootSector, other: BootSector) -> BootSector:
    """The fields that do not decide the layout, as they must be."""
    spare = other if other.signature == SIGNATURE else boot
    known = boot.signature == SIGNATURE and boot.jump[0] in (0xEB, 0xE9)
    boot = replace(
        boot,
        media=boot.media if boot.media in (0xF0, *range(0xF8, 0x100)) else 0xF8,
        drive_number=_likelier(boot.drive_number, spare.drive_number, 0x80, 0),
        root_entries=0,
        total_sectors_16=0,
        fat_sectors_16=0,
        version=0,
        reserved1=0,
        signature=SIGNATURE,
        sectors_per_track=boot.sectors_per_track or spare.sectors_per_track or 63,
        heads=boot.heads or spare.heads or 255,
        hidden_sectors=_likelier(boot.hidden_sectors, spare.hidden_sectors, offset // SECTOR),
        backup_sector=_backup_place(boot, other),
        **{
            name: value
            for name, value in _USUAL.items()
            if not (known and getattr(boot, name) == getattr(spare, name))
        },
    )
    if boot.ext_flags & 0x80 and boot.ext_flags & 15 < boot.fats and other.ext_flags == boot.ext_flags:
        flags = boot.ext_flags & 0x8F
    else:
        flags = 0
    if spare.label != boot.label and not label_is_fine(boot.label):
        boot = replace(boot, label=spare.label)
    return replace(boot, ext_flags=flags, fsinfo_sector=_fsinfo_place(medium, offset, boot))


def _likelier(value: int, other: int, *usual: int) -> int:
    """What both boot sectors say; where they do not agree, what is usual, else what the other says."""
    return value if value == other else next((v for v in usual if v in (value, other)), other)


def _backup_place(boot: BootSector, other: BootSector) -> int:
    """Where the copy is: as said, if it is there, else sector 6, if there is room; 0 for none."""
    known = boot.backup_sector == other.backup_sector and 1 < boot.backup_sector < boot.reserved_sectors
    if known:
        return boot.backup_sector
    return BACKUP if boot.reserved_sectors > BACKUP + 1 else 0


def _fsinfo_place(medium: Medium, offset: int, boot: BootSector) -> int:
    for sector in (boot.fsinfo_sector, 1):
        place = offset + sector * boot.bytes_per_sector
        inside = 0 < sector < min(boot.reserved_sectors, 64) and sector != boot.backup_sector
        if inside and FsInfo.unpack(read_within(medium, place, SECTOR)):
            return sector
    return 1 if boot.reserved_sectors > 1 else 0


def _note(medium: Medium, system: System) -> None:
    """What was wrong with the system area."""
    boot, want = BootSector.unpack(system.primary), system.boot.pack()
    wrong = [n for n in GEOMETRY if getattr(boot, n) != getattr(system.boot, n)]
    wrong += ["signature"] if boot.signature != SIGNATURE else []
    if wrong or system.inferred:
        what = ", ".join(name.replace("_", " ") for name in dict.fromkeys([*wrong, *system.inferred]))
        system.defects.append(("boot-sector-damaged", f"the boot sector is wrong in: {what}"))
    elif _essential(system.primary) != _essential(want):
        system.defects.append(("boot-sector-damaged", "the boot sector holds what it must not"))
    if system.boot.backup_sector and _essential(system.backup) != _essential(system.primary):
        system.defects.append(("boot-backup-differs", "the boot sector and its backup are not the same"))
    end = system.offset + system.boot.total_sectors * system.sector
    if end > medium.size:
        system.defects.append(
            (
                "boot-sector-damaged",
                f"the image is cut short: {end - medium.size:,} bytes of the volume are missing",
            )
        )


def _essential(sector: bytes) -> bytes:
    """A boot sector without the byte that systems use for their dirty mark."""
    return sector[:65] + b"\0" + sector[66:]
