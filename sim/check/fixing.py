"""Planning and making a corrected copy of a card, and checking that."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from librarian.fix import FixPlan, FixReport, apply_fix, plan_fix
from sdcard_image import open_card
from sdcard_image.types import CardError
from sim.check.report import CheckReport
from sim.check.run import Progress, no_progress, run_check


def plan_for(report: CheckReport) -> FixPlan:
    """What correcting the card that was checked would do. CardError where the card does not mount."""
    with closing(open_card(Path(report.card))) as card:
        return plan_fix(card, report.profile)


def make_fixed(
    report: CheckReport, destination: Path, *, overwrite: bool = False, progress: Progress = no_progress
) -> tuple[FixPlan, FixReport, CheckReport]:
    """Write the corrected card to ``destination`` and check it. The card that was checked is only read."""
    if destination.exists() and destination.samefile(report.card):
        raise CardError("the corrected copy would replace the card itself; choose another name")
    with closing(open_card(Path(report.card))) as card:
        plan = plan_fix(card, report.profile)
        with progress("correcting", len(plan.actions)) as advance:
            made = apply_fix(card, plan, destination, overwrite=overwrite, advance=advance)
    return plan, made, run_check(destination, report.profile.name, report.options, progress)
