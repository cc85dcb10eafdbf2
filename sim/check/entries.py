"""What is on a card, as far as it can be read, and the names as they are stored."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from firmware.checks.names import Named
from firmware.checks.tree import Tree
from firmware.findings import Finding, Severity, found
from sdcard_image.types import Card, CardError, Entry

MAX_ENTRIES = 1_000_000  # as many as a folder of the host may hold
_DEEPEST = 128
_NO_FILES = ("a link ", "neither a file nor a folder")  # of a host folder: nothing that could be on a card


def read_tree(card: Card) -> tuple[Tree, list[Finding]]:
    """Every entry that can be reached, and a finding for each folder that cannot be read."""
    entries: list[Entry] = []
    problems: list[Finding] = []
    todo = ["/"]
    while todo and len(entries) < MAX_ENTRIES:
        folder = todo.pop()
        try:
            listed = card.listdir(folder)
        except CardError as error:
            problems.append(unreadable(error, folder))
            continue
        entries += listed
        below = [entry.path for entry in listed if entry.is_dir and entry.path.count("/") < _DEEPEST]
        todo += reversed(below)
    problems += _left_out(getattr(card, "skipped", []))
    return Tree(entries), problems


def _left_out(skipped: list[str]) -> Iterator[Finding]:
    """What a folder holds that cannot be on a card; two names that FAT takes for one are found as such."""
    for line in skipped:
        if ": the same name as " in line:
            continue
        path, _, why = line.rpartition(": ")
        severity = Severity.WARNING if why.startswith(_NO_FILES) else Severity.ERROR
        fix = (
            "put the file itself in its place"
            if severity is Severity.WARNING
            else "make it readable, or remove it"
        )
        yield found(
            "card-error",
            f"it is {why}: it is not read, and not on the card",
            path=path,
            fix=fix,
            severity=severity,
        )


def unreadable(error: CardError, path: str, pad: str = "") -> Finding:
    """The finding for an error of the card at ``path``, without what the finding says anyway."""
    what = str(error).removeprefix(f"{path}: ").removesuffix("; check the card")
    return found("card-error", what, path=path, pad=pad)


def stored_names(tree: Tree, host: Path | None) -> Iterator[Named]:
    """Names as they are stored: the host's own where the card is a folder of the host."""
    if host is not None:
        yield from _host_names(host)
        return
    for entry in tree.entries:
        yield Named(entry.path, entry.name, entry.is_dir)


def _host_names(root: Path) -> Iterator[Named]:
    todo, count = [(str(root), "")], 0
    while todo:
        folder, path = todo.pop()
        try:
            with os.scandir(folder) as found_here:
                items = sorted(found_here, key=lambda item: item.name)
        except OSError:
            continue  # said where the entries are read
        for item in items:
            count += 1
            if count > MAX_ENTRIES:
                return
            is_dir = item.is_dir(follow_symlinks=False)
            here = f"{path}/{as_on_card(item.name)}"
            yield Named(here, item.name, is_dir)
            if is_dir and path.count("/") < _DEEPEST:
                todo.append((item.path, here))


def as_on_card(name: str) -> str:
    """A host's name with a question mark for each byte that is no Unicode, as the card's paths have it."""
    return name.encode("utf-8", "replace").decode("utf-8")
