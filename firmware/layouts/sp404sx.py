"""The SP-404SX's card: ``ROLAND/SP-404SX/SMPL`` with a sample file for each pad, and PAD_INFO.BIN."""

from __future__ import annotations

from dataclasses import replace

from firmware.admission import Verdict
from firmware.catalogue import Catalogue, PadSettings, SampleInfo
from firmware.formats import FormatError, pad_info
from firmware.formats.pad_info import DATA_OFFSET, PadRecord
from firmware.profiles import Profile
from native.types import Loop, Retrigger
from sdcard_image.types import Card, Entry

from .admitting import Admitting, default_settings, exists, is_hidden, some

FOLDER = "/ROLAND/SP-404SX/SMPL"
PAD_INFO = "PAD_INFO.BIN"
_OWN_FILES = (PAD_INFO, "STPINFO.BIN")


def recognise(card: Card, profile: Profile) -> Catalogue:
    """The catalogue of an SX card; never fails for what a file holds."""
    found = Admitting(card, profile, "sp404sx")
    if not exists(card, FOLDER):
        found.note(f"there is no folder {FOLDER}: the device has nothing to play")
        return found.catalogue()
    files = {entry.name.upper(): entry for entry in found.listdir(FOLDER) if not entry.is_dir}
    records = _records(found, files)
    missing = []
    for number, record in enumerate(records or [None] * pad_info.RECORDS):
        bank, pad = pad_info.BANKS[number // pad_info.PADS_PER_BANK], number % pad_info.PADS_PER_BANK + 1
        entry = _sample_file(found, files, bank, pad, record)
        if entry is not None:
            _lay(found, entry, bank, pad, record)
        elif record is not None and not record.is_empty:
            missing.append(f"{bank}{pad}")
    if missing:
        found.note(f"{PAD_INFO} describes pads whose sample file is missing: {some(missing)}")
    _note_strangers(found, files)
    return found.catalogue()


def settings(record: PadRecord, sample: SampleInfo, default: PadSettings) -> PadSettings:
    """How a pad plays by its record. The tempo is kept; lo-fi is not simulated."""
    start, end = (_frame(offset, sample) for offset in (record.user_start, record.user_end))
    return replace(
        default,
        start=min(start, sample.frames),
        end=0 if end >= sample.frames else end,
        loop_start=min(start, sample.frames),
        loop=Loop.FORWARD if record.loop else Loop.NONE,
        reverse=bool(record.reverse),
        gate=bool(record.gate),
        retrigger=Retrigger.TOGGLE if record.loop and not record.gate else default.retrigger,
        level=min(record.volume, 127),
        bpm=record.user_tempo / 10,
    )


def _frame(offset: int, sample: SampleInfo) -> int:
    """Frame of a byte offset. The device counts from 512, where the audio of its own files begins."""
    return max(0, offset - DATA_OFFSET) // (sample.channels * sample.encoding.size_bytes)


def _records(found: Admitting, files: dict[str, Entry]) -> tuple[PadRecord, ...] | None:
    entry = files.get(PAD_INFO)
    if entry is None:
        found.note(f"{PAD_INFO} is missing: every sample plays whole, with the settings of an empty pad [?]")
        return None
    if (data := found.bytes_of(entry.path)) is None:
        return None
    try:
        return pad_info.parse(data)
    except FormatError as error:
        found.refuse(entry.path, Verdict(False, "bad-index", str(error), "V"))
        return None


def _sample_file(
    found: Admitting, files: dict[str, Entry], bank: str, pad: int, record: PadRecord | None
) -> Entry | None:
    """The pad's sample file: of the two kinds, the one that its record names comes first."""
    kind = pad_info.AIFF if record is not None and record.file_type == pad_info.AIFF else pad_info.WAVE
    both = [files.pop(pad_info.file_name(bank, pad, k), None) for k in (kind, 1 - kind)]
    there = [entry for entry in both if entry is not None]
    if len(there) > 1:
        found.note(f"pad {bank}{pad} has two sample files; {there[0].name} is taken, as its record says")
    return there[0] if there else None


def _lay(found: Admitting, entry: Entry, bank: str, pad: int, record: PadRecord | None) -> None:
    default = default_settings(found.profile)
    sample = found.sample(entry, bank, pad)
    if sample is None or record is None:
        found.put(sample, bank, pad, default)
        return
    if record.is_empty:
        found.note(f"{entry.path}: {PAD_INFO} says that pad {bank}{pad} is empty; it plays whole here [?]")
        found.put(sample, bank, pad, settings(replace(record, user_end=entry.size), sample, default))
        return
    if problem := _doubt(record, sample, entry):
        found.note(f"{entry.path}: {PAD_INFO} {problem}; the file is believed [?]")
    if _frame(record.user_start, sample) >= _frame(record.user_end, sample):
        record = replace(record, user_start=DATA_OFFSET, user_end=entry.size)
    if record.lofi:
        found.note(f"pad {bank}{pad}: lo-fi is on, which is not simulated")
    found.put(sample, bank, pad, settings(record, sample, default))


def _doubt(record: PadRecord, sample: SampleInfo, entry: Entry) -> str | None:
    """What in a record cannot be true of its file; None where all is well."""
    if record.user_start >= record.user_end or record.user_start >= entry.size:
        return f"has the pad begin at byte {record.user_start:,} and end at {record.user_end:,}"
    if record.original_end != entry.size:
        return f"says the file ends at byte {record.original_end:,}, but it has {entry.size:,}"
    if record.channels != sample.channels:
        return f"says {record.channels} channels, but there are {sample.channels}"
    if record.volume > 127:
        return f"has a volume of {record.volume}"
    if sample.data_offset != DATA_OFFSET:
        return f"counts from byte {DATA_OFFSET}, but the audio begins at {sample.data_offset}"
    return None


def _note_strangers(found: Admitting, files: dict[str, Entry]) -> None:
    strangers = [entry.name for name, entry in sorted(files.items()) if name not in _OWN_FILES]
    hidden = [name for name in strangers if is_hidden(name)]
    other = [name for name in strangers if not is_hidden(name)]
    if hidden:
        found.note(f"hidden files in {FOLDER} ignored: {some(hidden)}")
    if other:
        found.note(f"files in {FOLDER} that no pad plays: {some(other)}")
