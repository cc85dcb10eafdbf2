"""Planning and making a corrected copy of a card, and checking that.

A damaged volume is repaired first, on a copy: else files that a repair saves would be left out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from firmware.findings import Finding, Severity, catalogue, found
from firmware.layouts import detect
from firmware.profiles import Profile, load
from librarian.fix import FixPlan, FixReport, apply_fix, plan_fix
from librarian.fix_apply import refuse_existing
from sdcard_image import open_card
from sdcard_image.check import check_volume, structural
from sdcard_image.medium import io_error
from sdcard_image.repair import RepairReport, repair_image
from sdcard_image.types import Card, CardError
from sim.check.mending import remedy
from sim.check.report import CheckReport, sort
from sim.check.run import Progress, no_progress, run_check
from sim.check.volume import size_of

_HARMLESS = frozenset(("dirty-flag", "fsinfo-wrong", "boot-backup-differs"))  # every file can be read
_MOST_LINES = 1_000  # of the repair, in a plan


@dataclass(frozen=True, slots=True)
class _Source:
    """The card to correct: the one that was checked, or its repaired copy."""

    card: Card
    repair: RepairReport | None = None

    def plan(self, report: CheckReport) -> FixPlan:
        """The plan of the correction, which says what the repair did."""
        if self.repair is None:
            return plan_fix(self.card, report.profile, strict=report.options.strict)
        lost = [one for one in self.repair.files if one.state == "lost"]
        gone = {one.path: f"the repair could not save it: {one.why}" for one in lost}
        profile = _profile(self.card, report)
        plan = plan_fix(self.card, profile, strict=report.options.strict, gone=gone)
        return replace(plan, notes=(*_repair_lines(self.repair), *plan.notes))

    def doubts(self) -> Iterator[Finding]:
        """The files of which the repair saved only a part, or what it cannot be sure of."""
        for one in self.repair.files if self.repair else ():
            if one.state == "cut":
                yield _loss(one.path, f"only a part was saved: {one.why}")
            elif one.state == "repaired" and one.sure == "guess":
                yield _loss(one.path, f"what was saved is a guess: {one.why}", Severity.WARNING)


def plan_for(report: CheckReport) -> FixPlan:
    """What correcting the card that was checked would do. CardError where the card does not mount."""
    with _source(report, None, no_progress) as source:
        return source.plan(report)


def make_fixed(
    report: CheckReport, destination: Path, *, overwrite: bool = False, progress: Progress = no_progress
) -> tuple[FixPlan, FixReport, CheckReport]:
    """Write the corrected card to ``destination`` and check it. The card that was checked is only read.

    What could not be saved is an error of the check that is returned.
    """
    if destination.exists() and destination.samefile(report.card):
        raise CardError("the corrected copy would replace the card itself; choose another name")
    refuse_existing(destination, overwrite=overwrite)
    with _source(report, destination.parent, progress) as source:
        plan = source.plan(report)
        with progress("correcting", len(plan.actions)) as advance:
            made = apply_fix(source.card, plan, destination, overwrite=overwrite, advance=advance)
        losses = [*(_loss(path, why) for path, why in made.lost), *source.doubts()]
        losses += [_loss(path, why, Severity.WARNING) for path, why in made.cut]
        losses += [_left_out(*one) for one in made.left_out]
    after = run_check(destination, plan.device, report.options, progress)
    findings = sort((*after.findings, *losses), strict=report.options.strict)
    return plan, made, replace(after, findings=findings)


def _loss(path: str, why: str, severity: Severity = Severity.ERROR) -> Finding:
    again = "copy it to the card again, from where it came"
    return replace(found("card-error", why, path=path, fix=again, severity=severity), fixable=False)


def _left_out(path: str, why: str, refusal: str) -> Finding:
    """A file that is not on the corrected card: a warning where nothing says that it is audio at all."""
    kind = refusal if refusal in catalogue() else "bad-header"
    severity = Severity.WARNING if refusal == "not-audio" else Severity.ERROR
    text = f"it is left out of the corrected card: {why}"
    return found(kind, text, path=path, fix=remedy(why), severity=severity, fixable=False)


def _profile(card: Card, report: CheckReport) -> Profile:
    """The device: where the layout tells, that of the repaired card does."""
    return load(detect(card)) if report.recognised else report.profile


@contextmanager
def _source(report: CheckReport, beside: Path | None, progress: Progress) -> Iterator[_Source]:
    """The card, or a repaired copy that lies in a temporary folder, in ``beside`` where given."""
    path = Path(report.card)
    if not _is_damaged(path):
        with closing(open_card(path)) as card:
            yield _Source(card)
        return
    with _scratch(beside) as folder:
        copy = Path(folder) / "repaired.img"
        repaired = _repair(path, copy, progress)
        with closing(open_card(copy)) as card:
            yield _Source(card, repaired)


def _is_damaged(path: Path) -> bool:
    """Whether a repair may save files. What is no FAT32 card is for `open_card` to refuse."""
    volume = check_volume(path)
    return volume.fs == "FAT32" and any(one.id not in _HARMLESS for one in structural(volume))


def _scratch(beside: Path | None) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix=".benchpad-", dir=beside)
    except OSError as error:
        raise io_error("write to", beside or Path(tempfile.gettempdir()), error) from error


def _repair(path: Path, copy: Path, progress: Progress) -> RepairReport:
    done = 0
    with progress("repairing a copy", size_of(path)) as advance:

        def tell(at: int, total: int) -> None:
            nonlocal done
            advance(at - done)
            done = at

        return repair_image(path, copy, progress=tell)


def _repair_lines(repair: RepairReport) -> Iterator[str]:
    whole = sum(one.state in ("whole", "repaired") for one in repair.files)
    yield (
        f"the volume is damaged: files are taken from a repaired copy, "
        f"with {whole:,} of {len(repair.files):,} whole and {len(repair.recovered):,} found in lost chains"
    )
    told = [one for one in repair.files if one.state != "whole" or one.sure != "certain"]
    for one in told[:_MOST_LINES]:
        why = f": {one.why}" if one.why else ""
        yield f"{one.state:8} {one.path} ({one.sure}{why})"
    if len(told) > _MOST_LINES:
        yield f"and {len(told) - _MOST_LINES:,} more; `benchpad card repair` names them all"
