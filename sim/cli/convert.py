"""``benchpad convert``: files that the device will take."""

from __future__ import annotations

from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.common import console, json_option, print_json, printable, progress
from sim.cli.errors import BAD_INPUT, FINDINGS
from sim.errors import InputError

if TYPE_CHECKING:
    from firmware.profiles import Profile
    from librarian.convert import Outcome
    from librarian.forms import Shape
    from librarian.jobs import Job, Jobs
    from librarian.markers import Markers

_MOST_ROWS = 200
_KEPT = "copied"
_MADE = "converted"
_FAILED = "failed"


@click.command()
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for the results."
)
@click.option("--device", required=True, metavar="NAME", help="sp404sx, sp404mk2 or generic.")
@click.option(
    "--bits", type=click.Choice(["16", "24"]), help="Force a width, where the device takes more than one."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Makes the dither's noise.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option("--plan", "plan_only", is_flag=True, help="Show what would be done, and do nothing.")
@json_option
@click.pass_context
def convert(
    context: click.Context,
    /,
    *,
    sources: tuple[Path, ...],
    output: Path,
    device: str,
    bits: str | None,
    seed: int,
    force: bool,
    plan_only: bool,
    as_json: bool,
) -> None:
    """Make files that the device takes, from audio files and folders of them.

    A file that the device takes as it is gets copied, bit for bit. Others are decoded, resampled, dithered
    and written as WAV, with loop points and markers. Names are made safe and unique. Exit status 1 where
    some files could not be converted, or only without a part of their audio, 2 where none could.

    Example: benchpad convert ~/Samples/kit -o card/ --device sp404mk2
    """
    from firmware.profiles import load  # noqa: PLC0415  numpy and libsndfile cost time that --help need not pay
    from librarian.jobs import plan_jobs  # noqa: PLC0415  as above

    profile = load(device)
    if output.exists() and not output.is_dir():
        raise InputError(f"{output} is not a folder; give the name of a folder")
    found = plan_jobs(sources, output, profile, bits=int(bits) if bits else None)
    done = (
        [_planned(job) for job in found.jobs]
        if plan_only
        else _run(found, output, profile, seed, force=force)
    )
    if as_json:
        print_json(_report(profile.name, found, done, plan_only=plan_only))
    else:
        _show(found, done, plan_only=plan_only)
    failed = sum(one["action"] == _FAILED for one in done)
    if failed == len(done):
        context.exit(BAD_INPUT)
    if failed or any(one["audio_lost"] for one in done if one["action"] == _MADE):
        context.exit(FINDINGS)


def _run(found: Jobs, output: Path, profile: Profile, seed: int, *, force: bool) -> list[dict[str, Any]]:
    from librarian.errors import ConvertError  # noqa: PLC0415  as above
    from librarian.jobs import run_job  # noqa: PLC0415  as above

    done = []
    with progress("converting", len(found.jobs)) as advance:
        for job in found.jobs:
            if job.error:
                done.append(_planned(job))
                continue
            try:
                outcome = run_job(job, output, profile, seed=seed, overwrite=force, advance=advance)
            except ConvertError as error:
                done.append(_failed(job, str(error), error.id))
            else:
                done.append(_planned(job) | _made(outcome))
    return done


def _planned(job: Job) -> dict[str, Any]:
    """A job as JSON values; what is only known afterwards is empty."""
    if job.error or job.recipe is None:
        return _failed(job, job.error, job.error_id)
    recipe = job.recipe
    document = {
        "source": str(job.source),
        "output": str(job.output),
        "renamed": job.source.name != job.output.name,
        "action": _KEPT if recipe.keep else _MADE,
        "why": list(recipe.why),
        "from": _shape(recipe.source) | {"format": recipe.what},
        "to": _shape(recipe.source if recipe.keep else recipe.target),
        "notes": [*recipe.notes, *recipe.lost],
        "losses": list(recipe.lost),
    }
    if recipe.keep:
        return document
    return document | {"audio_lost": bool(recipe.losses), "markers": _markers(recipe.markers)}


def _failed(job: Job, reason: str, id_: str) -> dict[str, Any]:
    return {"source": str(job.source), "output": None, "action": _FAILED, "id": id_, "error": reason}


def _made(outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {}
    return {
        "frames": outcome.frames,
        "size": outcome.size_bytes,
        "gain_db": 20 * log10(outcome.gain),
        "peak": outcome.peak,
        "dithered": outcome.dithered,
        "markers": _markers(outcome.markers),
        "notes": [*outcome.notes, *_quieter(outcome)],
        "losses": list(outcome.losses),
        "audio_lost": bool(outcome.audio_lost),
    }


def _quieter(outcome: Outcome) -> list[str]:
    if outcome.gain == 1.0:
        return []
    gain = 20 * log10(outcome.gain)
    return [f"made quieter by {-gain:.3g} dB, as its peak would have clipped"]


def _shape(shape: Shape) -> dict[str, Any]:
    return {"rate": shape.rate, "bits": shape.bits, "channels": shape.channels, "float": shape.is_float}


def _markers(markers: Markers) -> dict[str, Any]:
    return {
        "loops": [
            {"start": one.start, "end": one.end, "mode": one.mode, "count": one.count}
            for one in markers.loops
        ],
        "points": [{"frame": one.frame, "name": one.name} for one in markers.points],
        "root_note": markers.root_note,
    }


def _report(device: str, found: Jobs, done: list[dict[str, Any]], *, plan_only: bool) -> dict[str, Any]:
    counts = {action: sum(one["action"] == action for one in done) for action in (_KEPT, _MADE, _FAILED)}
    return {
        "device": device,
        "planned": plan_only,
        "counts": counts,
        "files": done,
        "skipped": [{"source": str(path), "why": why} for path, why in found.skipped],
    }


def _show(found: Jobs, done: list[dict[str, Any]], *, plan_only: bool) -> None:
    from rich.table import Table  # noqa: PLC0415  rich costs time that --json need not pay
    from rich.text import Text  # noqa: PLC0415  as above

    table = Table("file", "becomes", "how", "why", box=None, pad_edge=False)
    fine = [one for one in done if one["action"] != _FAILED]
    for one in fine[:_MOST_ROWS]:
        why = "; ".join([*one["why"], *(note for note in one["notes"] if note not in one["losses"])])
        table.add_row(*(Text(printable(cell)) for cell in (one["source"], one["output"], _how(one), why)))
    if fine:
        console().print(table)
    if len(fine) > _MOST_ROWS:
        click.echo(f"and {len(fine) - _MOST_ROWS:,} more; --json lists them all")
    for one in fine[:_MOST_ROWS]:
        for loss in one["losses"]:
            click.echo(f"lost: {printable(one['source'])}: {printable(loss)}")
    for one in done:
        if one["action"] == _FAILED:
            click.echo(f"{printable(one['source'])}: {printable(one['error'])}", err=True)
    kept = sum(one["action"] == _KEPT for one in done)
    failed = len(done) - len(fine)
    verb = "to be " if plan_only else ""
    parts = [
        f"{kept:,} {verb}copied as they are",
        f"{len(fine) - kept:,} {verb}converted",
        f"{failed:,} failed",
    ]
    click.echo(", ".join(parts) + (f", {len(found.skipped):,} skipped (no audio)" if found.skipped else ""))


def _how(one: dict[str, Any]) -> str:
    if one["action"] == _KEPT:
        return _KEPT
    return f"{_words(one['from'])} → {_words(one['to'])}"


def _words(shape: dict[str, Any]) -> str:
    bits = "lossy" if not shape["bits"] else f"{shape['bits']} bit{' float' if shape['float'] else ''}"
    return f"{shape['rate']} Hz {bits} x {shape['channels']}"
