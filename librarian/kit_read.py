"""What reading a card's table of pads gives, in a kit's terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from firmware.catalogue import Catalogue, Pad
from firmware.formats import FormatError
from sdcard_image import FolderCard
from sdcard_image.types import Card, CardError, Entry

from .kit import KitPad, Place, Position

SLOWEST, FASTEST = 20.0, 655.0  # BPM; what both tables can hold and a kit may say
_UNREAD = ("that cannot be read: it is left out", "permission denied: it is left out")
_FIRST_BYTE = 512  # from which both devices count
_LARGEST = 1 << 20  # bytes; the largest table has 52,000
_Table = TypeVar("_Table")


@dataclass(slots=True)
class PadsRead:
    """Pads by place. ``index`` is the table's path; ``lost`` what could not be read, ``remarks`` the rest."""

    index: str
    pads: dict[Place, KitPad] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    left_behind: dict[str, list[Place]] = field(default_factory=dict)

    def leave(self, what: str, place: Place) -> None:
        """A setting that no kit can say stays behind."""
        self.left_behind.setdefault(what, []).append(place)

    def missing(self, places: Iterable[Place]) -> None:
        """Pads whose settings have no sample any more."""
        if listed := list(places):
            self.remarks.append(
                f"the settings of {pads_of(listed)} are left out: the sample's file is missing"
            )

    def finish(self) -> PadsRead:
        """Say what stays behind, one line a setting."""
        self.remarks += [
            f"{what} of {pads_of(places)}: not carried" for what, places in self.left_behind.items()
        ]
        return self


def pads_of(places: Iterable[Place]) -> str:
    """``pad A1``, or ``pads A1-A3, B5``: every one is named."""
    runs: list[list[Place]] = []
    for place in sorted(places):
        if runs and runs[-1][-1] == (place[0], place[1] - 1):
            runs[-1].append(place)
        else:
            runs.append([place])
    count = sum(map(len, runs))
    named = [_name(run[0]) if len(run) == 1 else f"{_name(run[0])}-{_name(run[-1])}" for run in runs]
    return f"pad{'s' * (count != 1)} {', '.join(named)}"


def _name(place: Place) -> str:
    return f"{place[0]}{place[1]}"


def table(card: Card, read: PadsRead, parse: Callable[[bytes], _Table]) -> _Table | None:
    """The table of pads; None where there is none, or it cannot be read, which is said."""
    try:
        if not card.exists(read.index):
            return None
        return parse(card.read(read.index, 0, _LARGEST))
    except (CardError, FormatError) as error:
        read.lost.append(told(read.index, error, "pads have the settings of empty ones"))
        return None


def files_in(card: Card, folder: str) -> dict[str, Entry]:
    """The files of a folder by name in capitals; none where it cannot be read, which boot says."""
    try:
        listed = card.listdir(folder) if card.exists(folder) else []
    except CardError:
        return {}
    return {entry.name.upper(): entry for entry in listed if not entry.is_dir}


def by_place(catalogue: Catalogue) -> dict[Place, Pad]:
    """The pads that boot."""
    return {(one.bank, one.pad): one for one in catalogue.pads}


def tempo(bpm: float) -> float | None:
    """A tempo that a kit may say."""
    return bpm if SLOWEST <= bpm <= FASTEST else None


def positions(pad: Pad | None) -> dict[str, Any]:
    """Start, end and loop start as boot takes them: they lie in the sample."""
    if pad is None:
        return {}
    settings = pad.settings
    return {
        "start": Position(settings.start) if settings.start else None,
        "end": Position(settings.end) if settings.end else None,
        "loop_start": Position(settings.loop_start) if settings.loop_start != settings.start else None,
    }


def off_frames(pad: Pad | None, offsets: tuple[int, ...]) -> bool:
    """Whether one of the places lies inside a frame of the sample: then the pad begins or ends before it."""
    if pad is None:
        return False
    frame = pad.sample.channels * pad.sample.encoding.size_bytes
    return any((offset - _FIRST_BYTE) % frame for offset in offsets if offset)


def kit_pad(path: str, values: dict[str, Any]) -> KitPad:
    """A kit's pad; what differs from an empty pad counts as given."""
    plain = KitPad(path)
    given = frozenset(key for key, value in values.items() if value != getattr(plain, key))
    return KitPad(path, **values, given=given)


def told(path: str, reason: object, then: str = "") -> str:
    """What is wrong with a file, which a reason names or not, and what comes of it."""
    text = str(reason)
    whole = text if text.startswith(f"{path}: ") else f"{path}: {text}"
    return f"{whole}: {then}" if then else whole


def left_out(card: Card) -> list[str]:
    """What a folder of the host holds that no card could."""
    lines = card.skipped if isinstance(card, FolderCard) else []
    return [f"{line}: it is left out" for line in lines]


def unread(card: Card) -> list[str]:
    """What of that would be files and folders, if they could be read."""
    return [line for line in left_out(card) if line.endswith(_UNREAD)]
