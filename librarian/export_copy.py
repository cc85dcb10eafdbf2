"""The export of a card that already is one of the device: its files as they are, if they can be read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from firmware.catalogue import Catalogue
from firmware.layouts import plan_card, recognise, sp404mk2, sp404sx
from firmware.profiles import Profile
from sdcard_image import FolderCard
from sdcard_image.types import Card, CardError, Item, Made

from . import export_mk2
from .export_types import ExportPlan
from .kit import Kit
from .kit_read import left_out, told, unread


def plan_copy(source: Card, profile: Profile) -> ExportPlan:
    """Every file and folder with its path on the new card. What cannot be read is left out, and lost.

    Raises CardError where the device would play nothing of the card, or its pads' settings cannot be read:
    a copy of that is no finished card.
    """
    copied: list[tuple[str, str]] = []
    lost = unread(source)
    for old, new in _paths(source, profile):
        try:
            if not source.entry(old).is_dir:
                source.extents(old)
        except CardError as error:
            lost.append(told(old, error, "it is left out"))
            continue
        copied.append((old, new))
    catalogues = list(_catalogues(source, profile))
    _refuse_useless(catalogues, profile, lost)
    gone = {old for old, _ in _paths(source, profile)} - {old for old, _ in copied}
    refused = [
        f"{bad.path} is copied as it is, but the device refuses it: {bad.reason}"
        for one in catalogues
        for bad in one.refused
        if bad.path not in gone
    ]
    remarks = [note for one in catalogues for note in one.notes if "missing" in note]
    return ExportPlan(
        profile,
        Kit(automatic=True),
        source,
        copied=tuple(copied),
        remarks=tuple(dict.fromkeys((*lost, *remarks, *left_out(source)))),
        lost=tuple(lost),
        refused=tuple(refused),
    )


def _catalogues(source: Card, profile: Profile) -> Iterator[Catalogue]:
    """What the device boots: each of an MKII's projects, and what lies in its import folder."""
    projects = sp404mk2.projects(source) if profile.value("card.layout") == "sp404mk2" else []
    for project in projects:
        yield recognise(source, profile, project)
    if not projects:
        yield recognise(source, profile)
    elif source.exists(sp404mk2.IMPORT):
        yield recognise(source, profile, "IMPORT")


def _refuse_useless(catalogues: list[Catalogue], profile: Profile, lost: list[str]) -> None:
    refused = [one for catalogue in catalogues for one in catalogue.refused]
    for one in refused:
        if one.id == "bad-index" or one.path.upper().endswith((sp404sx.PAD_INFO, sp404mk2.PADCONF)):
            raise CardError(
                f"{told(one.path, one.reason)}: make a corrected card first, "
                f"with benchpad check --device {profile.name} --fix"
            )
    if not any(catalogue.pads for catalogue in catalogues):
        reasons = [*(told(one.path, one.reason) for one in refused), *lost]
        why = f" ({reasons[0]})" if reasons else ""
        raise CardError(f"there is nothing that the device plays on the card{why}")


def _paths(source: Card, profile: Profile) -> Iterator[tuple[str, str]]:
    """Every path with the one it gets: the same, but a project by itself gets its place on a card."""
    paths = [item.path for item in plan_card(profile.name, source).items]
    if profile.value("card.layout") == "sp404sx" or not source.exists("/PADCONF.BIN"):
        yield from ((path, path) for path in paths)
        return
    base = export_mk2.root(Kit())
    yield from (("/", "/EXPORT"), ("/", export_mk2.PROJECTS), ("/", base))
    yield from ((path, base + path) for path in paths)


def copied_item(source: Card, path: str, target: str) -> Item:
    """A file or folder of the source, to be written at ``target``."""
    entry = source.entry(path)
    if entry.is_dir:
        return Item(target, None)
    if isinstance(source, FolderCard):
        return Item(target, source.host_path(path))
    return Item(target, Made(entry.size, partial(source.read, path)))
