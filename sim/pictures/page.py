"""The page: one self-contained HTML file, no network, no script, readable on a phone, light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from sim.check.markup import text
from sim.pictures import runs, sweeps, tables
from sim.stress.report import CardFacts, Outcome, Recording, StressReport
from sim.watching import Happening

if TYPE_CHECKING:
    from sim.stress.song import SongReport

_FOOTER = (
    "Made by Benchpad from a simulation: the same card, song and seed give the same page. Slack is the time"
    " for which a voice's data would still have lasted; an underrun is a voice that came to data not there."
)


def stress_page(report: StressReport) -> str:
    """The page of a sweep."""
    bound = report.bound.voices
    keys = [
        (str(report.clean_voices), "clean voices"),
        (f"{bound:.1f}" if math.isfinite(bound) else "none", "bound: each with its own part of the RAM"),
        ("none" if report.ratio is None else f"{report.ratio:.0%}", _of_the_bound(report)),
        (report.first_to_give, "gives first"),
    ]
    plot = sweeps.underruns(report)
    sections = [
        _section("What to change", tables.suggestions_table(report)),
        _section(
            "Where it breaks",
            _plots([(plot, "Underruns against voices", _what_points(report))]) + _reliefs(report),
        ),
        *(_run(one) for one in report.recordings),
        _section("What was assumed", _assumptions(report)),
    ]
    return _page(
        f"Stress of {report.card}",
        f"{report.device}, {_ram(report.ram_bytes)} of sample RAM, card {report.card_timing.title}",
        sentence=report.sentence,
        mood="",
        keys=keys,
        sections=sections,
    )


def _what_points(report: StressReport) -> str:
    """The card's load without what it does because it has the time."""
    one = report.at_limit
    at = f" With {one.voices} voices the card is busy {one.busy_part:.0%} of the time" if one else ""
    need = one.needed_part if one else None
    load = f"{at}, and {need:.0%} are needed: it reads ahead in the rest." if need is not None else ""
    return f"Each dot is a run of {report.seconds:g} s.{load}"


def _of_the_bound(report: StressReport) -> str:
    """More than all of it is no mistake where voices share what lies in RAM already."""
    if report.ratio is None or report.ratio <= 1 or report.at_limit is None:
        return "of the bound"
    return f"of the bound, as {report.at_limit.hit_part:.0%} of blocks were in RAM already"


def song_page(report: SongReport, card: CardFacts | None = None) -> str:
    """The page of a song that was played once; ``card`` is what its preset says and assumes."""
    count, values = report.underrun_count, report.metrics
    seconds = report.frames / report.rate
    busy = runs.spread(report.recording.busy_part)
    keys = [
        (f"{count:,}", "underruns"),
        (f"{values['voices.peak']:,}", "voices at most"),
        (f"{busy.mean() if len(busy) else 0.0:.0%}", "card busy"),
        (f"{values['cache.hit_rate']:.1%}", "of blocks asked for were in RAM"),
    ]
    sections = [
        _run(report.recording, report.happenings),
        _section("The card's work", _song_work(report)),
        _section("What was assumed", _song_facts(report) + (_declared(card) if card else "")),
        f"<details><summary>All metrics</summary>{tables.metrics_table(values)}</details>",
    ]
    return _page(
        f"{report.midi} on {report.card}",
        f"{report.device}, {seconds:.1f} s" + (f", card {card.title}" if card else ""),
        sentence=report.sentence,
        mood="bad" if count or report.render.counters.dropped else "ok",
        keys=keys,
        sections=sections,
    )


def _song_work(report: SongReport) -> str:
    values = report.metrics
    took = ", ".join(f"{name} {ms:.3g} ms" for name, ms in report.latency_ms.items())
    pairs = [
        ("commands", f"{values['card.reads']:,}"),
        ("read", _mb(int(values["card.read_bytes"]))),
        ("of it in vain", f"{_mb(int(values['reader.wasted_bytes']))}: voices had gone on without it"),
        ("busy", f"{values['card.busy_ms'] / 1000:,.2f} s, the preload of pad heads included"),
        ("needed", f"{report.needed_part:.0%} of the time, for what was read" if report.needed_part else ""),
        ("a command", took),
        ("streams waiting", f"{report.mean_depth:.1f} on average when a command was sent"),
        ("errors", f"{values['card.read_errors']:,}" if values["card.read_errors"] else ""),
    ]
    return tables.facts_list(pairs)


def _song_facts(report: SongReport) -> str:
    given = ((key, str(value)) for key, value in report.options.items() if value not in (None, False))
    return tables.facts_list((key.replace("_", " "), value) for key, value in given)


def _page(
    title: str,
    subtitle: str,
    *,
    sentence: str,
    mood: str,
    keys: Sequence[tuple[str, str]],
    sections: Sequence[str],
) -> str:
    template = Template(files(__package__).joinpath("page.html").read_text("utf-8"))
    return template.substitute(
        title=text(title),
        subtitle=text(subtitle),
        sentence=text(sentence),
        mood=mood,
        keys="".join(f"<div><b>{text(value)}</b><span>{text(what)}</span></div>" for value, what in keys),
        sections="\n".join(sections),
        footer=text(_FOOTER),
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{text(title)}</h2>{body}</section>"


def _plots(drawn: Sequence[tuple[str, str, str]]) -> str:
    shown = "".join(
        f"<figure><figcaption><b>{text(title)}</b></figcaption>{svg}<figcaption>{text(what)}</figcaption></figure>"
        for svg, title, what in drawn
        if svg
    )
    return f'<div class="plots">{shown}</div>'


def _run(recording: Recording, happenings: Sequence[Happening] = ()) -> str:
    """Pictures and tables of one recorded run."""
    drawn = [
        (runs.timeline(recording, happenings), "What happened when", _what_happened(recording)),
        (runs.buffers(recording), "Buffers", _what_buffers(recording)),
        (runs.card(recording), "Card", _what_card(recording)),
        (runs.latency(recording), "Read latency", "How long each command took, queueing left out."),
        (runs.cache(recording), "Cache", _what_cache(recording)),
    ]
    told = f"<h3>What happened, in words</h3>{tables.happenings_list(happenings, recording.rate)}"
    return _section(
        recording.title,
        _plots(drawn)
        + (told if happenings else "")
        + f"<h3>Slack</h3>{tables.slack_table(recording)}"
        + f"<h3>How voices ended</h3>{tables.ends_table(recording)}",
    )


def _what_happened(recording: Recording) -> str:
    count = len(recording.underruns)
    return f"{count:,} underruns. A tick is one, a bar something that lasted." if count else "No underrun."


def _what_buffers(recording: Recording) -> str:
    shown = min(runs.MOST_VOICES, len(recording.voices))
    cut = (
        f"the worst {shown} of {len(recording.voices)} voices"
        if shown < len(recording.voices)
        else "the voices"
    )
    full = f"a full row is {runs.full_row_ms(recording):,.0f} ms or more"
    return (
        f"How long the data of {cut} would have lasted; {full}. Red ticks are underruns; the worst is on top."
    )


def _what_card(recording: Recording) -> str:
    busy = runs.spread(recording.busy_part)
    return f"Busy {busy.mean() if len(busy) else 0.0:.0%} of the time; below, how many streams waited for it."


def _what_cache(recording: Recording) -> str:
    resident = int(recording.resident_bytes[-1]) if len(recording.resident_bytes) else 0
    there = "how often a block was there when a voice first asked for it"
    return f"What lay in RAM ({_mb(resident)} at the end), and {there}."


def _reliefs(report: StressReport) -> str:
    if not report.reliefs:
        return ""
    lines = [f"{one.how}: {one.clean_voices} clean voices" for one in report.reliefs]
    return f"<p>What gives first was found by taking one cost away at a time:</p>{tables.bullets(lines)}"


def _assumptions(report: StressReport) -> str:
    card, kit, bound = report.card_timing, report.kit, report.bound
    pairs = [
        ("card", f"{card.name}: {card.title}"),
        ("command time", f"{card.command_ms:g} ms"),
        ("speed", f"{card.mb_per_s:g} MB/s" if card.mb_per_s else "without limit"),
        ("spikes", card.spikes or "none"),
        ("sample RAM", f"{_ram(report.ram_bytes)}, {_ram(report.pinned_bytes)} of it pinned"),
        (
            "samples",
            f"{kit.samples} on {kit.pads} pads, {_mb(kit.bytes)}, {kit.fragmented} in several pieces",
        ),
        ("a voice", f"{kit.voice_bytes_per_s / 1000:,.1f} kB/s on average"),
        ("longest transfer", f"{bound.transfer_bytes / 1000:,.1f} kB at the bound"),
        ("order of reads", report.schedule),
        ("each run", f"{report.seconds:g} s, after {report.warm_s:g} s in which the buffers fill"),
        ("seed", str(report.seed)),
        *((f"{report.clean_voices} voices", _outcome(one)) for one in [report.at_limit] if one),
        *((f"{one.voices} voices", _outcome(one)) for one in [report.beyond] if one),
    ]
    return tables.facts_list(pairs) + _declared(card)


def _declared(card: CardFacts) -> str:
    declared = f"<h3>The preset assumes</h3>{tables.bullets(card.assumptions)}" if card.assumptions else ""
    sources = f"<h3>Its sources</h3>{tables.bullets(card.sources)}" if card.sources else ""
    return declared + sources


def _outcome(one: Outcome) -> str:
    causes = ", ".join(f"{count:,} {cause}" for cause, count in one.causes.items())
    parts = [
        f"{one.underruns:,} underruns" + (f" ({causes})" if causes else ""),
        f"card busy {one.busy_part:.0%}" + _needed(one.needed_part),
        f"{one.mean_transfer_bytes / 1000:,.1f} kB a command",
        f"{_mb(one.wasted_bytes)} read in vain",
    ]
    if one.least_slack_ms is not None:
        parts.append(f"least slack {one.least_slack_ms:,.1f} ms")
    if one.mean_depth is not None:
        parts.append(f"{one.mean_depth:.1f} streams waiting on average")
    return "; ".join(parts)


def _needed(part: float | None) -> str:
    """Beside how long the card was busy, which says little once it reads ahead."""
    return "" if part is None else f", {part:.0%} of the time needed"


def _ram(size_bytes: int) -> str:
    """As users give it: 8M are 8 times 2^20 bytes."""
    return f"{size_bytes / (1 << 20):,.4g} MB"


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"
