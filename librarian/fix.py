"""Correct a card: decide on every file (`plan_fix`), then make a fresh card of it (`apply_fix`).

What is wrong is asked of the code that finds it: admission, and the check's layout and chunk rules. The card
that is given is only read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from firmware.checks.layout import has_layout, mk2_projects, seen_by
from firmware.checks.names import hidden
from firmware.checks.tree import Tree
from firmware.formats import pad_info, padconf
from firmware.layouts import sp404mk2, sp404sx
from firmware.layouts.admitting import looks_like_audio
from firmware.profiles import Profile
from sdcard_image.types import Card, CardError, Entry

from .errors import ConvertError
from .fix_apply import apply_fix
from .fix_carry import Carried, carry
from .fix_layout import Places, entries, place
from .fix_names import WRONG_ENDING, Naming
from .fix_needs import Wish, needed
from .fix_sources import Gathered
from .fix_tables import PadTable, damage, kept_sample
from .fix_types import Do, FixAction, FixPlan, FixReport, SourceFile
from .forms import Form
from .jobs import fitting_ending

__all__ = ["FixAction", "FixPlan", "FixReport", "apply_fix", "plan_fix"]

_SX_SAMPLE = re.compile(r"([A-J])0{5}(0[1-9]|1[0-2])\.(WAV|AIF)", re.IGNORECASE)
_MK2_SAMPLE = re.compile(r"BANK([1-9]|10)-(0[1-9]|1[0-6])\.SMP", re.IGNORECASE)


_SYSTEMS = ("macOS", "Windows")  # whose files are known by their names
_NONE_GONE: Mapping[str, str] = MappingProxyType({})


def plan_fix(
    card: Card,
    profile: Profile,
    *,
    bits: int | None = None,
    strict: bool = False,
    gone: Mapping[str, str] = _NONE_GONE,
) -> FixPlan:
    """What would make ``card`` one that the device of ``profile`` takes, file by file.

    ``bits`` forces that width on every sample, also where the device takes others; ``strict`` leaves none of
    which it is in doubt that the device takes it. ``gone`` are files that a
    repair could not save, by path, and why: they are lost like those that cannot be read. Reads headers only,
    and the samples of float files. Raises CardError where the card itself cannot be read.
    """
    gathered = Gathered(card, gone)
    actions = [replace(one, lost=one.lost and not _hidden_part(one.old)) for one in gathered.lost]
    files = []
    for one in gathered.files:
        if who := _hidden_part(one.path):
            actions.append(FixAction(Do.DROP, one.path, "", (f"left by {who}",), one))
        else:
            files.append(one)
    folders = [path for path in gathered.folders if not _hidden_part(path)]
    carried = carry(card, files, folders, profile)
    wish = Wish(Form.WAV, 0, bits, strict)
    planning = _Planning(*_placed(files, folders, profile, carried), profile, wish, carried)
    made = planning.actions()
    label, size = _volume(card, profile)
    return FixPlan(
        profile.name,
        tuple(sorted((*actions, *made), key=lambda one: ((one.old or one.new).casefold(), one.old))),
        tuple(planning.folders),
        (*(carried.notes if carried else ()), *planning.notes),
        label,
        size,
        tuple(carried.losses) if carried else (),
        carried.plan if carried else None,
    )


def _placed(
    files: list[SourceFile], folders: list[str], profile: Profile, carried: Carried | None
) -> tuple[list[SourceFile], Places]:
    """The files that are planned one by one, and where each belongs."""
    if carried is None:
        return files, place(files, folders, profile)
    places = place(carried.rest, carried.folders, profile, carried.paths, carried.tables)
    for number, one in enumerate(carried.rest):
        if places.paths[number] != one.path:
            places.why.setdefault(number, []).append("what is left of the card goes where the device looks")
    return carried.rest, places


def _hidden_part(path: str) -> str:
    """Which system left a file, or a folder on the way to it; empty where it may be the user's own.

    That its name begins with a dot proves nothing.
    """
    return next((who for part in path.split("/")[1:] if (who := hidden(part)) in _SYSTEMS), "")


def _volume(card: Card, profile: Profile) -> tuple[str, int]:
    """The label that the card is to have, and its size."""
    own = profile.find("card.label")
    try:
        info = card.info()
        label, size = info.label, info.size_bytes
    except CardError:  # a broken chain, whose file is left out
        label, size = "", 0
    return label or (str(own.value) if own else "BENCHPAD"), size


@dataclass(frozen=True, slots=True)
class _Pad:
    """A pad's place: the table that lists it, and its number there."""

    index: str
    number: int


class _Planning:
    """One plan while it is made."""

    def __init__(
        self,
        files: list[SourceFile],
        places: Places,
        profile: Profile,
        wish: Wish,
        carried: Carried | None,
    ) -> None:
        self._wish = wish
        self._carried = carried.actions if carried else []
        self._files, self._places, self._profile = files, places, profile
        self._layout = profile.value("card.layout")
        self.notes: list[str] = []
        self._smpl: dict[str, str] = {}  # the folders of projects' samples, in lower case, and the projects
        if places.heap:
            self._lay_out()
        self._ensure_folder()
        self._tree = Tree(entries(places, [one.size for one in files]))
        self._pads = dict(self._by_pad())
        self._seen = seen_by(self._tree, profile)
        self._tables = {pad.index.casefold() for pad in self._pads.values()} | self._own_tables()
        self.folders: list[str] = []

    def _own_tables(self) -> set[str]:
        """The tables that are on the card, also where no pad has a sample."""
        if self._layout == "sp404sx":
            return {f"{sp404sx.FOLDER}/{sp404sx.PAD_INFO}".casefold()}
        if self._layout == "sp404mk2":
            return {f"{base.rstrip('/')}/{sp404mk2.PADCONF}".casefold() for base in mk2_projects(self._tree)}
        return set()

    # where things go

    def _lay_out(self) -> None:
        """Samples where the device finds nothing: to IMPORT, or on the SX's pads in name order."""
        audio = [n for n, path in enumerate(self._places.paths) if looks_like_audio(_entry(path))]
        audio.sort(key=lambda n: (self._places.paths[n].casefold(), self._places.paths[n]))
        why = "the device does not look where it lies"
        if self._layout == "sp404mk2":
            for number in audio:
                self._go(number, f"{sp404mk2.IMPORT}{self._places.paths[number]}", why)
            return
        pads = [(bank, pad) for bank in pad_info.BANKS for pad in range(1, pad_info.PADS_PER_BANK + 1)]
        free = iter(pads)
        for number in audio:
            if self._can_play(number):
                spot = next(free, None)
                self._go(number, f"{sp404sx.FOLDER}/{pad_info.file_name(*spot)}" if spot else "", why)
        if sum(map(self._can_play, audio)) > len(pads):
            self.notes.append(f"the device has {len(pads)} pads: what is beyond stays where it is")

    def _ensure_folder(self) -> None:
        """The folder that the device looks for, also where there is nothing to put in."""
        folder = {"sp404sx": sp404sx.FOLDER, "sp404mk2": sp404mk2.IMPORT}.get(self._layout)
        tree = Tree(entries(self._places, [one.size for one in self._files]))
        if folder is not None and not has_layout(tree, self._profile):
            self._places.folders.append(folder)
            self.notes.append(f"the device finds nothing to play: {folder} is made, and empty")

    def _can_play(self, number: int) -> bool:
        return self._judge(number, self._places.paths[number], None).do is not Do.DROP

    def _go(self, number: int, path: str, why: str) -> None:
        if path:
            self._places.paths[number] = path
            self._places.why.setdefault(number, []).append(why)

    def _by_pad(self) -> Iterator[tuple[int, _Pad]]:
        """Which files are a pad's sample."""
        bases = self._smpl = {
            f"{base.rstrip('/')}/smpl".casefold(): base.rstrip("/")
            for base in (mk2_projects(self._tree) if self._layout == "sp404mk2" else [])
        }
        for number, path in enumerate(self._places.paths):
            folder, name = path.rpartition("/")[0].casefold(), path.rpartition("/")[2]
            if self._layout == "sp404sx" and folder == sp404sx.FOLDER.casefold():
                if match := _SX_SAMPLE.fullmatch(name):
                    pad = pad_info.index(match[1].upper(), int(match[2]))
                    yield number, _Pad(f"{sp404sx.FOLDER}/{sp404sx.PAD_INFO}", pad)
            elif folder in bases and (match := _MK2_SAMPLE.fullmatch(name)):
                pad = (int(match[1]) - 1) * padconf.PADS_PER_BANK + int(match[2]) - 1
                yield number, _Pad(f"{bases[folder]}/{sp404mk2.PADCONF}", pad)

    # what happens to each

    def actions(self) -> list[FixAction]:
        """One action a file, and one for each table of pads, with the names they are to have."""
        own = [self._draft(number) for number in range(len(self._files))]
        drafts = self._without_doubles([*self._carried, *own])
        there = {one.index.casefold() for one in drafts if one.do is Do.INDEX}
        wanted = {pad.index.casefold(): pad.index for pad in self._pads.values()}
        missing = [path for key, path in wanted.items() if key not in there]
        why = ("the table of pads is missing",)
        drafts += [FixAction(Do.INDEX, "", path, why, index=path) for path in missing]
        return self._named(drafts)

    def _draft(self, number: int) -> FixAction:
        source, path = self._files[number], self._places.paths[number]
        moved = tuple(self._places.why.get(number, ()))
        if path.casefold() in self._tables and not source.unreadable:
            return FixAction(Do.INDEX, source.path, path, moved, source, index=path)
        pad = self._pads.get(number)
        entry = _entry(path)
        if source.unreadable or pad is not None or (looks_like_audio(entry) and self._seen(entry)):
            return self._judge(number, path, pad)
        return FixAction(Do.KEEP, source.path, path, moved, source)

    def _judge(self, number: int, path: str, pad: _Pad | None) -> FixAction:
        """What an audio file needs."""
        source = self._files[number]
        moved = tuple(self._places.why.get(number, ()))
        form = self._form(path, pad)
        action = FixAction(Do.KEEP, source.path, path, moved, source)
        if pad is not None:
            action = replace(action, pad=pad.number, index=pad.index)
        if source.unreadable:
            return replace(action, do=Do.DROP, new="", why=(source.unreadable,), lost=True)
        try:
            with source.open() as stream:
                recipe = needed(
                    stream, source.size, self._profile, replace(self._wish, form=form, pad=max(action.pad, 0))
                )
        except (ConvertError, CardError, OSError) as error:
            refusal = error.id if isinstance(error, ConvertError) else ""
            lost = refusal != "empty-file"
            return replace(action, do=Do.DROP, new="", why=(str(error),), lost=lost, refusal=refusal)
        if recipe is None:
            return action
        new = f"{path.rpartition('.')[0]}.WAV" if form is Form.SX else path
        return replace(action, do=Do.CONVERT, new=new, why=moved + recipe.why, recipe=recipe)

    def _form(self, path: str, pad: _Pad | None) -> Form:
        """What a sample is to be, by where it lies; one of a project that no pad plays stays what it is."""
        if pad is not None:
            return Form.SX if self._layout == "sp404sx" else Form.SMP
        stray = path.upper().endswith(".SMP") and path.rpartition("/")[0].casefold() in self._smpl
        return Form.SMP if stray else Form.WAV

    @staticmethod
    def _without_doubles(drafts: list[FixAction]) -> list[FixAction]:
        """Two files for the same pad's file: the second is left out."""
        taken: set[str] = set()
        out = []
        for one in drafts:
            double = bool(one.index) and one.do is not Do.DROP and one.new.casefold() in taken
            why = (f"the pad has {one.new} already",)
            out.append(replace(one, do=Do.DROP, new="", why=why, pad=-1) if double else one)
            taken.add(one.new.casefold())
        return out

    def _named(self, drafts: list[FixAction]) -> list[FixAction]:
        endings = {n: end for n, one in enumerate(drafts) if (end := _new_ending(one)) is not None}
        naming = Naming([one.new for one in drafts], self._places.folders, endings, self._profile)
        self.folders = naming.folders
        tables = {
            one.index.casefold(): new
            for one, new in zip(drafts, naming.files, strict=True)
            if one.do is Do.INDEX
        }
        settled = [
            _settled(one, new, why, tables)
            for one, new, why in zip(drafts, naming.files, naming.why, strict=True)
        ]
        return [
            self._fitting(one, settled) if one.do is Do.INDEX and not one.carried else one for one in settled
        ]

    def _fitting(self, table: FixAction, actions: list[FixAction]) -> FixAction:
        """A table that fits its samples as it is stays."""
        pads = [one for one in actions if one.index == table.new and one.pad >= 0]
        if table.source is not None and (old := damage(table)).reason:
            then = "what can be read of it stays" if old.data else "its pads get the settings of new ones"
            return replace(table, why=(*table.why, f"{old.reason}: {then}"), missing=old.lost)
        if table.source is None or any(one.do is not Do.KEEP for one in pads):
            return replace(table, why=table.why or ("its samples are changed",))
        samples = {one.pad: kept_sample(one, self._profile) for one in pads}
        if PadTable(samples).file(table) == table.source.read():
            return replace(table, do=Do.KEEP, index="")
        return replace(table, why=(*table.why, "its settings do not fit the samples"))


def _settled(one: FixAction, new: str, why: tuple[str, ...], tables: dict[str, str]) -> FixAction:
    """A draft with its final path, and why that is not the path that it had."""
    if one.recipe is not None:  # its new ending is that of what it becomes
        why = tuple(reason for reason in why if not reason.endswith(WRONG_ENDING))
    return replace(one, new=new, why=one.why + why, index=tables.get(one.index.casefold(), ""))


def _new_ending(one: FixAction) -> str | None:
    """The ending that a file must get; the devices' own files keep theirs."""
    if (
        one.index
        or one.carried
        or one.source is None
        or one.do is Do.DROP
        or not looks_like_audio(_entry(one.new))
    ):
        return None
    if one.recipe is not None:
        return ".wav" if one.recipe.form is not Form.SMP else None
    with one.source.open() as stream:
        return fitting_ending(stream.read(64), one.new)


def _entry(path: str) -> Entry:
    return Entry(path, path.rpartition("/")[2], is_dir=False, size=0, modified=None)
