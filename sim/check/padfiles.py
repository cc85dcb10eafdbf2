"""Brings a card's index files and its samples together for the pads' checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from firmware.checks.layout import mk2_projects
from firmware.checks.pads import SampleFile, check_mk2_pads, check_sx_pads
from firmware.checks.tree import Tree
from firmware.findings import Finding
from firmware.formats import FormatError, pad_info, padconf, smp
from firmware.formats.audio_header import AudioHeader
from firmware.layouts import sp404mk2, sp404sx
from firmware.profiles import Profile
from sdcard_image.types import Card, CardError, Entry

_LARGEST_INDEX = 1 << 20


def check_pads(
    card: Card, tree: Tree, profile: Profile, headers: Mapping[str, AudioHeader]
) -> Iterator[Finding]:
    """Findings on the pads' settings. An index that cannot be read is the boot's to refuse."""
    layout = profile.value("card.layout")
    try:
        if layout == "sp404sx":
            yield from _sx(card, tree, headers)
        elif layout == "sp404mk2":
            for project in mk2_projects(tree):
                yield from _mk2(card, tree, project.rstrip("/"), headers)
    except CardError:
        return


def _bytes(card: Card, entry: Entry | None) -> bytes:
    return b"" if entry is None or entry.size > _LARGEST_INDEX else card.read(entry.path)


def _file(entry: Entry, headers: Mapping[str, AudioHeader]) -> SampleFile:
    return SampleFile(entry.path, entry.size, headers.get(entry.path))


def _sx(card: Card, tree: Tree, headers: Mapping[str, AudioHeader]) -> Iterator[Finding]:
    index = tree.get(f"{sp404sx.FOLDER}/{sp404sx.PAD_INFO}")
    try:
        records = pad_info.parse(_bytes(card, index))
    except FormatError:
        return
    samples = {}
    for bank in pad_info.BANKS:
        for pad in range(1, pad_info.PADS_PER_BANK + 1):
            record = records[pad_info.index(bank, pad)]
            kind = record.file_type if record.file_type == pad_info.AIFF else pad_info.WAVE
            for one in (1 - kind, kind):  # the kind that the record names goes before the other
                entry = tree.get(f"{sp404sx.FOLDER}/{pad_info.file_name(bank, pad, one)}")
                if entry is not None and not entry.is_dir:
                    samples[f"{bank}{pad}"] = _file(entry, headers)
    assert index is not None
    yield from check_sx_pads(records, samples, index.path)


def _mk2(card: Card, tree: Tree, base: str, headers: Mapping[str, AudioHeader]) -> Iterator[Finding]:
    index = tree.get(f"{base}/{sp404mk2.PADCONF}")
    try:
        config = padconf.parse(_bytes(card, index))
    except FormatError:
        return
    samples = {}
    for number in range(padconf.PADS):
        bank, pad = divmod(number, padconf.PADS_PER_BANK)
        entry = tree.get(f"{base}/SMPL/{smp.file_name(bank + 1, pad + 1)}")
        if entry is not None and not entry.is_dir:
            samples[f"{pad_info.BANKS[bank]}{pad + 1}"] = _file(entry, headers)
    assert index is not None
    yield from check_mk2_pads(config, samples, index.path)
