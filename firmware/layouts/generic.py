"""The generic layout: folders A to J are banks, or any audio of the card is laid on pads in name order.

A file that is refused keeps its place: its pad stays silent, and no other sample moves.
"""

from __future__ import annotations

from firmware.catalogue import Catalogue
from firmware.profiles import Profile
from sdcard_image.types import Card, Entry

from .admitting import Admitting, default_settings, is_hidden, looks_like_audio, name_order, some

# What computers leave on every card they see; not worth a word.
_SYSTEM_FOLDERS = ("system volume information", "$recycle.bin")


def recognise(card: Card, profile: Profile) -> Catalogue:
    """The catalogue of a card in the generic layout; never fails for what a file or folder holds."""
    found = Admitting(card, profile, "generic")
    root = card.listdir("/")
    banks = {entry.name.upper(): entry for entry in root if entry.is_dir}
    folders = [(bank, banks[bank]) for bank in profile.value("pads.banks") if bank in banks]
    listed = [(bank, found.listdir(folder.path)) for bank, folder in folders]
    in_banks = [(bank, files) for bank, entries in listed if (files := _audio(found, entries))]
    if in_banks:
        _lay_banks(found, in_banks)
        _note_elsewhere(found, root, {entry.path for _, entry in folders})
        _note_inside(found, [entry for _, entries in listed for entry in entries])
    else:
        _lay_flat(found, _everywhere(found, root))
    return found.catalogue()


def lay_in_order(found: Admitting, files: list[Entry]) -> None:
    """Lay files on the pads of bank A, then B, and so on; those beyond the last pad are only judged."""
    settings = default_settings(found.profile)
    per_bank = found.profile.value("pads.per_bank")
    places = [(bank, pad) for bank in found.profile.value("pads.banks") for pad in range(1, per_bank + 1)]
    for entry, (bank, pad) in zip(files, places, strict=False):
        found.put(found.sample(entry, bank, pad), bank, pad, settings)
    _beyond(found, files[len(places) :], f"the device has {len(places)} pads")


def audio_below(found: Admitting, folder: str) -> list[Entry]:
    """The audio files below a folder, in case-insensitive order of their paths; what is left out is noted."""
    entries = found.walk(folder)
    return _audio(found, [entry for entry in entries if not _in_hidden(entry, folder)])


def _lay_banks(found: Admitting, banks: list[tuple[str, list[Entry]]]) -> None:
    settings = default_settings(found.profile)
    per_bank = found.profile.value("pads.per_bank")
    for bank, files in banks:
        for pad, entry in enumerate(files[:per_bank], start=1):
            found.put(found.sample(entry, bank, pad), bank, pad, settings)
        _beyond(found, files[per_bank:], f"bank {bank} has {per_bank} pads")


def _lay_flat(found: Admitting, files: list[Entry]) -> None:
    if not files:
        found.note("there is no audio on the card")
        return
    found.note(f"no folder A to J holds audio: {_files(len(files))} laid on pads in name order, from A1 on")
    lay_in_order(found, files)


def _everywhere(found: Admitting, root: list[Entry]) -> list[Entry]:
    """The audio of the root, then that of its folders."""
    files = _audio(found, root)
    for folder in sorted((entry for entry in root if entry.is_dir), key=name_order):
        if not is_hidden(folder.name) and folder.name.lower() not in _SYSTEM_FOLDERS:
            files += audio_below(found, folder.path)
    return files


def _audio(found: Admitting, entries: list[Entry]) -> list[Entry]:
    """The audio files among entries, in order; the others are noted."""
    hidden = [entry.path for entry in entries if is_hidden(entry.name)]
    shown = [entry for entry in entries if not is_hidden(entry.name)]
    if hidden:
        found.note(f"{_files(len(hidden))} with a hidden name ignored: {some(hidden)}")
    other = [entry.path for entry in shown if not entry.is_dir and not looks_like_audio(entry)]
    if other:
        found.note(f"{_files(len(other))} without an audio name ignored: {some(other)}")
    return sorted((entry for entry in shown if looks_like_audio(entry)), key=name_order)


def _beyond(found: Admitting, files: list[Entry], why: str) -> None:
    playable = [entry.path for entry in files if found.is_playable(entry)]
    if playable:
        found.note(f"{_files(len(playable))} without a pad, as {why}: {some(playable)}")


def _note_elsewhere(found: Admitting, root: list[Entry], banks: set[str]) -> None:
    loose = [entry.path for entry in root if looks_like_audio(entry) and not is_hidden(entry.name)]
    if loose:
        found.note(f"{_files(len(loose))} outside the folders A to J without a pad: {some(loose)}")
    folders = [entry.path for entry in root if entry.is_dir and entry.path not in banks]
    folders = [
        path for path in folders if path[1:].lower() not in _SYSTEM_FOLDERS and not is_hidden(path[1:])
    ]
    if folders:
        found.note(f"folders that are no banks are not read: {some(folders)}")


def _note_inside(found: Admitting, entries: list[Entry]) -> None:
    inner = [entry.path for entry in entries if entry.is_dir and not is_hidden(entry.name)]
    if inner:
        found.note(f"folders inside a bank's folder are not read: {some(inner)}")


def _in_hidden(entry: Entry, below: str) -> bool:
    """Whether a folder on the way to an entry is hidden."""
    return any(is_hidden(part) for part in entry.path[len(below) :].split("/")[:-1])


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"
