"""The table of figures: what is promised, what was measured, and what was counted meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest
from rich.box import ASCII2
from rich.console import Console
from rich.table import Table

WIDTH = 132


@dataclass(slots=True)
class Row:
    """One line of the table. ``reached`` None: nothing is promised, or nothing was measured."""

    figure: str
    to_reach: str
    measured: str = "not measured: the benchmark broke off"
    reached: bool | None = None
    counted: dict[str, int] = field(default_factory=dict)

    def result(self, measured: str, reached: bool | None, **counted: int) -> None:
        """What was measured, in words, and the deterministic counters that go with it."""
        self.measured, self.reached, self.counted = measured, reached, counted

    def skip(self, reason: str) -> NoReturn:
        """Leave the row unmeasured, and say why."""
        self.measured = f"not measured: {reason}"
        pytest.skip(reason)

    @property
    def verdict(self) -> str:
        """The last column."""
        return "-" if self.reached is None else "yes" if self.reached else "NO"

    def document(self) -> dict[str, Any]:
        """For the benchmark's ``extra_info``."""
        return {"figure": self.figure, "to_reach": self.to_reach, "measured": self.measured,
                "reached": self.reached, **self.counted}  # fmt: skip


def table_text(rows: list[Row]) -> str:
    """The rows as a table of plain text, counters below each figure."""
    table = Table("figure", "to reach", "measured", "reached", box=ASCII2, show_lines=True)
    for row in rows:
        counted = ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in row.counted.items())
        table.add_row(row.figure, row.to_reach, "\n".join(filter(None, (row.measured, counted))), row.verdict)
    console = Console(width=WIDTH, color_system=None, markup=False, highlight=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get()
