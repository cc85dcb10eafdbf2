"""Text of unknown origin, made safe for HTML."""

from __future__ import annotations

from html import escape


def shown(of: str) -> str:
    """Text in which all can be seen: what could turn or hide the text around it is spelt out."""
    if of.isprintable():
        return of
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in of)


def text(of: str) -> str:
    """`shown` text for HTML and its attributes."""
    return escape(shown(of))


def name(of: str) -> str:
    """A name that may be in a script of either direction, kept from turning what is around it."""
    return f"<bdi>{text(of)}</bdi>"
