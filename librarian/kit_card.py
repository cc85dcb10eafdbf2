"""The kit of a card that is another device's: its pads with their settings, and its patterns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from firmware.layouts import recognise, sp404mk2
from firmware.profiles import load
from sdcard_image.types import Card, CardError

from .export_sx import ROOT
from .kit import BANKS, Kit, KitPad, KitPattern, Place
from .kit_mk2 import read_mk2
from .kit_read import PadsRead, pads_of, told
from .kit_sx import read_sx

_PATTERN = re.compile(r"PTN(\d{5})\.BIN", re.IGNORECASE)


def card_kit(card: Card, device: str, pads_per_bank: int) -> Kit:
    """The pads of a card of ``device`` with their settings, and its patterns.

    A sample that the card's own device refuses keeps its pad: the other may take it when it is converted.
    What banks of ``pads_per_bank`` have no pad for goes on free pads. ``remarks`` say all that is left
    behind, ``lost`` what could not be read.
    """
    catalogue = recognise(card, load(device))
    if device == "sp404sx":
        base, read = ROOT, read_sx(card, catalogue)
    else:
        base = (sp404mk2.projects(card) or [""])[0].rstrip("/")
        read = read_mk2(card, catalogue, base)
    known = {read.index} if read.lost else set()
    unread = [one for one in catalogue.refused if one.id == "card-error" and one.path not in known]
    lost = list(dict.fromkeys((*read.lost, *(told(one.path, one.reason) for one in unread))))
    moved, left = _beyond(read, pads_per_bank)
    patterns = dict(_patterns(card, f"{base}/PTN", device))
    beyond = [place for place in patterns if place[1] > pads_per_bank]
    for place in beyond:
        del patterns[place]
    if beyond:
        left.append(f"the patterns of {pads_of(beyond)} are left out: a bank has {pads_per_bank} pads")
    pads = {place: pad for place, pad in read.pads.items() if place[1] <= pads_per_bank}
    return Kit(
        pads=pads | {spot: read.pads[place] for spot, place in moved.items()},
        patterns=patterns,
        automatic=True,
        remarks=(*lost, *read.remarks, *left),
        lost=tuple(lost),
        base=base,
        index=read.index,
        moved=moved,
    )


def moves(kit: Kit) -> list[str]:
    """What is not on its own pad, in words."""
    return [
        f"the sample of pad {place[0]}{place[1]} goes on pad {spot[0]}{spot[1]}: its own bank ends before"
        for spot, place in kit.moved.items()
    ]


def _beyond(read: PadsRead, pads_per_bank: int) -> tuple[dict[Place, Place], list[str]]:
    """A free pad for each that is beyond the end of its bank, as long as there are any; and what is left."""
    beyond = sorted(place for place in read.pads if place[1] > pads_per_bank)
    moved = dict(zip(_free(read.pads, pads_per_bank), beyond, strict=False))
    left = beyond[len(moved) :]
    said = [f"the samples of {pads_of(left)} are left out: the device has no free pad"] if left else []
    return moved, said


def _free(pads: Mapping[Place, KitPad], pads_per_bank: int) -> Iterator[Place]:
    taken = set(pads)
    return ((bank, pad) for bank in BANKS for pad in range(1, pads_per_bank + 1) if (bank, pad) not in taken)


def _patterns(card: Card, folder: str, device: str) -> Iterator[tuple[Place, KitPattern]]:
    """The patterns by the pads that their decimal numbers name."""
    per_bank = 12 if device == "sp404sx" else 16
    try:
        entries = card.listdir(folder) if card.exists(folder) else []
    except CardError:
        return
    for entry in entries:
        match = _PATTERN.fullmatch(entry.name)
        bank, pad = divmod(int(match[1]) - 1, per_bank) if match else (-1, 0)
        if not entry.is_dir and 0 <= bank < len(BANKS):
            yield (BANKS[bank], pad + 1), KitPattern(entry.path, device=device)
