"""What goes wrong with a file on the host's side."""

from __future__ import annotations


class ConvertError(ValueError):
    """One sentence that says why a file cannot be made into one that the device takes, and what to do.

    ``id`` names the reason for programs; where admission has an id for it, it is the same.
    """

    def __init__(self, reason: str, id: str = "not-audio") -> None:  # noqa: A002 - the word that verdicts use
        super().__init__(reason)
        self.id = id
