"""``benchpad card mirror``: make a second card that can stand in for the first, or bring it up to date."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click

from sdcard_image import DEFAULT_TIMESTAMP, build_image, open_card, serial_from
from sdcard_image.types import Card, CardError, Item, Made
from sim.cli.common import PATH, SIZE, human_size, json_option, print_json, printable, progress
from sim.cli.errors import FINDINGS
from sim.cli.outputs import within
from sim.errors import InputError
from sim.mirroring import MirrorReport, mirror_card, read_setlist
from sim.slots import covers

_PAD = re.compile(r"([A-Z])(\d{1,2})")
_LEAST_SIZE = 64 << 20


@click.command("mirror")
@click.argument("first", type=PATH)
@click.argument("second", type=PATH)
@click.option(
    "--setlist", type=PATH, help="Only what this file names: a path, a folder or a pad in each line."
)
@click.option("--size", type=SIZE, help="Of a new mirror; without it, as large as FIRST.")
@json_option
@click.pass_context
def mirror(
    context: click.Context,
    /,
    *,
    first: Path,
    second: Path,
    setlist: Path | None,
    size: int | None,
    as_json: bool,
) -> None:
    """Give SECOND the files of FIRST, so that it can answer when FIRST fails (render --mirror).

    SECOND is made where it does not exist, with a serial number of its own. Else files that differ are
    copied, each of which is its old or its new state whatever cuts the copying off; what only SECOND has
    stays. Exit status 1 where a file of FIRST cannot be read.

    Example: benchpad card mirror kit.img mirror.img
    """
    if within(second, first) or within(first, second):
        raise InputError(f"{second} and {first} are one card; a mirror is a second one")
    with closing(open_card(first)) as source:
        wanted = () if setlist is None else _paths(first, source, read_setlist(setlist))
        made = not second.exists()
        with progress("copying", None) as advance:
            if made:
                report = _make(source, second, wanted, size)
            else:
                with closing(open_card(second, writable=True)) as target:
                    report = mirror_card(source, target, wanted, advance)
    _show(report, second, made=made, as_json=as_json)
    if report.unreadable:
        context.exit(FINDINGS)


def _paths(first: Path, source: Card, setlist: tuple[str, ...]) -> tuple[str, ...]:
    """The setlist with pads turned into the paths of their samples. InputError where a line names nothing."""
    pads = {one for one in setlist if _PAD.fullmatch(one)}
    paths = [one for one in setlist if one not in pads]
    for path in paths:
        if not source.exists(path):
            raise InputError(f"the setlist names {path}, which is not on {first}")
    if not pads:
        return tuple(paths)
    from sim.board import Board, Setup  # noqa: PLC0415  the engine, only when needed

    with Board(first, Setup()) as board:
        played = {f"{pad.bank}{pad.pad}": pad.sample.path for pad in board.boot.catalogue.pads}
    for pad in sorted(pads):
        if pad not in played:
            raise InputError(f"the setlist names pad {pad}, which has no sample on {first}")
    return tuple(dict.fromkeys([*paths, *(played[pad] for pad in sorted(pads))]))


def _make(source: Card, second: Path, wanted: tuple[str, ...], size: int | None) -> MirrorReport:
    facts = source.info()
    entries = [one for one in source.walk() if covers(wanted, one.path)]
    items, unreadable = [], []
    for one in entries:
        try:
            if not one.is_dir:
                source.extents(one.path)
        except CardError as error:
            unreadable.append(f"{one.path}: {error}")
            continue
        content = None if one.is_dir else Made(one.size, lambda path=one.path: source.read(path))  # type: ignore[misc]  # mypy: defaults in lambdas
        items.append(Item(one.path, content, one.modified))
    build_image(
        second,
        items,
        size_bytes=size or max(facts.size_bytes, _LEAST_SIZE),
        label=facts.label,
        serial=serial_from(1, facts.serial),
        timestamp=DEFAULT_TIMESTAMP,
    )
    with closing(open_card(second)) as made:
        files = sum(not one.is_dir for one in made.walk())
    return MirrorReport(files, (), tuple(unreadable))


def _show(report: MirrorReport, second: Path, *, made: bool, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "made": made,
                "same": report.same,
                "copied": [asdict(one) for one in report.copied],
                "copied_bytes": report.copied_bytes,
                "unreadable": list(report.unreadable),
            }
        )
        return
    for one in report.copied:
        click.echo(f"copied {printable(one.path)} ({one.why})")
    for text in report.unreadable:
        click.echo(f"cannot read {printable(text)}")
    what = f"made, with {report.same:,} files" if made else f"{report.same:,} files were the same"
    more = f", {len(report.copied):,} copied ({human_size(report.copied_bytes)})" if report.copied else ""
    click.echo(f"{printable(str(second))}: {what}{more}")
