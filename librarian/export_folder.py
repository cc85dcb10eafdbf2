"""An export into a folder of the host, such as a mounted card: the device's own folder appears whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sdcard_image.types import CardError, CardIOError, Item, Made

_COPY = 1 << 20


def check_folder(folder: Path, roots: Iterable[str], *, overwrite: bool) -> None:
    """CardError where the folder cannot be written to without touching what is there."""
    if folder.exists() and not folder.is_dir():
        raise CardError(f"{folder} is not a folder; choose another name")
    roots = list(roots)
    for root in roots:
        _check_links(folder, root)
    there = [root for root in roots if (folder / root[1:]).exists()]
    if there and not overwrite:
        raise CardError(
            f"{folder} holds {there[0][1:]} already; choose another folder or replace it with --force"
        )
    if not folder.parent.is_dir():
        raise CardError(f"cannot make {folder}: there is no folder {folder.parent}")


def _check_links(folder: Path, root: str) -> None:
    """CardError where the way to a root leads out of the folder by a link."""
    for part in (Path(root), *Path(root).parents):
        path = folder / str(part)[1:]
        if path != folder and path.is_symlink():
            raise CardError(f"{path} is a link, which is not followed; remove it, or choose another folder")


def write_folder(
    folder: Path, items: Iterable[Item], roots: Iterable[str], *, overwrite: bool = False
) -> None:
    """Write the items below ``folder``; each of ``roots`` gets its name when it is whole.

    What is there under another name stays; a root that is there is replaced with ``overwrite``. Raises
    CardError and, where the host fails, CardIOError; nothing half-written is left.
    """
    roots = list(roots)
    check_folder(folder, roots, overwrite=overwrite)
    with _failures(folder):
        new = not folder.exists()
        base = folder.parent if new else folder
        part = base / f".{folder.name[:200]}.{os.getpid()}.part"
        part.mkdir()
        try:
            for item in items:
                _write(part / item.path[1:], item)
            if new:
                part.rename(folder)
            else:
                _move(part, folder, roots)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _write(path: Path, item: Item) -> None:
    if item.source is None:
        path.mkdir(exist_ok=True)
    elif isinstance(item.source, Path):
        with item.source.open("rb") as source, path.open("xb") as out:
            shutil.copyfileobj(source, out, _COPY)
    else:
        path.write_bytes(item.source.make() if isinstance(item.source, Made) else item.source)


def _move(part: Path, folder: Path, roots: list[str]) -> None:
    for root in roots:
        target = folder / root[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        old = part / f"old-{target.name}"
        if target.exists():
            target.rename(old)
        try:
            (part / root[1:]).rename(target)
        except BaseException:
            if old.exists():  # it goes with the temporary folder otherwise
                old.rename(target)
            raise


@contextmanager
def _failures(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, CardError):
            raise
        raise CardIOError(f"cannot write to {folder}: {error.strerror or error}") from error
