"""File formats of the devices, and audio headers: pure bytes to dataclass and back, no files inside."""

from __future__ import annotations


class FormatError(ValueError):
    """One sentence that says why bytes are not what they should be. ``id`` names the reason for programs."""

    def __init__(self, reason: str, id: str = "bad-header") -> None:  # noqa: A002 - the word that verdicts use
        super().__init__(reason)
        self.id = id
