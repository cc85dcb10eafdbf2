"""What every command shares: JSON output, sizes, tables, progress."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

_SIZE = re.compile(r"(\d{1,20}(?:\.\d{1,9})?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_LARGEST = 1 << 50  # 1 PiB: beyond any card, and far inside what 64 bits hold
_FILE_WIDTH = 200  # columns for output that is no terminal's: wide enough for the paths of most cards

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
)


class Size(click.ParamType[int]):
    """A size in bytes, plain or with a binary suffix: ``2G`` is 2 GiB, ``32K`` is 32,768 bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Bytes as an int; a usage error where it is not a whole number of them."""
        if isinstance(value, int):
            return value
        match = _SIZE.fullmatch(str(value).strip())
        if match is None:
            self.fail(
                f"{value!r} is not a size; write for example 2G, 512M, 32K or a number of bytes", param, ctx
            )
        size = Fraction(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " ")
        if size.denominator != 1 or size > _LARGEST:
            self.fail(f"{value!r} is not a whole number of bytes up to 1024T", param, ctx)
        return int(size)


class Seconds(click.FloatRange):
    """A length of time within bounds; unlike click's own range it does not let nan through."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds as a float; a usage error where they are no number or out of range."""
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a length of time", param, ctx)
        return float(seconds)


class HostPath(click.Path):
    """A path of the host; an empty one is refused, which else would mean the current folder."""

    def __init__(self, *, file_okay: bool = True) -> None:
        super().__init__(path_type=Path, file_okay=file_okay)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value as a Path; a usage error where it is empty."""
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


SIZE = Size()
PATH = HostPath()


def print_json(document: Any) -> None:
    """One JSON document on stdout, in ASCII so that no terminal or pipe can garble it.

    What is no text, such as a byte of a name that is not UTF-8, stands spelt out, as it is shown
    elsewhere: strict parsers refuse half a surrogate pair.
    """
    click.echo(_BEYOND_ASCII.sub(_in_ascii, json.dumps(document, indent=2, ensure_ascii=False)))


def _in_ascii(match: re.Match[str]) -> str:
    escaped = json.dumps(match[0])[1:-1]
    return "\\" + escaped if "\ud800" <= match[0] <= "\udfff" else escaped


def printable(text: str) -> str:
    """Make text of unknown origin safe for a terminal: what is not printable is shown escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def human_size(size_bytes: float) -> str:
    """Write a size for people, in binary units: ``1.5 GiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} bytes" if unit == "bytes" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} TiB"


def console() -> Console:
    """Rich output on stdout that takes text as it is: no markup, no guessing at colours."""
    from rich.console import Console  # noqa: PLC0415  rich costs 40 ms that --json and --help need not pay

    class Output(Console):
        def on_broken_pipe(self) -> None:
            """Let the command's own handling see it, rather than exit with 1, which means findings here."""
            raise BrokenPipeError

    width = None if sys.stdout.isatty() else _FILE_WIDTH
    return Output(markup=False, highlight=False, emoji=False, soft_wrap=True, width=width)


@contextmanager
def progress(title: str, total: float | None) -> Iterator[Callable[[float], None]]:
    """Show a progress bar on stderr where that is a terminal. Yields ``advance(amount)``."""
    if not sys.stderr.isatty():
        yield lambda amount: None
        return
    from rich.console import Console  # noqa: PLC0415  see console()
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda amount: bar.update(task, advance=amount)
