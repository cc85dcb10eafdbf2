"""``benchpad card``: look into card images, devices and folders; `card_change`, `card_new` change them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdcard_image import open_card, verify_card
from sdcard_image.extract import extract_file, extract_tree
from sdcard_image.types import Card, CardError, CardIOError, Entry
from sim.cli.card_change import make_folder, move, put, remove
from sim.cli.card_mirror import mirror
from sim.cli.card_new import new
from sim.cli.card_profile import profile
from sim.cli.card_repair import repair
from sim.cli.card_space import defrag, fragment, map_
from sim.cli.common import PATH, console, human_size, json_option, print_json, printable, progress
from sim.cli.errors import FINDINGS

if TYPE_CHECKING:
    from rich.tree import Tree

CARD = click.argument("card", type=PATH)


@click.group()
def card() -> None:
    """Make, fill, list and check cards: an image, a block device, or a folder.

    Example: benchpad card new kit.img --size 2G --from ~/Samples/kit
    """


for command in (new, put, remove, make_folder, move, mirror, profile, repair, fragment, defrag, map_):
    card.add_command(command)


@card.command("ls")
@CARD
@click.argument("path", default="/")
@click.option("-r", "--recursive", is_flag=True, help="Everything below PATH; with --json, every file.")
@json_option
@click.pass_context
def list_(context: click.Context, /, *, card: Path, path: str, recursive: bool, as_json: bool) -> None:
    """List a folder of a card, or one file.

    With --json, "extents" says where a file lies: [byte offset in the card, length] for each stretch. Of a
    damaged file it is null, "error" says why, and the exit status is 1.

    Example: benchpad card ls -r kit.img /A
    """
    with closing(open_card(card)) as source:
        entries = _entries(source, path, recursive=recursive)
        if as_json:
            shown = [_document(source, entry) for entry in entries if not (recursive and entry.is_dir)]
            print_json(shown)
            if any("error" in document for document in shown):
                context.exit(FINDINGS)
            return
        for entry in entries:
            size = "-" if entry.is_dir else f"{entry.size:,}"
            date = f"{entry.modified:%Y-%m-%d %H:%M}" if entry.modified else ""
            name = entry.path if recursive else entry.name
            click.echo(f"{size:>15}  {date:16}  {printable(name)}{'/' if entry.is_dir else ''}")


def _entries(source: Card, path: str, *, recursive: bool) -> list[Entry]:
    entry = source.entry(path)
    if not entry.is_dir:
        return [entry]
    return list(source.walk(path)) if recursive else source.listdir(path)


def _document(source: Card, entry: Entry) -> dict[str, Any]:
    document: dict[str, Any] = {
        "path": entry.path,
        "size": entry.size,
        "is_dir": entry.is_dir,
        "modified": entry.modified.isoformat() if entry.modified else None,
        "short_name": entry.short_name,
    }
    try:
        extents = [] if entry.is_dir else [[e.offset, e.length] for e in source.extents(entry.path)]
    except CardIOError:
        raise
    except CardError as error:
        return document | {"extents": None, "error": str(error)}
    return document | {"extents": extents}


@card.command()
@CARD
@click.argument("path", default="/")
@json_option
def tree(*, card: Path, path: str, as_json: bool) -> None:
    """Draw a card's folders and files.

    Example: benchpad card tree kit.img
    """
    with closing(open_card(card)) as source:
        top = source.entry(path)
        entries = [top, *(source.walk(path) if top.is_dir else ())]
    if as_json:
        print_json(_nested(entries))
        return
    console().print(_drawn(entries, card))


def _nested(entries: list[Entry]) -> dict[str, Any]:
    nodes: dict[str, dict[str, Any]] = {}
    for entry in entries:
        node: dict[str, Any] = {"name": entry.name, "size": entry.size}
        if entry.is_dir:
            node["children"] = []
        nodes[entry.path] = node
        if entry is not entries[0]:
            nodes[_parent(entry.path)]["children"].append(node)
    return nodes[entries[0].path]


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _drawn(entries: list[Entry], card: Path) -> Tree:
    from rich.text import Text  # noqa: PLC0415  rich costs time that --json need not pay
    from rich.tree import Tree  # noqa: PLC0415  as above

    top = Tree(Text(printable(entries[0].name or str(card))))
    nodes = {entries[0].path: top}
    for entry in entries[1:]:
        label = Text(printable(entry.name), style="bold" if entry.is_dir else "")
        if not entry.is_dir:
            label.append(f"  {human_size(entry.size)}", style="dim")
        nodes[entry.path] = nodes[_parent(entry.path)].add(label)
    return top


@card.command()
@CARD
@json_option
def info(*, card: Path, as_json: bool) -> None:
    """Show a card's facts: label, sizes, clusters, free space, fragmentation.

    Example: benchpad card info kit.img --json
    """
    with closing(open_card(card)) as source:
        facts = source.info()
    if as_json:
        print_json(asdict(facts))
        return
    rows = [("file system", facts.fs), ("files", f"{facts.files:,}")]
    if facts.size_bytes:
        rows += [
            ("label", facts.label or "(none)"),
            ("serial", facts.serial),
            ("size", f"{human_size(facts.size_bytes)} ({facts.size_bytes:,} bytes)"),
            ("free", f"{human_size(facts.free_bytes)} ({facts.free_bytes:,} bytes)"),
            ("clusters", f"{facts.clusters:,} of {human_size(facts.cluster_bytes)}"),
            ("volume begins at", f"byte {facts.partition_offset:,}"),
            ("pieces per file", f"{facts.fragments_per_file:.2f}"),
        ]
    if facts.damaged:
        rows.append(("damaged", f"{facts.damaged:,}; card verify names them"))
    for name, value in rows:
        click.echo(f"{name:>17}: {printable(value)}")


@card.command()
@CARD
@click.argument("path")
@click.option("-o", "--output", type=PATH, help="Where to: a new name, or a folder.")
@click.option("-r", "--recursive", is_flag=True, help="A folder and all that is in it.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@json_option
@click.pass_context
def get(
    context: click.Context,
    /,
    *,
    card: Path,
    path: str,
    output: Path | None,
    recursive: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Copy a file off a card; with -r, a folder.

    Exit status 1 where names of the folder's files are too long for this computer; they are left out.

    Example: benchpad card get kit.img /A/kick.wav -o kick.wav
    """
    with closing(open_card(card)) as source:
        entry = source.entry(path)
        if entry.is_dir and not recursive:
            raise CardError(f"{path} is a folder; add -r to copy it with all that is in it")
        target = _target(entry, output)
        below = list(source.walk(path)) if entry.is_dir else [entry]
        with progress("copying", sum(e.size for e in below)) as advance:
            skipped: list[str] = []
            files = _extract(source, entry, target, force=force, advance=advance, skip=skipped.append)
    left_out = [e for e in below if any(f"{e.path}/".startswith(f"{top}/") for top in skipped)]
    size = sum(e.size for e in below) - sum(e.size for e in left_out)
    if as_json:
        print_json(
            {"path": entry.path, "output": str(target), "files": files, "bytes": size, "skipped": skipped}
        )
    else:
        click.echo(f"{target}: {files:,} file{'s' * (files != 1)}, {human_size(size)}")
        for name in skipped:
            click.echo(f"{printable(name)}: left out, its name is too long for this computer", err=True)
    if skipped:
        context.exit(FINDINGS)


def _target(entry: Entry, output: Path | None) -> Path:
    name = entry.name or "card"
    if output is None:
        return Path(name)
    return output / name if output.is_dir() else output


def _extract(
    source: Card,
    entry: Entry,
    target: Path,
    *,
    force: bool,
    advance: Callable[[float], None],
    skip: Callable[[str], None],
) -> int:
    if entry.is_dir:
        return extract_tree(source, entry.path, target, overwrite=force, advance=advance, skip=skip)
    extract_file(source, entry.path, target, overwrite=force, advance=advance)
    return 1


@card.command()
@CARD
@json_option
@click.pass_context
def verify(context: click.Context, /, *, card: Path, as_json: bool) -> None:
    """Check a card's structure, then compare every file with what an independent reader finds.

    Exit status 1 where something is wrong.

    Example: benchpad card verify kit.img
    """
    with progress("verifying", None):
        report = verify_card(card)
    if as_json:
        print_json(asdict(report))
    else:
        click.echo(
            f"{report.files:,} files, {report.folders:,} folders, {human_size(report.bytes)}: "
            + (f"{len(report.problems):,} problems" if report.problems else "the same to both readers")
        )
        if report.lost_clusters:
            click.echo(f"{report.lost_clusters:,} lost clusters (space that no file uses; harmless)")
        for line in (*report.problems, *(f"not compared: {s}" for s in report.skipped)):
            click.echo(printable(line))
    if report.problems:
        context.exit(FINDINGS)
