"""The names of a corrected card: every file and folder safe, unique, and its own where that can stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from firmware.profiles import Fact, Profile

from .names import Names, safe_stem

_STRICT = ("/IMPORT", "/EXPORT")  # what the MKII lists by name


@dataclass(slots=True)
class _Folder:
    path: str
    folders: dict[str, _Folder] = field(default_factory=dict)
    files: list[tuple[str, int]] = field(default_factory=list)


class Naming:
    """Gives the files at ``paths`` (an empty one is no file) and the folders new paths.

    ``endings`` has the ending of each file that must get another one. After construction, ``files`` are the
    new paths in the same order and ``folders`` those of the folders, parents first.
    """

    def __init__(
        self, paths: list[str], folders: list[str], endings: dict[int, str], profile: Profile
    ) -> None:
        self.files = [""] * len(paths)
        self.folders: list[str] = []
        self._endings, self._profile = endings, profile
        root = _Folder("")
        for path in folders:
            _descend(root, path.strip("/").split("/"))
        for number, path in enumerate(paths):
            if path:
                *above, name = path.strip("/").split("/")
                _descend(root, above).files.append((name, number))
        self._name(root, "")

    def _name(self, folder: _Folder, new: str) -> None:
        file_rules, folder_rules = self._rules(new, for_folders=False), self._rules(new, for_folders=True)
        names = Names(file_rules)
        below: list[tuple[_Folder, str]] = []
        todo: list[tuple[bool, Callable[[], None]]] = []
        for name, child in folder.folders.items():
            safe = safe_stem(name, folder_rules)

            def take(child: _Folder = child, safe: str = safe) -> None:
                below.append((child, f"{new}/{names.give_safe(safe)}"))

            todo.append((safe != name, take))
        for name, number in folder.files:

            def give(name: str = name, number: int = number) -> None:
                self.files[number] = f"{new}/{names.give(name, self._endings.get(number))}"

            changes = number in self._endings or _stem(name, file_rules) != name
            todo.append((changes, give))
        for _, step in sorted(todo, key=lambda item: item[0]):  # names that can stay go first
            step()
        for child, path in below:
            self.folders.append(path)
            self._name(child, path)

    def _rules(self, folder: str, *, for_folders: bool) -> Profile:
        """What names may be: FAT's own rules, except where the device lists them by name."""
        profile = self._profile
        everywhere = profile.value("card.layout") != "sp404mk2" and not for_folders
        if not everywhere and not f"{folder}/".upper().startswith(tuple(f"{top}/" for top in _STRICT)):
            facts = {key: fact for key, fact in profile.facts.items() if not key.startswith("names.")}
            return replace(profile, facts=facts)
        longest = profile.find("names.project_max_chars")
        if for_folders and longest:
            return replace(
                profile, facts=profile.facts | {"names.max_chars": Fact(longest.value, longest.mark)}
            )
        return profile


def _descend(folder: _Folder, names: list[str]) -> _Folder:
    for name in names:
        key = next((one for one in (name,) if one in folder.folders), None) or next(
            (one for one in folder.folders if one.casefold() == name.casefold()), name
        )
        folder = folder.folders.setdefault(key, _Folder(f"{folder.path}/{key}"))
    return folder


def _stem(name: str, profile: Profile) -> str:
    stem, dot, suffix = name.rpartition(".")
    return safe_stem(stem, profile) + dot + suffix if stem else safe_stem(name, profile)
