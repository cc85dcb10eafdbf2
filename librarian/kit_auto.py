"""A kit where nobody wrote one: folders A to J are banks, else pads are filled in the order of names."""

from __future__ import annotations

from firmware.layouts.admitting import AUDIO_SUFFIXES, is_hidden, name_order, suffix
from sdcard_image.types import Card, Entry

from .kit import BANKS, Kit, KitPad, Place

# Names of audio that no device plays, but that can be converted.
_OTHER = ("avr", "htk", "iff", "ircam", "mat4", "mat5", "nist", "paf", "pvf", "sd2", "sds", "sf", "sph")
_SUFFIXES = AUDIO_SUFFIXES | {*_OTHER, "8svx", "svx", "voc", "wavex", "wve", "xi"}


def automatic(card: Card, pads_per_bank: int) -> Kit:
    """The kit of a folder of samples.

    Where top-level folders A to J hold audio, their files go on the pads of that bank in the order of their
    names, without regard to case. Otherwise all audio, in folders or not, goes on pads in the order of paths,
    from A1 on. What finds no pad is remarked. Pads play as an empty pad of the device would.
    """
    files, remarks = [], []
    for entry in sorted(card.walk("/"), key=name_order):
        if entry.is_dir or any(is_hidden(part) for part in entry.path.split("/")):
            continue
        if suffix(entry.name) in _SUFFIXES:
            files.append(entry)
        else:
            remarks.append(f"{entry.path} is left out: its name is not that of audio")
    by_bank = {bank: [entry for entry in files if _bank(entry) == bank] for bank in BANKS}
    if any(by_bank.values()):
        remarks += [
            f"{entry.path} is left out: it is in none of the folders A to J"
            for entry in files
            if not _bank(entry)
        ]
        pads = dict(_laid(by_bank, pads_per_bank, remarks))
    else:
        places = [(bank, pad) for bank in BANKS for pad in range(1, pads_per_bank + 1)]
        pads = dict(zip(places, files, strict=False))
        remarks += [
            f"{entry.path} is left out: the device has {len(places)} pads" for entry in files[len(places) :]
        ]
    return Kit(
        pads={place: KitPad(entry.path) for place, entry in pads.items()},
        automatic=True,
        remarks=tuple(remarks),
    )


def _laid(
    by_bank: dict[str, list[Entry]], pads_per_bank: int, remarks: list[str]
) -> list[tuple[Place, Entry]]:
    laid = []
    for bank, entries in by_bank.items():
        laid += [((bank, pad), entry) for pad, entry in enumerate(entries[:pads_per_bank], start=1)]
        remarks += [
            f"{entry.path} is left out: bank {bank} has {pads_per_bank} pads"
            for entry in entries[pads_per_bank:]
        ]
    return laid


def _bank(entry: Entry) -> str:
    """The bank whose folder a file lies in, at any depth; empty for any other place."""
    top, _, rest = entry.path[1:].partition("/")
    return top.upper() if rest and len(top) == 1 and top.upper() in BANKS else ""
