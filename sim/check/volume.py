"""The volume's part of a check, for whatever is given as a card."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from firmware.findings import Finding, Severity, found
from firmware.profiles import Profile
from sdcard_image.check import SDHC_BYTES, check_volume
from sdcard_image.medium import FileMedium
from sdcard_image.probe import BLANK
from sdcard_image.types import Card, CardError, CardInfo

_LABEL_BY_DEVICE = "card.label"
_HEAD_BYTES = 4096
# What a disk of any kind has: a boot sector, or the mark of ext2/3/4, HFS+ or APFS.
_OF_A_DISK = ((510, b"\x55\xaa"), (1080, b"\x53\xef"), (1024, b"H+"), (1024, b"HX"), (32, b"NXSB"))
_FULL_SHARE = 100  # a card with less than one part in so many free is full


def kind_of(path: Path) -> str:
    """``folder``, ``device`` or ``image``. CardError where there is nothing that can be read."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CardError(f"cannot open {path}: {reason.lower()}") from None
    if stat.S_ISDIR(mode):
        return "folder"
    return "device" if stat.S_ISBLK(mode) else "image"


def size_of(path: Path) -> int:
    """Bytes of an image or a block device."""
    medium = FileMedium(path)
    try:
        return medium.size
    finally:
        medium.close()


def check_structure(path: Path) -> Iterator[Finding]:
    """Findings on the file system of an image or a block device."""
    medium = FileMedium(path)
    try:
        report = check_volume(medium)
        head = medium.pread(0, min(medium.size, _HEAD_BYTES))
    finally:
        medium.close()
    for defect in report.defects:
        if defect.id == "not-fat32":
            yield _not_fat32(defect.what, head)
        elif defect.id != "card-too-big":  # what is too big depends on the device: `check_class`
            yield found(defect.id, defect.what, path=defect.path)


def _not_fat32(why: str, head: bytes) -> Finding:
    """What to do differs: for a card of another kind, for a blank one, and for what is no card at all."""
    what = why.removeprefix("this is no FAT32 card: ").removesuffix("; give a card formatted as FAT32")
    fix = ""
    if BLANK in what:
        fix = "format it in the device, or make a new image with benchpad card new"
    elif not any(head[at : at + len(mark)] == mark for at, mark in _OF_A_DISK):
        fix = "check a card instead: the image of a whole one, a mounted one, its block device, or a folder"
    return found("not-fat32", what, fix=fix)


def check_class(size_bytes: int, profile: Profile) -> Iterator[Finding]:
    """Findings on the capacity of an image or a block device, by what the device takes."""
    largest = profile.find("card.max_bytes")
    if largest is None or size_bytes <= SDHC_BYTES:
        return
    size = f"the card has {size_bytes / 1e9:,.1f} GB"
    if size_bytes > largest.value:
        text = f"{size}; the device takes {largest.value / 1e9:,.0f}"
        yield found("card-too-big", text, mark=largest.mark)
    else:
        text = f"{size} and so is SDXC: {largest.source}"
        yield found("card-too-big", text, mark=largest.mark, severity=Severity.WARNING)


def check_size(card: Card, info: CardInfo, profile: Profile) -> Iterator[Finding]:
    """Findings on what the files take, on the label and on free space, by what the device takes."""
    largest = profile.find("card.max_bytes")
    used = sum(entry.size for entry in card.walk() if not entry.is_dir) if info.fs == "folder" else 0
    if largest and used > largest.value:
        text = f"the files have {used / 1e9:,.1f} GB; the device's largest card {largest.value / 1e9:,.0f}"
        yield found("over-capacity", text, mark=largest.mark)
    if info.fs == "folder":
        return
    label = profile.find(_LABEL_BY_DEVICE)
    if label and info.label and info.label != label.value:
        text = f"the label is {info.label!r}; the device writes {label.value!r}"
        yield found("no-label", text, mark=label.mark, severity=Severity.NOTE)
    if info.free_bytes * _FULL_SHARE < info.clusters * info.cluster_bytes:
        yield found("card-full", f"{info.free_bytes / 1e6:,.1f} MB are free")
