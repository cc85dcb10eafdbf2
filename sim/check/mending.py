"""Whether ``check --fix`` can help a refused file, and what to do where it cannot."""

from __future__ import annotations

from firmware.profiles import Profile
from librarian.errors import ConvertError
from librarian.streams import open_on_card
from sdcard_image.types import Card, Entry


def beyond_help(card: Card, entry: Entry, profile: Profile, *, strict: bool) -> str:
    """Why a file would be left out of the corrected card; empty where it would not.

    Reads headers only, but of float files. Raises CardError.
    """
    from librarian.fix_needs import Wish, needed  # noqa: PLC0415  soundfile and soxr, only when needed
    from librarian.forms import Form  # noqa: PLC0415  as above

    form = Form.SMP if profile.find("smp.rate") and entry.name.lower().endswith(".smp") else Form.WAV
    try:
        with open_on_card(card, entry.path) as stream:
            needed(stream, entry.size, profile, Wish(form, 0, None, strict))
    except ConvertError as error:
        return str(error)
    return ""


def remedy(why: str) -> str:
    """What to do, with which such a reason ends; empty where it says nothing of the kind."""
    return why.rpartition("; ")[2] if "; " in why else ""
