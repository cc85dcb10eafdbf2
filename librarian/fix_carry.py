"""The other device's card: its pads, settings and patterns carried over, by the same code as an export."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from firmware.checks.layout import has_layout, mk2_projects
from firmware.checks.tree import Tree, parent
from firmware.layouts import sp404mk2, sp404sx
from firmware.profiles import Profile, load
from sdcard_image.types import Card

from .export import pads_per_bank, plan_export, roots
from .export_types import ExportPlan, Job, pad_name
from .fix_layout import Places, entries, place
from .fix_types import Do, FixAction, SourceFile
from .fix_view import PlacedCard
from .kit_card import card_kit, moves

_SX_ROOT = sp404sx.FOLDER.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Carried:
    """What is carried over: ``actions`` for the files that it takes up, and the rest for the usual planning.

    ``folders`` are those of the rest and of the new device; ``tables`` its table of pads.
    """

    plan: ExportPlan
    actions: list[FixAction]
    rest: list[SourceFile]
    paths: list[str]
    folders: list[str]
    tables: list[str]
    losses: list[str]
    notes: list[str]


def carry(card: Card, files: list[SourceFile], folders: list[str], profile: Profile) -> Carried | None:
    """How the other device's card is carried over; None where the card is not the other device's."""
    other = _other(profile)
    if other is None or _is_own(files, folders, profile):
        return None
    places = place(files, folders, other)
    tree = Tree(entries(places, [one.size for one in files]))
    there = mk2_projects(tree) if other.name == "sp404mk2" else tree.has_folder(sp404sx.FOLDER)
    if not there:
        return None
    view = PlacedCard(card, files, places)
    kit = card_kit(view, other.name, pads_per_bank(profile))
    plan = plan_export(view, profile, kit)
    plan = replace(plan, jobs=tuple(_long_enough(job, profile) for job in plan.jobs))
    return _Carrying(view, folders, places, plan, other).carried()


def _long_enough(job: Job, profile: Profile) -> Job:
    """The job, with silence behind a sample that is shorter than the device takes."""
    shortest = profile.find("audio.min_ms")
    if shortest is None or job.recipe is None:
        return job
    return replace(job, recipe=replace(job.recipe, least_ms=float(shortest.value)))


def _other(profile: Profile) -> Profile | None:
    names = {"sp404sx": "sp404mk2", "sp404mk2": "sp404sx"}
    layout = profile.value("card.layout")
    return load(names[layout]) if layout in names else None


def _is_own(files: list[SourceFile], folders: list[str], profile: Profile) -> bool:
    """Whether the device finds something of its own, once misspelt and misplaced folders are put right."""
    tree = Tree(entries(place(files, folders, profile), [one.size for one in files]))
    return has_layout(tree, profile)


class _Carrying:
    """One card while it is sorted into what is carried and what is not."""

    def __init__(
        self, view: PlacedCard, folders: list[str], places: Places, plan: ExportPlan, other: Profile
    ) -> None:
        self._view, self._files, self._folders, self._places = view, view.files, folders, places
        self._plan, self._other = plan, other
        self._table = f"{roots(plan)[0]}/{'PADCONF.BIN' if other.name == 'sp404sx' else 'SMPL/PAD_INFO.BIN'}"

    def carried(self) -> Carried:
        """The actions for what is taken up, and where the rest goes."""
        actions, used = self._actions()
        rest = [number for number in range(len(self._files)) if number not in used]
        paths = [self._rest_path(number) for number in rest]
        notes = moves(self._plan.kit)
        losses = dict.fromkeys((*self._plan.remarks, *self._left(rest)))
        return Carried(
            self._plan,
            actions,
            [self._files[number] for number in rest],
            paths,
            self._rest_folders(paths),
            [self._table],
            [one for one in losses if one not in notes],
            notes,
        )

    def _actions(self) -> tuple[list[FixAction], set[int]]:
        why = f"carried over from the {self._other.title}'s card"
        index = self._view.number(self._plan.kit.index)
        used = {index} if index is not None else set()
        actions = [self._action(Do.INDEX, index, self._table, why)]
        for job in self._plan.jobs:
            number = self._view.number(job.source)
            reasons = job.recipe.why if job.recipe is not None else ()
            to = f"{why} to pad {pad_name(job.place)}"
            action = self._action(Do.CONVERT, number, job.target, to, *reasons)
            actions.append(replace(action, recipe=job.recipe))
            used |= {number} if number is not None else set()
        for one in self._plan.patterns:
            number = self._view.number(one.source)
            to = f"{why}, pattern {pad_name(one.place)}"
            actions.append(self._action(Do.CONVERT, number, one.target, to))
            used |= {number} if number is not None else set()
        return actions, used

    def _action(self, do: Do, number: int | None, new: str, *why: str) -> FixAction:
        source = None if number is None else self._files[number]
        index = new if do is Do.INDEX else ""
        return FixAction(do, source.path if source else "", new, why, source, index=index, carried=new)

    def _rest_path(self, number: int) -> str:
        """What is left of an SX card goes where the MKII looks for such a card; the rest stays."""
        path, own = self._places.paths[number], self._files[number].path
        if self._other.name != "sp404sx" or not f"{path}/".casefold().startswith(f"{_SX_ROOT}/".casefold()):
            return own
        return f"{sp404mk2.IMPORT}/SP-404SX{path[len(_SX_ROOT) :]}"

    def _rest_folders(self, paths: list[str]) -> list[str]:
        """The folders, without those that held only what is carried; and those of the new device."""
        full = _above(paths)
        emptied = _above(self._files[number].path for number in range(len(self._files))) - full
        base = f"{self._plan.kit.base}/".casefold()
        kept = [
            path
            for path, placed in zip(self._folders, self._places.folders, strict=True)
            if path.casefold() in full
            or (path.casefold() not in emptied and not f"{placed}/".casefold().startswith(base))
        ]
        root = roots(self._plan)[0]
        return [*kept, f"{root}/SMPL", f"{root}/PTN"]

    def _left(self, rest: list[int]) -> list[str]:
        """What of the other device stays behind, beside what the export says."""
        base = f"{self._plan.kit.base}/".casefold()
        tree = Tree(entries(self._places, [one.size for one in self._files]))
        said = []
        if self._other.name == "sp404mk2":
            projects = [path for path in mk2_projects(tree) if f"{path.rstrip('/')}/".casefold() != base]
            said += [
                f"the project {path} is not carried: the device has one set of pads; it stays where it is"
                for path in projects
            ]
        own = [self._files[n].path for n in rest if self._places.paths[n].casefold().startswith(base)]
        if own and base != "/":
            it = "it is" if len(own) == 1 else "they are"
            said.append(f"{len(own)} of the device's files not carried; {it} kept: {', '.join(own)}")
        return said


def _above(paths: Iterable[str]) -> set[str]:
    """The folders on the way to files, in lower case."""
    found: set[str] = set()
    for path in paths:
        above = parent(path).casefold()
        while above and above not in found:
            found.add(above)
            above = parent(above)
    return found
