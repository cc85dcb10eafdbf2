"""What to put on a card so that a device finds a folder's samples: decided before anything is written."""

from __future__ import annotations

from firmware.profiles import Profile, load
from sdcard_image.types import Card, Entry

from . import sp404mk2, sp404sx, sx_plan
from .admitting import Admitting, exists, is_hidden, looks_like_audio, name_order
from .plan_types import CardPlan, PlanItem


def plan_card(profile_name: str, source: Card) -> CardPlan:
    """The plan of a card for the device ``profile_name``, filled from ``source`` (a folder or another card).

    generic: the tree as it is. sp404mk2: the audio below /IMPORT; a tree that already is an MKII card stays
    as it is. sp404sx: 16-bit 44.1 kHz PCM without loss into /ROLAND/SP-404SX/SMPL, with PAD_INFO.BIN; a tree
    that already is an SX card stays as it is. Raises ProfileError for an unknown device, CardError where the
    source cannot be read.
    """
    profile = load(profile_name)
    layout = profile.value("card.layout")
    label = profile.find("card.label")
    if layout == "sp404sx" and not exists(source, sp404sx.FOLDER):
        items, notes = sx_plan.lay(profile, source)
    elif layout == "sp404mk2" and not _is_mk2_card(source):
        items, notes = _import(profile, source)
    else:
        items, notes = [_copy(entry, entry.path) for entry in source.walk("/")], []
    return CardPlan(tuple(items), tuple(notes), str(label.value) if label else "")


def _is_mk2_card(source: Card) -> bool:
    return bool(sp404mk2.projects(source)) or exists(source, sp404mk2.IMPORT)


def _copy(entry: Entry, path: str) -> PlanItem:
    return PlanItem(path) if entry.is_dir else PlanItem(path, entry.size, source=entry.path)


def _import(profile: Profile, source: Card) -> tuple[list[PlanItem], list[str]]:
    """Every audio file below /IMPORT, in the folders it came in; what the device will refuse is named."""
    judged = Admitting(source, profile, "sp404mk2")
    entries = sorted(source.walk("/"), key=name_order)
    audio = [entry for entry in entries if looks_like_audio(entry) and not is_hidden(entry.name)]
    for entry in audio:
        judged.sample(entry)
    notes = [
        f"{bad.path} is copied, but will be refused: {bad.reason} [{bad.mark}]" for bad in judged.refused
    ]
    left_out = [entry.path for entry in entries if not entry.is_dir and entry not in set(audio)]
    notes += [f"{path} is left out: it is no audio file" for path in left_out]
    folders = sorted({parent for entry in audio for parent in _parents(entry.path)})
    items = [PlanItem(sp404mk2.IMPORT), *(PlanItem(sp404mk2.IMPORT + folder) for folder in folders)]
    return items + [_copy(entry, sp404mk2.IMPORT + entry.path) for entry in audio], judged.notes + notes


def _parents(path: str) -> list[str]:
    parts = path.strip("/").split("/")[:-1]
    return ["/" + "/".join(parts[: n + 1]) for n in range(len(parts))]
