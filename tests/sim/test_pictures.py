"""Pages and plots: true to the run, self-contained, the same bytes for the same run, memory bounded."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from picture_runs import COMMAND, NAMES, RATE, Made, recording, stress_report

from native.types import Cause, Counters, EndCause, Underrun
from sim.metrics import Tally, of_counters
from sim.monitor import Alert, Trouble
from sim.pictures import recorder as recorder_module
from sim.pictures import runs, sweeps, tables
from sim.pictures.page import song_page, stress_page
from sim.pictures.recorder import Recorder
from sim.pictures.svg import BAD, picture, plain
from sim.report import CardUse, RenderReport, UnderrunLine
from sim.stress.report import Recording
from sim.stress.song import SongReport
from sim.watching import Glance, Happening

VOID = {"meta", "progress", "br", "path", "use"}
CLOSED_BY_OTHERS = {"li", "td", "th", "tr", "thead", "tbody", "dt", "dd"}


class Nesting(HTMLParser):
    """Fails where a tag is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.told = ""
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for key, value in attrs if key in ("src", "href", "xlink:href")]
        if tag not in VOID | CLOSED_BY_OTHERS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID | CLOSED_BY_OTHERS:
            assert self.open.pop() == tag, self.getpos()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for key, value in attrs if key in ("src", "href", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.told += data


def read(page: str) -> Nesting:
    parser = Nesting()
    parser.feed(page)
    parser.close()
    assert not parser.open
    return parser


@pytest.fixture(scope="module")
def run() -> Recording:
    return recording(Made(8, 4.0), "8 voices")


@pytest.fixture(scope="module")
def page(run: Recording) -> str:
    return stress_page(stress_report(run))


def song_report(run: Recording, underruns: bool = True) -> SongReport:
    """A song's report as `stress --midi` makes it."""
    tally = Tally()
    for glance in Made(8, 4.0).glances():
        tally(glance)
    count = len(run.underruns) if underruns else 0
    counters = replace(Counters(), underruns=count, frames=4 * RATE)
    lines = [UnderrunLine(one.frame, f"A{one.tag + 1}", "x", "late") for one in run.underruns[:count]]
    card = CardUse(1, 2, 3.0)
    played = RenderReport("generic", RATE, 4 * RATE, counters, card, 0.0, 0, lines, 8, [], {}, 1.25)
    alerts = [Alert(9_600, "raised", Trouble.CARD_GONE, True, "all of <4> reads failed")] * underruns
    return SongReport(
        card="kit.img",
        midi="song <1>.mid",
        render=played,
        metrics=tally.values(),
        ends={},
        slack=(),
        latency_ms={},
        mean_depth=1.0,
        alerts=tuple(alerts),
        recording=run,
        options={"seed": 7, "policy": "lru", "overload": None},
    )


@pytest.fixture(scope="module")
def song(run: Recording) -> str:
    return song_page(song_report(run), stress_report().card_timing)


def test_a_page_is_well_formed_and_needs_nothing_else(page: str, song: str):
    for one in (page, song):
        links = read(one).links
        assert links
        assert all(link.startswith("#") for link in links)
        assert "<script" not in one
        assert not re.search(r"url\((?!#)|@import|<link|<img|<iframe", one)
        assert "default-src 'none'" in one
        assert 'content="width=device-width' in one


def test_the_same_run_is_the_same_page(page: str):
    assert stress_page(stress_report(recording(Made(8, 4.0), "8 voices"))) == page


def test_every_plot_is_there_and_is_valid_svg(page: str):
    plots = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(plots) == 6
    for one in plots:
        root = ET.fromstring(one.replace("<svg", '<svg xmlns:xlink="x"', 1))
        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert len(list(root.iter("text"))) > 2 or len(list(root.iter())) > 20


def test_colours_follow_the_page(page: str):
    assert not re.search(r"#0[1-9]0[1-9]0[1-9]", page)
    used = set(re.findall(r"var\(--(\w+)\)", page))
    declared = set(re.findall(r"--(\w+):", page))
    assert used <= declared
    assert {"fill", "bad", "good", "soft", "line"} <= used
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        fixed = set(re.findall(r"#[0-9a-f]{6}\b", svg))
        assert not fixed, "a colour that does not change with light and dark"


def test_references_within_a_plot_lead_somewhere(page: str):
    ids = set(re.findall(r'\bid="([^"]+)"', page))
    wanted = {link.removeprefix("#") for link in read(page).links} | set(re.findall(r"url\(#([^)]+)\)", page))
    assert wanted <= ids


def test_the_page_tells_what_was_found(page: str):
    told = " ".join(read(page).told.split())
    report = stress_report()
    for expected in (
        report.sentence,
        "bandwidth",
        "15.2",
        "92%",
        "a1 card",
        "+22",
        "Spikes are an assumption",
        "iozone on three cards",
        "kit <b>.img",
        "8 voices",
        "twice the bandwidth",
        "60 late, 1 cold",
    ):
        assert expected in told
    assert "kit <b>" not in page, "what comes from outside is escaped"


def test_the_song_page_tells_what_happened(song: str):
    told = " ".join(read(song).told.split())
    for expected in (
        "song <1>.mid on kit.img",
        "card gone (all of <4> reads failed)",
        "0.200",
        "voices.underruns_late",
        "Spikes are an assumption",
        "Class 10 card",
        "policylru",
    ):
        assert expected in told
    assert "<dt>overload" not in song
    assert "times real time" not in told, "how fast the machine was is no matter of the song"
    assert 'class="verdict bad"' in song


def test_a_song_without_underruns_says_so(run: Recording):
    page = song_page(song_report(replace(run, underruns=()), underruns=False))
    assert 'class="verdict ok">No underrun: every voice had its data in time.' in page


def dots(svg: str, colour: str) -> int:
    """How many dots of a colour a plot has."""
    return len(re.findall(rf'<use [^>]*style="fill: var\(--{colour}\)', svg))


def marks(svg: str, colour: str) -> int:
    """How many markers of a colour a plot has."""
    return len(re.findall(rf"<use [^>]*style=\"[^\"]*stroke: var\(--{colour}\)[^\"]*stroke-width: 1.3", svg))


def test_each_underrun_is_marked_at_its_voice(run: Recording):
    assert len(run.underruns) > 3
    assert marks(runs.buffers(run), "bad") == len(run.underruns)


def test_only_the_worst_voices_are_drawn_and_they_come_first():
    many = recording(Made(60, 4.0, spike_ms=30.0))
    dry = Underrun(500, 42, 42, Cause.LATE)
    many = replace(many, underruns=(dry, dry))
    assert runs.worst_first(many)[0] == 42
    drawn = runs.buffers(many)
    assert ">A43<" in drawn
    assert drawn.count(">A") == runs.MOST_VOICES


def test_rows_are_scaled_to_what_voices_reach_when_it_is_tight(run: Recording):
    rows = len(run.marks)
    assert rows > 360, "at least two in each stretch that is drawn"
    saw = np.where(np.arange(rows) % 2 == 0, 40.0, 400.0)[:, None].astype(np.float32)
    assert runs.full_row_ms(replace(run, slack_ms=np.broadcast_to(saw, run.slack_ms.shape))) == 40.0


def test_the_card_is_never_more_than_busy():
    busy = runs.spread(np.array([0.5, 3.2, 0.1, 0.1, 0.0], np.float32))
    assert busy == pytest.approx([0.5, 1.0, 1.0, 1.0, 0.4])  # a long command lasts into the time that follows


def test_the_latency_plot_says_percentiles(run: Recording):
    took = runs.latencies_ms(run)
    assert len(took) == len(run.commands)
    drawn = runs.latency(run)
    assert f"p99 {np.percentile(took, 99):.3g} ms" in drawn
    assert f"max {took.max():.3g} ms" in drawn


def test_a_card_that_takes_no_time_has_no_latency(run: Recording):
    commands = run.commands.copy()
    commands["done_ns"] = commands["start_ns"]
    assert runs.latency(replace(run, commands=commands)) == ""
    assert runs.latency(replace(run, commands=commands[:0])) == ""
    page = stress_page(stress_report(replace(run, commands=commands[:0])))
    assert "Read latency" not in page


def test_the_time_line_has_a_row_for_each_kind(run: Recording):
    fault = Happening("fault", 4_800, 9_600, "x")
    rows = {name: spans for name, _, spans in runs.timeline_rows(run, [fault])}
    assert rows["faults"] == [(0.1, 0.2)]
    assert len(rows["underrun: late"]) == len(run.underruns)
    assert len(rows["ended: stolen"]) == sum(end.cause is EndCause.STOLEN for end in run.ends)
    assert "ended: end" not in rows
    assert runs.timeline(replace(run, underruns=(), ends=()), []) == ""


def test_slack_is_of_every_voice_the_worst_first(run: Recording):
    found = tables.slacks(run)
    assert sorted(one.voice for one in found) == sorted(run.voices)
    counts = [one.underruns for one in found]
    assert counts == sorted(counts, reverse=True)
    late = next(end for end in run.ends if end.cause is EndCause.LATE)
    ended = next(one for one in found if one.voice == run.voices[late.tag])
    assert ended.least_ms == 0.0 < np.nanmin(run.slack_ms[:, late.tag]), "only its end tells"
    assert ended.p1_ms == 0.0, "and its first percentile is the engine's"
    lasting = next(one for one in found if one.voice.startswith("A8 "))
    column = run.voices.index(lasting.voice)
    assert lasting.least_ms == pytest.approx(float(np.nanmin(run.slack_ms[:, column])))
    assert lasting.p1_ms is not None
    assert lasting.p1_ms >= (lasting.least_ms or 0)


def test_every_end_that_is_not_the_musics_is_listed_with_its_cause(run: Recording):
    odd = [end for end in run.ends if end.cause not in runs.OWN_ENDS]
    own = replace(run.ends[0], cause=EndCause.RELEASED)
    table = tables.ends_table(replace(run, ends=(*run.ends, own)))
    assert table.count("<tr>") - 1 == len(odd)
    assert "1 released" in table
    assert "<td>stolen" in table
    assert "no voice ended" in tables.ends_table(replace(run, ends=())).lower()


def test_a_sweep_without_a_bound_or_points_is_still_a_page():
    report = stress_report()
    endless = replace(report, bound=replace(report.bound, voices=float("inf")), points=(), suggestions=())
    told = read(stress_page(endless)).told
    assert "Nothing that was tried" in told
    assert sweeps.underruns(endless) == ""


def test_a_sweep_in_which_nothing_broke_says_so():
    points = tuple(replace(point, underruns=0) for point in stress_report().points)
    calm = replace(stress_report(), points=points, limited="asked", suggestions=())
    told = read(stress_page(calm)).told
    assert "Nothing was tried: no number of voices underran." in told
    drawn, broken = sweeps.underruns(calm), sweeps.underruns(stress_report())
    assert dots(drawn, "bad") == 0 < dots(broken, "bad")
    assert dots(drawn, "good") > dots(broken, "good")


def test_an_empty_run_is_still_a_page():
    empty = Recorder("nothing", RATE, NAMES).recording()
    assert empty.slack_ms.shape == (0, 0)
    read(stress_page(stress_report(empty)))


def test_text_for_plots_is_what_every_font_has():
    assert plain("A1 ✕\n") == "A1 ??"
    assert plain("x" * 30, 10) == "xxxxxxxx.."
    with picture("name", 'a "label" <x>') as made:
        (axes,) = made.axes()
        axes.plot([1, 2], [1, 2], color=BAD)
        axes.set_xlabel(plain("$\\alpha$ & <b>"))
    assert "&amp;lt;" not in made.svg
    assert "$\\alpha$ &amp; &lt;b&gt;" in made.svg
    assert 'aria-label="a &quot;label&quot; &lt;x&gt;"' in made.svg


def test_the_users_own_plot_settings_change_nothing(run: Recording):
    import matplotlib as mpl  # noqa: PLC0415

    drawn = runs.card(run)
    with mpl.rc_context({"axes.grid": True, "font.size": 30, "lines.linewidth": 9}):
        assert runs.card(run) == drawn
        assert mpl.rcParams["font.size"] == 30


def test_matplotlib_is_loaded_only_to_draw():
    code = "import sim.pictures.page, sim.tracing, sim.monitor, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def glances_of(frames: int, count: int) -> list[Glance]:
    commands = np.zeros(3, COMMAND)
    made, before = [], Counters()
    for at in range(count):
        commands["offset"] = [at * 3, at * 3 + 1, at * 3 + 2]
        now = Counters(
            frames=(at + 1) * frames, hits=before.hits + 3, misses=before.misses + 1, busy_ms=at + 1.0
        )
        made.append(Glance(at * frames, (at + 1) * frames, before, now, [], commands.copy(), [], []))
        before = now
    return made


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 17, 100, 1_000])
def test_a_recording_is_bounded_and_sums_are_kept(count: int):
    kept = Recorder("long", RATE, NAMES, rows=8)
    for glance in glances_of(480, count):
        kept(glance)
    made = kept.recording()
    assert len(made.marks) <= 8
    assert made.marks[-1] == count * 480
    spans_ms = np.diff(made.marks.astype(float), prepend=0) * 1000 / RATE
    assert (made.busy_part * spans_ms).sum() == pytest.approx(count, rel=1e-5)
    assert made.hit_part == pytest.approx(0.75)


def test_commands_are_thinned_out_evenly(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recorder_module, "MOST_COMMANDS", 50)
    kept = Recorder("long", RATE, NAMES)
    for glance in glances_of(480, 100):
        kept(glance)
    offsets = kept.recording().commands["offset"].astype(int)
    assert 25 <= len(offsets) <= 53
    assert offsets.tolist() == list(range(0, 300, offsets[1]))


def test_what_is_before_the_run_is_not_in_it():
    """The preload is card use of no time at all."""
    first = replace(glances_of(480, 1)[0], before=Counters(busy_ms=100.0), counters=Counters(busy_ms=101.0))
    kept = Recorder("x", RATE, NAMES)
    kept(first)
    assert kept.recording().busy_part[0] == pytest.approx(0.1)
    assert of_counters(first.counters)["card.busy_ms"] == 101.0
