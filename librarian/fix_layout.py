"""Where the files of a card belong: misspelt, misplaced and foreign folders, put where the device looks.

The check's own layout findings say what is wrong; each round corrects the first that can be, and asks again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from firmware.checks.layout import check_layout
from firmware.checks.tree import Tree, parent
from firmware.findings import Finding
from firmware.layouts import sp404mk2, sp404sx
from firmware.layouts.admitting import looks_like_audio
from firmware.profiles import Profile
from sdcard_image.types import Entry

from .fix_types import SourceFile

_ROUNDS = 400
_RENAME = "rename it to "
_PROJECT_PLACES = re.compile(r"(/EXPORT/PROJECT|/IMPORT)/[^/]+", re.IGNORECASE)


@dataclass(slots=True)
class Places:
    """The path that each file is to have, by its place in the list, and why where it moves.

    ``tables`` are the paths of projects' tables that are still to be made. ``heap``: the device finds nothing
    of its own, so the samples are still to be laid out.
    """

    paths: list[str]
    folders: list[str]
    why: dict[int, list[str]] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    heap: bool = False

    def move(self, old: str, new: str, why: str, files_only: bool = False) -> bool:
        """Move a file or folder with all in it; whether anything did."""
        inside, moved = f"{old.rstrip('/')}/".casefold(), False
        for number, path in enumerate(self.paths):
            if path.casefold() == old.casefold() or path.casefold().startswith(inside):
                self.paths[number] = new + path[len(old.rstrip("/")) :]
                self.why.setdefault(number, []).append(why)
                moved = moved or self.paths[number] != path
        if not files_only:
            for number, path in enumerate(self.folders):
                if path.casefold() == old.casefold() or path.casefold().startswith(inside):
                    self.folders[number] = new + path[len(old.rstrip("/")) :]
        return moved


def place(
    files: list[SourceFile],
    folders: list[str],
    profile: Profile,
    paths: list[str] | None = None,
    tables: Iterable[str] = (),
) -> Places:
    """Where everything belongs for the device of ``profile``.

    ``paths`` are where the files lie, if not where they did; ``tables`` of pads come from elsewhere.
    """
    places = Places(
        [one.path for one in files] if paths is None else paths, list(folders), tables=list(tables)
    )
    sizes = [one.size for one in files]
    done: set[tuple[str, str]] = set()
    for _ in range(_ROUNDS):
        tree = Tree(entries(places, sizes))
        if not any(_correct(one, tree, places, done) for one in check_layout(tree, profile)):
            break
    ids = {one.id for one in check_layout(Tree(entries(places, sizes)), profile)}
    audio = any(looks_like_audio(one) for one in entries(places, sizes))
    places.heap = "no-device-folder" in ids and audio and profile.value("card.layout") != "generic"
    return places


def entries(places: Places, sizes: list[int]) -> Iterator[Entry]:
    """The card as it would be: folders, files of ``sizes`` bytes, and the tables to be made."""
    for path in _all_folders(places):
        yield Entry(path, path.rpartition("/")[2], is_dir=True, size=0, modified=None)
    for path, size in (*zip(places.paths, sizes, strict=True), *((path, 1) for path in places.tables)):
        if path:
            yield Entry(path, path.rpartition("/")[2], is_dir=False, size=size, modified=None)


def _all_folders(places: Places) -> list[str]:
    found = {path.casefold(): path for path in places.folders}
    for path in (*places.paths, *places.tables):
        above = parent(path)
        while above:
            found.setdefault(above.casefold(), above)
            above = parent(above)
    return list(found.values())


def _correct(one: Finding, tree: Tree, places: Places, done: set[tuple[str, str]]) -> bool:
    """Correct one finding where that can be done by moving things; whether it was."""
    correction = _CORRECTIONS.get(one.id)
    if correction is None or (one.id, one.path) in done:
        return False
    done.add((one.id, one.path))
    return correction(one, tree, places)


def _renamed(one: Finding, tree: Tree, places: Places) -> bool:
    """The finding's own advice says the name."""
    if not one.fix.startswith(_RENAME):
        return False
    new = f"{parent(one.path)}/{one.fix.removeprefix(_RENAME)}"
    return tree.get(new) is None and places.move(one.path, new, one.what)


def _case(one: Finding, tree: Tree, places: Places) -> bool:
    return places.move(one.path, f"{parent(one.path)}/{one.path.rpartition('/')[2].upper()}", one.what)


def _misplaced(one: Finding, tree: Tree, places: Places) -> bool:
    folder = one.path.rstrip("/")
    files = [e for e in tree.files(folder) if not e.is_dir]
    if any(e.name.upper().endswith(".SMP") for e in files):
        return _as_project(
            parent(folder) if folder.upper().endswith("/SMPL") else folder, tree, places, one.what
        )
    moved = False
    for entry in files:
        moved = places.move(entry.path, f"{sp404sx.FOLDER}/{entry.name}", one.what, files_only=True) or moved
    return moved


def _as_project(base: str, tree: Tree, places: Places, why: str) -> bool:
    """Make a folder an exported project, its samples in SMPL."""
    if _PROJECT_PLACES.fullmatch(base) or not base:
        return False
    taken = {entry.name.upper() for entry in tree.folders(sp404mk2.EXPORT)}
    name = next(f"PROJECT_{n:02}" for n in range(1, 1_000) if f"PROJECT_{n:02}" not in taken)
    return places.move(base, f"{sp404mk2.EXPORT}/{name}", why)


def _without_index(one: Finding, tree: Tree, places: Places) -> bool:
    base = one.path.rstrip("/")
    if not tree.has_folder(f"{base}/SMPL"):
        return False
    if not _PROJECT_PLACES.fullmatch(base):
        return _as_project(base, tree, places, one.what)
    places.tables.append(f"{base}/{sp404mk2.PADCONF}")
    return True


_CORRECTIONS: dict[str, Callable[[Finding, Tree, Places], bool]] = {
    "misspelt-folder": _renamed,
    "folder-case": _case,
    "misplaced-folder": _misplaced,
    "index-missing": _without_index,
}
