"""A finished card from a folder of samples: planned first, then made.

Every pad's audio becomes what the device itself would have written, by `librarian.convert`, which shows it to
the device's own admission. Then the index says how each pad plays. The same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from firmware.admission import admit_smp, examine
from firmware.formats import FormatError, rlnd, smp
from firmware.formats.pad_info import DATA_OFFSET
from firmware.formats.pattern import Device
from firmware.layouts import detect
from firmware.profiles import Profile
from sdcard_image.types import Card, CardError, CardIOError, Entry, Item, Made

from . import export_mk2, export_sx
from .convert import convert_file, plan_file
from .decode import open_audio
from .errors import ConvertError
from .export_copy import copied_item, plan_copy
from .export_losses import not_carried
from .export_types import (
    Export,
    ExportPlan,
    Job,
    PatternJob,
    Sample,
    Spool,
    chops,
    number,
    pad_name,
    region,
)
from .forms import Form
from .kit import Kit, KitError, KitPad, KitPattern, Place
from .kit_auto import automatic
from .kit_card import card_kit, moves
from .kit_read import left_out, unread
from .markers import Markers
from .midi_file import MAX_FILE_BYTES
from .pattern_convert import read_pattern, to_device
from .streams import open_on_card

_KEY_MAPS = {"sp404sx": "sp404sx", "sp404mk2": "sp404mk2-a", "generic": "generic", None: None}
_DEVICES = {"sp404sx": Device.SX, "sp404mk2": Device.MK2, None: None}

Advance = Callable[[float], None]


def pads_per_bank(profile: Profile) -> int:
    """12 or 16."""
    return int(profile.value("pads.per_bank"))


def plan_export(source: Card, profile: Profile, kit: Kit | None = None) -> ExportPlan:
    """Decide on every pad. Without a kit the folder's own order counts (see `kit_auto.automatic`).

    Without one, and a source that already is a card: of this device, its files are copied as they are; of
    the other, its pads are carried over with their settings. Raises KitError where a kit asks for what cannot
    be, CardError where the source cannot be read.
    """
    if kit is None and (device := detect(source)) != "generic":
        if device == profile.name:
            return plan_copy(source, profile)
        kit = card_kit(source, device, pads_per_bank(profile))
    kit = automatic(source, pads_per_bank(profile)) if kit is None else kit
    remarks, lost = [*kit.remarks, *moves(kit)], list(kit.lost)
    if kit.automatic:
        remarks += left_out(source)
        lost += unread(source)
    jobs = _jobs(source, profile, kit, remarks, lost)
    patterns = _patterns(source, profile, kit, remarks)
    return ExportPlan(
        profile, kit, source, tuple(jobs), tuple(patterns), remarks=tuple(remarks), lost=tuple(lost)
    )


def _jobs(source: Card, profile: Profile, kit: Kit, remarks: list[str], lost: list[str]) -> list[Job]:
    jobs = []
    for place, pad in sorted(kit.pads.items(), key=lambda one: one[0]):
        try:
            jobs.append(_job(source, profile, kit, place, pad))
        except (ConvertError, CardError) as error:
            if not kit.automatic:
                raise KitError(f"pad.{pad_name(place)}: {pad.file[1:]}: {error}") from None
            told = f"{pad.file} is left out, pad {pad_name(place)} stays empty: {error}"
            remarks.append(told)
            lost += [told] if isinstance(error, CardError) else []
    remarks += not_carried(jobs, kit, profile)
    return jobs


def _patterns(source: Card, profile: Profile, kit: Kit, remarks: list[str]) -> list[PatternJob]:
    patterns = []
    for place, one in sorted(kit.patterns.items(), key=lambda item: item[0]):
        try:
            patterns.append(_pattern(source, profile, kit, place, one))
        except KitError as error:
            if not kit.automatic:
                raise
            remarks.append(f"{one.file} is left out: {error}")
    remarks += [f"pattern {pad_name(one.place)}: {line}" for one in patterns for line in one.remarks]
    return patterns


def make_export(
    plan: ExportPlan, spool: Spool, *, seed: int = 0, advance: Advance = lambda share: None
) -> Export:
    """Convert the audio into ``spool`` and make the index; ``advance`` is told shares of the work.

    Raises KitError for places that do not lie in their sample, and audio of a kit that is damaged inside;
    without a kit, such a file is left out with a remark.
    """
    if plan.copied:
        copies = [copied_item(plan.source, old, new) for old, new in plan.copied]
        return Export(_in_order(copies), tuple(roots(plan)), remarks=plan.remarks, lost=plan.lost)
    samples, remarks, lost = [], list(plan.remarks), list(plan.lost)
    for job in plan.jobs:
        try:
            sample = _sample(plan, job, spool, seed)
            samples.append(_placed(sample, remarks) if plan.kit.automatic else sample)
        except (ConvertError, CardError) as error:
            if isinstance(error, CardIOError):
                raise
            if not plan.kit.automatic:
                raise KitError(f"pad.{pad_name(job.place)}: {job.source}: {error}") from None
            remarks.append(f"{job.source} is left out, pad {pad_name(job.place)} stays empty: {error}")
            lost += remarks[-1:] if isinstance(error, CardError) else []
        advance(1 / len(plan.jobs))
    is_sx = _is_sx(plan.profile)
    items, said = (export_sx if is_sx else export_mk2).index(plan, samples)
    remarks += said
    remarks += [f"pad {pad_name(one.job.place)}: {line}" for one in samples for line in one.remarks]
    items += [one.item for one in samples]
    items += [Item(one.target, one.data) for one in plan.patterns]
    losses = [(f"pad {pad_name(one.job.place)}: {loss}", loss) for one in samples for loss in one.losses]
    audio = {one.audio_lost for one in samples}
    return Export(
        _in_order(items),
        tuple(roots(plan)),
        tuple(samples),
        plan.patterns,
        tuple(dict.fromkeys(remarks)),
        (*lost, *(line for line, loss in losses if loss in audio)),
        tuple(line for line, loss in losses if loss not in audio),
    )


def _placed(sample: Sample, remarks: list[str]) -> Sample:
    """A card's own places, without those that do not lie in the sample any more."""
    none: dict[str, Any] = {"start": None, "end": None, "loop_start": None}
    for check, values in ((region, none), (chops, {"chops": ()})):
        try:
            check(sample)
        except KitError as error:
            remarks.append(f"{error}: left out")
            sample = replace(sample, job=replace(sample.job, pad=replace(sample.job.pad, **values)))
    return sample


def _in_order(items: list[Item]) -> tuple[Item, ...]:
    """Folders before what is in them, by name: a card and a copy of its files come out as the same image."""
    return tuple(sorted(items, key=lambda item: (item.path.casefold(), item.path)))


def roots(plan: ExportPlan) -> list[str]:
    """The folders of the card that the export fills, and nothing else."""
    if plan.copied:
        return list(dict.fromkeys("/" + new.split("/")[1] for _, new in plan.copied))
    return [export_sx.ROOT if _is_sx(plan.profile) else export_mk2.root(plan.kit)]


def item_bytes(item: Item) -> int:
    """The size of what will be written."""
    if item.source is None:
        return 0
    if isinstance(item.source, bytes):
        return len(item.source)
    return item.source.size_bytes if isinstance(item.source, Made) else item.source.stat().st_size


def _is_sx(profile: Profile) -> bool:
    return bool(profile.value("card.layout") == "sp404sx")


def _check_place(place: Place, profile: Profile, table: str) -> None:
    most = pads_per_bank(profile)
    if place[1] > most:
        raise KitError(f"{table}.{pad_name(place)}: {profile.title} has pads 1 to {most} in a bank")


def _entry(source: Card, path: str) -> Entry:
    entry = source.entry(path)
    if entry.is_dir:
        raise CardError("it is a folder; name a file")
    return entry


def _job(source: Card, profile: Profile, kit: Kit, place: Place, pad: KitPad) -> Job:
    _check_place(place, profile, "pad")
    entry = _entry(source, pad.file)
    sx = _is_sx(profile)
    target = export_sx.sample_path(place) if sx else export_mk2.sample_path(kit, place)
    if _is_finished(source, entry, profile, place):
        return Job(place, pad, entry.path, target, entry.size)
    with open_on_card(source, entry.path) as stream:
        recipe = plan_file(stream, entry.size, profile)
    form = Form.SX if sx else Form.SMP
    return Job(
        place,
        pad,
        entry.path,
        target,
        entry.size,
        recipe.as_form(form, number(place, pads_per_bank(profile))),
    )


def _is_finished(source: Card, entry: Entry, profile: Profile, place: Place) -> bool:
    """Whether a file is, to the byte, what the device plays on that pad."""
    prefix = source.read(entry.path, 0, DATA_OFFSET)
    try:
        if not _is_sx(profile):
            verdict = admit_smp(header := smp.parse(prefix), entry.size, profile)
            return verdict.accepted and not verdict.remarks and header.size_field + 8 == entry.size
        found = rlnd.find(prefix)
    except FormatError:
        return False
    if found is None or found.pad_index != number(place, export_sx.PADS_PER_BANK):
        return False
    audio, verdict = examine(lambda offset, n: source.read(entry.path, offset, n), entry.size, profile)
    whole = (
        audio is not None
        and audio.data_offset == DATA_OFFSET
        and DATA_OFFSET + audio.data_bytes == entry.size
    )
    return verdict.accepted and whole and not verdict.remarks


def _sample(plan: ExportPlan, job: Job, spool: Spool, seed: int) -> Sample:
    recipe = job.recipe
    if recipe is None:
        return _finished_sample(plan, job)
    path = spool.path(job.place)
    with open_on_card(plan.source, job.source) as stream, path.open("w+b") as out:
        made = convert_file(stream, job.size_bytes, recipe, out, plan.profile, name=job.source, seed=seed)
    ratio = Fraction(recipe.target.rate, recipe.source.rate)
    return Sample(
        job,
        Item(job.target, path),
        made.size_bytes,
        recipe.target.channels,
        made.frames,
        recipe.source.rate,
        ratio,
        made.markers,
        made.notes,
        made.losses,
        made.audio_lost,
    )


def _finished_sample(plan: ExportPlan, job: Job) -> Sample:
    with open_on_card(plan.source, job.source) as stream, open_audio(stream, job.size_bytes) as audio:
        frames = (job.size_bytes - DATA_OFFSET) // (2 * audio.channels)
        item = copied_item(plan.source, job.source, job.target)
        return Sample(job, item, job.size_bytes, audio.channels, frames, audio.rate, Fraction(1), Markers())


def _pattern(source: Card, profile: Profile, kit: Kit, place: Place, one: KitPattern) -> PatternJob:
    _check_place(place, profile, "pattern")
    device = Device.SX if _is_sx(profile) else Device.MK2
    try:
        entry = _entry(source, one.file)
        data = source.read(entry.path, 0, MAX_FILE_BYTES + 1)
        read = read_pattern(data, device, _DEVICES[one.device], _KEY_MAPS[one.keys])
        made = to_device(read.pattern, device)
    except (CardError, FormatError) as error:
        raise KitError(f"pattern.{pad_name(place)}: {one.file[1:]}: {error}") from None
    target = export_sx.pattern_path(place) if device is Device.SX else export_mk2.pattern_path(kit, place)
    return PatternJob(place, entry.path, target, made.pattern.to_bytes(), (*read.remarks, *made.remarks))
