"""Which files of a card have to change so that a pad plays another sample: decided here, written by `change`.

Devices have a file for each pad, and a table; the sample is brought into their form. In the generic layout
the order of names decides, so a file takes the place of another by a name that comes at the same place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from firmware.boot import BootResult
from firmware.formats import FormatError, pad_info, padconf, smp
from firmware.formats.pad_info import PadRecord
from firmware.formats.padconf import Chops
from firmware.layouts import sp404mk2, sp404sx
from firmware.layouts.admitting import is_hidden, looks_like_audio, name_order
from firmware.profiles import Profile
from librarian.convert import Outcome, convert_file, plan_file
from librarian.errors import ConvertError
from librarian.forms import Form
from librarian.streams import open_on_card
from sdcard_image.types import Card, Entry
from sim.panel.change import Step
from sim.panel.port import RefusedError

MOST_BYTES = 512 << 20  # of a file that the panel puts on a pad
_MOST_TABLE = 1 << 20
_NAME_CHARS = padconf.NAME_BYTES - 1


@dataclass(frozen=True, slots=True)
class Assignment:
    """A file of a card, the pad that it shall be on (bank a letter, pad from 1), and a folder for scratch."""

    card: Card
    booted: BootResult
    profile: Profile
    project: str | None
    source: Entry
    bank: str
    pad: int
    scratch: Path


def steps(asked: Assignment) -> list[Step]:
    """What to write. RefusedError in one sentence where it cannot be."""
    if asked.source.is_dir:
        raise RefusedError(f"{asked.source.path} is a folder; a pad takes a file")
    if asked.source.size > MOST_BYTES:
        raise RefusedError(f"{asked.source.path} has more than {MOST_BYTES >> 20} MB; cut it first")
    if asked.booted.layout == "sp404sx":
        return _sx(asked)
    project = _project(asked) if asked.booted.layout == "sp404mk2" else None
    return _by_name(asked) if project is None else _mk2(asked, project)


def _converted(asked: Assignment, form: Form, number: int) -> tuple[Path, Outcome]:
    """The sample in a device's own form."""
    made = asked.scratch / "sample"
    try:
        with open_on_card(asked.card, asked.source.path) as stream, made.open("w+b") as out:
            recipe = plan_file(stream, asked.source.size, asked.profile).as_form(form, number)
            stream.seek(0)
            return made, convert_file(stream, asked.source.size, recipe, out, asked.profile)
    except ConvertError as error:
        raise RefusedError(f"{asked.source.path} cannot be put on a pad: {error}") from None


def _channels(asked: Assignment, made: Path, frames: int, data_offset: int) -> int:
    return (made.stat().st_size - data_offset) // (2 * frames)


# SP-404SX


def _sx(asked: Assignment) -> list[Step]:
    folder, number = sp404sx.FOLDER, pad_info.index(asked.bank, asked.pad)
    made, outcome = _converted(asked, Form.SX, number)
    target = f"{folder}/{pad_info.file_name(asked.bank, asked.pad)}"
    other = f"{folder}/{pad_info.file_name(asked.bank, asked.pad, pad_info.AIFF)}"
    records = _records(asked, f"{folder}/{sp404sx.PAD_INFO}")
    size = outcome.size_bytes
    records[number] = replace(
        records[number],
        original_start=pad_info.DATA_OFFSET,
        original_end=size,
        user_start=pad_info.DATA_OFFSET,
        user_end=size,
        file_type=pad_info.WAVE,
        channels=_channels(asked, made, outcome.frames, pad_info.DATA_OFFSET),
    )
    table = Step(f"{folder}/{sp404sx.PAD_INFO}", pad_info.build(tuple(records)))
    gone = [Step(other)] if asked.card.exists(other) else []
    return [Step(target, made, asked.source.modified), table, *gone]


def _records(asked: Assignment, path: str) -> list[PadRecord]:
    """The card's records; where it has no table, one that plays every sample whole, as the device would."""
    if asked.card.exists(path):
        try:
            return list(pad_info.parse(_table(asked.card, path)))
        except FormatError as error:
            raise RefusedError(f"{path} cannot be read: {error}; mend it with benchpad check --fix") from None
    records = [PadRecord()] * pad_info.RECORDS
    for pad in asked.booted.catalogue.pads:
        size = asked.card.entry(pad.sample.path).size
        kind = pad_info.AIFF if pad.sample.path.upper().endswith(".AIF") else pad_info.WAVE
        records[pad_info.index(pad.bank, pad.pad)] = PadRecord(
            original_end=size, user_end=size, channels=pad.sample.channels, file_type=kind
        )
    return records


def _table(card: Card, path: str) -> bytes:
    if card.entry(path).size > _MOST_TABLE:
        raise FormatError("it is far larger than any that a device writes")
    return card.read(path)


# SP-404MKII


def _project(asked: Assignment) -> str | None:
    """The folder of the project that was booted; None where the loose samples were."""
    there = sp404mk2.projects(asked.card)
    wanted = (asked.project or "").strip("/").casefold()
    if wanted == "import" or not there:
        return None
    for path in there:
        if wanted in (path.strip("/").casefold(), path.rpartition("/")[2].casefold()):
            return path.rstrip("/")
    return there[0].rstrip("/")


def _mk2(asked: Assignment, base: str) -> list[Step]:
    bank = asked.profile.value("pads.banks").index(asked.bank)
    number = bank * padconf.PADS_PER_BANK + asked.pad - 1
    path = f"{base}/{sp404mk2.PADCONF}"
    try:
        config = padconf.parse(_table(asked.card, path))
    except FormatError as error:
        raise RefusedError(f"{path} cannot be read: {error}; mend it with benchpad check --fix") from None
    made, outcome = _converted(asked, Form.SMP, number)
    pads, names, chops = list(config.pads), list(config.names), list(config.chops)
    begin, end = smp.DATA_OFFSET, outcome.size_bytes
    pads[number] = replace(pads[number], size_bytes=end, start=begin, end=end, loop_start=begin)
    names[number] = padconf.name_bytes(_plain(asked.source.name))
    if chops:
        chops[number] = Chops()
    table = replace(config, pads=tuple(pads), names=tuple(names), chops=tuple(chops)).to_bytes()
    sample = f"{base}/SMPL/{smp.file_name(bank + 1, asked.pad)}"
    return [Step(sample, made, asked.source.modified), Step(path, table)]


def _plain(name: str) -> str:
    """A file's name as a pad's: ASCII, no ending, as long as it may be."""
    stem = name.rpartition(".")[0] or name
    return stem.encode("ascii", "replace").decode("ascii").replace("?", "_")[:_NAME_CHARS]


# by name


def _by_name(asked: Assignment) -> list[Step]:
    """Pads follow the order of names: the file takes the old one's place, or the next free one."""
    files = _in_order(asked)
    place = _place(asked)
    if place > len(files):
        raise RefusedError(
            f"pads follow the order of the files here, and there are {len(files)}: the next free pad is "
            f"number {len(files) + 1} of them"
        )
    old = files[place] if place < len(files) else None
    if old is not None and old.path == asked.source.path:
        raise RefusedError(f"{old.path} is on that pad already")
    form, ending = _wanted(asked)
    content = _copied(asked) if form is None else _converted(asked, form, 0)[0]
    before = files[place - 1] if place else None
    after = files[place + 1] if place + 1 < len(files) else None
    path = _name(asked, old, before, after, ending)
    new = Step(path, content, asked.source.modified)
    folder = path.rpartition("/")[0]
    made = [] if not folder or asked.card.exists(folder) else [Step(folder, folder=True)]
    same = old is None or old.path.casefold() == path.casefold()
    return [*made, new] if old is None or same else [new, Step(old.path)]


def _wanted(asked: Assignment) -> tuple[Form | None, str]:
    """The form to convert to (None: as it is), and the name's ending."""
    try:
        with open_on_card(asked.card, asked.source.path) as stream:
            recipe = plan_file(stream, asked.source.size, asked.profile)
    except ConvertError as error:
        raise RefusedError(f"{asked.source.path} cannot be put on a pad: {error}") from None
    return (None, "." + asked.source.name.rpartition(".")[2]) if recipe.keep else (Form.WAV, ".wav")


def _copied(asked: Assignment) -> Path:
    made = asked.scratch / "sample"
    with open_on_card(asked.card, asked.source.path) as stream, made.open("wb") as out:
        while part := stream.read(4 << 20):
            out.write(part)
    return made


def _folder(asked: Assignment) -> str:
    """The folder whose order counts: a bank's, the loose samples', or the whole card."""
    if asked.booted.layout == "sp404mk2":
        return sp404mk2.IMPORT
    banks = {entry.name.upper(): entry.path for entry in asked.card.listdir("/") if entry.is_dir}
    letters = asked.profile.value("pads.banks")
    if not any(letter in banks and _audio(asked.card.listdir(banks[letter])) for letter in letters):
        return "/"
    return banks.get(asked.bank, f"/{asked.bank}")


def _place(asked: Assignment) -> int:
    """How many files come before the pad's, in the folder whose order counts."""
    banks, per_bank = asked.profile.value("pads.banks"), asked.profile.value("pads.per_bank")
    before = 0 if _is_bank(asked) else banks.index(asked.bank) * per_bank
    return int(before + asked.pad - 1)


def _is_bank(asked: Assignment) -> bool:
    return asked.booted.layout == "generic" and _folder(asked) != "/"


def _in_order(asked: Assignment) -> list[Entry]:
    """The audio files in the order in which the layout lays them on pads."""
    folder = _folder(asked)
    if _is_bank(asked):
        return _audio(asked.card.listdir(folder)) if asked.card.exists(folder) else []
    if folder != "/":
        return _audio(_walked(asked.card, folder))
    root = asked.card.listdir("/")
    files = _audio(root)
    for entry in sorted((one for one in root if one.is_dir and not is_hidden(one.name)), key=name_order):
        if entry.name.lower() not in ("system volume information", "$recycle.bin"):
            files += _audio(_walked(asked.card, entry.path))
    return files


def _audio(entries: list[Entry]) -> list[Entry]:
    return sorted(
        (one for one in entries if looks_like_audio(one) and not is_hidden(one.name)), key=name_order
    )


def _walked(card: Card, folder: str) -> list[Entry]:
    entries = list(card.walk(folder))
    return [one for one in entries if not any(map(is_hidden, one.path[len(folder) :].split("/")[:-1]))]


def _name(
    asked: Assignment, old: Entry | None, before: Entry | None, after: Entry | None, ending: str
) -> str:
    """A path that comes at the same place; as much of the source's name as the order allows."""
    beside = old or before
    folder = beside.path.rpartition("/")[0] if beside is not None else _folder(asked).rstrip("/")
    stem = asked.source.name.rpartition(".")[0]
    for name in _candidates(stem, old, before):
        path = f"{folder}/{name}{ending}"
        taken = asked.card.exists(path) and (old is None or old.path.casefold() != path.casefold())
        if not taken and _follows(before, path, folder) and _precedes(path, after, folder):
            return path
    raise RefusedError(
        "no name for the sample comes at that place in the order of names; rename the files around it first"
    )


def _candidates(stem: str, old: Entry | None, before: Entry | None) -> Iterator[str]:
    yield stem
    if old is not None:
        own = old.name.rpartition(".")[0]
        number, space, _ = own.partition(" ")
        if space and number.isdigit():
            yield f"{number} {stem}"
        yield f"{own} {stem}"
        yield f"{own}_{stem}"
        yield own
    elif before is not None:
        yield f"{before.name.rpartition('.')[0]}_{stem}"


def _key(path: str) -> tuple[str, str]:
    return path.casefold(), path


def _follows(before: Entry | None, path: str, folder: str) -> bool:
    return before is None or not _same(before, folder) or name_order(before) < _key(path)


def _precedes(path: str, after: Entry | None, folder: str) -> bool:
    return after is None or not _same(after, folder) or _key(path) < name_order(after)


def _same(entry: Entry, folder: str) -> bool:
    """Whether names decide between an entry and a folder's files: the card's top comes before all folders."""
    top = folder.split("/")[1] if folder else ""
    parts = entry.path.split("/")
    return (parts[1] if len(parts) > 2 else "") == top
