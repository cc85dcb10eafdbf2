"""A mounted FAT32 volume, for reading."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from itertools import accumulate

from sdcard_image.audit import Audit, audit
from sdcard_image.bootsector import FsInfo, validate
from sdcard_image.direntry import LONG, MAX_SLOTS, SIZE, VOLUME, Slot, moment
from sdcard_image.fat import Fat
from sdcard_image.folder_table import FolderTable
from sdcard_image.layout import MAX_FAT_CLUSTERS
from sdcard_image.locate import find_volume
from sdcard_image.medium import Medium
from sdcard_image.names import MAX_DEPTH, split_path
from sdcard_image.types import Backing, CardError, CardInfo, Entry, Extent, ReadCounters

CHUNK = 4 << 20
MAX_FAT_BYTES = (MAX_FAT_CLUSTERS + 2) * 4


class Volume:
    """A FAT32 volume on a medium. Implements `Card`; see there for what each method promises."""

    def __init__(self, medium: Medium) -> None:
        self.reads = ReadCounters()
        self._medium = medium
        self.offset, self.boot = find_volume(self._read, medium.size)
        validate(self.boot, medium.size - self.offset)
        self._sector = self.boot.bytes_per_sector
        self.cluster_bytes = self.boot.cluster_bytes
        fats = self.boot.reserved_sectors + self.boot.fats * self.boot.fat_sectors
        self._data_offset = self.offset + fats * self._sector
        self.fat = Fat(self._read_fat(), self.boot.clusters)
        self._folders: dict[int, FolderTable] = {}
        self._heads: dict[int, str] = {self.boot.root_cluster: "/"}
        self._claimed_twice: dict[int, str] = {}  # the second path of a cluster in which two entries begin
        self._surveyed = False
        self._resolved: tuple[tuple[str, int, int, int], list[Extent]] = (("", 0, 0, -1), [])
        self._begins: tuple[tuple[str, int, int, int], list[int]] = (("", 0, 0, -1), [0])
        self._audited: dict[int, str] | None = None

    # the medium

    def _read(self, offset: int, length: int) -> bytes:
        self.reads.reads += 1
        self.reads.bytes += length
        return self._medium.pread(offset, length)

    def _fat_offset(self, copy: int) -> int:
        return self.offset + (self.boot.reserved_sectors + copy * self.boot.fat_sectors) * self._sector

    def _read_fat(self) -> bytes:
        used = -(-(self.boot.clusters + 2) * 4 // self._sector) * self._sector
        if used > MAX_FAT_BYTES:
            raise CardError(
                f"the card has {self.boot.clusters:,} clusters, more than can be held; use larger clusters"
            )
        return self._read(self._fat_offset(self.boot.active_fat or 0), used)

    def cluster_offset(self, cluster: int) -> int:
        """Absolute byte offset of a cluster."""
        return self._data_offset + (cluster - 2) * self.cluster_bytes

    def read_runs(self, runs: list[tuple[int, int]]) -> bytes:
        """The bytes of whole clusters, one read for each run."""
        size = self.cluster_bytes
        return b"".join([self._read(self.cluster_offset(c), n * size) for c, n in runs])

    # chains and folders

    def chain(self, path: str, cluster: int, limit: int | None = None) -> list[tuple[int, int]]:
        """A chain's runs; `CardError` where it is broken, loops, or is shared with another file."""
        self._survey()
        self._check_claims(path, cluster)
        return self._follow(path, cluster, limit)

    def _follow(self, path: str, cluster: int, limit: int | None) -> list[tuple[int, int]]:
        if self.fat.is_referenced(cluster) or self._audited:  # then it may be another's, and is not walked
            problem = self.audit().get(cluster)
            if problem:
                raise CardError(f"{path}: {problem}; check the card")
        try:
            runs = list(self.fat.runs(cluster, limit))
        except CardError as error:
            raise CardError(f"{path}: {error}; check the card") from None
        if self.fat.is_suspicious(runs):
            problem = self.audit().get(cluster)
            if problem:
                raise CardError(f"{path}: {problem}; check the card")
        return runs

    def _check_claims(self, path: str, cluster: int) -> None:
        """Refuse whatever two entries claim: a folder could otherwise be its own ancestor."""
        if cluster not in self._claimed_twice:
            return
        first, second = self._heads.get(cluster, path), self._claimed_twice[cluster]
        other = next((claim for claim in (first, second) if claim != path), "another entry of that name")
        raise CardError(f"{path}: it begins in the same cluster as {other}; check the card")

    def _survey(self) -> None:
        """Read every folder once: what two entries claim must not depend on what was read before."""
        if self._surveyed:
            return
        seen, todo = {self.boot.root_cluster}, [self._load("", self.boot.root_cluster)]
        while todo:
            table = todo.pop()
            for slot in table.slots:
                path = f"{table.path}/{slot.name}"
                if slot.is_dir and slot.cluster not in seen and path.count("/") <= MAX_DEPTH:
                    seen.add(slot.cluster)
                    with suppress(CardError):  # told to whoever asks for that folder
                        todo.append(self._load(path, slot.cluster))
        self._surveyed = True

    def audit(self) -> dict[int, str]:
        """Which files and folders are damaged: first cluster -> what is wrong. Walks the card once."""
        if self._audited is None:
            self._audited = audit(self, whole=False).by_cluster
        return self._audited

    def full_audit(self) -> Audit:
        """Check every chain of the card to its end, now."""
        return audit(self)

    @property
    def max_folder_clusters(self) -> int:
        """How long a folder's chain may be: 65,536 entries."""
        return max(1, MAX_SLOTS * SIZE // self.cluster_bytes)

    def table(self, path: str, cluster: int) -> FolderTable:
        """The folder at ``cluster``, from memory if it was read before."""
        if path:
            self._survey()
            self._check_claims(path, cluster)
        return self._load(path, cluster)

    def _load(self, path: str, cluster: int) -> FolderTable:
        table = self._folders.get(cluster)
        if table is None:
            most = self.max_folder_clusters
            runs = self._follow(path or "/", cluster, most + 1)
            if sum(count for _, count in runs) > most:
                raise CardError(f"{path or '/'}: the folder is larger than 65,536 entries; check the card")
            table = FolderTable(path, cluster, runs, self.read_runs(runs))
            self._register(table)
        return table

    def _register(self, table: FolderTable) -> None:
        self._folders[table.cluster] = table
        for slot in table.slots:
            if slot.cluster in self._heads:
                self._claimed_twice.setdefault(slot.cluster, f"{table.path}/{slot.name}")
            elif slot.cluster:
                self._heads[slot.cluster] = f"{table.path}/{slot.name}"

    def locate(self, path: str) -> tuple[FolderTable, Slot | None, str]:
        """The folder that ``path`` lies in, its entry there if any, and the last name ('' for the top)."""
        names = split_path(path)
        table = self.table("", self.boot.root_cluster)
        if len(names) > MAX_DEPTH:
            raise CardError(f"{path[:80]}… is deeper than {MAX_DEPTH} folders")
        for name in names[:-1]:
            slot = table.find(name)
            if slot is None or not slot.is_dir:
                raise CardError(f"there is no folder {table.path}/{name} on the card")
            table = self.table(f"{table.path}/{slot.name}", slot.cluster)
        return (table, table.find(names[-1]), names[-1]) if names else (table, None, "")

    def folder(self, path: str) -> FolderTable:
        """The folder at ``path``; `CardError` where it is none."""
        table, slot, name = self.locate(path)
        if not name:
            return table
        if slot is None or not slot.is_dir:
            raise CardError(f"there is no folder {path} on the card")
        return self.table(f"{table.path}/{slot.name}", slot.cluster)

    def _file(self, path: str) -> tuple[str, Slot]:
        table, slot, name = self.locate(path)
        if slot is None:
            raise CardError(f"{path or '/'} is a folder" if not name else f"there is no {path} on the card")
        if slot.is_dir:
            raise CardError(f"{path} is a folder, not a file")
        return f"{table.path}/{slot.name}", slot

    def slot_entry(self, table: FolderTable, slot: Slot) -> Entry:
        """The public face of a slot."""
        stem, ext = slot.short[:8].decode("cp437").rstrip(), slot.short[8:].decode("cp437").rstrip()
        return Entry(
            f"{table.path}/{slot.name}",
            slot.name,
            slot.is_dir,
            0 if slot.is_dir else slot.size,
            moment(slot.date, slot.time),
            f"{stem}.{ext}" if ext else stem,
            slot.cluster,
        )

    # Card

    def entry(self, path: str) -> Entry:
        """See `Card.entry`."""
        table, slot, name = self.locate(path)
        if not name:
            return Entry("/", "", is_dir=True, size=0, modified=None, first_cluster=self.boot.root_cluster)
        if slot is None:
            raise CardError(f"there is no {path} on the card")
        return self.slot_entry(table, slot)

    def exists(self, path: str) -> bool:
        """See `Card.exists`. A damaged folder on the way still is an error."""
        table = self.table("", self.boot.root_cluster)
        names = split_path(path)
        for i, name in enumerate(names):
            slot = table.find(name)
            if slot is None:
                return False
            if i + 1 < len(names):
                if not slot.is_dir:
                    return False
                table = self.table(f"{table.path}/{slot.name}", slot.cluster)
        return True

    def listdir(self, path: str = "/") -> list[Entry]:
        """See `Card.listdir`."""
        table = self.folder(path)
        return [self.slot_entry(table, slot) for slot in table.slots]

    def walk(self, path: str = "/") -> Iterator[Entry]:
        """See `Card.walk`."""
        start = self.folder(path)
        stack = [(start, iter(start.slots))]
        while stack:
            table, slots = stack[-1]
            slot = next(slots, None)
            if slot is None:
                stack.pop()
                continue
            yield self.slot_entry(table, slot)
            if slot.is_dir:
                inner = self._shallow(f"{table.path}/{slot.name}", slot.cluster)
                stack.append((inner, iter(inner.slots)))

    def _shallow(self, path: str, cluster: int) -> FolderTable:
        """The folder at ``cluster``, where it is not too deep to be one."""
        if path.count("/") > MAX_DEPTH:
            raise CardError(f"{path[:80]}… is deeper than {MAX_DEPTH} folders; check the card")
        return self.table(path, cluster)

    def extents(self, path: str) -> list[Extent]:
        """See `Card.extents`."""
        return list(self._extents(*self._file(path)))

    def _extents(self, path: str, slot: Slot) -> list[Extent]:
        if slot.size == 0:
            return []
        asked = (path, slot.cluster, slot.size, self.fat.version)
        if self._resolved[0] != asked:  # a file is read in many steps, and resolved once
            self._resolved = (asked, self._resolve(path, slot))
        return self._resolved[1]

    def _resolve(self, path: str, slot: Slot) -> list[Extent]:
        size = self.cluster_bytes
        runs = self.chain(path, slot.cluster, -(-slot.size // size))
        out = [Extent(self.cluster_offset(first), count * size) for first, count in runs]
        over = sum(e.length for e in out) - slot.size
        if over < 0:
            raise CardError(
                f"{path}: the card holds only {slot.size + over:,} of its {slot.size:,} bytes; check the card"
            )
        out[-1] = Extent(out[-1].offset, out[-1].length - over)
        return out

    def file_parts(self, path: str, slot: Slot) -> Iterator[bytes]:
        """A file's bytes in order, a few MB at a time."""
        for extent in self._extents(path, slot):
            for at in range(0, extent.length, CHUNK):
                yield self._read(extent.offset + at, min(CHUNK, extent.length - at))

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        """See `Card.read`."""
        where, slot = self._file(path)
        end = slot.size if size is None else min(slot.size, offset + size)
        extents = self._extents(where, slot)
        parts, index, at = [], *self._extent_at(offset)
        while at < end and index < len(extents):
            extent = extents[index]
            first, last = max(offset - at, 0), min(extent.length, end - at)
            if first < last:
                parts.append(self._read(extent.offset + first, last - first))
            index, at = index + 1, at + extent.length
        return b"".join(parts)

    def _extent_at(self, offset: int) -> tuple[int, int]:
        """Index of the resolved file's extent that holds ``offset``, and where in the file it begins."""
        asked, extents = self._resolved
        if asked != self._begins[0]:
            self._begins = (asked, list(accumulate((e.length for e in extents), initial=0)))
        begins = self._begins[1]
        index = max(bisect_right(begins, offset) - 1, 0)
        return index, begins[index]

    def info(self) -> CardInfo:
        """See `Card.info`."""
        files = fragments = filled = damaged = 0
        todo = [self.table("", self.boot.root_cluster)]
        while todo:
            table = todo.pop()
            for slot in table.slots:
                path = f"{table.path}/{slot.name}"
                files += not slot.is_dir
                try:
                    if slot.is_dir:
                        todo.append(self._shallow(path, slot.cluster))
                        continue
                    pieces = len(self._extents(path, slot))
                except CardError:
                    damaged += 1
                    continue
                fragments += pieces
                filled += pieces > 0
        return CardInfo(
            fs="FAT32",
            label=self.label(),
            serial=f"{self.boot.serial >> 16:04X}-{self.boot.serial & 0xFFFF:04X}",
            size_bytes=self._medium.size,
            cluster_bytes=self.cluster_bytes,
            clusters=self.boot.clusters,
            free_bytes=self.fat.free_clusters() * self.cluster_bytes,
            partition_offset=self.offset,
            files=files,
            fragments_per_file=fragments / filled if filled else 0.0,
            damaged=damaged,
        )

    def label(self) -> str:
        """The volume's label: that of the top folder, which systems edit, before the boot sector's."""
        data = self.table("", self.boot.root_cluster).data
        for at in range(0, len(data), SIZE):
            if data[at] == 0:
                break
            kind = data[at + 11]
            if data[at] != 0xE5 and kind & VOLUME and kind & 0x3F != LONG:
                return bytes(data[at : at + 11]).decode("cp437").rstrip()
        label = self.boot.label.decode("cp437").rstrip()
        return "" if label == "NO NAME" else label

    def fsinfo(self) -> FsInfo | None:
        """The volume's free-space hint; None where it has none."""
        sector = self.boot.fsinfo_sector
        if not 0 < sector < self.boot.reserved_sectors:
            return None
        return FsInfo.unpack(self._read(self.offset + sector * self._sector, 512))

    def backing(self) -> list[Backing]:
        """See `Card.backing`."""
        return self._medium.backing()

    def close(self) -> None:
        """See `Card.close`."""
        self._medium.close()
