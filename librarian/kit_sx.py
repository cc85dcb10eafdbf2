"""The pads of an SP-404SX card, from PAD_INFO.BIN and the sample files."""

from __future__ import annotations

from typing import Any

from firmware.catalogue import Catalogue, Pad
from firmware.formats import pad_info
from firmware.formats.pad_info import PadRecord
from firmware.layouts import sp404sx
from sdcard_image.types import Card, Entry

from .kit import KitPad
from .kit_read import PadsRead, by_place, files_in, kit_pad, off_frames, positions, table, tempo

_TEMPO_MODES = ("off", "pattern", "user")


def read_sx(card: Card, catalogue: Catalogue) -> PadsRead:
    """Every pad that has a sample file. ``catalogue`` is what the SX boots from the card."""
    read = PadsRead(f"{sp404sx.FOLDER}/{sp404sx.PAD_INFO}")
    records = table(card, read, pad_info.parse) or (PadRecord(),) * pad_info.RECORDS
    files, booted, missing = files_in(card, sp404sx.FOLDER), by_place(catalogue), []
    for number, record in enumerate(records):
        bank, pad = pad_info.BANKS[number // pad_info.PADS_PER_BANK], number % pad_info.PADS_PER_BANK + 1
        entry = _file(files, bank, pad, record)
        if entry is not None:
            read.pads[bank, pad] = _pad(read, entry, record, booted.get((bank, pad)), (bank, pad))
        elif not record.is_empty:
            missing.append((bank, pad))
    read.missing(missing)
    return read.finish()


def _file(files: dict[str, Entry], bank: str, pad: int, record: PadRecord) -> Entry | None:
    """The sample file: of the two kinds, the one that the record names comes first."""
    kind = pad_info.AIFF if record.file_type == pad_info.AIFF else pad_info.WAVE
    both = (files.get(pad_info.file_name(bank, pad, one)) for one in (kind, 1 - kind))
    return next((entry for entry in both if entry is not None), None)


def _pad(
    read: PadsRead, entry: Entry, record: PadRecord, booted: Pad | None, place: tuple[str, int]
) -> KitPad:
    if record.is_empty:
        return kit_pad(entry.path, {"loop": "off"})
    values: dict[str, Any] = {
        "volume": min(record.volume, 127),
        "bpm": tempo(record.user_tempo / 10),
        "gate": bool(record.gate),
        "loop": "forward" if record.loop else "off",
        "reverse": bool(record.reverse),
        "lofi": bool(record.lofi),
        "tempo_mode": _TEMPO_MODES[record.tempo_mode] if record.tempo_mode < len(_TEMPO_MODES) else "off",
    }
    if values["bpm"] is None:
        read.leave("a tempo out of range", place)
    if record.original_tempo != record.user_tempo:
        read.leave("the original tempo, beside the user's,", place)
    if off_frames(booted, (record.user_start, record.user_end)):
        read.leave("the exact start and end, which lie inside a frame,", place)
    if booted is None and (record.user_start > pad_info.DATA_OFFSET or record.user_end < record.original_end):
        read.leave("start and end, as the sample is none that the device plays,", place)
    return kit_pad(entry.path, values | positions(booted))
