"""Files that commands write: never in the place of what they read, and whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sim.errors import InputError


def within(path: Path, place: Path) -> bool:
    """Whether ``path`` is ``place`` or lies below it, as it is named or where its links lead.

    So what is named by a link that lies in ``place`` is within, wherever that leads. Neither need exist.
    """
    named, real = Path(os.path.abspath(path)), Path(os.path.realpath(path))
    return any(same(part, place) for part in (named, *named.parents, real, *real.parents))


def same(one: Path, other: Path) -> bool:
    """Whether two paths are one file or folder, or would be."""
    try:
        return one.samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def check_reports(card: Path, fixed: Path | None, reports: dict[str, Path]) -> None:
    """InputError where a report, by its option, would replace the card, the corrected copy or another."""
    seen = {} if fixed is None else {"--fix": fixed}
    if fixed is not None:
        check_folder_of(fixed)
    for option, path in (seen | reports).items():
        if within(path, card):
            raise InputError(_inside(option, path, card))
    for option, path in reports.items():
        clash = next((name for name, other in seen.items() if within(path, other)), None)
        if clash:
            raise InputError(f"{option} {path} would go where {clash} writes; give each a path of its own")
        _check_report(path)
        seen[option] = path


def _inside(option: str, path: Path, card: Path) -> str:
    if same(path, card):
        return f"{option} {path} would replace the card itself; choose another path"
    return f"{option} {path} lies inside the card {card}, which is not changed; choose a path outside it"


def check_folder_of(path: Path) -> None:
    """InputError where there is no folder for a file to be written."""
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}")


def _check_report(path: Path) -> None:
    check_folder_of(path)
    if path.exists() and stat.S_ISBLK(path.stat().st_mode):
        raise InputError(f"{path} is a block device; name a file for the report")


def write_report(path: Path, data: bytes) -> None:
    """Write a report, in the place of an ordinary file if there is one, which stays until it is whole."""
    if path.exists() and not path.is_file():  # a pipe or terminal has nothing to replace
        path.write_bytes(data)
        return
    path = Path(os.path.realpath(path))  # a link stays one
    part = path.with_name(f".benchpad-{os.getpid()}.part")
    try:
        with part.open("xb") as out:
            out.write(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
