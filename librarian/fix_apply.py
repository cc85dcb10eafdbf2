"""Carry out the plan of a correction: a fresh card image, or a folder. The card given is only read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from firmware.profiles import Profile, load
from sdcard_image.build import DEFAULT_TIMESTAMP, build_image
from sdcard_image.medium import io_error
from sdcard_image.types import Card, CardError, Item

from .convert import Outcome, Recipe, convert_file
from .errors import ConvertError
from .export import make_export
from .export_types import Spool, pad_name
from .fix_tables import PadTable, kept_sample, made_sample
from .fix_types import Do, FixAction, FixPlan, FixReport
from .forms import Form

_SMALLEST = 64 << 20
_CLUSTER = 32 << 10  # room that a file may waste, when a card's size is chosen
_SPARE = 16 << 20  # file system and folders

Progress = Callable[[float], None]


def apply_fix(
    card: Card,
    plan: FixPlan,
    destination: Path,
    *,
    overwrite: bool = False,
    seed: int = 0,
    timestamp: datetime = DEFAULT_TIMESTAMP,
    advance: Progress = lambda actions: None,
) -> FixReport:
    """Make the corrected card: an image, or a folder where ``destination`` is one or has no ending.

    ``card`` is the one that was planned for. ``advance`` is told finished actions. Nothing is left behind on
    failure. Raises CardError (exists already, too small, damaged) and CardIOError.
    """
    as_folder = refuse_existing(destination, overwrite=overwrite)
    try:
        with tempfile.TemporaryDirectory(prefix=".benchpad-", dir=destination.parent) as scratch:
            work = _Work(plan, load(plan.device), Path(scratch), seed)
            items = work.items(advance)
            if as_folder:
                _write_folder(destination, items, Path(scratch) / "card")
            else:
                _write_image(destination, items, plan, work.profile, timestamp, overwrite=overwrite)
    except OSError as error:
        if isinstance(error, CardError):
            raise
        raise io_error("write to", destination, error) from error
    return FixReport(
        destination,
        work.files,
        work.converted,
        work.dropped,
        tuple(work.notes),
        tuple(work.lost),
        tuple(work.losses),
        tuple(work.cut),
        tuple(work.left_out),
    )


def refuse_existing(destination: Path, *, overwrite: bool) -> bool:
    """Whether the destination is to be a folder. Raises CardError where something is in its way."""
    as_folder = destination.is_dir() or not destination.suffix
    if as_folder and destination.is_symlink():
        raise CardError(f"{destination} is a link, which is not followed; name the folder itself")
    if as_folder and destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise CardError(f"{destination} exists already and is not an empty folder; choose another name")
    if destination.exists() and not as_folder and not overwrite:
        raise CardError(f"{destination} exists already; choose another name or say to replace it")
    return as_folder


class _Work:
    """One correction while it is carried out."""

    def __init__(self, plan: FixPlan, profile: Profile, scratch: Path, seed: int) -> None:
        self.profile = profile
        self.files = self.converted = self.dropped = 0
        self.notes: list[tuple[str, str]] = []
        self.lost: list[tuple[str, str]] = []
        self.losses: list[tuple[str, str]] = []
        self.cut: list[tuple[str, str]] = []
        self.left_out: list[tuple[str, str, str]] = []
        self._plan, self._scratch, self._seed = plan, scratch, seed
        self._tables: dict[str, PadTable] = {}

    def items(self, advance: Progress) -> list[Item]:
        """Everything of the corrected card; converted files lie in the scratch folder."""
        items = [Item(path, None) for path in self._plan.folders]
        items += self._carried()
        for number, action in enumerate(self._plan.actions):
            item = self._item(number, action)
            items += [item] if item is not None else []
            advance(1)
        tables = [one for one in self._plan.actions if one.do is Do.INDEX and not one.carried]
        items += [self._table(action) for action in tables]
        self.files = sum(item.source is not None for item in items)
        return items

    def _carried(self) -> list[Item]:
        """What comes over from the other device's card; what that cannot be made of is lost."""
        if self._plan.export is None:
            return []
        folder = self._scratch / "carried"
        folder.mkdir()
        made = make_export(self._plan.export, Spool(folder), seed=self._seed)
        there = {item.path: item for item in made.items if item.source is not None}
        items = []
        for action in (one for one in self._plan.actions if one.carried):
            item = there.get(action.carried)
            if item is None:
                said = [one for one in made.remarks if action.carried in one or action.old in one]
                self._drop(replace(action, why=tuple(said) or ("it cannot be converted",), lost=True))
            else:
                self.converted += action.do is Do.CONVERT
                modified = action.source.modified if action.source is not None else None
                items.append(replace(item, path=action.new, modified=modified))
        for one in made.samples:
            self.losses += [(one.job.target, loss) for loss in one.losses]
            self.cut += [(one.job.target, one.audio_lost)] if one.audio_lost else []
        known = {*self._plan.losses, *self._plan.notes}
        known |= {f"pad {pad_name(one.job.place)}: {loss}" for one in made.samples for loss in one.losses}
        self.notes += [("", one) for one in made.remarks if one not in known]
        return items

    def _item(self, number: int, action: FixAction) -> Item | None:
        if action.do is Do.INDEX or action.carried:
            return None
        if action.do is Do.DROP:
            self._drop(action)
            return None
        assert action.source is not None
        if action.do is Do.CONVERT:
            return self._converted(number, action)
        if action.index:
            table = self._tables.setdefault(action.index, PadTable())
            table.samples[action.pad] = kept_sample(action, self.profile)
        return action.source.item(action.new)

    def _drop(self, action: FixAction) -> None:
        self.dropped += 1
        why = "; ".join(action.why)
        if action.lost and action.refusal:
            self.left_out.append((action.old, why, action.refusal))
        elif action.lost:
            self.lost.append((action.old, why))
        if action.index and action.pad >= 0:
            self._tables.setdefault(action.index, PadTable()).emptied.add(action.pad)

    def _converted(self, number: int, action: FixAction) -> Item | None:
        assert action.source is not None
        assert action.recipe is not None
        part = self._scratch / f"{number}"
        try:
            with closing(action.source.open()) as stream, part.open("x+b") as out:
                outcome = convert_file(
                    stream,
                    action.source.size,
                    action.recipe,
                    out,
                    self.profile,
                    name=action.new.rpartition("/")[2],
                    seed=self._seed,
                )
        except ConvertError as error:
            part.unlink(missing_ok=True)
            self.notes.append((action.old, f"left out: {error}"))
            self._drop(replace(action, why=(str(error),), lost=True, refusal=error.id))
            return None
        self.converted += 1
        self.notes += [(action.new, note) for note in _remarks(outcome)]
        self.losses += [(action.new, one) for one in (*outcome.losses, *_no_loop(action.recipe, outcome))]
        self.cut += [(action.new, outcome.audio_lost)] if outcome.audio_lost else []
        if action.index:
            table = self._tables.setdefault(action.index, PadTable())
            table.samples[action.pad] = made_sample(action, outcome.size_bytes, outcome.markers)
        return Item(action.new, part, action.source.modified)

    def _table(self, action: FixAction) -> Item:
        table = self._tables.get(action.new, PadTable())
        self.losses += [(action.new, one) for one in action.missing]
        self.cut += [(action.new, one) for one in action.missing]
        return Item(
            action.new, table.file(action), action.source.modified if action.source is not None else None
        )


def _no_loop(recipe: Recipe, outcome: Outcome) -> list[str]:
    """That a pad of the SX does not take a loop over: it has no loop start of its own."""
    loops = outcome.markers.loops
    if recipe.form is not Form.SX or not loops or not loops[0].start:
        return []
    return ["not kept, as a pad loops from its start only: the loop from a later frame on"]


def _remarks(outcome: Outcome) -> list[str]:
    quieter = [f"made quieter to {outcome.gain:.4f} of its level, as it would have clipped"]
    return [*outcome.notes, *(quieter if outcome.gain != 1.0 else [])]


def _write_folder(destination: Path, items: list[Item], part: Path) -> None:
    """The card as a folder, complete before it gets its name (that of an empty folder, or none)."""
    part.mkdir()
    for item in items:
        if item.source is None:
            (part / item.path.lstrip("/")).mkdir(parents=True, exist_ok=True)
            continue
        source = item.source if isinstance(item.source, bytes | Path) else item.source.make()
        host = part / item.path.lstrip("/")
        host.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, Path):
            shutil.copyfile(source, host)
        else:
            host.write_bytes(source)
    part.replace(destination)


def _write_image(
    destination: Path,
    items: list[Item],
    plan: FixPlan,
    profile: Profile,
    timestamp: datetime,
    *,
    overwrite: bool,
) -> None:
    """The card as an image of the size it had, where that is one that the device takes and all fits."""
    need = _SPARE + sum(-(-_size(item) // _CLUSTER) * _CLUSTER + _CLUSTER for item in items)
    size = _SMALLEST
    while size < need:
        size *= 2
    most = profile.find("card.max_bytes")
    if (
        need <= plan.size_bytes
        and plan.size_bytes >= _SMALLEST
        and not (most and plan.size_bytes > most.value)
    ):
        size = plan.size_bytes
    build_image(
        destination, items, size_bytes=size, label=plan.label, timestamp=timestamp, overwrite=overwrite
    )


def _size(item: Item) -> int:
    if item.source is None:
        return 0
    if isinstance(item.source, bytes):
        return len(item.source)
    return item.source.stat().st_size if isinstance(item.source, Path) else item.source.size_bytes
