"""``benchpad pattern``: MIDI files to patterns, patterns to MIDI files, and one device's to the other's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.common import json_option, print_json, printable
from sim.cli.outputs import check_folder_of
from sim.errors import InputError

if TYPE_CHECKING:
    from firmware.formats.pattern import Device, Pattern

_MIDI_ENDINGS = (".mid", ".midi")
_REMARKS_SHOWN = 20
_KEY_MAPS = {"sp404sx": "sp404sx", "sp404mk2": "sp404mk2-a", "generic": "generic"}
_DEVICES = click.Choice(["sp404sx", "sp404mk2"])


@click.command("pattern")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--device", type=_DEVICES, help="Whose pattern OUT is to be.")
@click.option("--from-device", type=_DEVICES, help="Whose pattern IN is, where the bytes do not tell.")
@click.option(
    "--keys",
    type=click.Choice(list(_KEY_MAPS)),
    help="Whose keys a MIDI file plays; by default those of OUT.",
)
@click.option("--force", is_flag=True, help="Replace OUT where it exists.")
@json_option
def pattern(
    *,
    source: Path,
    out: Path,
    device: str | None,
    from_device: str | None,
    keys: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Turn IN, a MIDI file or a pattern, into OUT: a MIDI file (.mid) or a device's pattern (.BIN).

    A pattern that becomes a MIDI file comes back from it with the same events. What cannot be carried is
    said.

    Example: benchpad pattern beat.mid PTN00001.BIN --device sp404mk2
    """
    from librarian.pattern_midi import to_midi  # noqa: PLC0415  mido, only for this command

    if out.exists() and not force:
        raise InputError(f"{out} exists already: choose another name, or replace it with --force")
    to_pattern = out.suffix.lower() not in _MIDI_ENDINGS
    if to_pattern and out.suffix.lower() != ".bin":
        raise InputError(f"{out}: the ending says what to make: .mid for a MIDI file, .BIN for a pattern")
    check_folder_of(out)
    found, remarks = _converted(source, _device(device), _device(from_device), keys)
    _write(out, found.to_bytes() if to_pattern else to_midi(found))
    _report(out, found, remarks, as_json=as_json)


def _device(name: str | None) -> Device | None:
    from firmware.formats.pattern import Device  # noqa: PLC0415  as above

    return None if name is None else Device.SX if name == "sp404sx" else Device.MK2


def _converted(
    source: Path, device: Device | None, from_device: Device | None, keys: str | None
) -> tuple[Pattern, list[str]]:
    from firmware.formats import FormatError  # noqa: PLC0415  as above
    from librarian.pattern_convert import read_pattern, to_device  # noqa: PLC0415  as above

    try:
        read = read_pattern(_bytes(source), device, from_device, None if keys is None else _KEY_MAPS[keys])
        made = to_device(read.pattern, device or read.pattern.device)
    except FormatError as error:
        raise InputError(f"{source}: {error}") from error
    return made.pattern, [*read.remarks, *made.remarks]


def _bytes(source: Path) -> bytes:
    from librarian.midi_file import MAX_FILE_BYTES  # noqa: PLC0415  as above

    if source.exists() and not source.is_file():
        raise InputError(f"{source} is no file: name a MIDI file or a pattern")
    with source.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


def _write(out: Path, data: bytes) -> None:
    """The file under a temporary name first, so that it is there whole or not at all."""
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _report(out: Path, found: Pattern, remarks: list[str], *, as_json: bool) -> None:
    notes = sum(found.pad_of(event) is not None for event in found.events)
    device = "sp404sx" if found.device.name == "SX" else "sp404mk2"
    if as_json:
        print_json(
            {"out": str(out), "device": device, "bars": found.bars, "notes": notes, "remarks": remarks}
        )
        return
    for remark in remarks[:_REMARKS_SHOWN]:
        click.echo(f"note: {printable(remark)}", err=True)
    if len(remarks) > _REMARKS_SHOWN:
        click.echo(f"note: and {len(remarks) - _REMARKS_SHOWN} more; --json has them all", err=True)
    bars = f"{found.bars} bar{'' if found.bars == 1 else 's'}"
    click.echo(f"{out}: {notes} note{'' if notes == 1 else 's'} in {bars} ({device})")
