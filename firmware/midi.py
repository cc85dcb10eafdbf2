"""MIDI as the device hears it: bytes to messages, notes to pads.

Messages follow the MIDI 1.0 specification: running status, real-time bytes anywhere, a note-on of
velocity 0 is a note-off. (mido's stream parser has no running status, hence `MidiParser`.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from firmware.profiles import Profile, ProfileError

NOTE_OFF, NOTE_ON, CONTROL_CHANGE, PROGRAM_CHANGE, PITCH_BEND = 0x80, 0x90, 0xB0, 0xC0, 0xE0
SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF = 64, 120, 123
CLOCK, START, CONTINUE, STOP, ACTIVE_SENSING, RESET = 0xF8, 0xFA, 0xFB, 0xFC, 0xFE, 0xFF

_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}


@dataclass(slots=True)
class MidiParser:
    """A byte stream, in any pieces, to channel messages with their status byte, and real-time bytes.

    System exclusive and system common messages are passed over; data bytes with no status are dropped.
    Memory does not grow with the stream.
    """

    _status: int = 0
    _data: list[int] = field(default_factory=list)

    def feed(self, stream: bytes) -> Iterator[bytes]:
        """The messages that ``stream`` completes, in order."""
        for byte in stream:
            if byte >= 0xF8:  # real time: stands anywhere, even inside another message
                yield bytes((byte,))
            elif byte >= 0x80:  # 0xF0 to 0xF7 end running status
                self._status = byte if byte < 0xF0 else 0
                self._data.clear()
            elif self._status:
                self._data.append(byte)
                if len(self._data) == _DATA_BYTES[self._status & 0xF0]:
                    yield bytes((self._status, *self._data))
                    self._data.clear()


Key = tuple[int, int]  # channel 0 to 15, note 0 to 127
Place = tuple[int, int]  # bank from 0, pad from 1


@dataclass(frozen=True, slots=True)
class NoteMap:
    """Which note on which channel plays which pad."""

    places: dict[Key, Place]

    def banks(self, channel: int) -> frozenset[int]:
        """The banks that ``channel`` (0 to 15) plays."""
        return frozenset(bank for (chan, _), (bank, _) in self.places.items() if chan == channel)

    def key(self, place: Place) -> Key | None:
        """The channel and note that play a pad, if any do."""
        return next((key for key, value in self.places.items() if value == place), None)


def _generic() -> Iterable[tuple[Key, Place]]:
    """Channel 1 to 10 = bank A to J, note 36 + pad - 1."""
    return (((bank, 35 + pad), (bank, pad)) for bank in range(10) for pad in range(1, 17))


def _sp404mk2() -> Iterable[tuple[Key, Place]]:
    """Mode A: channel 1 to 10 = bank A to J; the top row of four pads begins at 48, each next row 4 lower."""
    return (
        ((bank, 48 - 4 * ((pad - 1) // 4) + (pad - 1) % 4), (bank, pad))
        for bank in range(10)
        for pad in range(1, 17)
    )


def _sp404sx() -> Iterable[tuple[Key, Place]]:
    """Base channel = banks A to E from note 47, 12 to a bank; the next channel = F to J."""
    return (
        ((bank // 5, 47 + 12 * (bank % 5) + pad - 1), (bank, pad))
        for bank in range(10)
        for pad in range(1, 13)
    )


def _sp404() -> Iterable[tuple[Key, Place]]:
    """The original: the banks whose first note is known; E, F, I and J are not."""
    first = {(0, 0): 47, (0, 1): 59, (0, 2): 71, (0, 3): 83, (1, 6): 71, (1, 7): 83}
    return (
        ((channel, note + pad - 1), (bank, pad))
        for (channel, bank), note in first.items()
        for pad in range(1, 13)
    )


_MAPS = {"generic": _generic, "sp404mk2-a": _sp404mk2, "sp404sx": _sp404sx, "sp404": _sp404}


def note_map(name: str) -> NoteMap:
    """The note map ``name``, with channel 1 as the base channel; ProfileError where there is none.

    Maps: docs/device-facts.md, section MIDI.
    """
    if name not in _MAPS:
        raise ProfileError(f"no MIDI note map {name!r}; known: {', '.join(sorted(_MAPS))}")
    return NoteMap(dict(_MAPS[name]()))


@dataclass(frozen=True, slots=True)
class MidiRules:
    """What a device does with what it receives. ``program_change`` picks a "bank", a "pattern", or "none".

    ``bend_cents`` is what the whole way of a pitch wheel does; 0: nothing. ``unplug``: when a
    cable is pulled out, all samples "stop", or what its keys hold is let go ("release").
    """

    notes: NoteMap
    program_change: str = "none"
    all_sound_off: bool = False
    all_notes_off: bool = False
    sustain: bool = False
    bend_cents: float = 0.0
    active_sensing: bool = False
    unplug: str = "release"
    clock: bool = False


def midi_rules(profile: Profile) -> MidiRules:
    """The rules a profile states; what it does not state, the device does not do."""

    def stated(key: str, default: str | bool | float) -> str | bool | float:
        fact = profile.facts.get(f"midi.{key}")
        return default if fact is None else fact.value

    return MidiRules(
        notes=note_map(profile.value("midi.map")),
        program_change=str(stated("program_change", "none")),
        all_sound_off=bool(stated("all_sound_off", False)),
        all_notes_off=bool(stated("all_notes_off", False)),
        sustain=bool(stated("sustain", False)),
        bend_cents=100 * float(stated("bend_semitones", 0.0)),
        active_sensing=bool(stated("active_sensing", False)),
        unplug=str(stated("unplug", "release")),
        clock=bool(stated("clock", False)),
    )
