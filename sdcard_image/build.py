"""A whole card at once: formatted, filled, every file contiguous, in one pass and under a temporary name."""

from __future__ import annotations

import hashlib
import os
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sdcard_image.bootsector import (
    FAT32_LBA,
    HEADS,
    SIGNATURE,
    TRACK_SECTORS,
    UNKNOWN,
    BootSector,
    FsInfo,
    Mbr,
    Partition,
    chs,
)
from sdcard_image.layout import END, SECTOR, Geometry, plan_geometry
from sdcard_image.medium import io_error
from sdcard_image.names import check_label
from sdcard_image.plan import Node, folder_bytes, folders, place, plan_tree
from sdcard_image.source import open_file
from sdcard_image.types import BuildReport, CardError, Item, Made

DEFAULT_TIMESTAMP = datetime(2020, 1, 1)  # noqa: DTZ001,RUF100  FAT time has no zone; fixed, so images reproduce
ROOT_CLUSTER, FSINFO_SECTOR, BACKUP_SECTOR = 2, 1, 6
_COPY = 4 << 20
_ZEROS = bytes(_COPY)
_LABEL_NONE = "NO NAME"

Progress = Callable[[int, int], None]


def serial_from(seed: int, label: str) -> int:
    """A volume serial number that only depends on what is given."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{label}".encode(), digest_size=4).digest(), "big")


def _serial_of(seed: int, label: str, size_bytes: int, root: Node) -> int:
    """A serial number that differs where cards do: by names, sizes, label and capacity."""
    digest = hashlib.blake2b(f"{seed}/{label}/{size_bytes}".encode(), digest_size=4)
    for folder in folders(root):
        for child in folder.children.values():
            kind = "folder" if child.is_dir else str(child.size)
            digest.update(f"\0{child.path}\0{kind}".encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest(), "big")


def build_image(
    destination: Path,
    items: Iterable[Item],
    *,
    size_bytes: int,
    label: str = "",
    serial: int | None = None,
    seed: int = 0,
    timestamp: datetime = DEFAULT_TIMESTAMP,
    partition: bool = True,
    cluster_bytes: int | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> BuildReport:
    """Make a card image of ``size_bytes`` at ``destination`` (sparse) with ``items`` on it.

    The same arguments give the same bytes. Without a ``serial`` it follows from ``seed``, the label, the
    capacity, and the names and sizes of what is on the card. ``progress`` is called with (bytes done, bytes
    in all). Nothing is left behind on failure; an existing file is replaced only with ``overwrite``, and then
    only by a whole image that has reached the disk. Raises `CardError` (bad input, card full) and
    `CardIOError` (the host failed).
    """
    _check_destination(destination, overwrite=overwrite)
    label = check_label(label)
    geometry = plan_geometry(size_bytes, partition=partition, cluster_bytes=cluster_bytes)
    root = plan_tree(items)
    used = place(root, geometry.cluster_bytes, labelled=bool(label)) - 2
    if used > geometry.clusters:
        raise CardError(
            f"the card is too small: its files and folders need {used * geometry.cluster_bytes:,} bytes and "
            f"{geometry.clusters * geometry.cluster_bytes:,} are there; choose a larger size"
        )
    number = _serial_of(seed, label, size_bytes, root) if serial is None else serial & 0xFFFF_FFFF
    with _new_file(destination, size_bytes, durable=destination.exists()) as fd:
        _write_system(fd, geometry, number, label, used)
        _write_fats(fd, geometry, root, used)
        _write_folders(fd, geometry, root, label, timestamp)
        _write_files(fd, geometry, root, progress)
        if not overwrite:
            _check_destination(destination, overwrite=False)
    return _report(root, geometry, used, size_bytes=size_bytes, serial=number, label=label)


def _check_destination(destination: Path, *, overwrite: bool) -> None:
    if destination.exists() and not destination.is_file():
        raise CardError(f"{destination} is not a file; give the name of an image")
    if destination.exists() and not overwrite:
        raise CardError(f"{destination} exists already; choose another name or say to replace it")


@contextmanager
def _new_file(destination: Path, size: int, *, durable: bool) -> Iterator[int]:
    """A sparse file that gets its name when it is complete, or goes."""
    part = destination.with_name(f".benchpad-{os.getpid()}.part")
    try:
        fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            raise CardError(f"cannot make {destination}: there is no folder {destination.parent}") from None
        raise io_error("write to", destination, error) from error
    try:
        try:
            os.ftruncate(fd, size)
            yield fd
            if durable:  # what is replaced is only given up for what has reached the disk
                os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(part, destination)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, CardError):
            raise io_error("write to", destination, error) from error
        raise


def _boot_sector(geometry: Geometry, serial: int, label: str) -> BootSector:
    return BootSector(
        jump=b"\xeb\x58\x90",
        oem_name=b"MSWIN4.1",  # the specification recommends it: some systems look at nothing else
        bytes_per_sector=SECTOR,
        sectors_per_cluster=geometry.cluster_sectors,
        reserved_sectors=geometry.reserved,
        fats=2,
        root_entries=0,
        total_sectors_16=0,
        media=0xF8,
        fat_sectors_16=0,
        sectors_per_track=TRACK_SECTORS,
        heads=HEADS,
        hidden_sectors=geometry.start,
        total_sectors=geometry.total,
        fat_sectors=geometry.fat_sectors,
        ext_flags=0,
        version=0,
        root_cluster=ROOT_CLUSTER,
        fsinfo_sector=FSINFO_SECTOR,
        backup_sector=BACKUP_SECTOR,
        reserved=bytes(12),
        drive_number=0x80,
        reserved1=0,
        boot_signature=0x29,
        serial=serial,
        label=(label or _LABEL_NONE).encode().ljust(11),
        fs_type=b"FAT32   ",
        code=bytes(420),
        signature=SIGNATURE,
    )


def _write_system(fd: int, geometry: Geometry, serial: int, label: str, used: int) -> None:
    if geometry.start:
        last = geometry.start + geometry.total - 1
        entry = Partition(
            FAT32_LBA, geometry.start, geometry.total, chs_first=chs(geometry.start), chs_last=chs(last)
        )
        _put(fd, 0, Mbr((entry,), disk_id=serial).pack())
    free = geometry.clusters - used
    sectors = (
        _boot_sector(geometry, serial, label).pack(),
        FsInfo(free, 2 + used if free else UNKNOWN).pack(),
        bytes(510) + SIGNATURE,
    )
    for copy in (0, BACKUP_SECTOR):
        _put(fd, (geometry.start + copy) * SECTOR, b"".join(sectors))


def _write_fats(fd: int, geometry: Geometry, root: Node, used: int) -> None:
    table = array("I", range(1, used + 3))  # not numpy: importing it would take longer than all the rest
    table[0], table[1] = 0x0FFF_FFF8, END
    for node in _placed(root):
        table[node.first + node.clusters - 1] = END
    if sys.byteorder == "big":
        table.byteswap()
    for copy in range(2):
        start = geometry.start + geometry.reserved + copy * geometry.fat_sectors
        _put(fd, start * SECTOR, table.tobytes())


def _placed(root: Node) -> Iterator[Node]:
    for folder in folders(root):
        yield folder
        yield from (child for child in folder.children.values() if not child.is_dir and child.clusters)


def _write_folders(fd: int, geometry: Geometry, root: Node, label: str, when: datetime) -> None:
    parents: dict[int, Node] = {}
    for node in folders(root):
        parents.update((id(child), node) for child in node.children.values() if child.is_dir)
        data = folder_bytes(node, parents.get(id(node)), root, label, when)
        _put(fd, _offset(geometry, node.first), data)


def _offset(geometry: Geometry, cluster: int) -> int:
    return geometry.data_offset + (cluster - 2) * geometry.cluster_bytes


def _write_files(fd: int, geometry: Geometry, root: Node, progress: Progress | None) -> None:
    files = [node for node in _placed(root) if not node.is_dir]
    total, done = sum(node.size for node in files), 0
    for node in files:
        assert node.source is not None
        offset = _offset(geometry, node.first)
        if isinstance(node.source, Path):
            _copy(fd, offset, node.source, node.size)
        else:
            _put(fd, offset, _made(node))
        done += node.size
        if progress:
            progress(done, total)


def _made(node: Node) -> bytes:
    data = node.source.make() if isinstance(node.source, Made) else node.source
    assert isinstance(data, bytes)
    if len(data) != node.size:
        raise CardError(f"{node.path} was to be {node.size:,} bytes and is {len(data):,}; try again")
    return data


def _put(fd: int, offset: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(fd, view, offset)
        view, offset = view[done:], offset + done


def _copy(fd: int, offset: int, path: Path, size: int) -> None:
    """A host file into the image; it must have the size that was planned."""
    source = open_file(path)
    try:
        if os.fstat(source).st_size != size:
            raise CardError(f"{path} changed while the card was made; try again")
        left = size
        while left:
            part = os.read(source, min(left, _COPY))
            if not part:
                raise CardError(f"{path} became shorter while the card was made; try again")
            if part != _ZEROS[: len(part)]:  # where the source is sparse, so is the image
                _put(fd, offset, part)
            offset, left = offset + len(part), left - len(part)
    finally:
        os.close(source)


def _report(
    root: Node, geometry: Geometry, used: int, *, size_bytes: int, serial: int, label: str
) -> BuildReport:
    nodes = [child for folder in folders(root) for child in folder.children.values()]
    return BuildReport(
        files=sum(not node.is_dir for node in nodes),
        folders=sum(node.is_dir for node in nodes),
        file_bytes=sum(node.size for node in nodes),
        free_bytes=(geometry.clusters - used) * geometry.cluster_bytes,
        size_bytes=size_bytes,
        cluster_bytes=geometry.cluster_bytes,
        clusters=geometry.clusters,
        serial=f"{serial >> 16:04X}-{serial & 0xFFFF:04X}",
        label=label,
    )
