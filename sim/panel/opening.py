"""Opens the panel in the browser; its token is in no command line, where other users could read it."""

from __future__ import annotations

import os
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import escape
from pathlib import Path

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Benchpad</title><meta http-equiv="refresh" content="0; url={0}"></head>
<body><p><a href="{0}">Open the panel</a></p></body>
</html>
"""
_SNAPS = Path("/snap")  # browsers from there see no other program's temporary files


@contextmanager
def opened_in_browser(address: str) -> Iterator[None]:
    """Opens ``address`` by way of a file that only its owner can read, and that goes afterwards.

    Where there is no browser, or no room for the file, nothing happens: the address has been printed.
    """
    page = _page(address)
    try:
        if page is not None:
            with suppress(webbrowser.Error, OSError):
                webbrowser.open(page.as_uri())
        yield
    finally:
        if page is not None:
            with suppress(OSError):
                page.unlink(missing_ok=True)


def _page(address: str) -> Path | None:
    try:
        folder = Path.home() if _SNAPS.is_dir() else None
        handle, name = tempfile.mkstemp(".html", "benchpad-", folder)  # readable by its owner alone
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_PAGE.format(escape(address)))
    except (OSError, RuntimeError):
        return None
    return Path(name)
