"""Many files into one folder: what becomes of each (`plan_jobs`), and doing it (`run_job`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from firmware.formats import sniff
from firmware.layouts.admitting import AUDIO_SUFFIXES, is_hidden, suffix
from firmware.profiles import Profile
from sdcard_image.types import CardError

from .convert import Advance, Outcome, Recipe, convert_file, plan_file
from .errors import ConvertError
from .holding import held
from .names import Names, safe_stem

_MOST = 1_000_000  # files
_COPY = 1 << 20
_ENDINGS = {
    "wav": ("wav", "wave", "bwf"),
    "rf64": ("wav", "wave", "bwf", "rf64"),
    "aiff": ("aif", "aiff"),
    "aifc": ("aif", "aiff", "aifc"),
    "mp3": ("mp3",),
}


@dataclass(frozen=True, slots=True)
class Job:
    """One file: ``output`` is its path below the destination. Where ``error`` is set, nothing is done."""

    source: Path
    output: Path
    size_bytes: int = 0
    recipe: Recipe | None = None
    error: str = ""
    error_id: str = ""


@dataclass(slots=True)
class Jobs:
    """What is to be done; ``skipped`` are files of folders that are no audio, with the reason."""

    jobs: list[Job] = field(default_factory=list)
    skipped: list[tuple[Path, str]] = field(default_factory=list)


def plan_jobs(
    sources: Iterable[Path], destination: Path, profile: Profile, *, bits: int | None = None
) -> Jobs:
    """Decide on every file, and every file below every folder, whose tree is kept.

    Reads headers, and the samples of float files.
    """
    found = Jobs()
    names: dict[Path, Names] = {}
    folders: dict[Path, Path] = {Path(): Path()}
    for source, relative, explicit in _files(sources, found):
        folder = _safe_folder(relative.parent, folders, names, profile)
        giver = names.setdefault(folder, Names(profile))
        job = _plan(source, profile, bits)
        if not explicit and _is_no_matter(job):
            found.skipped.append((source, job.error))
            continue
        if job.recipe is None:
            found.jobs.append(job)
            continue
        output = folder / giver.give(source.name, _ending(source, job.recipe))
        error = (
            f"it would overwrite itself: choose another folder than {destination}"
            if _same(source, destination / output)
            else ""
        )
        found.jobs.append(Job(source, output, job.size_bytes, job.recipe, error, "same-file" * bool(error)))
    return found


def _ending(source: Path, recipe: Recipe) -> str | None:
    """The ending that the output must have; None where the file's own says what it is."""
    if not recipe.keep:
        return ".wav"
    with source.open("rb") as stream:
        return fitting_ending(stream.read(64), source.name)


def fitting_ending(prefix: bytes, name: str) -> str | None:
    """The ending that says what a file is which begins with ``prefix``; None where its own does."""
    fitting = _ENDINGS.get(sniff.container(prefix) or "", ())
    return None if suffix(name) in fitting or not fitting else f".{fitting[0]}"


def _same(source: Path, output: Path) -> bool:
    return output.exists() and output.samefile(source)


def _files(sources: Iterable[Path], found: Jobs) -> Iterator[tuple[Path, Path, bool]]:
    """Every file with its path below the destination, and whether it was named itself."""
    for source in sources:
        if not source.is_dir():
            yield source, Path(source.name), True
            continue
        for count, (path, relative) in enumerate(_below(source, found)):
            if count >= _MOST:
                raise CardError(f"{source} holds more than {_MOST:,} files; give a smaller folder")
            yield path, relative, False


def _below(folder: Path, found: Jobs) -> Iterator[tuple[Path, Path]]:
    def unreadable(error: OSError) -> None:
        found.skipped.append((Path(str(error.filename)), (error.strerror or str(error)).lower()))

    for here, below, files in os.walk(folder, onerror=unreadable):
        below[:] = sorted(name for name in below if not is_hidden(name))
        for name in sorted(files):
            path = Path(here, name)
            if is_hidden(name):
                found.skipped.append((path, "a hidden file"))
            else:
                yield path, path.relative_to(folder)


def _is_no_matter(job: Job) -> bool:
    """Whether what a folder holds is no file at all, or does not even claim to be audio."""
    no_audio = job.error_id == "not-audio" and suffix(job.source.name) not in AUDIO_SUFFIXES
    return no_audio or job.error_id == "no-file"


def _safe_folder(folder: Path, known: dict[Path, Path], names: dict[Path, Names], profile: Profile) -> Path:
    """The folder's path with safe names; two folders stay two."""
    if folder not in known:
        above = _safe_folder(folder.parent, known, names, profile)
        giver = names.setdefault(above, Names(profile))
        known[folder] = above / giver.give_safe(safe_stem(folder.name, profile))
    return known[folder]


def _plan(source: Path, profile: Profile, bits: int | None) -> Job:
    try:
        if not source.is_file():
            missing = "there is no such file" if not source.exists() else "it is neither a file nor a folder"
            return Job(source, Path(source.name), error=missing, error_id="no-file")
        size = source.stat().st_size
        with source.open("rb") as stream:
            recipe = plan_file(stream, size, profile, bits=bits)
    except (ConvertError, OSError) as error:
        text = str(error) if isinstance(error, ConvertError) else (error.strerror or str(error)).lower()
        return Job(source, Path(source.name), error=text, error_id=getattr(error, "id", "io-error"))
    return Job(source, Path(source.name), size, recipe)


def run_job(
    job: Job,
    destination: Path,
    profile: Profile,
    *,
    seed: int = 0,
    overwrite: bool = False,
    advance: Advance = lambda share: None,
) -> Outcome | None:
    """Do one job: the file appears under its name when it is whole. None for a copy.

    Raises `ConvertError` where it cannot be done, OSError where the host fails; nothing half-written stays.
    """
    assert job.recipe is not None
    target = destination / job.output
    if target.exists() and not overwrite:
        raise ConvertError(f"{target} exists already; add --force to replace it", "exists")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{os.getpid()}.part")
    try:
        with job.source.open("rb") as stream, part.open("x+b") as out:
            outcome = None
            if job.recipe.keep:
                _copy(stream.read, out.write, job.size_bytes, advance)
            else:
                outcome = convert_file(
                    stream,
                    job.size_bytes,
                    job.recipe,
                    out,
                    profile,
                    name=job.output.name,
                    seed=seed,
                    advance=advance,
                )
        held.check()
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return outcome


def _copy(
    read: Callable[[int], bytes], write: Callable[[bytes], object], size: int, advance: Advance
) -> None:
    while data := read(_COPY):
        write(data)
        advance(len(data) / max(1, size))
