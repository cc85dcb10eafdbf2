"""The account of a run's faults: what came, what a command met, and what the device made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.watching import Happening


@dataclass(slots=True)
class FaultReport:
    """What became of the faults, for programs and for people."""

    kinds: dict[str, dict[str, int]] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    happenings: list[Happening] = field(default_factory=list)
    power_cut_frame: int | None = None
    remarks: list[str] = field(default_factory=list)  # what a person might not expect

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "kinds": self.kinds,
            "outcomes": self.outcomes,
            "power_cut_frame": self.power_cut_frame,
            "happenings": [
                {"frame": one.frame, "until": one.until, "text": one.text} for one in self.happenings
            ],
        }

    def lines(self) -> list[tuple[str, str]]:
        """Title and text of each line that a person reads."""
        kinds = [
            f"{one['came']:,} {name} ({one['met']:,} met, by {one['commands']:,} commands)"
            for name, one in self.kinds.items()
        ]
        outcomes = [f"{count:,} {name.replace('_', ' ')}" for name, count in self.outcomes.items() if count]
        return [
            ("faults", "; ".join(kinds) or "none came"),
            ("outcome", ", ".join(outcomes) or "nothing heard"),
            *(("note", remark) for remark in self.remarks),
        ]
