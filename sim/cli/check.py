"""``benchpad check``: what a device will do with a card, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.common import json_option, print_json, printable, progress
from sim.cli.device import PROFILES
from sim.cli.errors import FINDINGS
from sim.cli.outputs import check_reports, write_report

if TYPE_CHECKING:
    from sim.check import CheckReport

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("card", type=click.Path(path_type=Path))
@click.option("--device", type=PROFILES, help="The device to check for; without it, the card's layout tells.")
@click.option("--quick", is_flag=True, help="Headers only: not what samples sound like, nor what streams.")
@click.option("--strict", is_flag=True, help="Take doubt (facts marked H, S or ?) for errors.")
@click.option("--all", "everything", is_flag=True, help="Show every finding, however many.")
@click.option("--html", type=_FILE, help="Write a page for a browser; an ordinary file is replaced.")
@click.option(
    "--junit",
    "junit_file",
    type=_FILE,
    help="Write JUnit XML for a build server; an ordinary file is replaced.",
)
@click.option("--plan", is_flag=True, help="Say what --fix would do, and do nothing.")
@click.option(
    "--fix",
    "fixed",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Write a corrected copy to OUT: an image, or a folder where OUT has no ending.",
)
@click.option("--force", is_flag=True, help="Let --fix replace an image OUT.")
@click.option(
    "--card", "timing", metavar="NAME|FILE", help="The card's timing: class10, a1, ..., or a TOML file."
)
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
    force: bool,
    timing: str | None,
    card_latency: float | None,
    card_speed: float | None,
    as_json: bool,
) -> None:
    """Say what the device will do with CARD: an image, a mounted card, a folder, or a block device.

    CARD is never changed, and nothing is written into it. Exit status: 0 no error (there may be warnings),
    1 errors, 2 CARD cannot be checked, 3 the host failed. With --fix it is that of the corrected card.

    Example: benchpad check kit.img --device sp404mk2 --html report.html
    """
    from native import CardModel  # noqa: PLC0415
    from sim.cards import card_model  # noqa: PLC0415
    from sim.check import Options, run_check  # noqa: PLC0415  numpy and the engine, only when needed
    from sim.check.report import ASSUMED_CARD  # noqa: PLC0415

    given = card_model(timing, card_latency, card_speed)
    reports = {"--html": html, "--junit": junit_file}
    check_reports(card, fixed, {option: path for option, path in reports.items() if path is not None})
    if fixed is not None:
        from librarian.fix_apply import refuse_existing  # noqa: PLC0415  soundfile and soxr, only when needed

        refuse_existing(fixed, overwrite=force)
    if given is None or timing is None:
        given = CardModel(
            command_us=ASSUMED_CARD.command_us if card_latency is None else card_latency * 1000,
            read_mb_per_s=ASSUMED_CARD.read_mb_per_s if card_speed is None else card_speed,
        )
    report = run_check(card, device, Options(quick, strict, given), progress)
    _write(report, html, junit_file)
    document = report.document()
    if not as_json:
        _show(report, everything=everything)
    if fixed is not None:
        report = _fix(report, fixed, document, force=force, as_json=as_json)
    elif plan:
        _plan(report, document, as_json=as_json)
    if as_json:
        print_json(document)
    if report.verdict == "errors":
        context.exit(FINDINGS)


def _plan(report: CheckReport, document: dict[str, Any], *, as_json: bool) -> None:
    from sim.check.fixing import plan_for  # noqa: PLC0415  soundfile and soxr, only when needed

    plan = plan_for(report)
    document["plan"] = plan.document()
    if not as_json:
        _say(["", "Plan of --fix:", *plan.lines()])


def _fix(
    report: CheckReport, output: Path, document: dict[str, Any], *, force: bool, as_json: bool
) -> CheckReport:
    """Make the corrected card, say what was done, and return its check."""
    from sim.check.fixing import make_fixed  # noqa: PLC0415  soundfile and soxr, only when needed
    from sim.check.text import summary  # noqa: PLC0415

    plan, made, after = make_fixed(report, output, overwrite=force, progress=progress)
    document["plan"] = plan.document()
    document["fixed"] = {
        "output": str(output),
        "verdict": after.verdict,
        "counts": after.counts,
        "files": made.files,
        "converted": made.converted,
        "dropped": made.dropped,
        "notes": [{"path": path, "text": text} for path, text in made.notes],
        "losses": [{"path": path, "text": text} for path, text in made.all_losses],
    }
    if not as_json:
        other = [one for one in made.notes if one not in made.losses]
        notes = [f"{path}: {text}" if path else text for path, text in other]
        notes += [f"lost     {path}: {text}" for path, text in made.losses]
        expected = {f"lost     {line}" for one in plan.actions for line in one.losses}  # by now it is counted
        planned = [line for line in plan.lines() if line not in expected]
        files = f"{made.files:,} file{'s' * (made.files != 1)}"
        done = f"{files}, {made.converted:,} converted, {made.dropped:,} left out"
        _say(["", "Done by --fix:", *planned, *notes, "", f"{output}: {done}", summary(after)])
    return after


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(printable(line))


def _write(report: CheckReport, html: Path | None, junit_file: Path | None) -> None:
    from sim.check.junit import junit  # noqa: PLC0415
    from sim.check.page import page  # noqa: PLC0415

    if html is not None:
        write_report(html, page(report).encode("utf-8"))
    if junit_file is not None:
        write_report(junit_file, junit(report))


def _show(report: CheckReport, *, everything: bool) -> None:
    from sim.check.text import lines  # noqa: PLC0415

    _say(lines(report, everything=everything))
