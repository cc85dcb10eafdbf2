"""Taking files off a card: each appears on the host whole, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from sdcard_image.medium import io_error
from sdcard_image.types import Card, CardError, Entry

CHUNK = 4 << 20


def extract_file(
    card: Card,
    path: str,
    destination: Path,
    *,
    overwrite: bool = False,
    advance: Callable[[int], None] = lambda done: None,
) -> Entry:
    """Copy a file of the card to ``destination``; ``advance`` is told the bytes of each step.

    Raises `CardError` where it exists already (without ``overwrite``) or the card is damaged, `CardIOError`
    where the host fails; nothing half-written is left.
    """
    entry = card.entry(path)
    if entry.is_dir:
        raise CardError(f"{path} is a folder; ask for it recursively")
    if not can_hold(destination):
        raise CardError(f"the name {destination.name[:80]!r} is too long for this computer; give another")
    if destination.is_dir() or (destination.exists() and not overwrite):
        raise CardError(f"{destination} exists already; choose another name or say to replace it")
    part = destination.with_name(f".benchpad-{os.getpid()}.part")
    try:
        with part.open("xb") as out:
            for at in range(0, entry.size, CHUNK):
                out.write(card.read(path, at, CHUNK))
                advance(min(CHUNK, entry.size - at))
        part.replace(destination)
    except OSError as error:
        if isinstance(error, CardError):
            raise
        raise io_error("write to", destination, error) from error
    finally:
        part.unlink(missing_ok=True)
    return entry


def extract_tree(
    card: Card,
    path: str,
    destination: Path,
    *,
    overwrite: bool = False,
    advance: Callable[[int], None] = lambda done: None,
    skip: Callable[[str], None] = lambda path: None,
) -> int:
    """Copy a folder of the card with all below it to the host folder ``destination``; returns how many files.

    ``skip`` is told of each file or folder whose name is too long for the host, and which is left out.
    Errors as of `extract_file`. Names from the card never lead out of ``destination``: none contains a slash.
    """
    top = card.entry(path)
    prefix = "" if top.path == "/" else top.path
    files, left_out = 0, "\0"
    _make(destination)
    for entry in list(card.walk(path)):
        target = destination / entry.path[len(prefix) + 1 :]
        if entry.path.startswith(left_out):
            continue
        if not can_hold(target):
            left_out = f"{entry.path}/" if entry.is_dir else left_out
            skip(entry.path)
        elif entry.is_dir:
            _make(target)
        else:
            extract_file(card, entry.path, target, overwrite=overwrite, advance=advance)
            files += 1
    return files


def can_hold(path: Path) -> bool:
    """Whether the host's file system takes a name that long: most count bytes, FAT counts UTF-16 units."""
    try:
        path.lstat()
    except OSError as error:
        return error.errno != errno.ENAMETOOLONG
    return True


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise io_error("make the folder", folder, error) from error
