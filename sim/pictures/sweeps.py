"""The plot of a sweep: underruns against voices."""

from __future__ import annotations

import math

from sim.pictures.svg import ACCENT, BAD, GOOD, SOFT, picture, whole_numbers
from sim.stress.report import StressReport

_LEAST_TOP = 100  # where nothing underran, that shows as a line at the bottom


def underruns(report: StressReport) -> str:
    """Underruns of each number of voices that was tried, with limit and bound; empty where none was."""
    if not report.points:
        return ""
    points = sorted(report.points, key=lambda one: one.voices)
    with picture("underruns", "Underruns against voices", 2.7) as made:
        (axes,) = made.axes()
        axes.plot([p.voices for p in points], [p.underruns for p in points], color=ACCENT, zorder=1)
        for clean, colour, name in ((True, GOOD, "clean"), (False, BAD, "underruns")):
            shown = [(p.voices, p.underruns) for p in points if (p.underruns == 0) == clean]
            if shown:
                axes.plot(*zip(*shown, strict=True), "o", color=colour, label=name, clip_on=False, zorder=3)
        axes.axvline(report.clean_voices, color=GOOD, linestyle="--", label=f"limit {report.clean_voices}")
        most = max(points[-1].voices, report.clean_voices)
        if math.isfinite(report.bound.voices) and report.bound.voices <= 1.5 * most:
            axes.axvline(
                report.bound.voices, color=SOFT, linestyle=":", label=f"bound {report.bound.voices:.1f}"
            )
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(-0.15, max(_LEAST_TOP, 1.5 * max(p.underruns for p in points)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel("voices at once")
        axes.set_ylabel("underruns")
        whole_numbers(axes.xaxis)
        axes.grid()
        axes.legend(loc="upper left")
    return made.svg
