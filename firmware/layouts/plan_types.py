"""A card that is still to be written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlanItem:
    """A file or folder to be put at ``path`` of the new card.

    ``source`` is the path in the source card of a file to be copied as it is. Where it is empty, ``make``
    gives the bytes (``size_bytes`` of them; only one file need be in memory at a time). A folder has neither.
    """

    path: str
    size_bytes: int = 0
    source: str = ""
    make: Callable[[], bytes] | None = None

    @property
    def is_dir(self) -> bool:
        """Whether this is a folder."""
        return not self.source and self.make is None


@dataclass(frozen=True, slots=True)
class CardPlan:
    """What goes on the card, folders before their contents. ``notes`` name what is left out or doubtful."""

    items: tuple[PlanItem, ...]
    notes: tuple[str, ...] = ()
    label: str = ""
