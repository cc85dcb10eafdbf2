"""The kit of a card that is another device's: what it boots with there, for the device it is to play on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from firmware.catalogue import Catalogue, PadSettings
from firmware.layouts import recognise, sp404mk2
from firmware.profiles import load
from sdcard_image.types import Card, CardError

from .export_sx import ROOT
from .kit import BANKS, Kit, KitPad, KitPattern, Place, Position

_PATTERN = re.compile(r"PTN(\d{5})\.BIN", re.IGNORECASE)
_LOOPS = {"NONE": "off", "FORWARD": "forward", "PING_PONG": "ping-pong"}
_LONGEST_MS = 3000.0  # attack and release at 127


def card_kit(card: Card, device: str, pads_per_bank: int) -> Kit:
    """The pads of a card of ``device`` with their settings, and its patterns.

    What banks of ``pads_per_bank`` have no pad for is remarked, as is what the card's own device refuses.
    """
    catalogue = recognise(card, load(device))
    remarks = [*catalogue.notes, *(f"{one.path} is left out: {one.reason}" for one in catalogue.refused)]
    pads = dict(_pads(catalogue))
    patterns = dict(_patterns(card, device))
    for table, what in ((pads, "sample"), (patterns, "pattern")):
        for place in [place for place in table if place[1] > pads_per_bank]:
            remarks.append(
                f"the {what} of pad {place[0]}{place[1]} is left out: a bank has {pads_per_bank} pads"
            )
            del table[place]
    return Kit(pads=pads, patterns=patterns, automatic=True, remarks=tuple(remarks))


def _pads(catalogue: Catalogue) -> Iterator[tuple[Place, KitPad]]:
    for pad in catalogue.pads:
        values = _values(pad.settings)
        plain = KitPad(pad.sample.path)
        given = frozenset(key for key, value in values.items() if value != getattr(plain, key))
        yield (pad.bank, pad.pad), KitPad(pad.sample.path, **values, given=given)


def _values(settings: PadSettings) -> dict[str, Any]:
    """Settings in a kit's terms; what a kit cannot say finely enough is rounded."""
    return {
        "volume": settings.level,
        "bpm": settings.bpm or None,
        "gate": settings.gate,
        "loop": _LOOPS[settings.loop.name],
        "reverse": settings.reverse,
        "one_shot": settings.retrigger.name == "IGNORE",
        "poly": settings.retrigger.name == "LAYER",
        "mute_group": settings.mute_group,
        "pitch": round(settings.pitch_cents / 100),
        "speed": settings.speed * 100,
        "pan": max(-64, min(63, round(settings.pan * 63))),
        "attack": round(settings.attack_ms * 127 / _LONGEST_MS),
        "hold": round(settings.hold_percent),
        "release": round(settings.release_ms * 127 / _LONGEST_MS),
        "fixed_velocity": settings.fixed_velocity > 0,
        "start": Position(settings.start) if settings.start else None,
        "end": Position(settings.end) if settings.end else None,
        "loop_start": Position(settings.loop_start) if settings.loop_start != settings.start else None,
    }


def _patterns(card: Card, device: str) -> Iterator[tuple[Place, KitPattern]]:
    """The patterns by the pads that their decimal numbers name."""
    if device == "sp404sx":
        folder, per_bank = f"{ROOT}/PTN", 12
    else:
        folder, per_bank = f"{(sp404mk2.projects(card) or [''])[0].rstrip('/')}/PTN", 16
    try:
        entries = card.listdir(folder)
    except CardError:
        return
    for entry in entries:
        match = _PATTERN.fullmatch(entry.name)
        bank, pad = divmod(int(match[1]) - 1, per_bank) if match else (-1, 0)
        if not entry.is_dir and 0 <= bank < len(BANKS):
            yield (BANKS[bank], pad + 1), KitPattern(entry.path)
