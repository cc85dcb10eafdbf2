"""Playing a card's patterns: which there are, and what is pressed and let go as time goes on."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from firmware.catalogue import Catalogue
from firmware.formats import FormatError
from firmware.formats.pattern import EVENT_BYTES, MAX_EVENTS, Device, Pattern, parse
from firmware.midi import Place
from sdcard_image.types import Card, CardError

_DEVICES = {"sp404sx": Device.SX, "sp404mk2": Device.MK2}
_BANKS = "ABCDEFGHIJ"
_MOST_BYTES = EVENT_BYTES * (MAX_EVENTS + 2)


def read_patterns(card: Card, catalogue: Catalogue) -> tuple[dict[Place, Pattern], list[str]]:
    """The patterns beside a catalogue's samples, by bank (from 0) and pad, and a sentence for each bad one.

    Their numbers count pads bank by bank: known of the SX (docs/device-facts.md), taken to be so on the MKII.
    Empty where the layout has none, or the card cannot be read.
    """
    device = _DEVICES.get(catalogue.layout)
    if device is None or not catalogue.pads:
        return {}, []
    folder = catalogue.pads[0].sample.path.rpartition("/")[0].rpartition("/")[0] + "/PTN"
    found: dict[Place, Pattern] = {}
    bad: list[str] = []
    try:
        entries = card.listdir(folder) if card.exists(folder) else []
        for entry in entries:
            place = _place(entry.name, device)
            if place is None or entry.is_dir:
                continue
            try:
                if entry.size > _MOST_BYTES:
                    raise FormatError("larger than any pattern")
                found[place] = parse(card.read(entry.path), device)
            except FormatError as error:
                bad.append(f"{entry.path}: {error}")
    except CardError as error:
        bad.append(f"{folder}: {error}")
    return found, bad


def _place(name: str, device: Device) -> Place | None:
    """PTN00038.BIN: bank and pad."""
    stem, _, ending = name.upper().partition(".")
    digits = stem.removeprefix("PTN")
    if ending != "BIN" or len(digits) != 5 or not (digits.isascii() and digits.isdigit()):
        return None
    bank, pad = divmod(int(digits) - 1, device.pads_per_bank)
    return (bank, pad + 1) if 0 <= bank < len(_BANKS) else None


@dataclass(frozen=True, slots=True)
class Stroke:
    """A pad that is pressed with ``velocity`` (1 to 127), or let go (0), at ``tick`` from the start on."""

    tick: int
    place: Place
    velocity: int


class PatternPlay:
    """One pattern, round and round. Pitches of notes and controllers in it are passed over.

    What a call of `move` gives is bounded by one round of the pattern, however far it moves.
    """

    def __init__(self, pattern: Pattern) -> None:
        self.ticks_per_quarter = pattern.device.ticks_per_quarter
        self._round = pattern.ticks
        self._notes = [
            (tick, (_BANKS.index(place[0]), place[1]), min(max(event.velocity, 1), 127), max(event.length, 1))
            for tick, event in pattern.placed()
            if (place := pattern.pad_of(event)) is not None
        ]
        self._ticks = [note[0] for note in self._notes]
        self._held: dict[Place, int] = {}  # until which tick
        self._at = -1  # the last tick that was played

    def move(self, tick: int) -> list[Stroke]:
        """Play up to and with ``tick``, from the start on; what a jump skips is not made up."""
        if self._round <= 0 or tick <= self._at:
            return []
        self._at = max(self._at, tick - self._round)
        strokes: list[Stroke] = []
        first, last = (self._at + 1) // self._round, tick // self._round
        for turn in range(first, last + 1):
            base = turn * self._round
            begin = bisect_right(self._ticks, self._at - base)
            for at, place, velocity, length in self._notes[begin : bisect_right(self._ticks, tick - base)]:
                strokes += self._let_go(base + at)
                if place in self._held:
                    strokes.append(Stroke(base + at, place, 0))
                strokes.append(Stroke(base + at, place, velocity))
                self._held[place] = base + at + length
        self._at = tick
        return strokes + self._let_go(tick)

    def _let_go(self, tick: int) -> list[Stroke]:
        """What ends until ``tick``."""
        ends = sorted((until, place) for place, until in self._held.items() if until <= tick)
        for _, place in ends:
            del self._held[place]
        return [Stroke(until, place, 0) for until, place in ends]

    def stop(self) -> list[Stroke]:
        """Let go of all that is held."""
        held = [Stroke(self._at, place, 0) for place in self._held]
        self._held.clear()
        return held
