"""``benchpad export``: a finished card from a folder of samples."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from firmware.wording import counted
from sim.cli.common import SIZE, console, human_size, json_option, print_json, printable, progress
from sim.cli.errors import FINDINGS
from sim.cli.outputs import same, within
from sim.errors import InputError

if TYPE_CHECKING:
    from firmware.boot import BootResult
    from librarian.export_types import Export, ExportPlan, Job
    from librarian.kit import Kit
    from sdcard_image.types import Card

_REMARKS_SHOWN = 20
_IMAGE_ENDINGS = (".img", ".bin", ".raw", ".dd", ".iso")
_SMALLEST = 1 << 30
_KIT = "kit.toml"
_HARMLESS = ("dirty-flag", "bad-dot-entry")  # damage of a volume that leaves its files as they were


@click.command()
@click.option(
    "--device", required=True, type=click.Choice(["sp404sx", "sp404mk2"]), help="Whose card it is to be."
)
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder (or card) of samples.",
)
@click.option(
    "--kit",
    "kit_file",
    type=click.Path(path_type=Path),
    help="What goes on which pad; else kit.toml in the folder.",
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="A card image (.img), or a folder; not inside --from.",
)
@click.option(
    "--size", type=SIZE, help="Capacity of the image, such as 4G; else the least from 1G on that it fits."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Makes the dither's noise and the serial number."
)
@click.option("--plan", "plan_only", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@json_option
def export(
    *,
    device: str,
    source: Path,
    kit_file: Path | None,
    out: Path,
    size: int | None,
    seed: int,
    plan_only: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Make a finished card: samples on pads, with names, tempos and settings, and patterns.

    kit.toml says what goes on which pad. Without one, the files of folders A to J go on the pads of those
    banks, or all files on pads in the order of their names. Audio is converted where the device would not
    take it. At the end the device boots from the card, and every pad is compared with what was asked for.

    Example: benchpad export --device sp404mk2 --from ~/kit -o card.img
    """
    from firmware.profiles import load  # noqa: PLC0415  nothing is needed to show help
    from librarian.export import plan_export  # noqa: PLC0415  as above
    from librarian.kit import KitError  # noqa: PLC0415  as above
    from sdcard_image import open_card  # noqa: PLC0415  as above

    profile = load(device)
    with closing(open_card(source)) as card:
        try:
            plan = plan_export(card, profile, _kit(card, source, kit_file))
            plan = _with_doubts(_with_damage(plan, source))
            _check_apart(out, source, kit_file, plan)
            _check_out(out, plan, size, force=force)
            if plan_only:
                _show_plan(plan, out, as_json=as_json)
                cut = any(job.recipe is not None and job.recipe.losses for job in plan.jobs)
                raise click.exceptions.Exit(FINDINGS if plan.lost or plan.refused or cut else 0)
            _make(plan, out, size, seed, force=force, as_json=as_json)
        except KitError as error:
            raise InputError(str(error)) from error


def _kit(card: Card, source: Path, kit_file: Path | None) -> Kit | None:
    """The kit that is named, or that lies in the folder; None where there is none."""
    from librarian.kit import MAX_BYTES, parse  # noqa: PLC0415  as above

    if kit_file is not None:
        if kit_file.exists() and not kit_file.is_file():
            raise InputError(f"{kit_file} is no file: name the kit.toml")
        with kit_file.open("rb") as file:
            data, name = file.read(MAX_BYTES + 1), str(kit_file)
    elif any(one.startswith(f"/{_KIT}: ") for one in getattr(card, "skipped", [])):
        raise InputError(f"{source / _KIT} cannot be read from within the folder: name it with --kit")
    elif card.exists(f"/{_KIT}") and not card.entry(f"/{_KIT}").is_dir:
        data, name = card.read(f"/{_KIT}", 0, MAX_BYTES + 1), str(source / _KIT)
    else:
        return None
    if len(data) > MAX_BYTES:
        raise InputError(f"{name} is larger than {MAX_BYTES >> 20} MiB, as no kit is")
    try:
        return parse(data.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: it is not UTF-8 text (byte {error.start:,})") from error


def _with_damage(plan: ExportPlan, source: Path) -> ExportPlan:
    """The plan, with what is wrong with the source's volume: files may not hold what they should."""
    from firmware.findings import Severity, catalogue  # noqa: PLC0415  as above
    from sdcard_image.check import check_volume, structural  # noqa: PLC0415  as above

    if source.is_dir():
        return plan
    kinds = catalogue()
    said = [
        f"{one.path or 'the volume'}: {one.what}; repair a copy of the card first (benchpad card repair)"
        for one in structural(check_volume(source))
        if one.id not in _HARMLESS and kinds[one.id].severity is not Severity.NOTE
    ]
    return replace(plan, lost=(*plan.lost, *said), remarks=(*plan.remarks, *said))


def _with_doubts(plan: ExportPlan) -> ExportPlan:
    """The plan of a copy, with the settings of pads that no device writes: the table is damaged inside."""
    from firmware.checks.tree import Tree  # noqa: PLC0415  as above
    from sim.check.padfiles import check_pads  # noqa: PLC0415  as above

    if not plan.copied:
        return plan
    found = check_pads(plan.source, Tree(plan.source.walk("/")), plan.profile, {})
    said = [
        f"pad {one.pad} is copied as it is: {one.what}"
        for one in found
        if one.id in ("pad-range", "pad-value")
    ]
    return replace(plan, refused=(*plan.refused, *said))


def _is_image(out: Path) -> bool:
    return not out.is_dir() and (out.is_file() or out.suffix.lower() in _IMAGE_ENDINGS)


def _check_apart(out: Path, source: Path, kit_file: Path | None, plan: ExportPlan) -> None:
    """Refuse to write over what is read, or into it; a mounted card may get what it does not have yet."""
    from librarian.export import roots  # noqa: PLC0415  as above

    targets = [out] if _is_image(out) else [out / root[1:] for root in roots(plan)]
    for target in targets:
        if kit_file is not None and within(kit_file, target):
            raise InputError(f"the kit {kit_file} would be written over: choose another -o")
        if same(out, source) and source.is_dir() and not os.path.lexists(target):
            continue
        if within(target, source) or within(source, target):
            raise InputError(
                f"{target} would be written over or into {source}, which is read: choose another -o"
            )


def _check_out(out: Path, plan: ExportPlan, size: int | None, *, force: bool) -> None:
    """Refuse before the long work what would be refused after it."""
    from librarian.export import roots  # noqa: PLC0415  as above
    from librarian.export_folder import check_folder  # noqa: PLC0415  as above

    if not plan.jobs and not plan.patterns and not plan.copied:
        reasons = sorted(plan.remarks, key=lambda remark: "stays empty" not in remark)
        why = f" ({reasons[0]})" if reasons else ""
        raise InputError(f"there is nothing to put on a pad{why}")
    if _is_image(out):
        if out.exists() and not force:
            raise InputError(f"{out} exists already: choose another name, or replace it with --force")
    elif size is not None:
        raise InputError(f"{out} is a folder, which has no size: leave --size out, or name an image (.img)")
    else:
        check_folder(out, roots(plan), overwrite=force)


def _make(plan: ExportPlan, out: Path, size: int | None, seed: int, *, force: bool, as_json: bool) -> None:
    from librarian.export import make_export  # noqa: PLC0415  as above
    from librarian.export_folder import write_folder  # noqa: PLC0415  as above
    from librarian.export_types import Spool  # noqa: PLC0415  as above

    parent = out.parent
    if not parent.is_dir():
        raise InputError(f"cannot make {out}: there is no folder {parent}")
    with tempfile.TemporaryDirectory(prefix=".benchpad-", dir=parent) as folder:
        with progress("converting", 1.0) as advance:
            made = make_export(plan, Spool(Path(folder)), seed=seed, advance=advance)
        if _is_image(out):
            _build(plan, made, out, size, seed, force=force)
        else:
            write_folder(out, made.items, made.roots, overwrite=force)
    booted = _boot(out, plan)
    missing = [*plan.refused, *_missing(made, booted)]
    _show(plan, made, out, booted, missing, as_json=as_json)
    if missing or made.lost:
        raise click.exceptions.Exit(FINDINGS)


def _build(plan: ExportPlan, made: Export, out: Path, size: int | None, seed: int, *, force: bool) -> None:
    from sdcard_image import build_image  # noqa: PLC0415  as above
    from sim.cli.card_new import timestamp  # noqa: PLC0415  as above

    label_fact = plan.profile.find("card.label")
    label = str(label_fact.value) if label_fact else "BENCHPAD"
    build_image(
        out,
        made.items,
        size_bytes=size or _size_for(made),
        label=label,
        seed=seed,
        timestamp=timestamp(),
        overwrite=force,
    )


def _size_for(made: Export) -> int:
    """The least power of two from 1 GiB on that holds the items, with room for clusters and tables."""
    from librarian.export import item_bytes  # noqa: PLC0415  as above

    needed = sum(item_bytes(item) + (1 << 16) for item in made.items) * 33 // 32 + (32 << 20)
    size = _SMALLEST
    while size < needed:
        size *= 2
    return size


def _boot(out: Path, plan: ExportPlan) -> BootResult:
    from firmware.boot import boot  # noqa: PLC0415  as above
    from sdcard_image import open_card  # noqa: PLC0415  as above

    project = None if plan.copied or plan.profile.name == "sp404sx" else f"PROJECT_{plan.kit.project:02d}"
    with closing(open_card(out)) as card:
        return boot(card, plan.profile, card_ms=lambda reads, size: 0.0, project=project)


def _missing(made: Export, booted: BootResult) -> list[str]:
    """Pads that were asked for and that the booted device does not have, or not whole, with its reason."""
    there = {(pad.bank, pad.pad): pad.sample.frames for pad in booted.catalogue.pads}
    reasons = {(one.bank, one.pad): one.reason for one in booted.catalogue.refused}
    wrong = []
    for sample in made.samples:
        place = sample.job.place
        if there.get(place) != sample.frames:
            reason = reasons.get(place, "the device does not find it")
            wrong.append(f"pad {place[0]}{place[1]} was written, but does not boot: {reason}")
    return wrong


def _changes(job: Job) -> list[str]:
    """What becomes of a file's audio, in words."""
    recipe = job.recipe
    if recipe is None:
        return ["copied as it is"]
    now, then = recipe.source, recipe.target
    made = []
    if now.rate != then.rate:
        made.append(f"{now.rate} to {then.rate} Hz")
    if now.is_float or now.bits != then.bits:
        made.append(
            f"{'float' if now.is_float else f'{now.bits} bit' if now.bits else 'coded'} to {then.bits} bit"
        )
    if now.channels != then.channels:
        made.append(f"{now.channels} to {then.channels} channels")
    return made or ["as it is, in the device's file"]


def _document(plan: ExportPlan, out: Path) -> dict[str, Any]:
    return {
        "out": str(out),
        "device": plan.profile.name,
        "pads": [
            {
                "pad": f"{job.place[0]}{job.place[1]}",
                "source": job.source,
                "path": job.target,
                "changes": _changes(job),
            }
            for job in plan.jobs
        ],
        "patterns": [
            {"pad": f"{one.place[0]}{one.place[1]}", "source": one.source, "path": one.target}
            for one in plan.patterns
        ],
        "copied": [new for _, new in plan.copied],
    }


def _show_plan(plan: ExportPlan, out: Path, *, as_json: bool) -> None:
    recipes = [(job.place, job.recipe) for job in plan.jobs if job.recipe is not None]
    lost = [
        *plan.lost,
        *(f"pad {bank}{pad}: {one}" for (bank, pad), recipe in recipes for one in recipe.lost),
    ]
    if as_json:
        print_json(
            _document(plan, out) | {"plan": True, "lost": lost, "remarks": [*plan.remarks, *plan.refused]}
        )
        return
    _table(plan)
    _remarks([one for one in (*plan.remarks, *plan.refused) if one not in lost], lost)
    click.echo(f"{out}: {_counted(plan)} would be written; nothing was")


def _show(
    plan: ExportPlan, made: Export, out: Path, booted: BootResult, missing: list[str], *, as_json: bool
) -> None:
    heard = [note for note in booted.catalogue.notes if note.startswith(("/", "pad ")) and not plan.copied]
    remarks, lost = [*made.remarks, *heard, *missing], [*made.lost, *made.given_up]
    if as_json:
        done = {one.job.place: one for one in made.samples}
        document = _document(plan, out)
        document["pads"] = [
            told | {"frames": done[job.place].frames, "size_bytes": done[job.place].size_bytes}
            for told, job in zip(document["pads"], plan.jobs, strict=True)
            if job.place in done
        ]
        booted_pads = [f"{pad.bank}{pad.pad}" for pad in booted.catalogue.pads]
        print_json(
            document
            | {
                "plan": False,
                "booted": booted_pads,
                "missing": missing,
                "lost": lost,
                "remarks": remarks,
            }
        )
        return
    _remarks([one for one in remarks if one not in lost], lost)
    size = human_size(sum(one.size_bytes for one in made.samples))
    what = f"{_counted(plan)} ({size})" if made.samples else _counted(plan)
    pads = counted(len(booted.catalogue.pads), "pad")
    click.echo(f"{out}: {what}; the {plan.profile.title} boots from it with {pads}")


def _counted(plan: ExportPlan) -> str:
    if plan.copied:
        one = len(plan.copied) == 1
        return "1 file or folder as it is" if one else f"{len(plan.copied):,} files and folders as they are"
    return f"{counted(len(plan.jobs), 'sample')} and {counted(len(plan.patterns), 'pattern')}"


def _table(plan: ExportPlan) -> None:
    from rich.table import Table  # noqa: PLC0415  see common.console

    table = Table(box=None, pad_edge=False)
    for heading in ("pad", "from", "to", "audio"):
        table.add_column(heading, overflow="fold")
    for job in plan.jobs:
        name = f"{job.place[0]}{job.place[1]}"
        table.add_row(name, printable(job.source), printable(job.target), ", ".join(_changes(job)))
    for one in plan.patterns:
        table.add_row(
            f"{one.place[0]}{one.place[1]}", printable(one.source), printable(one.target), "pattern"
        )
    console().print(table)


def _remarks(remarks: Sequence[str], lost: Sequence[str]) -> None:
    """Remarks on stderr; what is lost before the rest, and all of it."""
    for one in lost:
        click.echo(f"lost: {printable(one)}", err=True)
    for remark in remarks[:_REMARKS_SHOWN]:
        click.echo(f"note: {printable(remark)}", err=True)
    if len(remarks) > _REMARKS_SHOWN:
        click.echo(f"note: and {len(remarks) - _REMARKS_SHOWN} more; --json has them all", err=True)
