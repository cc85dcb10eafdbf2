"""Repair of a damaged card: on a copy, or in place with an undo file.

Diagnosis and decisions are in `system_area`, `chains`, `tree` and `salvage`; `rebuild` turns them into
writes. Here they are carried out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdcard_image.chains import Chains, values_of
from sdcard_image.changes import Changes
from sdcard_image.medium import FileMedium, Medium, io_error, read_within
from sdcard_image.rebuild import Rebuild
from sdcard_image.salvage import Salvage
from sdcard_image.system_area import System, locate
from sdcard_image.tree import Thing
from sdcard_image.types import CardError
from sdcard_image.undo import PIECE, undo, write_undo
from sdcard_image.volume import MAX_FAT_BYTES

Progress = Callable[[int, int], None]
_COPY = 4 << 20


@dataclass(frozen=True, slots=True)
class FileState:
    """What became of a file. ``state``: whole, repaired, cut or lost; ``sure``: certain, likely or guess."""

    path: str
    state: str
    why: str
    sure: str


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair did. ``clean``: the result has no defect left; ``system``: what else was put right.

    ``writes`` counts what was written, in bytes.
    """

    clean: bool
    files: tuple[FileState, ...]
    recovered: tuple[FileState, ...]
    system: tuple[str, ...]
    writes: int

    @property
    def complete(self) -> bool:
        """Whether nothing was cut or lost."""
        return self.clean and all(f.state in ("whole", "repaired") for f in self.files)


@dataclass(slots=True)
class Plan:
    """What a repair will do to a card; nothing is done yet."""

    system: System
    salvage: Salvage
    changes: Changes

    def copies(self) -> Iterator[tuple[int, int, int]]:
        """What is copied on the card: (from byte, to byte, length)."""
        size = self.system.cluster_bytes
        for source, target in self.changes.copies:
            for at in range(0, size, PIECE):
                start, end = self.system.cluster_offset(source) + at, self.system.cluster_offset(target) + at
                yield start, end, min(PIECE, size - at)

    def writes(self, medium: Medium) -> Iterator[tuple[int, bytes]]:
        """Every write in order, copies first, in pieces."""
        for source, target, length in self.copies():
            yield target, read_within(medium, source, length)
        for offset, data in self.changes.writes:
            for at in range(0, len(data), PIECE):
                yield offset + at, data[at : at + PIECE]


def read_fats(medium: Medium, system: System) -> list[NDArray[np.uint32]]:
    """The FATs as stored, to the end of the last sector in use: the first two, or the only active one."""
    boot = system.boot
    used = -(-(boot.clusters + 2) * 4 // system.sector) * system.sector
    if used > MAX_FAT_BYTES:
        raise CardError(f"the card has {boot.clusters:,} clusters, more than can be held")
    active = boot.active_fat
    copies = [active] if active is not None else range(min(boot.fats, 2))
    return [np.frombuffer(read_within(medium, system.fat_offset(c), used), "<u4") for c in copies]


def plan_repair(medium: Medium) -> Plan:
    """Find out what is wrong with a card and how to put it right; `CardError` where it is no FAT32 card."""
    system = locate(medium)
    raw = read_fats(medium, system)
    chains = Chains([values_of(copy[: system.boot.clusters + 2]) for copy in raw], system.boot.clusters)
    salvage = Salvage(medium, system, chains)
    salvage.run()
    changes = Rebuild(medium, system, salvage, raw).run()
    return Plan(system, salvage, changes)


def report_of(plan: Plan, *, clean: bool) -> RepairReport:
    """What a plan does, file by file."""
    things = [t for t in plan.salvage.tree.things if not t.is_dir or t.dropped]
    kept = [t for t in things if t.state and not (t.found.hidden and t.dropped)]
    folders = [t for t in plan.salvage.tree.things if t.is_dir and not t.dropped and t.state == "repaired"]
    recovered = set(map(id, plan.changes.recovered))
    writes = sum(len(d) for _, d in plan.changes.writes) + sum(n for _, _, n in plan.copies())
    return RepairReport(
        clean,
        tuple(_state(t, plan.system) for t in (*kept, *folders) if id(t) not in recovered),
        tuple(_state(t, plan.system) for t in plan.changes.recovered),
        tuple(what for _, what in plan.system.defects),
        writes,
    )


def _state(thing: Thing, system: System) -> FileState:
    """A file whose clusters lie beyond the end of an image cut short has lost what was there."""
    end = max((system.cluster_offset(first + count) for first, count in thing.runs), default=0)
    if not thing.is_dir and end - system.cluster_bytes >= system.medium_size:
        why = "; ".join([*thing.why, "the image is cut short where its data lay"])
        return FileState(thing.path, "lost" if thing.state == "lost" else "cut", why, "certain")
    return FileState(thing.path, thing.state, "; ".join(thing.why), thing.sure)


def apply(plan: Plan, medium: Medium) -> None:
    """Carry a plan out. What is copied is lasting before anything points to it."""
    copied = False
    for source, target, length in plan.copies():
        medium.pwrite(target, read_within(medium, source, length))
        copied = True
    if copied:
        medium.sync()
    for offset, data in plan.changes.writes:
        medium.pwrite(offset, data)
    medium.sync()


def repair_image(
    source: Path, destination: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> RepairReport:
    """Repair a card into a new image; the source is only read.

    The image appears when it is whole. Raises `CardError` where the source is no FAT32 card or the
    destination exists, `CardIOError` where the host fails.
    """
    if destination.exists() and (not overwrite or not destination.is_file()):
        raise CardError(f"{destination} exists already; choose another name or say to replace it")
    if destination.exists() and source.exists() and destination.samefile(source):
        raise CardError(f"{destination} is the card itself; choose another name, or repair it in place")
    medium = FileMedium(source)
    part = destination.with_name(f".{destination.name[:200]}.{os.getpid()}.part")
    try:
        plan = plan_repair(medium)
        try:
            _copy(medium, part, _size_wanted(plan, medium), progress)
            clean = _carry_out(plan, part)
            part.replace(destination)
        except OSError as error:
            if isinstance(error, CardError):
                raise
            raise io_error("write to", destination, error) from error
    finally:
        medium.close()
        part.unlink(missing_ok=True)
    return report_of(plan, clean=clean)


def _carry_out(plan: Plan, image: Path) -> bool:
    target = FileMedium(image, writable=True)
    try:
        apply(plan, target)
        return is_clean(target)
    finally:
        target.close()


def is_clean(medium: Medium) -> bool:
    """Whether a second look finds nothing more to repair."""
    again = plan_repair(medium)
    return not again.changes.writes and not again.changes.copies


def _size_wanted(plan: Plan, medium: Medium) -> int:
    """The image's size; an image cut short gets its missing end back, as zeros."""
    system = plan.system
    end = system.offset + system.boot.total_sectors * system.sector
    return max(medium.size, end)


def _copy(medium: Medium, part: Path, size: int, progress: Progress | None) -> None:
    """All bytes of a card into a sparse file."""
    with part.open("xb") as out:
        out.truncate(size)
        for at in range(0, medium.size, _COPY):
            data = medium.pread(at, min(_COPY, medium.size - at))
            if data.count(0) != len(data):
                os.pwrite(out.fileno(), data, at)
            if progress:
                progress(at + len(data), medium.size)


def repair_in_place(path: Path, undo_file: Path) -> RepairReport:
    """Repair a card where it is. ``undo_file`` is made first and restores it to the byte (`undo_repair`).

    Raises as `repair_image`; also where the undo file exists already.
    """
    medium = FileMedium(path, writable=True)
    try:
        return repair_medium(medium, undo_file)
    finally:
        medium.close()


def repair_medium(medium: Medium, undo_file: Path) -> RepairReport:
    """`repair_in_place` on an open medium."""
    plan = plan_repair(medium)
    if _size_wanted(plan, medium) > medium.size:
        raise CardError(
            "the image is cut short, so it cannot be repaired in place; repair it into a new image"
        )
    _refuse_overlap(plan)
    write_undo(undo_file, medium, plan.writes(medium))
    apply(plan, medium)
    return report_of(plan, clean=is_clean(medium))


def _refuse_overlap(plan: Plan) -> None:
    """Each sector is written once at most: else the undo file would not hold the original."""
    spans = sorted(
        [(o, o + len(d)) for o, d in plan.changes.writes] + [(t, t + n) for _, t, n in plan.copies()]
    )
    if any(a[1] > b[0] for a, b in pairwise(spans)):
        raise CardError("the card is too damaged to be repaired in place; repair it into a new image")


def undo_repair(path: Path, undo_file: Path) -> int:
    """Put a card back as it was before `repair_in_place`; returns how many bytes were put back."""
    medium = FileMedium(path, writable=True)
    try:
        return undo(medium, undo_file)
    finally:
        medium.close()
