"""A stress run's report for people, line by line."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sim.stress.click import Click
from sim.stress.report import Bound, Outcome, StressReport
from sim.stress.song import SongReport

_BAR = 40  # characters
_SHOWN = 10  # suggestions
_TELLING_HITS = 0.01


def lines(report: StressReport, clicks: list[Click]) -> Iterator[str]:
    """The report; its last line is the result in one sentence."""
    yield f"{report.card}, as {report.device}"
    for name, text in _facts(report):
        yield f"  {name:<12} {text}"
    for assumption in report.card_timing.assumptions:
        yield f"  {'assumed':<12} {assumption}"
    yield ""
    yield f"Underruns in {report.seconds:g} s, by voices:"
    yield from _ladder(report)
    if report.at_limit is not None:
        yield ""
        yield f"At {report.clean_voices} voices: {_outcome(report.at_limit)}."
    if report.beyond is not None:
        yield f"At {report.beyond.voices}: {_outcome(report.beyond)}."
    if report.reliefs:
        yield ""
        yield "What gives first, by making one cost less:"
        for relief in report.reliefs:
            yield f"  {relief.how:<36} {_gain(relief.clean_voices, report.clean_voices)}"
    if report.suggestions:
        yield ""
        yield "What would help, each tried:"
        for one in report.suggestions[:_SHOWN]:
            yield f"  {one.change:<36} {_gain(one.clean_voices, report.clean_voices)}"
    if any(one.misses for one in clicks):
        yield ""
        yield "A miss clicks (largest step beyond the signal's own): " + ", ".join(
            f"{one.on_miss} {click_text(one)}" for one in clicks
        )
    yield ""
    yield report.sentence


def song_lines(report: SongReport, card: str) -> Iterator[str]:
    """A song's report; its last line is what happened, and why."""
    played, rate = report.render, report.render.rate
    yield f"{report.midi} on {report.card}, as {played.device}"
    yield f"  {'card timing':<12} {card}"
    for name, text in played.lines():
        if name not in ("peak", "speed", "sha256"):
            yield f"  {name:<12} {text}"
    if report.latency_ms:
        took = ", ".join(f"{name} {ms:g} ms" for name, ms in report.latency_ms.items())
        yield f"  {'commands':<12} {took}; {report.mean_depth:g} streams waiting on average"
    if report.needed_part:
        yield f"  {'needed':<12} {report.needed_part:.0%} of the card's time, for what was read"
    yield f"  {'cache':<12} {report.metrics['cache.hit_rate']:.1%} of the blocks were in RAM already"
    ends = ", ".join(f"{cause.replace('_', ' ')} {count:,}" for cause, count in report.ends.items())
    yield f"  {'voices ended':<12} {ends or 'none'}"
    if report.slack:
        yield ""
        yield "Least time to an underrun, by pad:"
        for one in report.slack[:_SHOWN]:
            yield f"  {one.pad:<6} {_ms(one.least_ms):>10} (first percentile {_ms(one.p1_ms)})"
    for alert in report.alerts[:_SHOWN]:
        yield f"  at {alert.frame / rate:.3f} s: {alert.text}"
    yield ""
    yield report.sentence


def _underruns(count: int) -> str:
    return f"{count:,} underrun{'' if count == 1 else 's'}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f} ms"


def click_text(click: Click) -> str:
    """A click's size for people."""
    return f"{20 * math.log10(click.step):.0f} dBFS" if click.step else "none"


def _facts(report: StressReport) -> Iterator[tuple[str, str]]:
    card, kit, bound = report.card_timing, report.kit, report.bound
    speed = f"{card.mb_per_s:g} MB/s" if card.mb_per_s else "any speed"
    yield "card", f"{card.title}: {card.command_ms:g} ms a command, {speed}"
    if card.spikes:
        yield "spikes", card.spikes
    broken = f", {kit.fragmented} fragmented ({kit.pieces:,} pieces)" if kit.fragmented else ""
    yield "kit", f"{kit.pads} pads, {kit.samples} files, {kit.bytes / 1e6:,.1f} MB{broken}"
    yield "a voice", f"{kit.voice_bytes_per_s / 1000:,.1f} KB/s on average"
    yield "RAM", _ram(report)
    yield "order", f"{report.schedule} first"
    if math.isinf(bound.voices):
        yield "bound", "none: the card takes no time"
        return
    ratio = f"; measured ÷ bound {report.ratio:.3f}" if report.ratio is not None else ""
    yield "bound", f"{bound.voices:.2f} voices, by transfers of {bound.transfer_bytes / 1024:,.1f} KB{ratio}"
    if report.at_limit is not None and report.clean_voices > bound.voices:
        yield "", _over_the_bound(report.at_limit, bound)


def _over_the_bound(outcome: Outcome, bound: Bound) -> str:
    """Why there can be more voices than where each streams through a part of the RAM of its own."""
    why = []
    if outcome.hit_part >= _TELLING_HITS:
        why.append(f"{outcome.hit_part:.0%} of the blocks were in RAM already")
    if outcome.mean_transfer_bytes > bound.ram_bytes / outcome.voices:
        why.append(
            f"voices lent each other room for transfers of {outcome.mean_transfer_bytes / 1024:,.1f} KB"
        )
    return f"over the bound because {' and '.join(why)}" if why else "over the bound in so short a time"


def _ram(report: StressReport) -> str:
    text = f"{report.ram_bytes / (1 << 20):g} MB"
    if report.pinned_bytes:
        return f"{text}, {report.pinned_bytes / (1 << 20):.1f} MB of it pinned for pad heads"
    return f"{text}, no pad heads pinned (--heads pins them)"


def _ladder(report: StressReport) -> Iterator[str]:
    most = max((one.underruns for one in report.points), default=0)
    for one in report.points:
        scale = math.log1p(one.underruns) / math.log1p(most) if most else 0.0
        bar = "#" * math.ceil(scale * _BAR)
        busy = f"card busy {one.busy_part:>4.0%}, needed {one.needed_part:>4.0%}"
        yield f"  {one.voices:>5} {one.underruns:>8,}  {busy}  {bar}".rstrip()


def _outcome(outcome: Outcome) -> str:
    causes = ", ".join(f"{cause} {count:,}" for cause, count in outcome.causes.items())
    text = _underruns(outcome.underruns) + (f" ({causes})" if causes else "")
    needed = "" if outcome.needed_part is None else f" ({outcome.needed_part:.0%} needed)"
    text += f", card busy {outcome.busy_part:.0%}{needed}, {outcome.reads:,} reads of"
    text += f" {outcome.mean_transfer_bytes / 1024:.1f} KB, {outcome.hit_part:.0%} of blocks in RAM already"
    if outcome.least_slack_ms is not None:
        text += f", least slack {outcome.least_slack_ms:.1f} ms"
    return text


def _gain(voices: int, clean: int) -> str:
    return f"{voices:>5} voices ({voices - clean:+d})"
