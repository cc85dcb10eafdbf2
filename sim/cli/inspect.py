"""``benchpad inspect``: any device file, explained field by field."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.common import console, json_option, print_json, printable
from sim.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from firmware.formats.description import Description, Field

_ROWS_SHOWN = 400
_VALUE_SHOWN = 72  # characters of a value in the table
_SHORT = 24  # characters of a value up to which meanings stand in a column
_WIDEST = 110  # columns, however wide the terminal is
_NO_BREAK = "\u00a0"  # stands for a space while lines are wrapped; no printable text has one
_INDENT = 4  # columns of a line that continues another
_WITH_CHUNKS = ("wav", "sx-wav", "aiff")

Read = Callable[[int, int], bytes]


@click.command("inspect")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--device",
    type=click.Choice(["sp404sx", "sp404mk2"]),
    help="Whose pattern it is, where the bytes do not tell.",
)
@json_option
def inspect_(*, file: Path, device: str | None, as_json: bool) -> None:
    """Explain FILE, field by field: what it is, what it says, and what is not known of it.

    Knows PAD_INFO.BIN (and one pad's record), PADCONF.BIN, .SMP and SX samples, patterns and pattern chains,
    pictures, WAV and AIFF files with their loops and markers, and MIDI files.

    Example: benchpad inspect PADCONF.BIN
    """
    description = described(file, device)
    if as_json:
        print_json(description.document())
    else:
        show(description)


def described(file: Path, device: str | None = None) -> Description:
    """The description of a host's file; InputError or FormatError, one sentence, where there is none."""
    from firmware.formats import FormatError  # noqa: PLC0415  nothing is needed to show help
    from firmware.formats.describe import describe  # noqa: PLC0415  as above
    from firmware.formats.pattern import Device  # noqa: PLC0415  as above

    _check_kind(file)
    with file.open("rb") as stream:
        size = stream.seek(0, 2)

        def read(offset: int, n: int) -> bytes:
            stream.seek(offset)
            return stream.read(n)

        whose = None if device is None else Device.SX if device == "sp404sx" else Device.MK2
        try:
            found = describe(read, size, file.name, whose)
            if found.kind == "midi":
                return _midi(read)
            return _with_markers(found, read, size) if found.kind in _WITH_CHUNKS else found
        except FormatError as error:
            raise InputError(f"{file}: {error}") from error


def _check_kind(file: Path) -> None:
    if file.is_dir():
        raise InputError(f"{file} is a folder: name a file in it, or see `benchpad card info {file}`")
    if file.is_block_device():
        raise InputError(f"{file} is a block device: `benchpad card info {file}` shows a card")
    if file.exists() and not file.is_file():
        raise InputError(f"{file} is no file that can be read in any order: copy what it gives to one")


def _midi(read: Read) -> Description:
    from librarian import midi_file  # noqa: PLC0415  mido, only for MIDI files

    return midi_file.summary(read(0, midi_file.MAX_FILE_BYTES + 1))


def _with_markers(found: Description, read: Read, size: int) -> Description:
    """The description with the loops and markers of an audio file."""
    from firmware.formats.audio_header import parse_header  # noqa: PLC0415  as above
    from firmware.formats.description import Field  # noqa: PLC0415  as above
    from librarian.markers import read_markers  # noqa: PLC0415  as above

    markers = read_markers(read, size, parse_header(read, size))
    fields = []
    if markers.root_note is not None:
        fields.append(Field("root_note", markers.root_note, "MIDI note that plays it as it is"))
    if markers.loops:
        shown = ", ".join(f"{loop.start} to {loop.end} {loop.mode}" for loop in markers.loops)
        fields.append(Field("loops", [asdict(loop) for loop in markers.loops], f"frames: {shown}"))
    if markers.points:
        shown = ", ".join(f"{point.frame} {point.name}".strip() for point in markers.points)
        fields.append(Field("markers", [asdict(point) for point in markers.points], f"frames: {shown}"))
    return replace(found, fields=(*found.fields, *fields))


def show(description: Description) -> None:
    """The description for people."""
    out = console()
    width = min(out.width, _WIDEST)
    out.print(description.title, style="bold")
    for line in _fields(description.fields, width):
        out.print(line)
    rows = [row.shown for row in description.rows if row.shown]
    if rows:
        out.print()
    for line in rows[:_ROWS_SHOWN]:
        _print(out, line, width)
    if len(rows) > _ROWS_SHOWN:
        out.print(f"and {len(rows) - _ROWS_SHOWN:,} more; --json has them all")
    for remark in description.remarks[:_ROWS_SHOWN]:
        _print(out, f"note: {remark}", width)


def _fields(fields: tuple[Field, ...], width: int) -> Iterator[str]:
    """A line for each field: its name, value and meaning, in columns as far as the values are short."""
    shown = [(one.name, _value(one.value, one.meaning), printable(one.meaning)) for one in fields]
    shown = [(name, value or meaning, meaning if value else "") for name, value, meaning in shown]
    names = max((len(name) for name, _, _ in shown), default=0)
    values = max((len(value) for _, value, _ in shown if len(value) <= _SHORT), default=0)
    for name, value, meaning in shown:
        text = f"{value:{values}}  {meaning}" if meaning and len(value) <= _SHORT else f"{value}  {meaning}"
        yield from _wrapped(f"{name:{names}}  {text}".rstrip(), width, names + 2)


def _print(out: Console, line: str, width: int) -> None:
    for part in _wrapped(printable(line), width, _INDENT):
        out.print(part)


def _wrapped(line: str, width: int, indent: int) -> list[str]:
    """A line in as many as it needs, all but the first indented; what stands between commas stays whole."""
    items = line.split(", ")
    if len(items) > 2 and all(len(item) < width // 2 for item in items[1:]):
        line = ", ".join((items[0], *(item.replace(" ", _NO_BREAK) for item in items[1:])))
    lines = textwrap.wrap(
        line,
        max(width, 2 * indent),
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    return [one.replace(_NO_BREAK, " ") for one in lines]


def _value(value: Any, meaning: str) -> str:
    """A value in few words: what is long is in its meaning, or in the JSON."""
    if isinstance(value, dict):
        return printable(", ".join(f"{name} = {one}" for name, one in value.items()) or "none")
    if isinstance(value, list):
        text = (
            "" if meaning and value and isinstance(value[0], dict) else ", ".join(map(str, value)) or "none"
        )
    elif value is None or isinstance(value, bool):
        text = {None: "-", True: "yes", False: "no"}[value]
    else:
        text = str(value)
    return printable(text if len(text) <= _VALUE_SHOWN else f"{text[:_VALUE_SHOWN]}...")
