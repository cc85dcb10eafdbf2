"""``benchpad check``: what a device will do with a card, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.common import json_option, print_json, printable, progress
from sim.cli.device import PROFILES
from sim.cli.errors import FINDINGS

if TYPE_CHECKING:
    from sim.check import CheckReport

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("card", type=click.Path(path_type=Path))
@click.option("--device", type=PROFILES, help="The device to check for; without it, the card's layout tells.")
@click.option("--quick", is_flag=True, help="Headers only: not what samples sound like, nor what streams.")
@click.option("--strict", is_flag=True, help="Take doubt (facts marked H, S or ?) for errors.")
@click.option("--all", "everything", is_flag=True, help="Show every finding, however many.")
@click.option("--html", type=_FILE, help="Write a page to look at in a browser.")
@click.option("--junit", "junit_file", type=_FILE, help="Write JUnit XML for a build server.")
@click.option("--plan", is_flag=True, help="Say what --fix would do, and do nothing.")
@click.option("--fix", "fixed", type=_FILE, metavar="OUT", help="Write a corrected copy to the image OUT.")
@click.option(
    "--card-latency", type=float, metavar="MS", help="The card's time for a command; 1 where not given."
)
@click.option("--card-speed", type=float, metavar="MB/S", help="The card's speed; 20 where not given.")
@json_option
@click.pass_context
def check(
    context: click.Context,
    /,
    *,
    card: Path,
    device: str | None,
    quick: bool,
    strict: bool,
    everything: bool,
    html: Path | None,
    junit_file: Path | None,
    plan: bool,
    fixed: Path | None,
    card_latency: float | None,
    card_speed: float | None,
    as_json: bool,
) -> None:
    """Say what the device will do with CARD: an image, a mounted card, a folder, or a block device.

    CARD is never changed. Exit status: 0 no error (there may be warnings), 1 errors, 2 CARD cannot be
    checked, 3 the host failed.

    Example: benchpad check kit.img --device sp404mk2 --html report.html
    """
    from sim.board import CardTiming, check_timing  # noqa: PLC0415
    from sim.check import Options, run_check  # noqa: PLC0415  numpy and the engine, only when needed
    from sim.check.report import ASSUMED_CARD  # noqa: PLC0415

    check_timing(card_latency, card_speed)
    timing = CardTiming(
        ASSUMED_CARD.latency_ms if card_latency is None else card_latency,
        ASSUMED_CARD.mb_per_s if card_speed is None else card_speed,
    )
    report = run_check(card, device, Options(quick, strict, timing), progress)
    _write(report, html, junit_file)
    if as_json:
        print_json(report.document())
    else:
        _show(report, everything=everything)
    if report.verdict == "errors":
        context.exit(FINDINGS)


def _write(report: CheckReport, html: Path | None, junit_file: Path | None) -> None:
    from sim.check.junit import junit  # noqa: PLC0415
    from sim.check.page import page  # noqa: PLC0415

    if html is not None:
        html.write_text(page(report), "utf-8")
    if junit_file is not None:
        junit_file.write_bytes(junit(report))


def _show(report: CheckReport, *, everything: bool) -> None:
    from sim.check.text import lines  # noqa: PLC0415

    for line in lines(report, everything=everything):
        click.echo(printable(line))
