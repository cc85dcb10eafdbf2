"""What a boot finds on a card: pads with their samples and settings, and what was refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from native.types import Encoding, Loop, Retrigger


@dataclass(frozen=True, slots=True)
class SampleInfo:
    """A playable PCM stream: where it lies in its file, and its shape."""

    path: str
    frames: int
    rate: int
    channels: int
    bits: int
    encoding: Encoding
    data_offset: int


@dataclass(frozen=True, slots=True)
class PadSettings:
    """How a pad plays. Positions are frames of the file; ``end`` 0 is the sample's end."""

    start: int = 0
    end: int = 0
    loop_start: int = 0
    loop: Loop = Loop.NONE
    reverse: bool = False
    gate: bool = False
    retrigger: Retrigger = Retrigger.LAYER
    level: int = 127  # 0 to 127; 127 is a gain of exactly 1
    pan: float = 0.0  # -1 left, 0 centre (gain exactly 1), 1 right
    pitch_cents: float = 0.0
    speed: float = 1.0
    attack_ms: float = 0.0
    hold_percent: float = 100.0  # of the region's playing time; 100 = no limit
    release_ms: float = 0.0
    mute_group: int = 0
    fixed_velocity: int = 0  # 0: the velocity played counts
    bpm: float = 0.0  # 0: not known


@dataclass(frozen=True, slots=True)
class Pad:
    """One pad with a sample on it. ``bank`` is a letter, ``pad`` counts from 1.

    ``name`` is what the card's pad table calls it; empty where it has no names.
    """

    bank: str
    pad: int
    sample: SampleInfo
    settings: PadSettings = field(default_factory=PadSettings)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A file the device would not play. ``id`` names the reason for programs, ``mark`` how sure it is.

    ``bank`` and ``pad`` say which pad stays silent for it; empty and 0 where it had none. ``fix`` is what the
    user can do about it.
    """

    path: str
    id: str
    reason: str
    mark: str = ""
    bank: str = ""
    pad: int = 0
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A recognised card. ``notes`` are one-sentence remarks for the boot log."""

    device: str
    layout: str
    pads: tuple[Pad, ...]
    refused: tuple[Refused, ...]
    notes: tuple[str, ...] = ()
