"""Correct a card: decide on every file (`plan_fix`), then make a fresh card of it (`apply_fix`).

What is wrong is asked of the code that finds it: admission, and the check's layout and chunk rules. The card
that is given is only read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import BinaryIO

import numpy as np

from firmware.admission import Verdict, admit_smp, examine
from firmware.checks.chunks import chunk_problems
from firmware.checks.layout import mk2_projects, seen_by
from firmware.checks.names import hidden
from firmware.checks.tree import Tree
from firmware.formats import FormatError, pad_info, padconf, rlnd, smp
from firmware.formats.audio_header import AudioHeader, Read
from firmware.layouts import sp404mk2, sp404sx
from firmware.layouts.admitting import looks_like_audio
from firmware.profiles import Profile
from sdcard_image.types import Card, CardError, Entry

from .convert import Recipe, plan_file
from .decode import open_audio, reader
from .errors import ConvertError
from .fix_apply import apply_fix
from .fix_layout import Places, entries, place
from .fix_names import Naming
from .fix_sources import Gathered
from .fix_tables import PadTable, damage, kept_sample
from .fix_types import Do, FixAction, FixPlan, FixReport, SourceFile
from .forms import Form
from .jobs import fitting_ending

__all__ = ["FixAction", "FixPlan", "FixReport", "apply_fix", "plan_fix"]

_REWRITTEN = frozenset(("rlnd-missing", "riff-size", "partial-frame", "too-short", "smp-md5"))
_SX_SAMPLE = re.compile(r"([A-J])0{5}(0[1-9]|1[0-2])\.(WAV|AIF)", re.IGNORECASE)
_MK2_SAMPLE = re.compile(r"BANK([1-9]|10)-(0[1-9]|1[0-6])\.SMP", re.IGNORECASE)


_NONE_GONE: Mapping[str, str] = MappingProxyType({})


def plan_fix(
    card: Card, profile: Profile, *, bits: int | None = None, gone: Mapping[str, str] = _NONE_GONE
) -> FixPlan:
    """What would make ``card`` one that the device of ``profile`` takes, file by file.

    ``bits`` forces that width on every sample, also where the device takes others. ``gone`` are files that a
    repair could not save, by path, and why: they are lost like those that cannot be read. Reads headers only,
    and the samples of float files. Raises CardError where the card itself cannot be read.
    """
    gathered = Gathered(card, gone)
    actions = [replace(one, lost=not _hidden_part(one.old)) for one in gathered.lost]
    files = []
    for one in gathered.files:
        if who := _hidden_part(one.path):
            actions.append(FixAction(Do.DROP, one.path, "", (f"left by {who}",), one))
        else:
            files.append(one)
    folders = [path for path in gathered.folders if not _hidden_part(path)]
    planning = _Planning(files, place(files, folders, profile), profile, bits)
    made = planning.actions()
    label, size = _volume(card, profile)
    return FixPlan(
        profile.name,
        tuple(sorted((*actions, *made), key=lambda one: ((one.old or one.new).casefold(), one.old))),
        tuple(planning.folders),
        tuple(planning.notes),
        label,
        size,
    )


def _hidden_part(path: str) -> str:
    """Who left a file, or a folder on the way to it; empty where it is the user's own."""
    return next((who for part in path.split("/")[1:] if (who := hidden(part))), "")


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

    def __init__(self, files: list[SourceFile], places: Places, profile: Profile, bits: int | None) -> None:
        self._bits = bits
        self._files, self._places, self._profile = files, places, profile
        self._layout = profile.value("card.layout")
        self.notes: list[str] = []
        if places.heap:
            self._lay_out()
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

    def _can_play(self, number: int) -> bool:
        return self._judge(number, self._places.paths[number], None).do is not Do.DROP

    def _go(self, number: int, path: str, why: str) -> None:
        if path:
            self._places.paths[number] = path
            self._places.why.setdefault(number, []).append(why)

    def _by_pad(self) -> Iterator[tuple[int, _Pad]]:
        """Which files are a pad's sample."""
        bases = {
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
        drafts = self._without_doubles([self._draft(number) for number in range(len(self._files))])
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
        form = Form.WAV if pad is None else Form.SX if self._layout == "sp404sx" else Form.SMP
        action = FixAction(Do.KEEP, source.path, path, moved, source)
        if pad is not None:
            action = replace(action, pad=pad.number, index=pad.index)
        if source.unreadable:
            return replace(action, do=Do.DROP, new="", why=(source.unreadable,), lost=True)
        try:
            with source.open() as stream:
                recipe = _needed(
                    stream, source.size, self._profile, _Wish(form, max(action.pad, 0), self._bits)
                )
        except (ConvertError, CardError, OSError) as error:
            lost = not isinstance(error, ConvertError)
            return replace(action, do=Do.DROP, new="", why=(str(error),), lost=lost)
        if recipe is None:
            return action
        new = f"{path.rpartition('.')[0]}.WAV" if form is Form.SX else path
        return replace(action, do=Do.CONVERT, new=new, why=moved + recipe.why, recipe=recipe)

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
        pairs = list(zip(drafts, naming.files, strict=True))
        tables = {one.index.casefold(): new for one, new in pairs if one.do is Do.INDEX}
        settled = [_settled(one, new, tables) for one, new in pairs]
        return [self._fitting(one, settled) if one.do is Do.INDEX else one for one in settled]

    def _fitting(self, table: FixAction, actions: list[FixAction]) -> FixAction:
        """A table that fits its samples as it is stays."""
        pads = [one for one in actions if one.index == table.new and one.pad >= 0]
        if table.source is not None and (reason := damage(table)):
            return replace(table, why=(*table.why, f"{reason}: its pads get the settings of new ones"))
        if table.source is None or any(one.do is not Do.KEEP for one in pads):
            return replace(table, why=table.why or ("its samples are changed",))
        samples = {one.pad: kept_sample(one, self._profile) for one in pads}
        if PadTable(samples).file(table) == table.source.read():
            return replace(table, do=Do.KEEP, index="")
        return replace(table, why=(*table.why, "its settings do not fit the samples"))


def _settled(one: FixAction, new: str, tables: dict[str, str]) -> FixAction:
    """A draft with its final path; a name that only changed for safety says so."""
    why = one.why
    if one.do is Do.KEEP and new != one.new:
        why += ("the name is made safe",)
    return replace(one, new=new, why=why, index=tables.get(one.index.casefold(), ""))


def _new_ending(one: FixAction) -> str | None:
    """The ending that a file must get; the devices' own files keep theirs."""
    if one.index or one.source is None or one.do is Do.DROP or not looks_like_audio(_entry(one.new)):
        return None
    if one.recipe is not None:
        return ".wav"
    with one.source.open() as stream:
        return fitting_ending(stream.read(64), one.new)


def _entry(path: str) -> Entry:
    return Entry(path, path.rpartition("/")[2], is_dir=False, size=0, modified=None)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a file is to become: which kind, for which pad, and of which width where that is forced."""

    form: Form
    pad: int
    bits: int | None


def _needed(stream: BinaryIO, size: int, profile: Profile, wish: _Wish) -> Recipe | None:
    """How a file becomes one that the device takes; None where it is. Raises as `plan_file`."""
    header, verdict = _verdict(reader(stream), size, profile, wish.form)
    bits, why = wish.bits, [] if verdict.accepted else [verdict.reason]
    if verdict.accepted:
        why = list(_flaws(reader(stream), size, header, verdict, wish))
        if header is not None and header.codec == "float" and _is_over(stream, size):
            why.append("a float file above full scale")
            bits = bits or _widest(profile)
    if not why:
        return None
    recipe = plan_file(stream, size, profile, bits=bits)
    recipe = recipe.as_form(wish.form, wish.pad) if wish.form is not Form.WAV else replace(recipe, keep=False)
    shortest = profile.find("audio.min_ms")
    return replace(recipe, why=tuple(why), least_ms=float(shortest.value) if shortest else 0.0)


def _flaws(read: Read, size: int, header: AudioHeader | None, verdict: Verdict, wish: _Wish) -> Iterator[str]:
    """Why a file that the device takes is better written anew."""
    yield from (one.text for one in verdict.remarks if one.id in _REWRITTEN and _counts(one.id, wish.form))
    yield from (text for _, text in chunk_problems(read, size, header))
    yield from _wrong_pad(read, wish.form, wish.pad)
    if wish.bits is not None and header is not None and header.bits != wish.bits:
        yield f"{wish.bits} bit is asked for"


def _verdict(read: Read, size: int, profile: Profile, form: Form) -> tuple[AudioHeader | None, Verdict]:
    if form is not Form.SMP:
        return examine(read, size, profile)
    try:
        header = smp.parse(read(0, smp.DATA_OFFSET))
    except FormatError as error:
        return None, Verdict(False, error.id, str(error))
    return header.audio(size), admit_smp(header, size, profile)


def _counts(remark: str, form: Form) -> bool:
    """A RLND chunk is only for files that a pad of the SX plays."""
    return remark != "rlnd-missing" or form is Form.SX


def _wrong_pad(read: Read, form: Form, pad: int) -> list[str]:
    if form is not Form.SX:
        return []
    try:
        chunk = rlnd.find(read(0, rlnd.DATA_OFFSET))
    except FormatError as error:
        return [str(error)]
    return ["its RLND chunk names another pad"] if chunk is not None and chunk.pad_index != pad else []


def _is_over(stream: BinaryIO, size: int) -> bool:
    with open_audio(stream, size) as audio:
        return any(not np.abs(block).max() <= 1.0 for block in audio.blocks("float64"))


def _widest(profile: Profile) -> int:
    widths: list[int] = [width for width in profile.value("audio.bits") if width in (16, 24)]
    return max(widths)
