"""What an export is made of, before and after the audio is converted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from firmware.profiles import Profile
from sdcard_image.types import Card, Item

from .convert import Recipe
from .kit import BANKS, Kit, KitError, KitPad, Place
from .markers import PING_PONG, REVERSE, Markers


def pad_name(place: Place) -> str:
    """``A1`` of ("A", 1)."""
    return f"{place[0]}{place[1]}"


def number(place: Place, pads_per_bank: int) -> int:
    """A pad's number on a device, from 0."""
    return BANKS.index(place[0]) * pads_per_bank + place[1] - 1


@dataclass(frozen=True, slots=True)
class Job:
    """One pad's sample: ``source`` is its path on the source card, ``target`` on the new one.

    Without a ``recipe`` the file already is what the device plays on that pad, and is copied.
    """

    place: Place
    pad: KitPad
    source: str
    target: str
    size_bytes: int
    recipe: Recipe | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A job that is done. ``ratio``: frames of the new file for each of the old.

    ``losses``, also among the ``remarks``: what the new file has not kept; ``audio_lost`` if that is audio.
    """

    job: Job
    item: Item
    size_bytes: int
    channels: int
    frames: int
    source_rate: int
    ratio: Fraction
    markers: Markers
    remarks: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    audio_lost: str = ""


@dataclass(frozen=True, slots=True)
class PatternJob:
    """One pattern, finished."""

    place: Place
    source: str
    target: str
    data: bytes
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What will be done. ``copied``: the old and new paths of a source that is a card of the device.

    ``lost``, also among the ``remarks``: what of the source cannot be read. ``refused``: what is copied
    though the device does not take it.
    """

    profile: Profile
    kit: Kit
    source: Card
    jobs: tuple[Job, ...] = ()
    patterns: tuple[PatternJob, ...] = ()
    copied: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Export:
    """What goes on the card. ``roots`` are the folders that are the device's own, which hold all of it.

    ``lost``, also among the ``remarks``: what of the source could not be read; ``given_up``, also there: what
    of it the device's files have no place for, and neither has a kit: markers, tags.
    """

    items: tuple[Item, ...]
    roots: tuple[str, ...]
    samples: tuple[Sample, ...] = ()
    patterns: tuple[PatternJob, ...] = ()
    remarks: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Region:
    """What of a sample a pad plays, in frames of the new file; ``end`` exclusive. ``loop`` as of the kit."""

    start: int
    end: int
    loop_start: int
    loop: str = "off"
    remarks: tuple[str, ...] = field(default=())


def region(sample: Sample) -> Region:
    """The region that the kit asks for, else the one that the file's own first loop says.

    Raises KitError where start, end and loop start are not in that order within the sample.
    """
    pad = sample.job.pad
    scaled = _scaler(sample)
    start = scaled(pad.start) if pad.start is not None else 0
    end = scaled(pad.end) if pad.end is not None else sample.frames
    loop_start = scaled(pad.loop_start) if pad.loop_start is not None else start
    if pad.loop is None and pad.start is None and pad.end is None and sample.markers.loops:
        first = sample.markers.loops[0]
        mode = "ping-pong" if first.mode == PING_PONG else "forward"
        told = f"the file's own loop, frames {first.start} to {first.end}, is set"
        if first.mode != REVERSE:
            return Region(0, first.end, first.start, mode, (told,))
    name = pad_name(sample.job.place)
    if not 0 <= start < end <= sample.frames:
        raise KitError(
            f"pad.{name}: start {start} and end {end} do not lie in the sample's {sample.frames} frames"
        )
    if not start <= loop_start < end:
        raise KitError(
            f"pad.{name}: loop_start {loop_start} does not lie between start {start} and end {end}"
        )
    return Region(start, end, loop_start, pad.loop or "off")


def chops(sample: Sample) -> tuple[int, ...]:
    """The chop points in frames of the new file; KitError where one is behind its end."""
    frames = tuple(_scaler(sample)(one) for one in sample.job.pad.chops)
    if any(frame >= sample.frames for frame in frames) or list(frames) != sorted(set(frames)):
        name = pad_name(sample.job.place)
        raise KitError(f"pad.{name}: chops must rise and lie within the sample's {sample.frames} frames")
    return frames


def _scaler(sample: Sample) -> Callable[..., int]:
    return lambda place: int(place.at(sample.source_rate) * sample.ratio + Fraction(1, 2))


@dataclass(frozen=True, slots=True)
class Spool:
    """A host folder for converted audio, until it is on the card."""

    folder: Path

    def path(self, place: Place) -> Path:
        """Where a pad's audio waits."""
        return self.folder / f"{pad_name(place)}.part"
