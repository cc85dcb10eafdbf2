"""A mirror: a second card with the same files as the first, made and brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdcard_image.types import Card, CardError, CardIOError, Entry, WritableCard
from sim.errors import InputError
from sim.slots import covers

_CHUNK = 1 << 20  # bytes of both cards compared at a time
_MOST_BYTES = 1 << 20  # of a setlist

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Difference:
    """A file of the first card that the second lacks, or has otherwise."""

    path: str
    bytes: int
    why: str  # "missing", "other size", "other content", "other kind"


@dataclass(frozen=True, slots=True)
class MirrorReport:
    """What a mirror holds of the first card, after it was brought up to date."""

    same: int
    copied: tuple[Difference, ...]
    unreadable: tuple[str, ...]

    @property
    def copied_bytes(self) -> int:
        """Bytes of the files copied."""
        return sum(one.bytes for one in self.copied)


def read_setlist(path: Path) -> tuple[str, ...]:
    """The paths, folders and pads (A1) in a file, one in each line; # begins a comment. InputError."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise InputError(f"{path} has more than {_MOST_BYTES} bytes; that is no setlist")
        lines = [line.partition("#")[0].strip() for line in data.decode("utf-8").splitlines()]
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text in UTF-8; a setlist has a path or a pad in each line") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    wanted = tuple(line for line in lines if line)
    if not wanted:
        raise InputError(f"{path} names nothing; write a path, a folder or a pad such as A1 in each line")
    return wanted


def mirror_card(
    first: Card, second: WritableCard, wanted: Sequence[str] = (), progress: Progress = lambda amount: None
) -> MirrorReport:
    """Copy to ``second`` what ``first`` has otherwise of ``wanted`` (paths and folders; empty: everything).

    Each file on ``second`` is its old or its new state, whole, whatever cuts it off. Raises CardError where
    not all of it has room; then nothing was written. What only ``second`` has stays.
    """
    files = [one for one in first.walk() if covers(wanted, one.path)]
    same, different, unreadable = 0, list[Difference](), list[str]()
    for entry in files:
        try:
            found = None if entry.is_dir else difference(first, second, entry)
        except CardIOError:
            raise
        except CardError as error:
            unreadable.append(f"{entry.path}: {error}")
            continue
        if found is not None:
            different.append(found)
        same += not entry.is_dir and found is None
    folders = list(_missing_folders(second, files, different))
    second.check_put([*((path, None) for path in folders), *((one.path, one.bytes) for one in different)])
    for folder in folders:
        second.mkdir(folder)
    for one in different:
        second.put(one.path, first.read(one.path), first.entry(one.path).modified)
        progress(one.bytes)
    return MirrorReport(same, tuple(different), tuple(unreadable))


def difference(first: Card, second: Card, entry: Entry) -> Difference | None:
    """How ``second`` differs in a file of ``first``, None where it does not."""
    if not second.exists(entry.path):
        return Difference(entry.path, entry.size, "missing")
    other = second.entry(entry.path)
    if other.is_dir:
        raise CardError("it is a folder on the second card")
    if other.size != entry.size:
        return Difference(entry.path, entry.size, "other size")
    for at in range(0, entry.size, _CHUNK):
        size = min(_CHUNK, entry.size - at)
        if first.read(entry.path, at, size) != second.read(entry.path, at, size):
            return Difference(entry.path, entry.size, "other content")
    return None


def _missing_folders(second: Card, files: list[Entry], different: list[Difference]) -> Iterator[str]:
    """The folders that must be made, each after the one that holds it."""
    needed = [one.path for one in files if one.is_dir] + [one.path.rpartition("/")[0] for one in different]
    seen: set[str] = set()
    for path in sorted(needed):
        parts = [part for part in path.split("/") if part]
        for depth in range(1, len(parts) + 1):
            folder = "/" + "/".join(parts[:depth])
            if folder.casefold() not in seen and not second.exists(folder):
                yield folder
            seen.add(folder.casefold())
