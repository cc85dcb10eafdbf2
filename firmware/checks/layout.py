"""Whether a card's folders and index files are those that a device looks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from firmware.findings import Finding, Severity, found
from firmware.formats import pad_info, padconf
from firmware.layouts import sp404mk2, sp404sx
from firmware.layouts.admitting import is_hidden, looks_like_audio, some
from firmware.profiles import Profile
from sdcard_image.types import Entry

from .folding import fold
from .tree import Tree, parent

MAX_DEPTH = 8  # folders; this check's own choice, as no device's limit is known
MAX_IN_FOLDER = 1_000  # entries; as above
MK2_PROJECTS = 16
SX_FOLDERS = ("/ROLAND", "/ROLAND/SP-404SX", "/ROLAND/SP-404SX/SMPL", "/ROLAND/SP-404SX/PTN")
SX_PATTERNS = "/ROLAND/SP-404SX/PTN"
MK2_FOLDERS = ("/IMPORT", "/EXPORT", "/EXPORT/PROJECT")
_PATTERN = re.compile(r"PTN([0-9A-F]{5})\.BIN")
_SX_SAMPLE = re.compile(r"[A-J]00000(0[1-9]|1[0-2])\.(WAV|AIF)", re.IGNORECASE)
_MK2_SAMPLE = re.compile(r"BANK([1-9]|10)-(0[1-9]|1[0-6])\.SMP", re.IGNORECASE)
_MK2_PROJECT = re.compile(r"PROJECT_(0[1-9]|1[0-6])", re.IGNORECASE)
_SYSTEM = ("system volume information", "$recycle.bin")


def check_layout(tree: Tree, profile: Profile) -> Iterator[Finding]:
    """Findings on the folders of a card for the device of ``profile``."""
    layout = profile.value("card.layout")
    if layout == "sp404sx":
        yield from _sx(tree)
    elif layout == "sp404mk2":
        yield from _mk2(tree)
    else:
        yield from _generic(tree, profile)
    yield from _too_deep(tree)
    yield from _too_many(tree)


def has_layout(tree: Tree, profile: Profile) -> bool:
    """Whether the device of ``profile`` finds anything of its own; else the card is a heap of files."""
    layout = profile.value("card.layout")
    if layout == "sp404sx":
        return tree.has_folder(sp404sx.FOLDER)
    if layout == "sp404mk2":
        return bool(mk2_projects(tree)) or tree.has_folder(sp404mk2.IMPORT)
    return True


def seen_by(tree: Tree, profile: Profile) -> Callable[[Entry], bool]:
    """Whether the device looks at a file, as far as its folder says. On a heap of files, all count."""
    layout = profile.value("card.layout")
    if not has_layout(tree, profile):
        return lambda entry: not _in_system(entry)
    if layout == "sp404sx":
        return lambda entry: fold(parent(entry.path)) == fold(sp404sx.FOLDER)
    if layout == "sp404mk2":
        folders = {fold(f"{project.rstrip('/')}/SMPL") for project in mk2_projects(tree)}
        return lambda entry: fold(entry.path).startswith("/IMPORT/") or fold(parent(entry.path)) in folders
    return lambda entry: not _in_system(entry)


def _in_system(entry: Entry) -> bool:
    """Whether a file lies in a folder that a computer keeps for itself."""
    return any(part.startswith(".") or part.lower() in _SYSTEM for part in entry.path.split("/")[1:-1])


def mk2_projects(tree: Tree) -> list[str]:
    """The paths of an MKII card's project folders, in the order in which a boot takes them."""
    own = ["/"] if tree.get(f"/{sp404mk2.PADCONF}") else []
    for place in (sp404mk2.EXPORT, sp404mk2.IMPORT):
        folders = (entry.path for entry in tree.folders(place))
        own += sorted((p for p in folders if tree.get(f"{p}/{sp404mk2.PADCONF}")), key=str.casefold)
    return own


def edit_distance(a: str, b: str) -> int:
    """How many characters must be changed, added, removed or swapped with their neighbour (Damerau, OSA)."""
    rows = [list(range(len(b) + 1))]
    for i, x in enumerate(a, start=1):
        row = [i]
        for j, y in enumerate(b, start=1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def _near(name: str, wanted: str) -> bool:
    """Whether a name is probably a misspelling of the wanted one; short words must be nearer."""
    plain = re.sub(r"[^A-Z0-9]", "", name.upper()), re.sub(r"[^A-Z0-9]", "", wanted.upper())
    if plain[0] == plain[1]:
        return True
    return len(name) <= 2 * len(wanted) and edit_distance(*plain) <= (1 if len(wanted) < 6 else 2)


def _spelling(tree: Tree, wanted: tuple[str, ...]) -> Iterator[Finding]:
    """Folders of another case, and for those that are missing the ones that may be meant."""
    for path in wanted:
        folder, name = parent(path), path.rpartition("/")[2]
        entry = tree.get(path)
        if entry is not None:
            if entry.name != name:
                yield found("folder-case", f"the folder is named {entry.name}, not {name}", path=entry.path)
            continue
        if not tree.has_folder(folder):
            continue
        for other in tree.folders(folder):
            if other.path not in wanted and _near(other.name, name):
                text = f"the folder is named {other.name}; the device looks for {name}"
                yield found("misspelt-folder", text, path=other.path, fix=f"rename it to {name}")


def _sx(tree: Tree) -> Iterator[Finding]:
    yield from _spelling(tree, SX_FOLDERS)
    if tree.has_folder(sp404sx.FOLDER):
        yield from _sx_samples(tree)
    else:
        yield from _misplaced(tree, _SX_SAMPLE, sp404sx.FOLDER)
        if mk2_projects(tree) or tree.has_folder(sp404mk2.IMPORT) or tree.has_folder(sp404mk2.EXPORT):
            yield found("mk2-card-in-sx", "the card has the folders of an SP-404MKII")
        yield found("no-device-folder", f"there is no folder {sp404sx.FOLDER}")
    yield from _patterns(tree, SX_PATTERNS, pad_info.RECORDS)
    yield from _not_seen(tree, ("/ROLAND/",))


def _sx_samples(tree: Tree) -> Iterator[Finding]:
    files = tree.files(sp404sx.FOLDER)
    samples = [entry for entry in files if _SX_SAMPLE.fullmatch(entry.name)]
    if not samples:
        yield found("no-samples", "the folder holds no sample of a pad", path=sp404sx.FOLDER)
    if samples and tree.get(f"{sp404sx.FOLDER}/{sp404sx.PAD_INFO}") is None:
        text = (
            f"{sp404sx.PAD_INFO} is missing: here every sample plays whole, with the settings of an empty pad"
        )
        yield found("index-missing", text, path=sp404sx.FOLDER, severity=Severity.WARNING, mark="?")
    own = {sp404sx.PAD_INFO, "STPINFO.BIN"}
    yield from _strays(e for e in files if e not in samples and e.name.upper() not in own)
    by_pad: dict[str, list[Entry]] = {}
    for entry in samples:
        by_pad.setdefault(entry.name.upper().rpartition(".")[0], []).append(entry)
    for stem, both in by_pad.items():
        if len(both) > 1:
            text = f"the pad has {' and '.join(entry.name for entry in both)}"
            yield found("two-samples", text, path=both[1].path, pad=f"{stem[0]}{int(stem[1:])}")


def _strays(files: Iterator[Entry]) -> Iterator[Finding]:
    for entry in files:
        if is_hidden(entry.name) or entry.name.lower() in ("thumbs.db", "desktop.ini"):
            continue  # the names are judged elsewhere
        severity = Severity.WARNING if looks_like_audio(entry) else Severity.NOTE
        text = f"{entry.name} is not the name of any pad's sample"
        yield found("stray-file", text, path=entry.path, severity=severity)


def _mk2(tree: Tree) -> Iterator[Finding]:
    projects = mk2_projects(tree)
    yield from _spelling(tree, MK2_FOLDERS)
    for project in projects:
        base = project.rstrip("/")
        yield from _spelling(tree, (f"{base}/SMPL", f"{base}/PTN"))
        yield from _patterns(tree, f"{base}/PTN", padconf.PADS)
        samples = tree.files(f"{base}/SMPL")
        yield from _strays(entry for entry in samples if not _MK2_SAMPLE.fullmatch(entry.name))
    yield from _project_names(tree)
    yield from _without_index(tree)
    yield from _mk2_samples(tree, projects)
    if len(tree.folders(sp404mk2.EXPORT)) > MK2_PROJECTS:
        many = len(tree.folders(sp404mk2.EXPORT))
        text = f"there are {many} projects; the device has {MK2_PROJECTS}"
        yield found("too-many", text, path=sp404mk2.EXPORT, mark="R")
    if not projects and not tree.has_folder(sp404mk2.IMPORT):
        yield from _misplaced(tree, _MK2_SAMPLE, "a project's SMPL")
        if tree.has_folder("/ROLAND") or tree.has_folder("/SP-404SX"):
            yield found("sx-card-in-mk2", "the card has the folders of an SP-404SX")
        text = f"there is neither a folder {sp404mk2.IMPORT} nor a project with {sp404mk2.PADCONF}"
        yield found("no-device-folder", text)
    yield from _not_seen(tree, ("/IMPORT/", "/EXPORT/", *(fold(f"{p.rstrip('/')}/SMPL/") for p in projects)))


def _mk2_samples(tree: Tree, projects: list[str]) -> Iterator[Finding]:
    """Projects without samples, and an import folder with none where there is no project at all."""
    for project in projects:
        if not any(_MK2_SAMPLE.fullmatch(one.name) for one in tree.files(f"{project.rstrip('/')}/SMPL")):
            yield found("no-samples", "the project holds no sample", path=project)
    if not projects and tree.has_folder(sp404mk2.IMPORT) and not any(map(_is_sample, tree.below("/IMPORT"))):
        yield found("no-samples", "the folder holds no audio file", path=sp404mk2.IMPORT)


def _project_names(tree: Tree) -> Iterator[Finding]:
    for folder in tree.folders(sp404mk2.EXPORT):
        if not _MK2_PROJECT.fullmatch(folder.name) and tree.get(f"{folder.path}/{sp404mk2.PADCONF}"):
            yield found("project-name", f"the folder is named {folder.name}", path=folder.path)


def _without_index(tree: Tree) -> Iterator[Finding]:
    """Folders with a project's samples, but without the index that makes them one."""
    for folder, entries in tree.by_folder().items():
        if not folder.endswith("/SMPL") or not any(_MK2_SAMPLE.fullmatch(entry.name) for entry in entries):
            continue
        base = parent(parent(entries[0].path))
        if tree.get(f"{base}/{sp404mk2.PADCONF}") is None:
            text = f"{sp404mk2.PADCONF} is missing: the device takes the folder for no project"
            yield found("index-missing", text, path=base or "/")


def _generic(tree: Tree, profile: Profile) -> Iterator[Finding]:
    banks, per_bank = profile.value("pads.banks"), profile.value("pads.per_bank")
    in_banks = {
        bank: sum(map(_is_sample, tree.files(f"/{bank}"))) for bank in banks if tree.has_folder(f"/{bank}")
    }
    if any(in_banks.values()):
        for bank, count in in_banks.items():
            if count > per_bank:
                text = f"bank {bank} has {count} audio files and {per_bank} pads"
                yield found("too-many", text, path=f"/{bank}", mark="D")
        yield from _not_seen(tree, tuple(f"/{bank}/" for bank in banks))
        return
    count = sum(map(_is_sample, tree.entries))
    if not count:
        yield found("no-device-folder", "there is no audio on the card", mark="D")
    elif count > len(banks) * per_bank:
        text = f"there are {count:,} audio files and {len(banks) * per_bank} pads"
        yield found("too-many", text, path="/", mark="D")


def _is_sample(entry: Entry) -> bool:
    return looks_like_audio(entry) and not is_hidden(entry.name)


def _misplaced(tree: Tree, sample: re.Pattern[str], wanted: str) -> Iterator[Finding]:
    for folder, entries in tree.by_folder().items():
        named = [entry for entry in entries if not entry.is_dir and sample.fullmatch(entry.name)]
        if len(named) > 1 and not folder.endswith("/EXPORT"):
            here = parent(named[0].path) or "/"
            if sample is _MK2_SAMPLE and _is_projects(here):
                continue  # the right place, if there were the index; that is said
            is_whole = sample is _MK2_SAMPLE and tree.get(f"{parent(here)}/{sp404mk2.PADCONF}")
            place = f"a project in {sp404mk2.EXPORT}" if is_whole else wanted
            text = f"{len(named)} files named like pads' samples lie here; the device looks in {place}"
            yield found("misplaced-folder", text, path=here)


def _is_projects(folder: str) -> bool:
    """Whether a folder is one in which the MKII looks for a project's samples."""
    base, name = parent(folder), folder.rpartition("/")[2]
    is_place = not base or fold(parent(base)) in (fold(sp404mk2.EXPORT), fold(sp404mk2.IMPORT))
    return fold(name) == "SMPL" and is_place


def _patterns(tree: Tree, folder: str, last: int) -> Iterator[Finding]:
    for entry in tree.files(folder):
        name = entry.name.upper()
        if is_hidden(name) or name.startswith("PATTERNCHAIN"):
            continue
        match = _PATTERN.fullmatch(name)
        number = match[1] if match else ""
        if match and not number.isdigit() and 1 <= int(number, 16) <= last:
            decimal = f"PTN{int(number, 16):05d}.BIN"
            text = f"the number is hexadecimal; in decimal the name is {decimal}"
            yield found("pattern-hex", text, path=entry.path)
        elif not match or not number.isdigit() or not 1 <= int(number) <= last:
            text = f"{entry.name} is no pattern of the device's {last} pads"
            yield found("pattern-number", text, path=entry.path)


def _not_seen(tree: Tree, roots: tuple[str, ...]) -> Iterator[Finding]:
    """One finding for all audio elsewhere; none where the device finds nothing at all, which is said."""
    if not any(tree.has_folder(root) for root in roots):
        return
    elsewhere = [e.path for e in tree.entries if _is_sample(e) and not fold(e.path).startswith(roots)]
    if elsewhere:
        text = f"{len(elsewhere):,} audio file{'s' * (len(elsewhere) > 1)}: {some(elsewhere)}"
        yield found("not-seen", text, path=parent(elsewhere[0]) or "/")


def _too_deep(tree: Tree) -> Iterator[Finding]:
    for entry in tree.entries:
        if entry.path.count("/") == MAX_DEPTH + 2:
            text = f"it lies {MAX_DEPTH + 1} folders deep"
            yield found("too-deep", text, path=entry.path)


def _too_many(tree: Tree) -> Iterator[Finding]:
    for entries in tree.by_folder().values():
        if len(entries) > MAX_IN_FOLDER:
            text = f"the folder has {len(entries):,} entries; small devices may not list all"
            yield found("too-many", text, path=parent(entries[0].path) or "/")
