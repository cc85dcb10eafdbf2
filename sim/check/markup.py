"""Text of unknown origin, made safe for HTML."""

from __future__ import annotations

from html import escape


def text(of: str) -> str:
    """Text for HTML and its attributes; what could turn or hide the text around it is shown escaped."""
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in of
    )
    return escape(shown)


def name(of: str) -> str:
    """A name that may be in a script of either direction, kept from turning what is around it."""
    return f"<bdi>{text(of)}</bdi>"
