"""Figures drawn by matplotlib, as SVG that lies in a page: its colours are the page's, light or dark.

matplotlib knows fixed colours only, so each is drawn in one that stands for a CSS variable, and replaced.
The same data give the same bytes: no time, no chance, no machine's fonts (text stays text).
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sim.check.markup import text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

INK, SOFT, LINE, ACCENT, FILL = "#010101", "#020202", "#030303", "#040404", "#050505"
BAD, WARN, GOOD, CARD = "#060606", "#070707", "#080808", "#090909"
_VARIABLES = {
    INK: "ink",
    SOFT: "soft",
    LINE: "line",
    ACCENT: "accent",
    FILL: "fill",
    BAD: "bad",
    WARN: "warn",
    GOOD: "good",
    CARD: "card",
}
WIDTH = 5.0  # inches of 72 units: a phone's width, so that text is shown in the size it has here
_STYLE: Any = {  # matplotlib types the names one by one
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.labelcolor": SOFT,
    "axes.labelsize": 11.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": False,
    "figure.facecolor": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 11.5,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.fontsize": 11,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.4,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": LINE,
    "xtick.labelcolor": SOFT,
    "xtick.labelsize": 11.5,
    "ytick.color": LINE,
    "ytick.labelcolor": SOFT,
    "ytick.labelsize": 11.5,
}


class Picture:
    """A figure while it is drawn, and its SVG afterwards."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.svg = ""

    def axes(self, rows: int = 1, heights: tuple[float, ...] = ()) -> list[Axes]:
        """``rows`` plots above each other that share their x axis."""
        ratios = list(heights) or [1.0] * rows
        made = self.figure.subplots(rows, 1, sharex=True, squeeze=False, height_ratios=ratios)
        return [made[row, 0] for row in range(rows)]


@contextmanager
def picture(name: str, label: str, height: float = 2.6) -> Iterator[Picture]:
    """Draw a figure; its ``svg`` is set on leaving. ``label`` says what it is to those who do not see it."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where it keeps its fonts is no news for a user
    import matplotlib as mpl  # noqa: PLC0415  slow to import, and needed for pictures only
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context():
        mpl.rcdefaults()  # not what a user's file says
        mpl.rcParams.update({**_STYLE, "svg.hashsalt": name})
        made = Picture(Figure((WIDTH, height), layout="constrained"))
        yield made
        made.svg = _svg(made.figure, label)


def plain(of: str, most: int = 24) -> str:
    """Text that every font has, cut to ``most`` characters."""
    shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in of)
    return shown if len(shown) <= most else f"{shown[: most - 2]}.."


def whole_numbers(axis: Axis) -> None:
    """Label an axis at whole numbers only."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  see `picture`

    axis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))


def _svg(figure: Figure, label: str) -> str:
    out = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(out, format="svg", metadata=nothing)
    drawn = out.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", drawn, flags=re.DOTALL)  # it is in the page's
    drawn = re.sub(r'<g id="[^"]*"', "<g", drawn)  # nothing refers to groups, and other figures have the same
    drawn = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\d\.\d)\d+", r"\1", tag[0]), drawn)
    drawn = re.sub(r"\s*\n\s*", "\n", drawn)
    drawn = re.sub(r"font-family: [^;\"]*; ?", "", drawn)  # the page's own
    for colour, variable in _VARIABLES.items():
        drawn = drawn.replace(colour, f"var(--{variable})")
    view = re.search(r'viewBox="[^"]*"', drawn)
    assert view is not None
    body = drawn[drawn.index(">") + 1 :].strip()
    return f'<svg class="plot" {view[0]} role="img" aria-label="{text(label)}">{body}\n'
