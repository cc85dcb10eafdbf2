"""A check's report as one self-contained HTML page: no network, readable on a phone, light and dark."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from string import Template

from firmware.catalogue import Catalogue
from firmware.findings import Finding, Severity, catalogue
from firmware.wording import counted
from sdcard_image import open_card
from sdcard_image.types import Card, CardError
from sim.check.markup import name, shown, text
from sim.check.picture import card_map, waveform
from sim.check.report import AudioFile, BankVoices, CheckReport, Scene, Task
from sim.check.text import examples, how_known, kinds_in, summary, what_it_is, where

MOST_WAVES = 24
_WAVES_OPEN = 12  # the others are behind a click
_HEARD = frozenset(
    (
        "silence",
        "clipping",
        "dc-offset",
        "leading-silence",
        "loop-click",
        "mono-cancel",
        "over-full-scale",
        "byte-order",
    )
)
MOST_ROWS = 20_000
_ROWS_AT_FIRST = 50  # written as they are, for where no script runs
MOST_SCENES = 17
_EXAMPLES = 6
_SETTINGS = ("/PAD_INFO.BIN", "/PADCONF.BIN")
_SIGNS = {"error": "✕", "warning": "!", "note": "i", "ok": "✓", "empty": ""}
_WORST = {Severity.ERROR: 3, Severity.WARNING: 2, Severity.NOTE: 1}


def page(report: CheckReport) -> str:
    """The page. The card is opened again for its pictures; where it does not mount, there are none."""
    template = Template(files(__package__).joinpath("page.html").read_text("utf-8"))
    try:
        with closing(open_card(Path(report.card))) as card:
            waves, map_ = "".join(_waves(card, report)), _map(card, report)
    except CardError:
        waves, map_ = "", ""
    return template.substitute(
        title=text(f"Check of {Path(report.card).name}"),
        verdict=report.verdict,
        summary=text(summary(report)),
        what=text(f"{report.card}: {what_it_is(report)}"),
        device=text(f"{report.profile.title} ({how_known(report)})"),
        quick="<p>Only headers were looked at (--quick).</p>" if report.options.quick else "",
        tasks="".join(_task(task) for task in report.tasks()) or "<p>Nothing to do.</p>",
        pads="".join(_scene(scene, report) for scene in report.scenes[:MOST_SCENES])
        or "<p>No pad has a sample.</p>",
        voices=_voices(report),
        map=map_ or "<p>There is no map: the card is a folder, or does not mount.</p>",
        waves=waves or "<p>There is no sample in question whose wave can be drawn.</p>",
        rows="".join(_row(one) for one in report.findings[:_ROWS_AT_FIRST]),
        data=_data(report.findings[:MOST_ROWS]),
        more=_more(len(report.findings) - MOST_ROWS, "--json lists them all"),
    )


def _more(count: int, how: str) -> str:
    return f'<p class="more">and {count:,} more ({how})</p>' if count > 0 else ""


def _badge(severity: str) -> str:
    return f'<span class="badge {severity}">{_SIGNS[severity]} {severity}</span>'


def _task(task: Task) -> str:
    count = len(task.findings)
    kinds = "".join(_kind(one, number, task) for one, number in kinds_in(task))
    some = examples(task, _EXAMPLES)
    listed = "".join(f"<li>{name(where(one))}{text(one.what)}</li>" for one in some)
    does = ' <span class="does">--fix does it</span>' if task.fixable else ""
    opened = " open" if task.severity is Severity.ERROR else ""
    return (
        f'<details class="task {task.severity}"{opened}><summary>{_badge(task.severity)}'
        f" <span>{text(task.fix[:1].upper() + task.fix[1:])}</span>{does}<b class=count>{count:,}</b>"
        f"</summary><ul>{kinds}</ul><ul class=examples>{listed}</ul>"
        f"{_more(count - len(some), 'see the table')}</details>"
    )


def _kind(one: Finding, number: int, task: Task) -> str:
    times = f" ({number:,} times)" if number > 1 else ""
    milder = f"{_badge(one.severity)} " if one.severity is not task.severity else ""
    why = f"{text(one.why)} [{one.mark}]" if one.mark else text(one.why)
    return f"<li>{milder}<b>{one.id}</b>{times}: {text(one.happens)} <span class=why>{why}</span></li>"


def _scene(scene: Scene, report: CheckReport) -> str:
    made = scene.catalogue
    found: dict[str, list[Finding]] = {}
    without: dict[str, list[Finding]] = {}  # of pads without a sample: these name the settings' file
    for one in report.findings:
        found.setdefault(one.path, []).append(one)
        if one.path.upper().endswith(_SETTINGS) and one.path.startswith(scene.name.rstrip("/") + "/"):
            without.setdefault(one.pad, []).append(one)
    title = f"<h3>{name(scene.name)}</h3>" if scene.name else ""
    used = {pad.bank for pad in made.pads} | {one.bank for one in made.refused if one.bank}
    used |= {pad[:1] for pad in without}
    per_bank = report.profile.value("pads.per_bank")
    banks = "".join(
        _bank(bank, per_bank, made, found, without)
        for bank in report.profile.value("pads.banks")
        if bank in used
    )
    return f"{title}<div class=banks>{banks}</div>" if banks else ""


def _bank(
    bank: str,
    per_bank: int,
    made: Catalogue,
    found: Mapping[str, list[Finding]],
    without: Mapping[str, list[Finding]],
) -> str:
    refused = {one.pad: one.path for one in made.refused if one.bank == bank and one.pad}
    paths = refused | {pad.pad: pad.sample.path for pad in made.pads if pad.bank == bank}
    cells = []
    for pad in range(1, per_bank + 1):
        label, path = f"{bank}{pad}", paths.get(pad, "")
        here = [one for one in found[path] if one.pad in ("", label)] if path in found and path else []
        cells.append(_cell(label, path, here or without.get(label, []), is_refused=refused.get(pad) == path))
    return f"<section class=bank><h4>Bank {bank}</h4><div class=pads>{''.join(cells)}</div></section>"


def _cell(label: str, path: str, here: Sequence[Finding], *, is_refused: bool) -> str:
    worst = max((one.severity for one in here), key=_WORST.__getitem__, default=None)
    fine = "empty" if not path else "error" if is_refused else "ok"
    state = worst.value if worst else fine
    tip = "; ".join([path or "no sample", *(one.what for one in here)])
    look = f' data-path="{text(here[0].path)}"' if here else ""
    return (
        f'<div class="pad {state}" title="{text(tip)}"{look} tabindex=0><b>{label}</b>'
        f"<i>{_SIGNS[state]}</i><small>{name(path.rpartition('/')[2])}</small></div>"
    )


def _voices(report: CheckReport) -> str:
    if not report.voices:
        return "<p>Not predicted.</p>"
    timing = report.options.timing
    several = any(one.project for one in report.voices)
    pieces = any(one.in_one_piece is not None for one in report.voices)
    rows = "".join(
        f"<tr>{f'<td>{name(one.project)}' if several else ''}<td>{one.bank}"
        f"<td data-n={one.voices}>{one.voices} of {one.most}"
        f"<td><progress max={one.most} value={one.voices}></progress>"
        f"{f'<td>{_pieces(one)}' if pieces else ''}"
        for one in report.voices
    )
    heads = ["project"] * several + ["bank", "voices without a gap", ""] + ["if unfragmented"] * pieces
    return (
        f"<p>On a card of {timing.fixed_ns / 1e6:g} ms a command and {timing.read_mb_per_s:g} MB/s, by the"
        " engine's own timing model. How the device itself reads ahead is not known.</p>"
        f"<div class=scroll><table class=sortable><thead><tr>{''.join(f'<th>{one}' for one in heads)}</thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _pieces(one: BankVoices) -> str:
    return "" if one.in_one_piece is None else f"{one.in_one_piece} of {one.most}"


def _row(one: Finding) -> str:
    return (
        f"<tr><td>{_badge(one.severity)}<td>{one.id}<td>{name(one.path)}"
        f"<td>{one.pad}<td>{text(one.what)}<td>{text(one.fix)}<td>{one.mark}"
    )


def _data(findings: Sequence[Finding]) -> str:
    """The table's rows for its script, as JSON: texts that come again and again are given once."""
    kinds = {kind: n for n, kind in enumerate(dict.fromkeys(one.id for one in findings))}
    fixes = {fix: n for n, fix in enumerate(dict.fromkeys(one.fix for one in findings))}
    rows = [
        [
            3 - _WORST[one.severity],
            kinds[one.id],
            shown(one.path),
            one.pad,
            shown(one.what),
            fixes[one.fix],
            one.mark,
        ]
        for one in findings
    ]
    data = {"kinds": [*kinds], "fixes": [*map(shown, fixes)], "rows": rows}
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")


def _waves(card: Card, report: CheckReport) -> Iterator[str]:
    """Figures of the worst samples in question; nothing where there is none."""
    files_ = {one.entry.path: one for one in report.audio if one.sample is not None}
    found: dict[str, list[Finding]] = {}
    for one in report.findings:
        if one.path in files_ and catalogue()[one.id].group == "audio":
            found.setdefault(one.path, []).append(one)
    if not found:
        return
    chosen = _in_turn(found)[:MOST_WAVES]
    figures = [_wave(card, files_[path], found[path]) for path in chosen]
    yield f"<div class=waves>{''.join(figures[:_WAVES_OPEN])}</div>"
    if rest := figures[_WAVES_OPEN:]:
        count = f"{len(rest)} more sample{'s' * (len(rest) != 1)}"
        yield f"<details><summary>{count}</summary><div class=waves>{''.join(rest)}</div></details>"
    yield _more(len(found) - MOST_WAVES, "their findings are in the table")


def _in_turn(found: Mapping[str, Sequence[Finding]]) -> list[str]:
    """The paths, worst first, but kind after kind in turn, so that the few that are shown show each."""
    by_kind: dict[str, list[str]] = {}
    for path in sorted(found, key=lambda path: -_rank(found[path][0])):  # worst first; findings are so, too
        by_kind.setdefault(max(found[path], key=_rank).id, []).append(path)
    rounds = zip_longest(*by_kind.values())
    return [path for turn in rounds for path in turn if path is not None]


def _rank(one: Finding) -> int:
    """By severity, and then whether a wave shows why."""
    return 2 * _WORST[one.severity] + (one.id in _HEARD)


def _wave(card: Card, file: AudioFile, findings: list[Finding]) -> str:
    assert file.sample is not None
    sample = file.sample
    shape = f"{sample.frames / sample.rate:.2f} s, {sample.rate / 1000:g} kHz, {sample.bits} bit"
    badges = "".join(f"<li>{_badge(one.severity)} {text(one.what)}</li>" for one in findings)
    return (
        f"<figure>{waveform(card, sample)}<figcaption>{name(file.entry.path)}<small>{shape}</small>"
        f"<ul>{badges}</ul></figcaption></figure>"
    )


def _map(card: Card, report: CheckReport) -> str:
    if report.info is None or not report.info.size_bytes:
        return ""
    pieces: dict[str, list[tuple[int, int]]] = {}
    for entry in card.walk():
        if not entry.is_dir:
            try:
                pieces[entry.path] = [(run.offset, run.length) for run in card.extents(entry.path)]
            except CardError:
                continue
    worst = {one.path: one.severity.value for one in reversed(report.findings)}
    legend = "".join(
        f'<span><i class="m-{state}"></i>{what}</span>'
        for state, what in {
            "free": "free",
            "used": "files without findings",
            "note": "notes",
            "warning": "warnings",
            "error": "errors",
        }.items()
    )
    fragmented = sum(len(runs) > 1 for runs in pieces.values())
    sums = f"{counted(len(pieces), 'file')}, {fragmented:,} in more than one piece"
    return f"{card_map(report.info, pieces, worst)}<p class=legend>{legend}</p><p>{sums}</p>"
