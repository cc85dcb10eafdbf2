"""Lay loose samples on the pads of an SP-404SX card, without loss, with the PAD_INFO.BIN they need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from firmware.catalogue import SampleInfo
from firmware.formats import pad_info, rlnd
from firmware.formats.pad_info import PadRecord
from firmware.profiles import Profile
from native.types import Encoding
from sdcard_image.types import Card, Entry

from . import sp404sx
from .admitting import Admitting, is_hidden, looks_like_audio, name_order
from .plan_types import PlanItem


def lay(profile: Profile, source: Card) -> tuple[list[PlanItem], list[str]]:
    """The items of an SX card, and a note for each file that does not go on it."""
    judged = Admitting(source, _before_conversion(profile), "sp404sx")
    records = [PadRecord()] * pad_info.RECORDS
    files = []
    for entry, bank, pad in _places(judged, source):
        sample = judged.sample(entry, bank, pad)
        if sample is None:
            continue
        number = pad_info.index(bank, pad)
        size = rlnd.DATA_OFFSET + _pcm_bytes(sample)
        records[number] = _record(size, sample.channels)
        path = f"{sp404sx.FOLDER}/{pad_info.file_name(bank, pad)}"
        files.append(PlanItem(path, size, make=partial(_card_wav, source, sample, number)))
    notes = [f"{bad.path} is left out: {bad.reason} [{bad.mark}]" for bad in judged.refused]
    info = pad_info.build(tuple(records))
    folders = [PlanItem("/ROLAND"), PlanItem("/ROLAND/SP-404SX"), PlanItem(sp404sx.FOLDER)]
    index = PlanItem(f"{sp404sx.FOLDER}/{sp404sx.PAD_INFO}", len(info), make=lambda: info)
    return [*folders, index, *files], judged.notes + notes


def _before_conversion(profile: Profile) -> Profile:
    """The profile without what only a finished card file has: the RLND chunk is added here."""
    return replace(profile, facts={key: fact for key, fact in profile.facts.items() if key != "audio.rlnd"})


def _places(judged: Admitting, source: Card) -> Iterator[tuple[Entry, str, int]]:
    """Audio files with the pads they go to: folders A to J are banks; else one pad after the other.

    A file that turns out to be refused keeps its pad empty, as at boot.
    """
    audio = []
    for entry in sorted(source.walk("/"), key=name_order):
        if looks_like_audio(entry) and not is_hidden(entry.name):
            audio.append(entry)
        elif not entry.is_dir:
            judged.note(f"{entry.path} is left out: it is no audio file")
    by_bank: dict[str, list[Entry]] = {}
    for entry in audio:
        by_bank.setdefault(_bank(entry), []).append(entry)
    if by_bank.keys() <= {""}:
        pads = [(bank, pad) for bank in pad_info.BANKS for pad in range(1, pad_info.PADS_PER_BANK + 1)]
        yield from ((entry, *place) for entry, place in zip(audio, pads, strict=False))
        _left_over(judged, audio[len(pads) :], f"the card has {len(pads)} pads")
        return
    for bank in pad_info.BANKS:
        files = by_bank.get(bank, [])
        yield from ((entry, bank, pad) for pad, entry in enumerate(files[: pad_info.PADS_PER_BANK], start=1))
        _left_over(judged, files[pad_info.PADS_PER_BANK :], f"bank {bank} has {pad_info.PADS_PER_BANK} pads")
    _left_over(judged, by_bank.get("", []), "it is in none of the folders A to J")


def _bank(entry: Entry) -> str:
    """The bank whose folder a file lies in; empty for any other place."""
    folder = entry.path.split("/")[1].upper()
    in_bank_folder = entry.path.count("/") == 2 and len(folder) == 1 and folder in pad_info.BANKS
    return folder if in_bank_folder else ""


def _left_over(judged: Admitting, entries: list[Entry], why: str) -> None:
    for entry in entries:
        judged.note(f"{entry.path} is left out: {why}")


def _record(size: int, channels: int) -> PadRecord:
    return PadRecord(original_end=size, user_end=size, channels=channels)


def _pcm_bytes(sample: SampleInfo) -> int:
    return sample.frames * sample.channels * 2


def _card_wav(source: Card, sample: SampleInfo, number: int) -> bytes:
    pcm = source.read(sample.path, sample.data_offset, _pcm_bytes(sample))
    if sample.encoding is Encoding.S16_BE:
        pcm = np.frombuffer(pcm, ">i2").astype("<i2").tobytes()
    return rlnd.header(number, len(pcm), sample.channels, sample.rate) + pcm
