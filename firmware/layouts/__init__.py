"""How a device lays samples out on a card: recognise what is there, and plan what to put there."""

from __future__ import annotations

from firmware.catalogue import Catalogue
from firmware.profiles import Profile
from sdcard_image.types import Card

from . import generic, sp404mk2, sp404sx
from .admitting import LayoutError, exists
from .plan import plan_card
from .plan_types import CardPlan, PlanItem

__all__ = ["CardPlan", "LayoutError", "PlanItem", "detect", "plan_card", "recognise"]


def detect(card: Card) -> str:
    """The name of the profile whose layout the card carries; ``generic`` where it is no device's."""
    if exists(card, sp404sx.FOLDER):
        return "sp404sx"
    if sp404mk2.projects(card) or exists(card, sp404mk2.IMPORT):
        return "sp404mk2"
    return "generic"


def recognise(card: Card, profile: Profile, project: str | None = None) -> Catalogue:
    """What the device of ``profile`` finds on the card.

    ``project`` picks one of several projects of an MKII card by its folder's name (or ``IMPORT`` for the
    loose samples). Files that cannot be played are in the catalogue's ``refused``; LayoutError only where
    there is no such project, or the device has none.
    """
    layout = profile.value("card.layout")
    if layout == "sp404mk2":
        return sp404mk2.recognise(card, profile, project)
    if project is not None:
        raise LayoutError(f"{profile.title} has no projects: leave {project!r} out")
    return sp404sx.recognise(card, profile) if layout == "sp404sx" else generic.recognise(card, profile)
