"""``benchpad card fragment``, ``defrag`` and ``map``: where files lie on a card."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from firmware.wording import counted
from sdcard_image import CardError
from sdcard_image.medium import FileMedium, io_error
from sim.cli.common import console, human_size, json_option, print_json, printable, progress

if TYPE_CHECKING:
    from rich.text import Text

    from sdcard_image.usage_map import UsageMap

CARD = click.argument("card", metavar="IMG", type=click.Path(path_type=Path))
OUT = click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write the result here, and leave IMG as it is."
)
FORCE = click.option("--force", is_flag=True, help="Replace the output where it exists.")
_COPY = 4 << 20
_ROWS = 16
_SIGNS = {"free": "·", "file": "█", "fragmented": "▒", "folder": "D", "other": "x"}
_STYLES = {"free": "dim", "file": "green", "fragmented": "yellow", "folder": "cyan", "other": "red"}


@contextmanager
def _copied(card: Path, output: Path, *, force: bool) -> Iterator[Path]:
    """A copy of an image under a temporary name, which becomes ``output`` where all goes well."""
    if output.exists() and not force and output != card:
        raise CardError(f"{output} exists already; choose another name or add --force")
    if card.is_dir():
        raise CardError(f"{card} is a folder; only an image or a block device has clusters")
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        _copy_sparse(card, part)
        yield part
        part.replace(output)
    except OSError as error:
        if isinstance(error, CardError):
            raise
        raise io_error("write to", output, error) from error
    finally:
        part.unlink(missing_ok=True)


def _copy_sparse(card: Path, part: Path) -> None:
    """Copy an image; what is zero stays a hole."""
    with closing(FileMedium(card)) as source, part.open("xb") as out:
        out.truncate(source.size)
        for at in range(0, source.size, _COPY):
            data = source.pread(at, min(_COPY, source.size - at))
            if any(data):
                os.pwrite(out.fileno(), data, at)


@click.command("fragment")
@CARD
@click.option(
    "--extent-clusters",
    type=click.IntRange(1, 1 << 20),
    default=1,
    show_default=True,
    help="Clusters of each piece.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Makes the order of the pieces.")
@OUT
@FORCE
@json_option
def fragment(
    *, card: Path, extent_clusters: int, seed: int, output: Path | None, force: bool, as_json: bool
) -> None:
    """Scatter the files of IMG in small pieces, to see what fragmentation costs. Their content stays.

    Example: benchpad card fragment kit.img --extent-clusters 4 -o worn.img
    """
    from sdcard_image.fragment import fragment as scatter  # noqa: PLC0415  numpy, only for the work

    if output is None and not card.is_file():
        raise CardError(f"{card} is no image file; name the result with -o")
    with (
        _copied(card, output or card, force=force) as part,
        progress("scattering", None) as advance,
        closing(FileMedium(card)) as source,
        closing(FileMedium(part, writable=True)) as copy,
    ):
        report = scatter(source, copy, extent_clusters=extent_clusters, seed=seed, advance=advance)
    _say(
        {"image": str(output or card)} | asdict(report),
        f"{output or card}: {counted(report.files, 'file')}, "
        f"{counted(report.extents_before, 'piece')} before, "
        f"{counted(report.extents_after, 'piece')} now",
        as_json=as_json,
    )


@click.command("defrag")
@CARD
@OUT
@FORCE
@json_option
def defrag(*, card: Path, output: Path | None, force: bool, as_json: bool) -> None:
    """Put every file of IMG into one piece: in place, or in the copy named with -o.

    In place, a power cut at any moment loses nothing. Folders stay where they are.

    Example: benchpad card defrag worn.img
    """
    if output is None:
        document = _defrag(card)
    else:
        with _copied(card, output, force=force) as part:
            document = _defrag(part)
    text = (
        f"{output or card}: {counted(document['files'], 'file')}, "
        f"{counted(document['extents_before'], 'piece')} before, "
        f"{counted(document['extents_after'], 'piece')} now; {human_size(document['moved_bytes'])} moved"
    )
    if document["left"]:
        text += f"; no room for {', '.join(document['left'][:5])}: {_advice(document)}"
    _say({"image": str(output or card)} | document, text, as_json=as_json)


def _advice(document: dict[str, Any]) -> str:
    """What to do for more room."""
    lost: int = document["lost_clusters"]
    if not lost:
        return "free some space and try again"
    return (
        f"{lost:,} cluster{'s' * (lost != 1)} belong{'s' * (lost == 1)} to no file, as after a run cut "
        "short; let 'benchpad card repair' find them, delete what it puts into FOUND, and try again"
    )


def _defrag(card: Path) -> dict[str, Any]:
    from sdcard_image.defrag import defrag as gather  # noqa: PLC0415  numpy, only for the work

    if card.is_dir():
        raise CardError(f"{card} is a folder; only an image or a block device has clusters")
    with progress("defragmenting", None) as advance, closing(FileMedium(card, writable=True)) as medium:
        report = gather(medium, advance)
    return asdict(report) | {"left": list(report.left)}


@click.command("map")
@CARD
@json_option
def map_(*, card: Path, as_json: bool) -> None:
    """Draw what lies where on IMG. With --json, "runs" are [first cluster, clusters, kind].

    Example: benchpad card map kit.img
    """
    from sdcard_image.usage_map import usage_map  # noqa: PLC0415  numpy, only for the work
    from sdcard_image.volume import Volume  # noqa: PLC0415  as above

    if card.is_dir():
        raise CardError(f"{card} is a folder; only an image or a block device has clusters")
    with closing(FileMedium(card)) as medium:
        found = usage_map(Volume(medium))
    if as_json:
        print_json(
            {
                "cluster_bytes": found.cluster_bytes,
                "clusters": len(found.kinds),
                "files": found.files,
                "fragmented_files": found.fragmented,
                "extents": found.extents,
                "counts": found.counts,
                "runs": found.runs(),
            }
        )
        return
    screen = console()
    screen.print(_drawing(found, min(96, max(32, screen.width - 2))))
    counts = found.counts
    shown = [
        f"{_SIGNS[kind]} {kind} {human_size(count * found.cluster_bytes)}" for kind, count in counts.items()
    ]
    click.echo("  ".join(shown))
    click.echo(
        f"{counted(found.files, 'file')} in {counted(found.extents, 'piece')}, "
        f"{found.fragmented:,} of them fragmented"
    )


def _drawing(found: UsageMap, width: int) -> Text:
    """Rows of the card's parts, each shown by the most remarkable thing there."""
    from rich.text import Text  # noqa: PLC0415  rich costs time that --json need not pay

    from sdcard_image.usage_map import KINDS  # noqa: PLC0415  as above

    text = Text()
    shares = found.columns(width * _ROWS)
    order = [KINDS.index(kind) for kind in ("other", "fragmented", "folder", "file")]
    for number, share in enumerate(shares):
        some = [kind for kind in order if share[kind] >= 0.1] or [kind for kind in order if share[kind] > 0]
        kind = KINDS[some[0]] if some else "free"
        text.append(_SIGNS[kind], style=_STYLES[kind])
        if number % width == width - 1:
            text.append("\n")
    return text


def _say(document: dict[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        click.echo(printable(text))
