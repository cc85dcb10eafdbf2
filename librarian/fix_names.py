"""The names of a corrected card: every file and folder safe, unique, and its own where that can stay."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from firmware.profiles import Fact, Profile

from .names import LONGEST_STEM, Names, is_dos_device, on_fat, plain_ending, safe_stem

WRONG_ENDING = "is not that of what is in it"
_STRICT = ("/IMPORT", "/EXPORT")  # what the MKII lists by name


@dataclass(slots=True)
class _Folder:
    path: str
    folders: dict[str, _Folder] = field(default_factory=dict)
    files: list[tuple[str, int]] = field(default_factory=list)


class Naming:
    """Gives the files at ``paths`` (an empty one is no file) and the folders new paths.

    ``endings`` has the ending of each file that must get another one. After construction, ``files`` are the
    new paths in the same order, ``why`` the reasons where they differ, and ``folders`` the new paths of the
    folders, parents first.
    """

    def __init__(
        self, paths: list[str], folders: list[str], endings: dict[int, str], profile: Profile
    ) -> None:
        self.files = [""] * len(paths)
        self.why: list[tuple[str, ...]] = [()] * len(paths)
        self.folders: list[str] = []
        self._endings, self._profile = endings, profile
        root = _Folder("")
        for path in folders:
            _descend(root, path.strip("/").split("/"))
        for number, path in enumerate(paths):
            if path:
                *above, name = path.strip("/").split("/")
                _descend(root, above).files.append((name, number))
        self._name(root, "", ())

    def _name(self, folder: _Folder, new: str, above: tuple[str, ...]) -> None:
        """Name what is in a folder; ``above`` says why the folder's own path is another one."""
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
                given = names.give(name, self._endings.get(number))
                self.files[number] = f"{new}/{given}"
                self.why[number] = (*above, *reasons(name, given, file_rules))

            changes = number in self._endings or _stem(name, file_rules) != name
            todo.append((changes, give))
        for _, step in sorted(todo, key=lambda item: item[0]):  # names that can stay go first
            step()
        for child, path in below:
            self.folders.append(path)
            old = child.path.rpartition("/")[2]
            said = [
                f"of its folder {old}: {one}" for one in reasons(old, path.rpartition("/")[2], folder_rules)
            ]
            self._name(child, path, (*above, *said))

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


def reasons(old: str, new: str, rules: Profile) -> list[str]:
    """Why a name becomes another one, in words; nothing where it stays."""
    if old == new:
        return []
    stem, ending = _parts(old)
    new_stem, new_ending = _parts(new)
    said = list(_unsafe(stem, rules)) if safe_stem(stem, rules) != stem else []
    if safe_stem(stem, rules) != new_stem:
        said.append("another file here has the same name")
    if ending != new_ending and plain_ending(ending) == new_ending:
        said.append(f"the ending {ending} has signs that are in no ending")
    elif ending != new_ending:
        said.append(f"the ending {ending or '(none)'} {WRONG_ENDING}")
    return said


def _parts(name: str) -> tuple[str, str]:
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix) if stem else (name, "")


def _unsafe(stem: str, rules: Profile) -> Iterator[str]:
    """What is wrong with a name that `safe_stem` changes."""
    plain = unicodedata.normalize("NFC", stem)
    safe, longest = rules.find("names.safe"), rules.find("names.max_chars")
    bad = sorted({c for c in plain if not on_fat(c)})
    if bad:
        yield f"FAT or other systems do not take {_codes(bad)} in a name"
    elif plain != stem:
        yield "the letters of the name are taken apart (NFD)"
    if safe and (odd := sorted(set(plain) - set(safe.value) - set(bad))):
        yield f"the device does not load names with {_codes(odd)}"
    if longest and len(plain.encode("utf-16-le", "replace")) > 2 * longest.value:
        yield f"the device keeps {longest.value} characters of a name"
    if plain != plain.strip(" ").lstrip(".").rstrip(". "):
        yield "the name begins or ends with a space or a dot"
    if is_dos_device(plain.strip(" .")):
        yield "Windows keeps the name for a device of its own and cannot open the file"
    if len(plain.encode("utf-16-le", "replace")) > 2 * LONGEST_STEM:
        yield f"the name is longer than {LONGEST_STEM} signs"


def _codes(signs: list[str]) -> str:
    return " ".join(c if c.isprintable() and not c.isspace() else f"U+{ord(c):04X}" for c in signs)
