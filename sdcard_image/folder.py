"""A card given as a plain folder, such as a mounted card; and a plain folder as what to put on a card."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sdcard_image.medium import io_error
from sdcard_image.names import MAX_DEPTH, check_clash, check_name, fold, split_path
from sdcard_image.source import open_file, open_source
from sdcard_image.types import Backing, CardError, CardInfo, Entry, Extent, Item, ReadCounters

ALIGN = 64 << 10  # virtual offsets are set apart as if by large clusters
MAX_ENTRIES = 1_000_000
_CHUNK = 4 << 20


@dataclass(slots=True)
class _Node:
    entry: Entry
    host: Path
    base: int = 0
    children: dict[str, _Node] = field(default_factory=dict)


def host_time(status: os.stat_result) -> datetime | None:
    """Host time as FAT has it: without a zone; UTC, so that it does not depend on where one is."""
    try:
        return datetime.fromtimestamp(status.st_mtime, UTC).replace(tzinfo=None, microsecond=0)
    except (OverflowError, ValueError, OSError):
        return None


def _inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def _problem(item: os.DirEntry[str], root: Path) -> str:
    """Why a thing in a host folder cannot be taken as a file or a folder; '' where it can.

    Links to files within the folder are followed. Links to folders are not: they can loop or multiply.
    """
    try:
        if item.is_symlink():
            if item.is_dir():
                return "a link to a folder"
            if not _inside(Path(item.path), root):
                return "a link that leads nowhere or out of the folder"
        mode = item.stat().st_mode
    except OSError as error:
        return (error.strerror or str(error)).lower()
    if stat.S_ISDIR(mode):
        return "" if os.access(item.path, os.R_OK | os.X_OK) else "a folder that cannot be read"
    if not stat.S_ISREG(mode):
        return "neither a file nor a folder"
    return "" if os.access(item.path, os.R_OK) else "a file that cannot be read"


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    """A host folder's entries by name, ignoring case first so that the order is the same on every system."""
    try:
        with os.scandir(folder) as items:
            return sorted(items, key=lambda item: (fold(item.name), item.name))
    except OSError as error:
        raise CardError(f"cannot read {folder}: {(error.strerror or str(error)).lower()}") from None


class FolderCard:
    """A host folder as a card. Implements `Card`; offsets are virtual, `backing` says what lies behind them.

    What is neither file nor folder, cannot be read, or leads out of the folder is not on the card;
    `skipped` lists it.
    """

    def __init__(self, root: Path) -> None:
        self.reads = ReadCounters()
        self.skipped: list[str] = []
        self._root = root.resolve()
        self._next = 0
        self._files: list[_Node] = []
        self._top = _Node(Entry("/", "", is_dir=True, size=0, modified=None), self._root)
        self._fill()

    def _fill(self) -> None:
        todo, count = [self._top], 0
        while todo:
            node = todo.pop()
            for item in _scan(node.host):
                count += 1
                if count > MAX_ENTRIES:
                    raise CardError(
                        f"{self._root} holds more than {MAX_ENTRIES:,} entries; give the card itself"
                    )
                child = self._node(node, item)
                if child is not None and child.entry.is_dir:
                    todo.append(child)

    def _node(self, parent: _Node, item: os.DirEntry[str]) -> _Node | None:
        name = unicodedata.normalize("NFC", item.name.encode("utf-8", "replace").decode("utf-8"))
        path = f"{parent.entry.path.rstrip('/')}/{name}"
        problem = _problem(item, self._root)
        if not problem and fold(name) in parent.children:
            problem = f"the same name as {parent.children[fold(name)].entry.path} to FAT, which ignores case"
        if not problem and path.count("/") > MAX_DEPTH:
            problem = f"deeper than {MAX_DEPTH} folders"
        if problem:
            self.skipped.append(f"{path}: {problem}")
            return None
        status, is_dir = item.stat(), item.is_dir()
        entry = Entry(path, name, is_dir, 0 if is_dir else status.st_size, host_time(status))
        node = _Node(entry, Path(item.path))
        if not is_dir:
            node.base, self._next = self._next, self._next + -(-max(entry.size, 1) // ALIGN) * ALIGN
            self._files.append(node)
        parent.children[fold(name)] = node
        return node

    def _find(self, path: str) -> _Node:
        node = self._top
        for name in split_path(path):
            child = node.children.get(fold(name))
            if child is None:
                raise CardError(f"there is no {path} on the card")
            node = child
        return node

    def _file(self, path: str) -> _Node:
        node = self._find(path)
        if node.entry.is_dir:
            raise CardError(f"{path} is a folder, not a file")
        return node

    def host_path(self, path: str) -> Path:
        """The host file or folder behind a card path."""
        return self._find(path).host

    def info(self) -> CardInfo:
        """See `Card.info`."""
        pieces = sum(1 for node in self._files if node.entry.size)
        return CardInfo("folder", "", "", 0, 0, 0, 0, 0, len(self._files), 1.0 if pieces else 0.0)

    def entry(self, path: str) -> Entry:
        """See `Card.entry`."""
        return self._find(path).entry

    def exists(self, path: str) -> bool:
        """See `Card.exists`."""
        node: _Node | None = self._top
        for name in split_path(path):
            node = node.children.get(fold(name)) if node is not None else None
        return node is not None

    def listdir(self, path: str = "/") -> list[Entry]:
        """See `Card.listdir`."""
        node = self._find(path)
        if not node.entry.is_dir:
            raise CardError(f"there is no folder {path} on the card")
        return [child.entry for child in node.children.values()]

    def walk(self, path: str = "/") -> Iterator[Entry]:
        """See `Card.walk`."""
        self.listdir(path)
        todo = list(reversed(self._find(path).children.values()))
        while todo:
            node = todo.pop()
            yield node.entry
            todo.extend(reversed(node.children.values()))

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        """See `Card.read`. A file that has changed its size since the card was opened is an error."""
        node = self._file(path)
        end = node.entry.size if size is None else min(node.entry.size, offset + size)
        if offset >= end:
            return b""
        fd = open_file(node.host)
        try:
            data = os.pread(fd, end - offset, offset)
        except OSError as error:
            raise io_error("read", node.host, error) from error
        finally:
            os.close(fd)
        if len(data) < end - offset:
            raise CardError(f"{node.host} became shorter since the card was opened; open it again")
        self.reads.reads += 1
        self.reads.bytes += len(data)
        return data

    def extents(self, path: str) -> list[Extent]:
        """See `Card.extents`."""
        node = self._file(path)
        return [Extent(node.base, node.entry.size)] if node.entry.size else []

    def backing(self) -> list[Backing]:
        """See `Card.backing`."""
        return [Backing(node.host, node.base, node.entry.size) for node in self._files if node.entry.size]

    def close(self) -> None:
        """See `Card.close`."""


class FolderWriter(FolderCard):
    """A host folder as a card to change. Implements `WritableCard`: files appear whole, by renaming."""

    def put(self, path: str, source: bytes | Path, modified: datetime | None = None) -> Entry:
        """See `WritableCard.put`."""
        host, parent = self._target(path)
        if host.is_dir():
            raise CardError(f"{path} is a folder; give the file another name")
        part = host.with_name(f".benchpad-{os.getpid()}.part")
        try:
            with open_source(source) as data, part.open("xb") as out:
                left = data.size
                while left:
                    out.write(data.read(min(left, _CHUNK)))
                    left -= min(left, _CHUNK)
                out.flush()
                os.fsync(out.fileno())
            self._date(part, modified)
            part.replace(host)
        except OSError as error:
            raise io_error("write to", host, error) from error
        finally:
            part.unlink(missing_ok=True)
        return self._again(parent, path)

    def check_put(self, wanted: Iterable[tuple[str, int | None]]) -> None:
        """See `WritableCard.check_put`. Whether the host has room is seen when it is written."""
        kinds: dict[str, bool] = {}
        for path, size in wanted:
            names = [check_name(name) for name in split_path(path)]
            key, above = fold("/".join(names)), fold("/".join(names[:-1]))
            if not kinds.get(above):
                old = self._target(path)[1].children.get(fold(names[-1]))
                is_dir = old.entry.is_dir if old else None
            else:
                is_dir = kinds.get(key)
            check_clash(path, size, is_dir, twice=key in kinds)
            kinds[key] = size is None

    def mkdir(self, path: str, modified: datetime | None = None) -> Entry:
        """See `WritableCard.mkdir`."""
        host, parent = self._target(path)
        if self.exists(path):
            raise CardError(f"{path} is on the card already")
        try:
            host.mkdir()
            self._date(host, modified)
        except OSError as error:
            raise io_error("make", host, error) from error
        return self._again(parent, path)

    def remove(self, path: str) -> None:
        """See `WritableCard.remove`."""
        node = self._find(path)
        if node is self._top:
            raise CardError("the top folder has to stay")
        if node.children:
            raise CardError(f"the folder {path} is not empty; remove what is in it first")
        try:
            if node.entry.is_dir:
                node.host.rmdir()
            else:
                node.host.unlink()
        except OSError as error:
            raise io_error("remove", node.host, error) from error
        self._refresh()

    def rename(self, old: str, new: str) -> Entry:
        """See `WritableCard.rename`."""
        node = self._find(old)
        host, _ = self._target(new)
        if self.exists(new) and self._find(new) is not node:
            raise CardError(f"{new} is on the card already")
        if f"/{'/'.join(split_path(new))}/".startswith(f"{node.entry.path}/") and node.entry.is_dir:
            raise CardError(f"{old} cannot be moved into itself")
        try:
            node.host.rename(host.with_name(check_name(split_path(new)[-1])))
        except OSError as error:
            raise io_error("rename", node.host, error) from error
        self._refresh()
        return self.entry(new)

    def _target(self, path: str) -> tuple[Path, _Node]:
        names = split_path(path)
        if not names:
            raise CardError("the top folder is always there; give a name below it")
        parent = self._find("/".join(names[:-1]))
        if not parent.entry.is_dir:
            raise CardError(f"{parent.entry.path} is not a folder")
        name = check_name(names[-1])
        old = parent.children.get(fold(name))
        if old is None and os.path.lexists(parent.host / name):
            raise CardError(
                f"{parent.host / name} is there, but is nothing that can be on a card; remove it first"
            )
        return (old.host if old else parent.host / name), parent

    def _date(self, host: Path, modified: datetime | None) -> None:
        if modified is not None:
            seconds = modified.replace(tzinfo=UTC).timestamp()
            os.utime(host, (seconds, seconds))

    def _again(self, parent: _Node, path: str) -> Entry:
        self._refresh()
        return self.entry(path)

    def _refresh(self) -> None:
        self.skipped.clear()
        self._files.clear()
        self._next = 0
        self._top.children.clear()
        self._fill()


def items_from_folder(folder: Path, *, keep_times: bool = False) -> list[Item]:
    """Everything in a host folder as items for a card, in name order.

    Raises one `CardError` that lists what cannot be on a card: links out or to folders, sockets and the like,
    unreadable files, names that FAT does not allow.
    """
    if not folder.is_dir():
        raise CardError(f"there is no folder {folder}")
    root = folder.resolve()
    items: list[Item] = []
    problems: list[str] = []
    todo = [(root, "")]
    while todo:
        host, path = todo.pop()
        for item in _scan(host):
            if len(items) > MAX_ENTRIES:
                raise CardError(f"{folder} holds more than {MAX_ENTRIES:,} entries; give a smaller folder")
            problem = _problem(item, root) or _name_problem(item.name)
            if problem:
                problems.append(f"{_shown(f'{path}/{item.name}')}: {problem}")
                continue
            below, is_dir = f"{path}/{item.name}", item.is_dir()
            when = host_time(item.stat()) if keep_times else None
            items.append(Item(below, None if is_dir else Path(item.path), when))
            if is_dir:
                todo.append((Path(item.path), below))
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise CardError(f"{folder} holds what cannot be on a card: {'; '.join(problems[:5])}{more}")
    return items


def _name_problem(name: str) -> str:
    try:
        check_name(name)
    except CardError as error:
        return str(error).partition(": ")[2]
    return ""


def _shown(path: str) -> str:
    return path.encode("utf-8", "replace").decode("utf-8")
