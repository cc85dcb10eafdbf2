"""Plots of one run over its time: buffers, card, latency, cache, what happened when."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from native.types import Cause, EndCause
from sim.pictures.svg import ACCENT, BAD, FILL, GOOD, INK, SOFT, WARN, picture, plain, whole_numbers
from sim.stress.report import Recording
from sim.watching import Happening

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_VOICES = 40  # whose buffers are drawn; the worst ones
OWN_ENDS = frozenset((EndCause.END, EndCause.RELEASED))  # the music's doing, nobody else's
_COLUMNS = 180  # as many points as a phone shows
_MOST_MARKS = 400  # of one kind in a row
_BINS_PER_DECADE = 20

Floats = NDArray[np.float64]


def buffers(recording: Recording) -> str:
    """A row for each voice: how long its data would have lasted, and where it ran out."""
    order = worst_first(recording)[:MOST_VOICES]
    if not order:
        return ""
    times, levels = _buckets(recording, recording.slack_ms[:, order].astype(np.float64))
    top = _full_ms(levels)
    label = f"Buffers of {len(order)} voices over time; a full row is {top:.0f} ms"
    with picture("buffers", label, 0.9 + 0.17 * max(8, len(order))) as made:
        (axes,) = made.axes()
        for row, column in enumerate(order):
            level = np.minimum(np.nan_to_num(levels[:, row]), top) / top * 0.86
            base = np.full_like(level, -float(row))
            axes.fill_between(times, base, base + level, color=FILL, linewidth=0, step="pre")
            runs = [(one.frame / recording.rate) for one in recording.underruns if one.tag == column]
            _marks(axes, _thin(runs), -row + 0.3, BAD)
        axes.set_yticks([-row + 0.3 for row in range(len(order))])
        names = [plain(recording.voices[column].split(" ")[0], 10) for column in order]
        axes.set_yticklabels(names, fontsize=10)
        axes.set_ylim(-len(order) + 0.8, 1.1)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        _seconds(axes, recording)
    return made.svg


def full_row_ms(recording: Recording) -> float:
    """What fills a row of `buffers`: hardly any point of what is drawn lies above."""
    order = worst_first(recording)[:MOST_VOICES]
    return _full_ms(_buckets(recording, recording.slack_ms[:, order].astype(np.float64))[1])


def _full_ms(levels: Floats) -> float:
    """By the lowest of each voice in each stretch, which is what is drawn."""
    reached = levels[np.isfinite(levels)]
    return float(np.percentile(reached, 99)) if len(reached) and reached.max() > 0 else 1.0


def card(recording: Recording) -> str:
    """How busy the card was, and how many streams waited for it."""
    times, busy = _buckets(recording, spread(recording.busy_part)[:, None], np.nanmean)
    with picture("card", "Card busy time and reader queue depth over time", 3.0) as made:
        top, bottom = made.axes(2, (1.4, 1.0))
        top.fill_between(times, busy[:, 0] * 100, color=FILL, linewidth=0, step="pre")
        top.plot(times, busy[:, 0] * 100, color=ACCENT, drawstyle="steps-pre")
        top.set_ylim(0, 104)
        top.set_ylabel("busy, %")
        top.grid(axis="y")
        commands = recording.commands
        if len(commands):
            at, depth = _most(commands["start_ns"] / 1e9, commands["depth"], recording)
            bottom.plot(at, depth, color=WARN, drawstyle="steps-pre")
        bottom.set_ylim(bottom=0)
        bottom.set_ylabel("queue")
        bottom.grid(axis="y")
        whole_numbers(bottom.yaxis)
        _seconds(bottom, recording)
    return made.svg


def latency(recording: Recording) -> str:
    """How long commands took, as a distribution; empty where no command took any time."""
    took = latencies_ms(recording)
    if not len(took):
        return ""
    low, high = np.floor(np.log10(took.min()) * 4) / 4, np.ceil(np.log10(took.max()) * 4 + 1e-9) / 4
    bins = np.logspace(low, high, max(2, round((high - low) * _BINS_PER_DECADE)) + 1)
    with picture("latency", "Distribution of the time that read commands took", 2.6) as made:
        (axes,) = made.axes()
        axes.hist(took, bins=bins.tolist(), color=FILL, log=True)
        for part, name, colour in ((50, "p50", GOOD), (99, "p99", WARN), (100, "max", BAD)):
            value = float(np.percentile(took, part))
            axes.axvline(value, color=colour, label=f"{name} {value:.3g} ms")
        axes.set_xscale("log")
        axes.set_ylim(bottom=0.7)
        axes.set_xlabel("ms a command")
        axes.set_ylabel("commands")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(lambda *_: "")
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, 1.2), ncols=3, columnspacing=1.0, handlelength=1.0
        )
    return made.svg


def cache(recording: Recording) -> str:
    """What lay in RAM, and how often a voice found its block there."""
    megabytes = np.stack([recording.resident_bytes, recording.pinned_bytes], axis=1).astype(np.float64) / 1e6
    times, held = _buckets(recording, megabytes, np.nanmean)
    _, hit = _buckets(recording, recording.hit_part[:, None].astype(np.float64), np.nanmean)
    with picture("cache", "Bytes resident and pinned in the cache, and its hit rate, over time", 3.0) as made:
        top, bottom = made.axes(2, (1.4, 1.0))
        top.plot(times, held[:, 0], color=ACCENT, drawstyle="steps-pre", label="resident")
        top.fill_between(times, held[:, 1], color=FILL, linewidth=0, step="pre", label="pinned")
        top.set_ylim(0, max(0.1, float(held.max(initial=0.0)) * 1.1))
        top.set_ylabel("MB")
        top.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
        top.grid(axis="y")
        bottom.plot(times, hit[:, 0] * 100, color=GOOD, drawstyle="steps-pre")
        bottom.set_ylim(0, 104)
        bottom.set_ylabel("hits, %")
        bottom.grid(axis="y")
        _seconds(bottom, recording)
    return made.svg


def timeline(recording: Recording, happenings: Sequence[Happening]) -> str:
    """What happened when, a row for each kind; empty where nothing did."""
    rows = timeline_rows(recording, happenings)
    if not rows:
        return ""
    with picture("timeline", "What happened when", 0.75 + 0.3 * len(rows)) as made:
        (axes,) = made.axes()
        for row, (_, colour, spans) in enumerate(rows):
            points = [begin for begin, end in spans if end <= begin]
            _marks(axes, _thin(points), -row, colour, 11)
            long = [(begin, end - begin) for begin, end in spans if end > begin]
            axes.broken_barh(long, (-row - 0.3, 0.6), facecolors=colour, linewidth=0)
        axes.set_yticks([-row for row in range(len(rows))])
        axes.set_yticklabels([plain(name) for name, _, _ in rows])
        axes.set_ylim(-len(rows) + 0.4, 0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        _seconds(axes, recording)
    return made.svg


def timeline_rows(
    recording: Recording, happenings: Sequence[Happening]
) -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Name, colour and spans in seconds of each kind of thing that happened at least once."""
    rate = recording.rate
    rows = [
        (f"{kind}s", colour, [(one.frame / rate, one.until / rate) for one in happenings if one.kind == kind])
        for kind, colour in (("fault", WARN), ("alert", BAD), ("note", SOFT))
    ]
    for cause in Cause:
        found = [one.frame / rate for one in recording.underruns if one.cause == cause]
        rows.append((f"underrun: {words(cause.name)}", BAD, [(at, at) for at in found]))
    for end in EndCause:
        if end not in OWN_ENDS:
            found = [one.frame / rate for one in recording.ends if one.cause == end]
            rows.append((f"ended: {words(end.name)}", INK, [(at, at) for at in found]))
    return [row for row in rows if row[2]]


def latencies_ms(recording: Recording) -> Floats:
    """How long each command took, of those that took any time."""
    commands = recording.commands
    if not len(commands):
        return np.empty(0)
    took = (commands["done_ns"] - commands["start_ns"]).astype(np.float64) / 1e6
    return np.asarray(took[took > 0], np.float64)


def worst_first(recording: Recording) -> list[int]:
    """The columns by underruns, then by least slack."""
    counts = np.bincount([one.tag for one in recording.underruns], minlength=len(recording.voices))
    slack = np.where(np.isnan(recording.slack_ms), np.inf, recording.slack_ms).min(axis=0, initial=np.inf)
    return sorted(range(len(recording.voices)), key=lambda column: (-counts[column], slack[column], column))


def spread(busy: NDArray[np.float32]) -> Floats:
    """Busy parts of time, none beyond 1: a command is charged where it begins and may last for longer."""
    left, out = 0.0, np.empty(len(busy))
    for at, part in enumerate(busy):
        left += float(part)
        out[at] = min(left, 1.0)
        left -= out[at]
    return out


def words(name: str) -> str:
    """An enumeration's name for people."""
    return name.lower().replace("_", " ")


def _buckets(recording: Recording, values: Floats, fold: Any = np.nanmin) -> tuple[Floats, Floats]:
    """Times in seconds and values, of shape (times, columns), with at most `_COLUMNS` times."""
    times = recording.marks.astype(np.float64) / recording.rate
    edges = np.unique(np.linspace(0, len(times), min(_COLUMNS, len(times)) + 1).astype(int))
    out = np.full((len(edges) - 1, values.shape[1]), np.nan)
    for at, (begin, end) in enumerate(itertools.pairwise(edges)):
        known = ~np.isnan(values[begin:end]).all(axis=0)
        out[at, known] = fold(values[begin:end, known], axis=0)
    return times[edges[1:] - 1], out


def _most(at: Floats, values: NDArray[Any], recording: Recording) -> tuple[Floats, Floats]:
    """The largest value in each stretch of the run."""
    end = float(recording.marks[-1]) / recording.rate if len(recording.marks) else 1.0
    edges = np.linspace(recording.begins / recording.rate, end, _COLUMNS + 1)
    where = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, _COLUMNS - 1)
    out = np.zeros(_COLUMNS)
    np.maximum.at(out, where, values.astype(np.float64))
    return edges[1:], out


def _thin(points: Sequence[float]) -> list[float]:
    """At most `_MOST_MARKS` of the points, the first and the last among them."""
    if len(points) <= _MOST_MARKS:
        return list(points)
    return [points[at] for at in np.linspace(0, len(points) - 1, _MOST_MARKS).astype(int)]


def _marks(axes: Axes, points: Sequence[float], row: float, colour: str, size: float = 7) -> None:
    axes.plot(points, [row] * len(points), "|", color=colour, markersize=size, markeredgewidth=1.3)


def _seconds(axes: Axes, recording: Recording) -> None:
    end = float(recording.marks[-1]) / recording.rate if len(recording.marks) else 1.0
    axes.set_xlim(recording.begins / recording.rate, end)
    axes.set_xlabel("seconds")
