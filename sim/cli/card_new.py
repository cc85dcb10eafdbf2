"""``benchpad card new``: make a card image, filled or empty."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from firmware.wording import counted
from sdcard_image import DEFAULT_TIMESTAMP, FolderCard, build_image, items_from_folder, open_card
from sdcard_image.types import BuildReport, Card, Item, Made
from sim.cli.common import PATH, SIZE, human_size, json_option, print_json, printable, progress
from sim.errors import InputError

if TYPE_CHECKING:
    from firmware.layouts import PlanItem

_NOTES_SHOWN = 20
_SERIAL = re.compile(r"([0-9A-Fa-f]{4})-?([0-9A-Fa-f]{4})")


def timestamp() -> datetime:
    """The date of what is written without one of its own: SOURCE_DATE_EPOCH (UTC), else a fixed one."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return DEFAULT_TIMESTAMP
    try:
        return datetime.fromtimestamp(int(epoch), UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        raise InputError(f"SOURCE_DATE_EPOCH is {epoch!r}, which is no number of seconds; unset it") from None


def _serial(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    match = _SERIAL.fullmatch(value)
    if match is None:
        raise click.BadParameter(f"{value!r} is not a serial number such as 1234-ABCD")
    return int(match[1] + match[2], 16)


@click.command()
@click.argument("image", type=PATH)
@click.option("--size", type=SIZE, default="2G", show_default=True, help="Capacity, such as 512M or 2G.")
@click.option("--device", metavar="NAME", help="Lay the files out as this device expects them.")
@click.option("--from", "source", type=PATH, help="A folder (or card) to fill it from.")
@click.option("--label", help="Volume label, up to 11 characters.")
@click.option("--serial", callback=_serial, metavar="XXXX-XXXX", help="Volume serial number.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Goes into the serial number, where none is given."
)
@click.option("--no-partition", is_flag=True, help="No partition table: the volume fills the card.")
@click.option("--cluster-size", type=SIZE, help="Bytes of a cluster, such as 32K; else by capacity.")
@click.option(
    "--keep-times", is_flag=True, help="Date files as they are; else all alike, so that images reproduce."
)
@click.option("--force", is_flag=True, help="Replace IMAGE where it exists.")
@json_option
def new(
    *,
    image: Path,
    size: int,
    device: str | None,
    source: Path | None,
    label: str | None,
    serial: int | None,
    seed: int,
    no_partition: bool,
    cluster_size: int | None,
    keep_times: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Make IMAGE, a card formatted as FAT32, and fill it.

    The same input, label and seed give the same bytes.

    Example: benchpad card new kit.img --size 2G --device sp404sx --from ~/Samples/kit
    """
    items, notes, default_label = _contents(source, device, keep_times=keep_times)
    label = default_label if label is None else label
    with progress("filling", None if source is None else 1.0) as advance:
        report = build_image(
            image,
            items,
            size_bytes=size,
            label=label,
            serial=serial,
            seed=seed,
            timestamp=timestamp(),
            partition=not no_partition,
            cluster_bytes=cluster_size,
            progress=_fraction(advance),
            overwrite=force,
        )
    _show(image, report, notes, as_json=as_json)


def _fraction(advance: Callable[[float], None]) -> Callable[[int, int], None]:
    """Progress of a build as advances of a bar from 0 to 1."""
    shown = 0.0

    def told(done: int, total: int) -> None:
        nonlocal shown
        advance(done / total - shown)
        shown = done / total

    return told


def _contents(
    source: Path | None, device: str | None, *, keep_times: bool
) -> tuple[list[Item], list[str], str]:
    """What goes on the card, remarks, and the label that the device would give it."""
    if device is not None:
        from firmware.profiles import load  # noqa: PLC0415  only with --device

        load(device)  # an unknown name is told before anything else
    if source is None:
        return [], [], "BENCHPAD"
    if device is None and source.is_dir():
        return items_from_folder(source, keep_times=keep_times), [], "BENCHPAD"
    return _planned(open_card(source), device or "generic", keep_times=keep_times)


def _planned(card: Card, device: str, *, keep_times: bool) -> tuple[list[Item], list[str], str]:
    from firmware.layouts import plan_card  # noqa: PLC0415  only with --device

    plan = plan_card(device, card)
    notes = list(plan.notes)
    if isinstance(card, FolderCard):
        notes += [f"left out: {line}" for line in card.skipped]
    return [_item(card, item, keep_times=keep_times) for item in plan.items], notes, plan.label or "BENCHPAD"


def _item(card: Card, item: PlanItem, *, keep_times: bool) -> Item:
    if item.is_dir:
        return Item(item.path, None)
    if not item.source:
        assert item.make is not None
        return Item(item.path, Made(item.size_bytes, item.make))
    when = card.entry(item.source).modified if keep_times else None
    if isinstance(card, FolderCard):
        return Item(item.path, card.host_path(item.source), when)
    return Item(item.path, Made(item.size_bytes, partial(card.read, item.source)), when)


def _show(image: Path, report: BuildReport, notes: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"image": str(image)} | asdict(report) | {"notes": notes})
        return
    for note in notes[:_NOTES_SHOWN]:
        click.echo(f"note: {printable(note)}", err=True)
    if len(notes) > _NOTES_SHOWN:
        click.echo(f"note: and {len(notes) - _NOTES_SHOWN:,} more; --json lists them all", err=True)
    click.echo(
        f"{image}: {human_size(report.size_bytes)}, {counted(report.files, 'file')} in "
        f"{counted(report.folders, 'folder')} "
        f"({human_size(report.file_bytes)}), {human_size(report.free_bytes)} free"
    )
