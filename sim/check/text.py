"""A check's report for people: what to do, worst first, never a wall."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, zip_longest
from operator import itemgetter

from firmware.findings import Finding, Severity
from sim.check.report import BankVoices, CheckReport, Task

SHOWN = 4  # findings of one task
_TITLES = {
    Severity.ERROR: "Errors: the device refuses these, or they do damage",
    Severity.WARNING: "Warnings: it plays, but otherwise than meant",
    Severity.NOTE: "Notes: good to know",
}


def lines(report: CheckReport, *, everything: bool = False) -> Iterator[str]:
    """The report, line by line; ``everything`` shows each finding."""
    yield f"{report.card}: {what_it_is(report)}"
    yield f"for {report.profile.title} ({report.profile.name}, {how_known(report)})"
    yield f"{summary(report)}"
    severity = None
    for task in report.tasks():
        if task.severity is not severity:
            severity = task.severity
            yield ""
            yield title(severity, strict=report.options.strict)
        yield from _task(task, everything=everything)
    yield from _voices(report)
    if report.options.quick:
        yield ""
        yield "--quick: what the samples sound like, and how many voices stream, was not looked at."


def title(severity: Severity, *, strict: bool) -> str:
    """What findings of a severity have in common."""
    doubts = strict and severity is Severity.ERROR
    return _TITLES[severity] + (", or that is not certain (--strict)" if doubts else "")


def how_known(report: CheckReport) -> str:
    """Why the card was checked for this device."""
    if not report.recognised:
        return "as asked for"
    if report.info is None and not report.scenes:
        return "as the card's layout cannot be read"
    return "recognised from the card's layout"


def what_it_is(report: CheckReport) -> str:
    """The card in a few words."""
    info = report.info
    what = {"image": "an image", "device": "a block device", "folder": "a folder"}[report.kind]
    count = len(report.audio)
    audio = f"{count:,} audio file{'s' * (count != 1)} looked at"
    if info is None or info.fs == "folder":
        return f"{what}, {audio}"
    label = f" {info.label!r}" if info.label else ""
    size = f"{info.size_bytes / 1e9:,.1f} GB"
    return f"{what}, {info.fs}{label}, {size}, {audio}"


def summary(report: CheckReport) -> str:
    """The verdict and the counts in one line."""
    verdict = {"ok": "OK", "warnings": "OK, WITH WARNINGS", "errors": "ERRORS"}[report.verdict]
    counts = ", ".join(f"{n:,} {name}{'s' * (n != 1)}" for name, n in report.counts.items())
    strict = " (strict: doubt counts as an error)" if report.options.strict else ""
    return f"{verdict}: {counts}{strict}"


def _task(task: Task, *, everything: bool) -> Iterator[str]:
    count = len(task.findings)
    does = " (--fix does it)" if task.fixable else ""
    yield f"  {task.fix[:1].upper()}{task.fix[1:]}{does}"
    for one, number in kinds_in(task):
        times = f" x {number:,}" if number > 1 else ""
        milder = f" ({one.severity})" if one.severity is not task.severity else ""
        yield f"    {one.id}{times}{milder}: {one.happens}{_mark(one.mark)}"
    shown = task.findings if everything else examples(task, SHOWN)
    for one in shown:
        yield f"      {where(one)}{one.what}"
    if count > len(shown):
        yield f"      and {count - len(shown):,} more (--all shows them)"


def kinds_in(task: Task) -> list[tuple[Finding, int]]:
    """One finding of each kind in a task, and how many say the same: worst first, then most."""
    alike: dict[tuple[Severity, str, str, str], list[Finding]] = {}
    for one in task.findings:
        alike.setdefault((one.severity, one.id, one.happens, one.mark), []).append(one)
    order = list(Severity)
    counted = sorted(alike.values(), key=lambda some: (order.index(some[0].severity), -len(some)))
    return [(some[0], len(some)) for some in counted]


def examples(task: Task, most: int) -> list[Finding]:
    """Up to ``most`` of a task's findings, of each of its kinds in turn; in their order."""
    by_kind: dict[str, list[tuple[int, Finding]]] = {}
    for place, one in enumerate(task.findings):
        by_kind.setdefault(one.id, []).append((place, one))
    turns = (one for turn in zip_longest(*by_kind.values()) for one in turn if one is not None)
    return [one for _, one in sorted(islice(turns, most), key=itemgetter(0))]


def _mark(mark: str) -> str:
    return f" [{mark}]" if mark else ""


def where(one: Finding) -> str:
    """The place of a finding, as the beginning of a line."""
    pad = f"pad {one.pad}" if one.pad else ""
    if one.path and pad:
        return f"{one.path} ({pad}): "
    return f"{one.path or pad}: " if one.path or pad else ""


def _voices(report: CheckReport) -> Iterator[str]:
    if not report.voices:
        return
    timing = report.options.timing
    yield ""
    yield (
        f"Voices that stream at once without a gap, on a card of {timing.fixed_ns / 1e6:g} ms a command and"
        f" {timing.read_mb_per_s:g} MB/s (--card-latency, --card-speed):"
    )
    by_project: dict[str, list[BankVoices]] = {}
    for one in report.voices:
        by_project.setdefault(one.project, []).append(one)
    for project, banks in by_project.items():
        yield f"  {project + ': ' if project else ''}{', '.join(map(_bank, banks))}"


def _bank(one: BankVoices) -> str:
    text = f"{one.bank} {one.voices} of {one.most}"
    if one.in_one_piece is not None and one.in_one_piece > one.voices:
        text += f" ({one.in_one_piece} if unfragmented)"
    return text
