"""What goes where when a card is filled at once: the tree, 8.3 names, clusters and folder bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sdcard_image.direntry import (
    ARCHIVE,
    DIRECTORY,
    MAX_SLOTS,
    SIZE,
    VOLUME,
    pack_entry,
    pack_short_entry,
    slots_needed,
)
from sdcard_image.names import MAX_DEPTH, alias, check_name, fold, is_short, pack_short, split_path
from sdcard_image.source import check_size
from sdcard_image.types import CardError, Item, Made


@dataclass(slots=True)
class Node:
    """A file (``source``) or folder (None) to be; ``first`` and ``clusters`` once it has its place."""

    name: str
    path: str
    source: bytes | Path | Made | None
    modified: datetime | None
    size: int = 0
    first: int = 0
    clusters: int = 0
    children: dict[str, Node] = field(default_factory=dict)

    @property
    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return self.source is None


def plan_tree(items: Iterable[Item]) -> Node:
    """The items as a tree, in their order; `CardError` where names cannot be or two are one to FAT."""
    root = Node("", "", None, None)
    explicit: set[str] = set()
    for item in items:
        names = [check_name(name) for name in split_path(item.path)]
        if not names:
            raise CardError(f"the item {item.path!r} has no name")
        if len(names) > MAX_DEPTH:
            raise CardError(f"{item.path[:80]}… is deeper than {MAX_DEPTH} folders")
        node = root
        for name in names[:-1]:
            node = _enter(node, name)
        _add(node, names[-1], item, explicit)
    return root


def _enter(parent: Node, name: str) -> Node:
    child = parent.children.setdefault(fold(name), Node(name, f"{parent.path}/{name}", None, None))
    if child.name != name or not child.is_dir:
        raise CardError(_clash(child.path, f"{parent.path}/{name}"))
    return child


def _add(parent: Node, name: str, item: Item, explicit: set[str]) -> None:
    path = f"{parent.path}/{name}"
    old = parent.children.get(fold(name))
    if old is not None and (item.source is not None or not old.is_dir or old.name != name):
        raise CardError(_clash(old.path, path))
    if old is not None:
        old.modified = item.modified
        return
    parent.children[fold(name)] = Node(name, path, item.source, item.modified, _size(item))


def _size(item: Item) -> int:
    if item.source is None:
        return 0
    if isinstance(item.source, bytes):
        size = len(item.source)
    elif isinstance(item.source, Made):
        size = item.source.size_bytes
    else:
        try:
            size = item.source.stat().st_size
        except OSError as error:
            raise CardError(f"cannot read {item.source}: {(error.strerror or str(error)).lower()}") from None
    check_size(size, item.path)
    return size


def _clash(one: str, other: str) -> str:
    if one == other:
        return f"{one} is to be put on the card twice"
    return f"{one} and {other} are the same name to FAT, which ignores case; rename one"


def folders(root: Node) -> Iterator[Node]:
    """Every folder, parents before children."""
    todo = [root]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(reversed([child for child in node.children.values() if child.is_dir]))


def place(root: Node, cluster_bytes: int, *, labelled: bool) -> int:
    """Give every folder, then every file, contiguous clusters from 2 on; returns the first free one."""
    following = 2
    every = list(folders(root))
    for node in every:
        slots = (int(labelled) if node is root else 2) + sum(
            slots_needed(c.name) for c in node.children.values()
        )
        if slots > MAX_SLOTS:
            raise CardError(f"the folder {node.path or '/'} needs {slots:,} entries; FAT32 holds 65,536")
        node.first, node.clusters = following, max(1, -(-slots * SIZE // cluster_bytes))
        following += node.clusters
    for node in every:
        for child in node.children.values():
            if not child.is_dir and child.size:
                child.first, child.clusters = following, -(-child.size // cluster_bytes)
                following += child.clusters
    return following


def folder_bytes(node: Node, parent: Node | None, root: Node, label: str, when: datetime) -> bytes:
    """A folder's slots: label or dot entries, then its children in order."""
    parts = []
    if parent is not None:
        date = node.modified or when
        parts.append(pack_short_entry(b".".ljust(11), DIRECTORY, node.first, 0, date))
        above = 0 if parent is root else parent.first
        parts.append(pack_short_entry(b"..".ljust(11), DIRECTORY, above, 0, date))
    elif label:
        parts.append(pack_short_entry(label.encode().ljust(11), VOLUME, 0, 0, when))
    taken = {pack_short(c.name) for c in node.children.values() if is_short(c.name)}
    for child in node.children.values():
        short = pack_short(child.name) if is_short(child.name) else alias(child.name, taken)
        taken.add(short)
        kind = DIRECTORY if child.is_dir else ARCHIVE
        parts.append(
            pack_entry(
                child.name, short, kind, cluster=child.first, size=child.size, when=child.modified or when
            )
        )
    return b"".join(parts)
