"""``benchpad boot``: what the device sees on a card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.common import PATH, console, json_option, print_json, printable
from sim.cli.device import device_options

if TYPE_CHECKING:
    from rich.table import Table

    from firmware.catalogue import Pad
    from sim.board import Board


@click.command()
@click.argument("card", type=PATH)
@device_options
@json_option
def boot(
    *,
    card: Path,
    device: str | None,
    project: str | None,
    timing: str | None,
    card_latency: float | None,
    card_speed: float | None,
    seed: int,
    as_json: bool,
) -> None:
    """Boot a device with CARD in it: an image, a folder, or a block device, opened read-only.

    Shows the boot log in simulated time, each pad with the MIDI note that plays it, and each refused file
    with its reason. The exit status is 0 when the device boots, also where it refuses files: look at
    "refused" for those.

    Example: benchpad boot kit.img --device sp404sx --card-latency 1 --card-speed 20
    """
    from sim.board import Board, Setup  # noqa: PLC0415  the engine and numpy, only when needed
    from sim.cards import card_model  # noqa: PLC0415

    model = card_model(timing, card_latency, card_speed)
    setup = Setup(device=device, project=project, card=model, seed=seed)
    with Board(card, setup) as board:
        if as_json:
            print_json(document(board))
        else:
            show(board)


def document(board: Board) -> dict[str, Any]:
    """The boot as JSON values."""
    catalogue = board.boot.catalogue
    return {
        "device": board.boot.device,
        "layout": board.boot.layout,
        "recognised": board.detected,
        "pads": [_pad(board, pad) for pad in catalogue.pads],
        "refused": [
            {"path": one.path, "id": one.id, "reason": one.reason, "mark": one.mark}
            for one in catalogue.refused
        ],
        "notes": list(catalogue.notes),
        "boot_ms": board.log[-1].ms,
        "log": [{"ms": line.ms, "text": line.text} for line in board.log],
    }


def _pad(board: Board, pad: Pad) -> dict[str, Any]:
    sample = pad.sample
    key = _key(board, pad)
    return {
        "bank": pad.bank,
        "pad": pad.pad,
        "path": sample.path,
        "frames": sample.frames,
        "rate": sample.rate,
        "channels": sample.channels,
        "bits": sample.bits,
        "extents": len(board.boot.extents[sample.path]),
        "midi": None if key is None else {"channel": key[0] + 1, "note": key[1]},
    }


def _key(board: Board, pad: Pad) -> tuple[int, int] | None:
    tags = board.player.tags
    return board.player.rules.notes.key((tags.banks.index(pad.bank), pad.pad))


def show(board: Board) -> None:
    """The boot for people: log, pads, refusals."""
    out = console()
    how = "recognised from the card's layout" if board.detected else "as asked for"
    out.print(f"{board.profile.title} ({board.profile.name}, {how})\n", style="bold")
    for line in board.log:
        out.print(f"{line.ms:10.1f} ms  {printable(line.text)}")
    if board.log[-1].ms == 0:
        out.print("This card takes no time: --card emulates one that does, such as --card class10.")
    out.print()
    if board.boot.catalogue.pads:
        out.print(_pad_table(board))
    else:
        out.print("No pad has a sample: nothing on this card can be played.")
    if board.boot.catalogue.refused:
        out.print()
        out.print(_refused_table(board))


def _pad_table(board: Board) -> Table:
    from rich.table import Table  # noqa: PLC0415  see common.console

    table = Table(title="Pads", title_justify="left", box=None, pad_edge=False)
    for heading in ("pad", "channel", "note"):
        table.add_column(heading, justify="right")
    for heading, justify in (("file", "left"), ("length", "right"), ("format", "left"), ("plays", "left")):
        table.add_column(heading, justify="right" if justify == "right" else "left", overflow="fold")
    for pad in board.boot.catalogue.pads:
        key = _key(board, pad)
        sample = pad.sample
        table.add_row(
            f"{pad.bank}{pad.pad}",
            "-" if key is None else str(key[0] + 1),
            "-" if key is None else str(key[1]),
            printable(sample.path),
            f"{sample.frames / sample.rate:.2f} s",
            f"{sample.rate / 1000:g} kHz, {sample.bits} bit, {'stereo' if sample.channels == 2 else 'mono'}",
            _plays(pad),
        )
    return table


def _plays(pad: Pad) -> str:
    settings = pad.settings
    words = ["gate" if settings.gate else "trigger"]
    if settings.loop.value:
        words.append(settings.loop.name.lower().replace("_", "-") + " loop")
    if settings.reverse:
        words.append("reverse")
    if settings.mute_group:
        words.append(f"mute group {settings.mute_group}")
    if settings.level != 127:
        words.append(f"level {settings.level}")
    return ", ".join(words)


def _refused_table(board: Board) -> Table:
    from rich.table import Table  # noqa: PLC0415  see common.console

    table = Table(title="Refused", title_justify="left", box=None, pad_edge=False)
    for heading in ("file", "reason", "mark"):
        table.add_column(heading, overflow="fold")
    for one in board.boot.catalogue.refused:
        table.add_row(printable(one.path), printable(one.reason), one.mark)
    return table
