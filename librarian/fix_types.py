"""What correcting a card would do, file by file, before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from sdcard_image.types import Card, Item, Made

from .convert import Recipe
from .export_types import ExportPlan
from .streams import open_on_card


class Do(StrEnum):
    """What becomes of a file."""

    KEEP = "keep"  # bit for bit; its path may change
    CONVERT = "convert"
    DROP = "drop"  # not on the corrected card
    INDEX = "index"  # a device's table of pads, written anew


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the card to be corrected. ``host`` is the file behind it, where the card is a folder.

    ``unreadable`` says why its bytes cannot be read; empty where they can.
    """

    card: Card
    path: str
    size: int
    modified: datetime | None = None
    host: Path | None = None
    unreadable: str = ""

    def open(self) -> BinaryIO:
        """Its bytes, to be read anywhere."""
        return self.host.open("rb") if self.host is not None else open_on_card(self.card, self.path)

    def read(self) -> bytes:
        """All of it: for small files."""
        with self.open() as stream:
            return stream.read()

    def item(self, path: str) -> Item:
        """The same content at another path of another card."""
        content = Made(self.size, self.read) if self.host is None else self.host
        return Item(path, content, self.modified)


@dataclass(frozen=True, slots=True)
class FixAction:
    """One file: ``old`` is its path on the card ("" where it is new), ``new`` on the corrected one.

    ``pad`` is the number of the pad that plays it (from 0, -1: none), ``index`` the table that lists the pad,
    or for a table its own new path. ``lost``: it is dropped only because it cannot be read, or made into what
    the device takes, of which ``refusal`` is then the id. ``carried`` is the path under which the plan's
    export makes it, empty where it does not. ``missing`` is what of a table cannot be read.
    """

    do: Do
    old: str
    new: str
    why: tuple[str, ...] = ()
    source: SourceFile | None = None
    recipe: Recipe | None = None
    pad: int = -1
    index: str = ""
    lost: bool = False
    carried: str = ""
    refusal: str = ""
    missing: tuple[str, ...] = ()

    @property
    def is_change(self) -> bool:
        """Whether anything happens to the file."""
        return self.do is not Do.KEEP or self.old != self.new

    @property
    def losses(self) -> list[str]:
        """What the new file will not have, as far as it is known beforehand."""
        known = self.recipe.lost if self.recipe is not None else ()
        return [f"{self.old}: {one}" for one in (*known, *self.missing)]

    @property
    def word(self) -> str:
        """What happens, as the table says it: a file that is kept under another path is renamed."""
        return "rename" if self.do is Do.KEEP and self.is_change else str(self.do)

    def document(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"do": self.word, "old": self.old, "new": self.new, "why": list(self.why)}


@dataclass(frozen=True, slots=True)
class FixPlan:
    """All that is to be done. ``folders`` are those of the corrected card, parents first.

    ``export`` makes what is carried over from the other device's card; ``losses`` say what cannot be.
    """

    device: str
    actions: tuple[FixAction, ...]
    folders: tuple[str, ...]
    notes: tuple[str, ...]
    label: str
    size_bytes: int  # of the card given; 0 for a folder
    losses: tuple[str, ...] = ()
    export: ExportPlan | None = None

    @property
    def changes(self) -> tuple[FixAction, ...]:
        """The actions that change something."""
        return tuple(one for one in self.actions if one.is_change)

    def document(self) -> dict[str, Any]:
        """Plain values for JSON. Every action is counted once, under the word of the table."""
        counts = {word: sum(one.word == word for one in self.actions) for word in (*Do, "rename")}
        unreadable = [f"{one.old}: {'; '.join(one.why)}" for one in self.actions if one.lost]
        unreadable += [line for one in self.actions for line in one.losses]
        return {
            "device": self.device,
            "counts": counts,
            "actions": [one.document() for one in self.changes],
            "losses": [*self.losses, *unreadable],
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """The table old -> new for people, one line a change, and what is kept as a sum."""
        kept = len(self.actions) - len(self.changes)
        lines = [f"{kept:,} file{'s kept as they are' if kept != 1 else ' kept as it is'}, bit for bit"]
        for one in self.changes:
            why = f"  ({'; '.join(one.why)})" if one.why else ""
            both = f"{one.old} -> {one.new}" if one.old and one.old != one.new else one.new
            lines.append(f"{one.word:8} {one.old if one.do is Do.DROP else both}{why}")
        lost = [*self.losses, *(line for one in self.changes for line in one.losses)]
        return [*lines, *(f"lost     {one}" for one in lost), *self.notes]


@dataclass(frozen=True, slots=True)
class FixReport:
    """What was made: how many files, and the remarks of converting, by path on the corrected card.

    ``lost`` are the files that could not be read, by path on the card given, each with the reason, and
    ``left_out`` those that could, but not be converted, with the id of the refusal as well. ``losses`` are
    what other files have not kept, by path on the corrected card (of converted ones also in ``notes``), and
    ``cut`` those of them that are audio or the settings of pads.
    """

    destination: Path
    files: int
    converted: int
    dropped: int
    notes: tuple[tuple[str, str], ...]
    lost: tuple[tuple[str, str], ...] = ()
    losses: tuple[tuple[str, str], ...] = ()
    cut: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, str, str], ...] = ()

    @property
    def all_losses(self) -> list[tuple[str, str]]:
        """All that the corrected card does not have, by path."""
        return [*self.lost, *((path, why) for path, why, _ in self.left_out), *self.losses]
