"""Every file of a card that can be read, and what cannot."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from sdcard_image.folder import FolderCard, host_time
from sdcard_image.types import Card, CardError, Entry

from .fix_types import Do, FixAction, SourceFile

_NO_FILES = ("a link ", "neither a file nor a folder")  # of a host folder: nothing that could be on a card


class Gathered:
    """The files and folders of a card.

    A file that cannot be read says so itself; folders that cannot, and files without a name of their own, are
    in ``lost``, each with its reason. ``gone`` are files whose content the card no longer
    has, by path, and why; their empty entries may still be there.
    """

    def __init__(self, card: Card, gone: Mapping[str, str]) -> None:
        self.files: list[SourceFile] = []
        self.folders: list[str] = []
        self.lost: list[FixAction] = []
        self._card = card
        self._folder(Entry("/", "", is_dir=True, size=0, modified=None))
        if isinstance(card, FolderCard):
            self._same_names(card)
            self._skipped(card)
        self.files = [one for one in self.files if one.path not in gone]
        for path, why in gone.items():
            if path in self.folders:
                self._lose(path, why)
            else:
                self.files.append(_unreadable(card, path, why))

    def _folder(self, top: Entry) -> None:
        todo = [top]
        while todo:
            folder = todo.pop()
            try:
                entries = self._card.listdir(folder.path)
            except CardError as error:
                self._lose(folder.path, error)
                continue
            seen: set[str] = set()
            for entry in entries:
                if entry.path in seen:
                    self._lose(entry.path, "another entry has the same name: repair the card first")
                    continue
                seen.add(entry.path)
                if entry.is_dir:
                    self.folders.append(entry.path)
                    todo.append(entry)
                else:
                    self._file(entry)

    def _file(self, entry: Entry) -> None:
        try:
            self._card.extents(entry.path)
        except CardError as error:
            self.files.append(_unreadable(self._card, entry.path, error))
            return
        host = self._card.host_path(entry.path) if isinstance(self._card, FolderCard) else None
        self.files.append(SourceFile(self._card, entry.path, entry.size, entry.modified, host))

    def _lose(self, path: str, why: object) -> None:
        self.lost.append(FixAction(Do.DROP, path, "", (f"it cannot be read: {why}",), lost=True))

    def _skipped(self, card: FolderCard) -> None:
        """What cannot be on a card: links and the like are left out, and what cannot be read is lost."""
        for line in card.skipped:
            path, _, why = line.rpartition(": ")
            if why.startswith(_NO_FILES):
                self.lost.append(FixAction(Do.DROP, path, "", (f"it is {why}, which is not read",)))
            elif ": the same name as " not in line:
                self._lose(path, f"it is {why}")

    def _same_names(self, card: FolderCard) -> None:
        """Files that a host folder holds beside others of the same name but for case: FAT could not."""
        known = {card.host_path(one.path) for one in self.files}
        for folder in ("/", *self.folders):
            for host in _regular(card.host_path(folder)):
                if host not in known and not host.is_symlink() and os.access(host, os.R_OK):
                    name = unicodedata.normalize("NFC", host.name)
                    status = host.stat()
                    path = f"{folder.rstrip('/')}/{name}"
                    self.files.append(SourceFile(card, path, status.st_size, host_time(status), host))


def _unreadable(card: Card, path: str, why: object) -> SourceFile:
    return SourceFile(card, path, 0, unreadable=f"it cannot be read: {why}")


def _regular(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.is_file())
