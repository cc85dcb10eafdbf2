"""Comparing a card with what an independent reader, pyfatfs, finds on it.

pyfatfs follows a looping cluster chain for ever, so the card's own audit goes first and must find nothing.
It only ever reads here: its writing is known to lose data.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdcard_image.direntry import Slot
from sdcard_image.folder_table import FolderTable
from sdcard_image.medium import FileMedium
from sdcard_image.open import with_path
from sdcard_image.types import CardError

if TYPE_CHECKING:
    from sdcard_image.volume import Volume

KANJI = 0x05  # an 8.3 name that begins with this stands for 0xE5; pyfatfs does not see such entries


@dataclass(slots=True)
class VerifyReport:
    """``problems`` are findings; ``skipped`` is what the second reader is known not to read."""

    files: int = 0
    folders: int = 0
    bytes: int = 0
    lost_clusters: int = 0
    problems: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def verify_card(path: Path) -> VerifyReport:
    """Check an image's structure, then compare its whole tree, byte for byte, with what pyfatfs reads.

    Raises `CardError` where ``path`` is no FAT32 image or device; a damaged or differing card is a report
    with problems.
    """
    from sdcard_image.volume import Volume  # noqa: PLC0415  numpy, only when needed

    if path.is_dir():
        raise CardError(f"{path} is a folder; only an image or a device can be verified")
    medium = FileMedium(path)
    try:
        volume = Volume(medium)
        audit = volume.full_audit()
        report = VerifyReport(lost_clusters=audit.lost, problems=list(audit.sentences))
        report.problems += _system_problems(volume)
        if not report.problems:
            _Comparison(volume, report).run(path)
        return report
    except CardError as error:
        raise with_path(path, error) from None
    finally:
        medium.close()


def _system_problems(volume: Volume) -> list[str]:
    hint, free = volume.fsinfo(), volume.fat.free_clusters()
    if hint is not None and hint.free not in (free, 0xFFFF_FFFF):
        return [f"the card's free count says {hint.free:,} clusters; {free:,} are free"]
    return []


@contextmanager
def _second_reader(path: Path, offset: int) -> Iterator[Any]:
    from pyfatfs.PyFat import PyFat  # noqa: PLC0415  slow to import, and needed nowhere else

    reader = PyFat(offset=offset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a dirty volume and of dates it does not like
        reader.open(str(path), read_only=True)
        try:
            yield reader
        finally:
            reader.close()


class _Comparison:
    """Walks both readers' trees side by side."""

    def __init__(self, volume: Volume, report: VerifyReport) -> None:
        self._volume = volume
        self._report = report

    def run(self, path: Path) -> None:
        try:
            with _second_reader(path, self._volume.offset) as reader:
                todo = [(self._volume.folder("/"), reader.root_dir)]
                while todo:
                    todo.extend(self._folder(reader, *todo.pop()))
        except CardError:
            raise
        except Exception as error:  # its failures are of many kinds: each is a finding, none is ours to raise
            self._report.problems.append(f"the second reader fails: {type(error).__name__}: {error}")

    def _folder(self, reader: Any, table: FolderTable, other: Any) -> Iterator[tuple[FolderTable, Any]]:
        folders, files, _ = other.get_entries()
        # By 8.3 name: it is always there, and the second reader does not know of the case bits that stand
        # for a lower-case name without a long one.
        theirs = {bytes(entry.name): entry for entry in (*folders, *files)}
        for slot in table.slots:
            path = f"{table.path}/{slot.name}"
            entry = theirs.pop(slot.short, None)
            if entry is None:
                self._missing(path, slot)
                continue
            if slot.slots > 1 and repr(entry) != slot.name:
                self._report.problems.append(f"{path}: the second reader calls it {entry!r}")
            if bool(entry.is_directory()) != slot.is_dir:
                self._report.problems.append(f"{path}: a folder to one reader, a file to the other")
            elif slot.is_dir:
                self._report.folders += 1
                yield self._volume.table(path, slot.cluster), entry
            else:
                self._file(reader, path, slot, entry)
        self._report.problems += [
            f"{table.path}/{entry!r}: only the second reader finds it" for entry in theirs.values()
        ]

    def _missing(self, path: str, slot: Slot) -> None:
        if slot.short[0] == KANJI:
            self._report.skipped.append(
                f"{path}: its short name begins with 0xE5, which pyfatfs takes as deleted"
            )
        else:
            self._report.problems.append(f"{path}: the second reader does not find it")

    def _file(self, reader: Any, path: str, slot: Slot, entry: Any) -> None:
        self._report.files += 1
        self._report.bytes += slot.size
        if entry.get_size() != slot.size:
            self._report.problems.append(
                f"{path}: {slot.size:,} bytes, {entry.get_size():,} to the second reader"
            )
            return
        if slot.size and not self._same(reader, path, slot, entry.get_cluster()):
            self._report.problems.append(f"{path}: the second reader finds other bytes")

    def _same(self, reader: Any, path: str, slot: Slot, cluster: int) -> bool:
        """Compare in pieces of clusters, so that a large file needs little memory."""
        chain = reader.get_cluster_chain(cluster)
        for part in self._volume.file_parts(path, slot):
            theirs = b"".join(
                reader.read_cluster_contents(next(chain))
                for _ in range(-(-len(part) // self._volume.cluster_bytes))
            )
            if theirs[: len(part)] != part:
                return False
        return True
