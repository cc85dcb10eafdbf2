"""Playing: MIDI messages and pads to engine events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from firmware.catalogue import Catalogue, Pad, PadSettings, SampleInfo
from firmware.hal import MidiMessage, VoiceEngine
from firmware.midi import (
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    CONTROL_CHANGE,
    NOTE_OFF,
    NOTE_ON,
    PITCH_BEND,
    PROGRAM_CHANGE,
    SUSTAIN,
    MidiRules,
    Place,
    midi_rules,
)
from firmware.pedal import Pedals
from firmware.profiles import Profile
from native.types import Bend, Event, Loop, Release, Start, Stop

_FULL = 127  # full velocity and full level: a gain of exactly 1
_FIRST_PAD = 127  # the priority of each bank's pad 1, the highest that there is


@dataclass(frozen=True, slots=True)
class Voicing:
    """A pad ready to play: the start it posts at full velocity, and what else its player must know."""

    start: Start
    fixed_velocity: int


@dataclass(slots=True)
class PlayerCounters:
    """What the player did with the notes it heard."""

    notes: int = 0
    unmapped: Counter[tuple[int, int]] = field(default_factory=Counter)  # by channel (1 to 16) and note
    empty: Counter[str] = field(default_factory=Counter)  # by pad name: no sample there


class Tags:
    """The engine's tags: one number for each pad, and the way back."""

    def __init__(self, banks: str, per_bank: int) -> None:
        self.banks = banks
        self.per_bank = per_bank

    def tag(self, bank: int, pad: int) -> int:
        """The tag of a pad; ``bank`` from 0, ``pad`` from 1."""
        return bank * self.per_bank + pad - 1

    def place(self, tag: int) -> Place:
        """The (bank from 0, pad from 1) of a tag."""
        return tag // self.per_bank, tag % self.per_bank + 1

    def name(self, tag: int) -> str:
        """The pad's name, such as ``A1``."""
        bank, pad = self.place(tag)
        return f"{self.banks[bank]}{pad}"


def _frames(ms: float, rate: int) -> int:
    return round(ms * rate / 1000)


def _hold_frames(settings: PadSettings, sample: SampleInfo, rate: int) -> int:
    """Frames of output until a pad's hold time ends; 0 where it has no limit."""
    if settings.hold_percent >= 100:
        return 0
    region = (settings.end or sample.frames) - settings.start
    ratio = settings.speed * 2 ** (settings.pitch_cents / 1200) * sample.rate / rate
    return max(1, round(region / ratio * settings.hold_percent / 100))


def pad_start(pad: Pad, sample_id: int, tag: int, rate: int, cost: int = 1) -> Start:
    """What a pad posts at full velocity, at frame 0; ``rate`` is the engine's, ``cost`` in its voices."""
    settings = pad.settings
    return Start(
        frame=0,
        sample=sample_id,
        tag=tag,
        start=settings.start,
        end=settings.end,
        loop_start=settings.loop_start,
        reverse=settings.reverse,
        loop=settings.loop,
        gate=settings.gate,
        retrigger=settings.retrigger,
        gain=settings.level / _FULL,
        pan=settings.pan,
        pitch_cents=settings.pitch_cents,
        speed=settings.speed,
        attack=_frames(settings.attack_ms, rate),
        hold=_hold_frames(settings, pad.sample, rate),
        release=_frames(settings.release_ms, rate),
        group=settings.mute_group,
        cost=cost,
        priority=max(0, _FIRST_PAD - (pad.pad - 1)),  # pad 1 of each bank is the last to give way
    )


class Player:
    """Turns MIDI messages into engine events, for one booted card.

    ``sample_ids`` gives the engine's id of each sample path of the catalogue. ``bank`` is the current
    bank and ``patterns`` the pattern last chosen for each bank, both from 0, as program changes set them.
    """

    def __init__(
        self,
        engine: VoiceEngine,
        catalogue: Catalogue,
        profile: Profile,
        sample_ids: Mapping[str, int],
    ) -> None:
        self.tags = Tags(profile.value("pads.banks"), profile.value("pads.per_bank"))
        self.rules: MidiRules = midi_rules(profile)
        self.counters = PlayerCounters()
        self.bank = 0
        self.patterns: dict[int, int] = {}
        self.gates: set[int] = set()  # tags of pads that are gated whatever the card says
        self._engine = engine
        self._rate = profile.value("engine.rate")
        self._costs = (1, profile.value("engine.voices_per_stereo_sample"))
        self._pads = dict(self._voicing(pad, sample_ids[pad.sample.path]) for pad in catalogue.pads)
        self._banks = {channel: self.rules.notes.banks(channel) for channel in range(16)}
        self._former: dict[int, Voicing] = {}  # pads of a card that was taken out: they may still be held
        self._pedals = Pedals()
        self._bends: dict[int, float] = {}  # by channel, in cents
        self._unposted: list[Event] = []  # the rest of what a call does, while the engine has no room for it

    def change_card(self, catalogue: Catalogue, sample_ids: Mapping[str, int]) -> None:
        """Another card's pads replace the old ones; what is held of those can still be let go."""
        self._former |= self._pads
        self._pads = dict(self._voicing(pad, sample_ids[pad.sample.path]) for pad in catalogue.pads)

    def _voicing(self, pad: Pad, sample_id: int) -> tuple[int, Voicing]:
        tag = self.tags.tag(self.tags.banks.index(pad.bank), pad.pad)
        start = pad_start(pad, sample_id, tag, self._rate, self._costs[pad.sample.channels - 1])
        return tag, Voicing(start, pad.settings.fixed_velocity)

    def play(self, message: MidiMessage) -> None:
        """Act on one message at its frame. After QueueFullError render, then play the same message again."""
        if not self._unposted:
            self._hear(message.frame, message.data)
        self._post()

    def press(self, frame: int, bank: int, pad: int, velocity: int = _FULL) -> None:
        """Start a pad at ``frame``; ``bank`` from 0, ``pad`` from 1, ``velocity`` 1 to 127."""
        if not self._unposted:
            self._start(frame, self.tags.tag(bank, pad), velocity)
        self._post()

    def release(self, frame: int, bank: int, pad: int) -> None:
        """Let a pad go at ``frame``: ends what it holds if it is gated."""
        if not self._unposted:
            self._release(frame, self.tags.tag(bank, pad))
        self._post()

    def sustain(self, frame: int, *, down: bool) -> None:
        """The pedals of all channels, whether or not the device listens to one."""
        if not self._unposted:
            for channel in range(16):
                self._pedal(frame, channel, down=down)
        self._post()

    def let_go(self) -> None:
        """Pedals up and wheels in the middle, without a word to the engine: for when all was stopped."""
        self._pedals.clear()
        self._bends.clear()

    def _post(self) -> None:
        while self._unposted:
            self._engine.post(self._unposted[0])
            del self._unposted[0]

    def _hear(self, frame: int, message: bytes) -> None:
        if len(message) < 2:
            return  # real-time bytes: nothing here keeps time by them
        kind, channel, data = message[0] & 0xF0, message[0] & 0x0F, message[1:]
        if kind == NOTE_ON and data[1] > 0:
            self._note_on(frame, channel, data[0], data[1])
        elif kind in (NOTE_ON, NOTE_OFF):
            self._note_off(frame, channel, data[0])
        elif kind == CONTROL_CHANGE:
            self._control(frame, channel, *data[:2])
        elif kind == PROGRAM_CHANGE:
            self._program(channel, data[0])
        elif kind == PITCH_BEND:
            self._bend(frame, channel, data[0] + 128 * data[1] - 8192)

    def _start(self, frame: int, tag: int, velocity: int) -> bool:
        voicing = self._pads.get(tag)
        if voicing is None:
            self.counters.empty[self.tags.name(tag)] += 1
            return False
        played = voicing.fixed_velocity or velocity
        start = voicing.start
        self._pedals.strike(tag)
        self._unposted.append(replace(start, frame=frame, gain=start.gain * (played / _FULL)))
        return True

    def _release(self, frame: int, tag: int) -> None:
        if self._is_gated(tag):
            self._unposted.append(Release(frame, tag))

    def looping_tags(self) -> list[int]:
        """The tags of the pads whose voices would sound for ever."""
        both = [*self._former.items(), *self._pads.items()]
        return list({tag: None for tag, voicing in both if voicing.start.loop is not Loop.NONE})

    def _is_gated(self, tag: int) -> bool:
        return tag in self.gates or any(
            tag in pads and pads[tag].start.gate for pads in (self._pads, self._former)
        )

    def _note_on(self, frame: int, channel: int, note: int, velocity: int) -> None:
        self.counters.notes += 1
        place = self.rules.notes.places.get((channel, note))
        if place is None:
            self.counters.unmapped[channel + 1, note] += 1
            return
        tag = self.tags.tag(*place)
        if self._start(frame, tag, velocity) and self._bends.get(channel):
            self._unposted.append(Bend(frame, tag, self._bends[channel]))

    def _note_off(self, frame: int, channel: int, note: int) -> None:
        place = self.rules.notes.places.get((channel, note))
        if place is not None and not self._pedals.holds(channel, tag := self.tags.tag(*place)):
            self._release(frame, tag)

    def _control(self, frame: int, channel: int, number: int, value: int = 0) -> None:
        if number == SUSTAIN and self.rules.sustain:
            self._pedal(frame, channel, down=value >= 64)
        elif number == ALL_SOUND_OFF and self.rules.all_sound_off:
            self._unposted += [Stop(frame, tag) for tag in self._sounding_tags(channel)]
        elif number == ALL_NOTES_OFF and self.rules.all_notes_off:
            for tag in self._sounding_tags(channel):
                if not self._pedals.holds(channel, tag):  # as if each key was let go
                    self._release(frame, tag)

    def _pedal(self, frame: int, channel: int, *, down: bool) -> None:
        if down:
            self._pedals.press(channel)
        else:
            for tag in self._pedals.lift(channel):
                self._release(frame, tag)

    def _bend(self, frame: int, channel: int, way: int) -> None:
        """``way`` is -8192 to 8191 from the middle of the wheel."""
        if not self.rules.bend_cents:
            return
        cents = self.rules.bend_cents * (way / 8192 if way < 0 else way / 8191)
        if cents == self._bends.get(channel, 0.0):
            return
        self._bends[channel] = cents
        self._unposted += [Bend(frame, tag, cents) for tag in self._sounding_tags(channel)]

    def _sounding_tags(self, channel: int) -> list[int]:
        banks = self._banks[channel]
        return [tag for tag in self._former | self._pads if self.tags.place(tag)[0] in banks]

    def _program(self, channel: int, number: int) -> None:
        if self.rules.program_change == "bank" and number < len(self.tags.banks):
            self.bank = number
        elif self.rules.program_change == "pattern" and number < self.tags.per_bank:
            for bank in self._banks[channel]:
                self.patterns[bank] = number
