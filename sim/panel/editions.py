"""Which samples a page may not take for those that it knows: other cards, and pads written meanwhile."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sim.panel.port import Session


class Editions:
    """Counts what was put on the pads of a session's cards; ``count`` grows with each.

    A pad's edition is a text, another one whenever its sample's bytes may be, under the same path as well.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._cards: dict[Path, int] = {}
        self._written = Counter[tuple[Path, int]]()
        self._order: list[tuple[Path, int]] = []
        self.count = 0

    def of(self, tag: int) -> str:
        """The edition of a pad of the card that is in."""
        card = self._session.card_path
        number = self._cards.setdefault(card, len(self._cards))
        return f"{number}.{self._written[card, tag]}"

    def assigned(self, tag: int) -> None:
        """A pad was written."""
        self._order.append((self._session.card_path, tag))
        self._wrote(self._order[-1])

    def undone(self) -> None:
        """The last that was assigned on this card was taken back."""
        card = self._session.card_path
        for at in reversed(range(len(self._order))):
            if self._order[at][0] == card:
                self._wrote(self._order.pop(at))
                return

    def _wrote(self, place: tuple[Path, int]) -> None:
        self._written[place] += 1
        self.count += 1
