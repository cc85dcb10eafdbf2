"""Tables beside the pictures: what would help, slack, ends, assumptions, metrics."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from native.types import EndCause, VoiceEnd
from sim.check.markup import name, text
from sim.metrics import METRIC
from sim.pictures.runs import OWN_ENDS, words, worst_first
from sim.stress.report import Recording, StressReport
from sim.watching import Happening

WORST_VOICES = 12
MOST_ENDS = 200
MOST_HAPPENINGS = 200
_SHORT = 12  # rows that are shown without being asked for


@dataclass(frozen=True, slots=True)
class Slack:
    """Of one voice's data: how long it would still have lasted, at the worst and in the worst hundredth."""

    voice: str
    least_ms: float | None
    p1_ms: float | None
    underruns: int


def slacks(recording: Recording) -> list[Slack]:
    """Every voice, the worst first. The first percentile is of grid points, as ended voices tell it.

    Of a voice of which none has ended it is of the recording's marks.
    """
    ends: dict[int, list[VoiceEnd]] = {}
    for end in recording.ends:
        ends.setdefault(end.tag, []).append(end)
    counts = Counter(one.tag for one in recording.underruns)
    return [_slack(recording, column, ends.get(column, []), counts) for column in worst_first(recording)]


def _slack(recording: Recording, column: int, ends: Sequence[VoiceEnd], counts: Counter[int]) -> Slack:
    seen = recording.slack_ms[:, column]
    seen = seen[~np.isnan(seen)].astype(np.float64)
    frame_ms = 1000 / recording.rate
    least = [end.least_slack * frame_ms for end in ends if end.least_slack is not None]
    p1 = [end.p1_slack * frame_ms for end in ends if end.p1_slack is not None]
    if len(seen):
        least.append(float(seen.min()))
        p1 = p1 or [float(np.percentile(seen, 1, method="lower"))]
    voice = recording.voices[column]
    return Slack(voice, min(least, default=None), min(p1, default=None), counts[column])


def slack_table(recording: Recording) -> str:
    """The worst voices."""
    found = slacks(recording)
    rows = [[name(one.voice), _ms(one.least_ms), _ms(one.p1_ms), f"{one.underruns:,}"] for one in found]
    table = _table(["voice", "least, ms", "worst 1 %, ms", "underruns"], rows[:WORST_VOICES], numbers=3)
    return table + _more(len(rows) - WORST_VOICES, "voices, each better than these")


def ends_table(recording: Recording) -> str:
    """Every voice that did not end by its own end or its key's release, with the cause."""
    causes = Counter(end.cause for end in recording.ends)
    if not causes:
        return "<p>No voice ended while this was recorded.</p>"
    summary = ", ".join(f"{count:,} {_ended(cause)}" for cause, count in causes.most_common())
    odd = [end for end in recording.ends if end.cause not in OWN_ENDS]
    rows = [
        [
            f"{end.frame / recording.rate:.3f}",
            name(recording.voices[end.tag]),
            text(_ended(end.cause)),
            f"{(end.frame - end.started) / recording.rate:.2f}",
            f"{end.underruns:,}",
        ]
        for end in odd[:MOST_ENDS]
    ]
    table = _table(["at, s", "voice", "ended", "lived, s", "underruns"], rows)
    listed = (
        f"<summary>{len(odd):,} not by their own end</summary>{table}{_more(len(odd) - MOST_ENDS, 'ends')}"
    )
    shown = f"<details{' open' if len(odd) <= _SHORT else ''}>{listed}</details>" if odd else ""
    return f"<p>{text(summary[:1].upper() + summary[1:])}.</p>{shown}"


def suggestions_table(report: StressReport) -> str:
    """What was tried, by what it buys."""
    if report.limited != "underruns":
        return "<p>Nothing was tried: no number of voices underran.</p>"
    if not report.suggestions:
        return "<p>Nothing that was tried would hold more voices.</p>"
    most = max([report.clean_voices, *(one.clean_voices for one in report.suggestions), 1])
    rows = [["<b>as it is</b>", str(report.clean_voices), "", _bar(report.clean_voices, most)]]
    for one in report.suggestions:
        gain = one.clean_voices - report.clean_voices
        rows.append(
            [text(one.change), str(one.clean_voices), f"<b>{gain:+d}</b>", _bar(one.clean_voices, most)]
        )
    return _table(["change", "clean voices", "", ""], rows)


def facts_list(pairs: Iterable[tuple[str, str]]) -> str:
    """Name and text of each fact, the empty ones left out."""
    rows = "".join(f"<dt>{text(key)}<dd>{text(value)}" for key, value in pairs if value)
    return f"<dl>{rows}</dl>"


def bullets(lines: Sequence[str]) -> str:
    """A list of sentences."""
    return f"<ul>{''.join(f'<li>{text(line)}' for line in lines)}</ul>" if lines else ""


def happenings_list(happenings: Sequence[Happening], rate: int) -> str:
    """What happened, in words."""
    rows = "".join(
        f"<li><b>{_when(one, rate)}</b> {text(one.kind)}: {text(one.text)}"
        for one in happenings[:MOST_HAPPENINGS]
    )
    return f"<ul>{rows}</ul>{_more(len(happenings) - MOST_HAPPENINGS, '')}"


def metrics_table(values: Mapping[str, int | float]) -> str:
    """The metrics that are known, with their units."""
    rows = [
        [f"<code>{one.name}</code>", _number(values[one.name]), one.unit, text(one.about)]
        for one in METRIC.values()
        if one.name in values
    ]
    return _table(["metric", "value", "unit", "what"], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> str:
    """Cells are HTML; the last ``numbers`` columns are numbers."""
    css = f' class="n{numbers}"' if numbers else ""
    head = "".join(f"<th>{one}" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows)
    return f'<div class="scroll"><table{css}><thead><tr>{head}<tbody>{body}</table></div>'


def _bar(value: int, most: int) -> str:
    return f'<progress max="{most}" value="{value}"></progress>'


def _more(count: int, what: str) -> str:
    return f'<p class="soft">and {count:,} more {text(what)}</p>' if count > 0 else ""


def _ended(cause: EndCause) -> str:
    return {EndCause.END: "by their own end", EndCause.RELEASED: "released"}.get(cause, words(cause.name))


def _when(one: Happening, rate: int) -> str:
    begin, end = one.frame / rate, one.until / rate
    return f"{begin:.3f} to {end:.3f} s" if end > begin else f"{begin:.3f} s"


def _ms(value: float | None) -> str:
    if value is None:
        return ""
    return "all in RAM" if math.isinf(value) else f"{value:,.1f}"


def _number(value: int | float) -> str:
    return (
        f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if abs(value) < 100 else f"{value:,.1f}"
    )
