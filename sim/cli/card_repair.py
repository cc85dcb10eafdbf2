"""``benchpad card repair``: put a damaged file system right, on a copy or in place with an undo file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from sdcard_image.repair import FileState, RepairReport, repair_image, repair_in_place, undo_repair
from sim.cli.common import human_size, json_option, print_json, printable, progress
from sim.cli.errors import FINDINGS

_LISTED = 40  # files that are listed one by one for people; the rest are counted


@click.command("repair")
@click.argument("card", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The repaired image; CARD is only read."
)
@click.option("--force", is_flag=True, help="Replace OUTPUT if it is there already.")
@click.option("--in-place", is_flag=True, help="Repair CARD itself; needs --undo.")
@click.option("--undo", type=click.Path(path_type=Path), help="Undo file to make: restores CARD to the byte.")
@click.option("--undo-with", type=click.Path(path_type=Path), help="Put CARD back with this undo file.")
@json_option
@click.pass_context
def repair(context: click.Context, /, *, card: Path, output: Path | None, force: bool, in_place: bool,
           undo: Path | None, undo_with: Path | None, as_json: bool) -> None:  # fmt: skip
    r"""Repair the file system of a damaged card image or device.

    Exit status 0: clean, and nothing is lost; 1: something was cut or lost; 2: this cannot be repaired.
    Each file is whole, repaired, cut or lost; chains that no file owns come back in the folder FOUND.

    \b
    Example: benchpad card repair broken.img -o repaired.img
             benchpad card repair /dev/sdb --in-place --undo sdb.undo
             benchpad card repair /dev/sdb --undo-with sdb.undo
    """
    if [output is not None, in_place, undo_with is not None].count(True) != 1:
        raise click.UsageError("say one of: -o OUTPUT, --in-place --undo FILE, or --undo-with FILE")
    if in_place != (undo is not None):
        raise click.UsageError("--in-place and --undo go together")
    if undo_with is not None:
        _undo(card, undo_with, as_json=as_json)
        return
    if output is not None:
        report = _repair_copy(card, output, force=force)
    else:
        assert undo is not None
        report = repair_in_place(card, undo)
    if as_json:
        print_json(_document(report))
    else:
        _say(report, output or card)
    if not report.complete:
        context.exit(FINDINGS)


def _repair_copy(card: Path, output: Path, *, force: bool) -> RepairReport:
    with progress("copying", card.stat().st_size if card.is_file() else None) as advance:
        done = 0

        def step(now: int, _: int) -> None:
            nonlocal done
            advance(now - done)
            done = now

        return repair_image(card, output, overwrite=force, progress=step)


def _undo(card: Path, undo_file: Path, *, as_json: bool) -> None:
    restored = undo_repair(card, undo_file)
    if as_json:
        print_json({"restored": restored})
    elif restored:
        click.echo(f"{card}: as it was before the repair ({human_size(restored)} put back)")
    else:
        click.echo(f"{card}: the repair had nothing to change, so there is nothing to undo")


def _document(report: RepairReport) -> dict[str, Any]:
    return {
        "clean": report.clean,
        "files": [_file(state) for state in report.files],
        "recovered": [_file(state) for state in report.recovered],
        "system": list(report.system),
        "written": report.writes,
    }


def _file(state: FileState) -> dict[str, str]:
    return {"path": state.path, "state": state.state, "why": state.why, "sure": state.sure}


def _say(report: RepairReport, where: Path) -> None:
    counts = Counter(state.state for state in report.files)
    for what in report.system:
        click.echo(f"  system     {printable(what)}")
    worst = [s for kind in ("lost", "cut", "repaired") for s in report.files if s.state == kind]
    for state in worst[:_LISTED]:
        doubt = "" if state.sure == "certain" else f" ({state.sure})"
        click.echo(f"  {state.state:9}  {printable(state.path)}: {printable(state.why)}{doubt}")
    if len(worst) > _LISTED:
        click.echo(f"  and {len(worst) - _LISTED:,} more; --json lists all")
    for state in report.recovered[:_LISTED]:
        click.echo(f"  recovered  {printable(state.path)}")
    if len(report.recovered) > _LISTED:
        click.echo(f"  and {len(report.recovered) - _LISTED:,} more")
    kinds = ", ".join(f"{counts[k]:,} {k}" for k in ("whole", "repaired", "cut", "lost") if counts[k])
    verdict = "clean" if report.clean else "still not clean"
    nothing = "" if report.writes else "; nothing had to be written"
    click.echo(f"{printable(str(where))}: {verdict}; {kinds or 'no files'}{nothing}")
