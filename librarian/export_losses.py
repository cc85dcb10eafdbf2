"""What a kit asks for and the device has no place for."""

from __future__ import annotations

from collections.abc import Sequence

from firmware.profiles import Profile

from . import export_mk2, export_sx
from .export_types import Job, pad_name
from .kit import Kit, Place
from .kit_read import pads_of


def not_carried(jobs: Sequence[Job], kit: Kit, profile: Profile) -> list[str]:
    """One line a pad where a kit was written, one line a setting where it was read from a card."""
    is_sx = profile.value("card.layout") == "sp404sx"
    nowhere = export_sx.NOT_CARRIED if is_sx else export_mk2.NOT_CARRIED
    lost = {job.place: sorted(job.pad.given & nowhere) for job in jobs}
    if not kit.automatic:
        return [
            f"pad {pad_name(place)}: {profile.title} has no place for {', '.join(keys)}"
            for place, keys in lost.items()
            if keys
        ]
    by_key: dict[str, list[Place]] = {}
    for place, keys in lost.items():
        for key in keys:
            by_key.setdefault(key, []).append(kit.moved.get(place, place))
    said = [
        f"{key} of {pads_of(places)}: {profile.title} has no place for it"
        for key, places in sorted(by_key.items())
    ]
    return said + (_loops(jobs) if is_sx else [])


def _loops(jobs: Sequence[Job]) -> list[str]:
    """Loops that the SX cannot play, in the words that the export itself has for them."""
    said = []
    for job in jobs:
        pad = job.pad
        if pad.loop in ("forward", "ping-pong"):
            moved = pad.loop_start is not None and pad.loop_start != pad.start
            said += [
                f"pad {pad_name(job.place)}: {one}"
                for one in export_sx.loop_losses(is_ping_pong=pad.loop == "ping-pong", has_start=moved)
            ]
    return said
