"""Words for numbers."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """So many of something, whose plural ends in s: ``1 file``, ``1,200 files``."""
    return f"{number:,} {what}{'s' * (number != 1)}"
