"""What holds for the check and the repair of any card whatsoever."""

from __future__ import annotations

import random
import time
from pathlib import Path

from card_tools import RamMedium

from sdcard_image.check import check_volume, structural
from sdcard_image.repair import Plan, apply, plan_repair, repair_medium
from sdcard_image.types import CardError
from sdcard_image.undo import undo

SECONDS = 10.0


def check_and_repair(medium: RamMedium) -> RamMedium | None:
    """Check, repair a copy, check again: clean, in bounded time; None where it is refused in one sentence."""
    began = time.perf_counter()
    report = check_volume(medium)
    assert all(d.what and "\n" not in d.what for d in report.defects)
    plan = _plan(medium)
    if plan is None:
        assert [d.id for d in report.defects] == ["not-fat32"]
        return None
    boot = plan.system.boot
    size = max(medium.size, plan.system.offset + boot.total_sectors * boot.bytes_per_sector)
    copy = RamMedium(size, medium.sectors)
    apply(plan, copy)
    again = plan_repair(copy)
    assert again.changes.writes == [], [(o, len(d)) for o, d in again.changes.writes][:5]
    assert again.changes.copies == []
    left = [(d.id, d.path, d.what) for d in structural(check_volume(copy))]
    assert left == [], left
    assert time.perf_counter() - began < SECONDS
    return copy


def _plan(medium: RamMedium) -> Plan | None:
    said = ""
    try:
        return plan_repair(medium)
    except CardError as error:
        said = str(error)
    assert said
    assert "\n" not in said
    return None


def repair_and_undo(medium: RamMedium, journal: Path) -> None:
    """In place and back: the same to the byte; or refused in one sentence, and untouched."""
    card = RamMedium(medium.size, medium.sectors)
    try:
        repair_medium(card, journal)
    except CardError:
        assert card.log == []
        assert not journal.exists()
        return
    undo(card, journal)
    journal.unlink()
    zero = bytes(512)
    assert all(
        card.sectors.get(i, zero) == medium.sectors.get(i, zero) for i in card.sectors | medium.sectors
    )


def wreck(medium: RamMedium, chance: random.Random) -> None:
    """Whole sectors lost, repeated, shifted or made noise, among those in use."""
    used = sorted(medium.sectors)
    for _ in range(chance.randint(1, 12)):
        sector = chance.choice(used)
        kind = chance.randrange(4)
        if kind == 0:
            medium.sectors.pop(sector, None)
        elif kind == 1:
            medium.sectors[sector] = chance.randbytes(512)
        elif kind == 2:
            medium.sectors[sector] = medium.sectors.get(chance.choice(used), bytes(512))
        else:
            medium.sectors[sector] = bytes([chance.randrange(256)]) * 512
