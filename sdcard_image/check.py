"""Everything that can be known about a card's volume without looking into its files. Reads only.

Layout, folders and names are judged as a repairer reads them (`tree`, `salvage`); chains as a device does, by
the first FAT alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdcard_image.bootsector import FsInfo
from sdcard_image.chains import Chains, values_of
from sdcard_image.layout import ALIGNMENT, CLEAN, SECTOR, plan_geometry
from sdcard_image.medium import FileMedium, Medium, read_within
from sdcard_image.names import fold
from sdcard_image.repair import read_fats
from sdcard_image.salvage import Salvage
from sdcard_image.system_area import System, locate
from sdcard_image.tree import Folder, Thing
from sdcard_image.types import CardError, CardIOError

FAT32_TYPES = (0x0B, 0x0C)
SDHC_BYTES, SDSC_BYTES = 32 << 30, 2 << 30


@dataclass(frozen=True, slots=True)
class Defect:
    """Something wrong. ``path`` is empty for the volume itself; ``what`` is one clause."""

    id: str
    path: str
    what: str


@dataclass(frozen=True, slots=True)
class VolumeReport:
    """What a card is, and all that is wrong with it. ``fs``: FAT32, folder, or '' where it is neither.

    ``pieces``: for each file in more than one, how many contiguous pieces.
    """

    fs: str
    size_bytes: int
    card_class: str = ""
    label: str = ""
    cluster_bytes: int = 0
    files: int = 0
    folders: int = 0
    defects: tuple[Defect, ...] = ()
    pieces: tuple[tuple[str, int], ...] = ()


def card_class(size_bytes: int) -> str:
    """The SD Association's class of a card of this capacity."""
    return "SDSC" if size_bytes <= SDSC_BYTES else "SDHC" if size_bytes <= SDHC_BYTES else "SDXC"


def check_volume(card: Medium | Path) -> VolumeReport:
    """All problems of a card's volume, whatever its bytes. Raises `CardError` only where it cannot be read.

    Memory: up to 48 times the bytes of one FAT and 4 KB for each entry. Time: bounded by the size of the FAT,
    whatever is in it.
    """
    if not isinstance(card, Path):
        return _check(card)
    if card.is_dir():
        return VolumeReport("folder", 0)
    medium = FileMedium(card)
    try:
        return _check(medium)
    finally:
        medium.close()


def _check(medium: Medium) -> VolumeReport:
    try:
        system = locate(medium)
        raw = read_fats(medium, system)
    except CardIOError:
        raise
    except CardError as error:
        kind = card_class(medium.size)
        return VolumeReport("", medium.size, kind, defects=(Defect("not-fat32", "", str(error)),))
    return _Check(medium, system, raw).run()


class _Check:
    """Gathers the defects of a FAT32 volume, each once."""

    def __init__(self, medium: Medium, system: System, raw: list[NDArray[np.uint32]]) -> None:
        self.medium, self.system, self.raw = medium, system, raw
        self.defects: dict[tuple[str, str], Defect] = {}
        self.pieces: list[tuple[str, int]] = []
        copies = [values_of(copy[: system.boot.clusters + 2]) for copy in raw]
        self.salvage = Salvage(medium, system, Chains(copies, system.boot.clusters))
        self.first = Chains(copies[:1], system.boot.clusters)
        self.copies = copies

    def add(self, defect: str, path: str, what: str) -> None:
        """Note a defect; one of each kind for each path."""
        self.defects.setdefault((defect, path), Defect(defect, path, what))

    def run(self) -> VolumeReport:
        """All of it."""
        self._card()
        for defect, what in self.system.defects:
            self.add(defect, "", what)
        self._marks()
        self.salvage.run(lost=False)
        tree = self.salvage.tree
        things = [t for t in tree.things if not (t.found.hidden and t.dropped)]
        for folder in tree.folders:
            self._folder(folder)
        self._chains(things)
        self._lost()
        self._fsinfo()
        label = tree.root.label[:11].decode("cp437").rstrip()
        if not label:
            self.add("no-label", "", "the volume has no label")
        return VolumeReport(
            "FAT32",
            self.medium.size,
            card_class(self.medium.size),
            label,
            self.system.cluster_bytes,
            sum(not t.is_dir for t in things),
            len(tree.folders) - 1,
            tuple(self.defects.values()),
            tuple(self.pieces),
        )

    # the card as a whole

    def _card(self) -> None:
        system, size = self.system, self.medium.size
        if size > SDHC_BYTES:
            self.add("card-too-big", "", f"{size:,} bytes: an SDXC card, above the 32 GB of SDHC")
        if not system.offset:
            self.add("no-partition-table", "", "the volume begins at the card's first sector")
        elif system.gpt:
            self.add(
                "partition-type", "", "the card has a GPT; SD cards have an MBR, with type 0x0C for FAT32"
            )
        elif system.mbr is None or system.part is None:
            self.add("no-partition-table", "", "no entry of the partition table leads to the volume")
        else:
            self._partition(system.mbr.partitions[system.part].type)
        self._clusters()

    def _partition(self, kind: int) -> None:
        if kind not in FAT32_TYPES:
            self.add("partition-type", "", f"the partition is of type 0x{kind:02X}, FAT32 is 0x0C")
        if self.system.offset % ALIGNMENT:
            self.add("partition-alignment", "", f"the partition begins at byte {self.system.offset:,}, "
                     f"not on a boundary of {ALIGNMENT >> 20} MB")  # fmt: skip

    def _clusters(self) -> None:
        size = self.system.cluster_bytes
        try:
            usual = plan_geometry(self.medium.size, partition=bool(self.system.offset)).cluster_bytes
        except CardError:
            usual = size
        if size < usual or size > 64 << 10:
            self.add(
                "cluster-size", "", f"clusters of {size:,} bytes; cards of this size are made with {usual:,}"
            )
        if self.system.data_offset % ALIGNMENT:
            self.add("data-alignment", "", f"the data begins at byte {self.system.data_offset:,}, "
                     f"not on a boundary of {ALIGNMENT >> 20} MB")  # fmt: skip

    def _marks(self) -> None:
        if self.system.primary[65] & 3 or not int(self.raw[0][1]) & CLEAN:
            self.add("dirty-flag", "", "the card was not taken out properly after the last writing")
        if len(self.copies) > 1:
            differ = int(np.count_nonzero(self.copies[0] != self.copies[1]))
            if differ:
                self.add(
                    "fat-copies-differ", "", f"the two FATs differ in {_count(differ, 'entry', 'entries')}"
                )

    # folders and names

    def _folder(self, folder: Folder) -> None:
        path = folder.path or "/"
        for defect, what in folder.defects:
            self.add(defect, path, what)
        names: set[str] = set()
        shorts: set[bytes] = set()
        for thing in folder.things:
            if thing.found.hidden and thing.dropped:
                if thing.found.hidden != "deleted":
                    self.add("bad-entry", path, "it holds entries that make no sense")
                continue
            self._entry(thing)
            key = fold(thing.found.name)
            if key in names or thing.found.short in shorts:
                self.add("name-collision", thing.path, "another entry of its folder has its name")
            names.add(key)
            shorts.add(thing.found.short)

    def _entry(self, thing: Thing) -> None:
        found = thing.found
        for defect, what in found.defects:
            self.add(defect, thing.path, what)
        if thing.is_dir and found.size:
            self.add("bad-entry", thing.path, "it is a folder and has a size")
        if found.attributes & 0xC0:
            self.add("bad-entry", thing.path, "its attributes hold what they must not")

    # chains, by the first FAT

    def _chains(self, things: list[Thing]) -> None:
        owners: dict[int, str] = {}
        tree = self.salvage.tree
        self._claim(tree.root.cluster, -1, "/", owners, number=1)
        for number, thing in enumerate(things, 2):
            found = thing.found
            if thing.is_dir:
                if thing.folder is not None:
                    self._claim(thing.folder.cluster, -1, thing.path, owners, number=number)
            elif found.cluster or found.size:
                count = self.salvage.clusters_of(found.size)
                self._claim(found.cluster, count, thing.path, owners, number=number)

    def _claim(self, first: int, count: int, path: str, owners: dict[int, str], *, number: int) -> None:
        """Follow a chain; ``count`` is how long it must be, -1 for any length."""
        owners[number] = path
        if count == 0:
            self.add("bad-entry", path, "it is empty and has clusters")
        walk = self.first.walk(first, self.first.clusters)
        self.first.claim(walk.runs, number)
        if len(walk.runs) > 1 and count >= 0:
            self.pieces.append((path, len(walk.runs)))
            self.add("fragmented", path, f"it lies in {len(walk.runs):,} pieces")
        self._stop(walk.stop, walk.value, path, owners)
        if walk.stop == "end" and count > 0 and walk.count != count:
            longer = walk.count > count
            size = walk.count * self.system.cluster_bytes
            self.add(
                "chain-too-long" if longer else "chain-too-short",
                path,
                f"its chain holds {size:,} bytes, its size needs {_count(count, 'cluster')}",
            )

    def _stop(self, stop: str, value: int, path: str, owners: dict[int, str]) -> None:
        if stop == "owned":
            other = owners.get(int(self.first.owner[value]), "another")
            self.add("cross-linked", path, f"it shares clusters with {other}")
            self.add("cross-linked", other, f"it shares clusters with {path}")
        elif stop == "cycle":
            self.add("circular-chain", path, "its cluster chain runs in a circle")
        elif stop == "range":
            self.add("chain-out-of-range", path, f"its cluster chain points outside the card ({value:,})")
        elif stop in ("free", "bad"):
            self.add("chain-too-short", path, f"its cluster chain runs into a {stop} cluster")
        elif stop == "work":
            self.add("lost-chain", "", "the FAT is too damaged to follow every chain")

    def _lost(self) -> None:
        loose = self.first.loose()
        if len(loose):
            count = len(self.first.heads())
            what = f"{_count(len(loose), 'cluster')} in {_count(count, 'chain')} of no file"
            self.add("lost-chain", "", what)

    def _fsinfo(self) -> None:
        sector = self.system.boot.fsinfo_sector
        place = self.system.offset + sector * self.system.sector
        info = FsInfo.unpack(read_within(self.medium, place, SECTOR)) if sector else None
        free = int(np.count_nonzero(self.copies[0][2:] == 0))
        if info is None:
            self.add("fsinfo-wrong", "", "the sector with the free count is damaged")
        elif info.free not in (free, 0xFFFF_FFFF):
            what = f"it counts {_count(info.free, 'free cluster')}; there are {free:,}"
            self.add("fsinfo-wrong", "", what)
        elif info.next_free != 0xFFFF_FFFF and not 2 <= info.next_free < self.first.limit:
            self.add("fsinfo-wrong", "", f"the next free cluster is said to be {info.next_free:,}")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def structural(report: VolumeReport) -> Iterator[Defect]:
    """The defects that a repair puts right: not those of how the card was formatted, nor fragments."""
    ways = {"no-partition-table", "partition-type", "partition-alignment", "card-too-big", "no-label"}
    ways |= {"cluster-size", "data-alignment", "fragmented"}
    return (defect for defect in report.defects if defect.id not in ways)
