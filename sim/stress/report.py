"""What a stress run found, as values; for programs as one document, whose names stay."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native.types import Underrun, VoiceEnd


@dataclass(frozen=True, slots=True)
class Bound:
    """Where the card is used up: ``voices`` solves V R (t/q + 1/W) = 1, q = M/V or a file's piece if shorter.

    ``voices`` is no whole number, and infinite for a card that takes no time. It is what no reader beats that
    gives each voice its own part of the RAM; where voices lend each other room, none beats ``shared_voices``.
    """

    voices: float
    voice_bytes_per_s: float  # R, the mean of the voices
    ram_bytes: int  # M, what is not pinned
    command_ms: float  # t, what a command costs on average beside its bytes
    mb_per_s: float  # W, 10^6 bytes; what crossings cost is taken off
    transfer_bytes: float  # q at the bound
    piece_bytes: float  # no transfer is longer than a piece of a file: their mean length
    shared_voices: float = math.inf


@dataclass(frozen=True, slots=True)
class Outcome:
    """One trial. What happened in the warm-up is in none of the numbers."""

    voices: int
    seconds: float
    underruns: int
    causes: dict[str, int]  # of the underruns: "cold", "late", "no room", "read error", "dropped"
    reads: int
    read_bytes: int
    wasted_bytes: int  # read, then not wanted any more
    busy_part: float  # of the time the card was busy
    hit_part: float  # of the blocks that voices asked for, those that were resident
    broke_off: bool = False  # at the first underrun: there might have been more
    least_slack_ms: float | None = None  # least time to an underrun, of all voices; None: not watched
    p1_slack_ms: float | None = None  # its first percentile
    mean_depth: float | None = None  # streams that had requests when a command was sent
    needed_part: float | None = None  # of the time the card had to be busy at the least, by the bound

    @property
    def clean(self) -> bool:
        """Whether every voice had its data in time."""
        return self.underruns == 0

    @property
    def mean_transfer_bytes(self) -> float:
        """Of the commands."""
        return self.read_bytes / self.reads if self.reads else 0.0


@dataclass(frozen=True, slots=True)
class Point:
    """One step of the sweep's ladder, for the picture."""

    voices: int
    underruns: int
    busy_part: float
    needed_part: float  # the least part of the time that the card had to be busy, by the bound


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A change, and the clean voices that it was found to give. ``kind`` groups them for programs."""

    change: str
    clean_voices: int
    kind: str


@dataclass(frozen=True, slots=True)
class Relief:
    """One cost made less, to see whether it is what gives; ``cost`` is named as in ``first_to_give``."""

    cost: str
    how: str
    clean_voices: int


@dataclass(frozen=True, slots=True)
class KitFacts:
    """What is streamed. ``voice_bytes_per_s`` is the mean of the pads at the pitch and speed they play."""

    samples: int
    pads: int
    bytes: int
    stereo: int
    pieces: int
    fragmented: int
    voice_bytes_per_s: float
    mean_piece_bytes: float


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The card's timing: ``name`` as asked for, ``title`` for people, what a preset assumes."""

    name: str
    title: str
    command_ms: float
    mb_per_s: float
    spikes: str  # "" where there are none
    assumptions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """One run that was watched all along, for pictures and traces. Row n of each array is as of ``marks[n]``.

    ``commands`` has the dtype COMMAND of `native`; ``begins`` is the frame at which counting began.
    """

    title: str
    rate: int
    begins: int
    voices: tuple[str, ...]  # names, by column
    marks: NDArray[np.uint64]  # frames, shape (n,)
    slack_ms: NDArray[np.float32]  # (n, voices): time to an underrun; nan where the voice does not play
    busy_part: NDArray[np.float32]  # (n,) of the time since the mark before
    hit_part: NDArray[np.float32]  # (n,) of the blocks asked for since the mark before
    resident_bytes: NDArray[np.uint64]  # (n,)
    pinned_bytes: NDArray[np.uint64]  # (n,)
    sounding: NDArray[np.uint32]  # (n,)
    commands: NDArray[np.void]
    underruns: tuple[Underrun, ...]  # ``tag`` is the voice's column
    ends: tuple[VoiceEnd, ...] = ()


@dataclass(frozen=True, slots=True)
class StressReport:
    """A sweep. ``clean_voices`` is the largest number of which this and every smaller one tested were clean.

    ``limited`` says why the sweep ended: "underruns", "device" (it has no more voices) or "asked" (the user's
    range ended). ``first_to_give`` is one of bandwidth, command overhead, RAM, spikes, voices, nothing.
    """

    card: str
    device: str
    card_timing: CardFacts
    kit: KitFacts
    bound: Bound
    ram_bytes: int
    pinned_bytes: int
    schedule: str
    seconds: float
    warm_s: float
    seed: int
    clean_voices: int
    most_voices: int
    limited: str
    first_to_give: str
    sentence: str
    points: tuple[Point, ...]
    suggestions: tuple[Suggestion, ...]
    reliefs: tuple[Relief, ...]
    at_limit: Outcome | None
    beyond: Outcome | None  # one voice more
    least_voices: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    recordings: tuple[Recording, ...] = ()

    @property
    def ratio(self) -> float | None:
        """Clean voices as a part of the bound; None where the bound is infinite."""
        return self.clean_voices / self.bound.voices if self.bound.voices != math.inf else None

    def document(self) -> dict[str, Any]:
        """The report as JSON values; the same for the same seed, whatever ran it and how long it took."""
        finite = self.bound.voices != math.inf
        return {
            "clean_voices": self.clean_voices,
            "bound_voices": round(self.bound.voices, 2) if finite else None,
            "ratio": None if self.ratio is None else round(self.ratio, 4),
            "first_to_give": self.first_to_give,
            "points": [asdict(one) for one in self.points],
            "suggestions": [asdict(one) for one in self.suggestions],
            "sentence": self.sentence,
            "card": self.card,
            "device": self.device,
            "card_timing": asdict(self.card_timing),
            "kit": asdict(self.kit),
            "bound": _finite(asdict(self.bound)) if finite else None,
            "ram_bytes": self.ram_bytes,
            "pinned_bytes": self.pinned_bytes,
            "schedule": self.schedule,
            "seconds": self.seconds,
            "warm_s": self.warm_s,
            "seed": self.seed,
            "least_voices": self.least_voices,
            "most_voices": self.most_voices,
            "limited": self.limited,
            "reliefs": [asdict(one) for one in self.reliefs],
            "at_limit": None if self.at_limit is None else outcome_document(self.at_limit),
            "beyond": None if self.beyond is None else outcome_document(self.beyond),
            "options": self.options,
        }


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """None for what is infinite, which JSON cannot say."""
    return {name: None if value == math.inf else value for name, value in values.items()}


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON values, what follows from its numbers included."""
    return {**asdict(outcome), "mean_transfer_bytes": round(outcome.mean_transfer_bytes)}
