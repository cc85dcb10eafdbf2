"""The MIDI interfaces of a computer, as python-rtmidi gives them: which is used, or why none is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.errors import InputError

OWN_NAME = "Benchpad"
QUEUE = 1 << 16  # messages that wait in C for us, in memory that is taken as they come
_NAMES = {"alsa": "LINUX_ALSA", "jack": "UNIX_JACK", "coremidi": "MACOSX_CORE", "winmm": "WINDOWS_MM"}


class NoMidiError(Exception):
    """There is no MIDI to be played from; says why."""


@dataclass(frozen=True, slots=True)
class MidiSystem:
    """An interface that answers. ``name`` is one of alsa, jack, coremidi, winmm."""

    name: str
    module: Any
    api: int

    @property
    def makes_ports(self) -> bool:
        """Whether a program can have ports of its own, to which others connect."""
        return self.name != "winmm"

    def make_input(self, name: str = OWN_NAME) -> Any:
        """A rtmidi.MidiIn that hears all but system exclusive. NoMidiError."""
        try:
            made = self.module.MidiIn(self.api, name=name, queue_size_limit=QUEUE)
        except Exception as error:  # rtmidi's own classes, of which it has several
            raise NoMidiError(f"{_TITLES[self.name]} does not answer ({error})") from None
        made.ignore_types(sysex=True, timing=False, active_sense=False)
        return made

    def make_output(self, name: str = OWN_NAME) -> Any:
        """A rtmidi.MidiOut. NoMidiError."""
        try:
            return self.module.MidiOut(self.api, name=name)
        except Exception as error:  # as above
            raise NoMidiError(f"{_TITLES[self.name]} does not answer ({error})") from None


_TITLES = {"alsa": "ALSA's sequencer", "jack": "JACK", "coremidi": "CoreMIDI", "winmm": "Windows MIDI"}


def open_system(wanted: str = "auto") -> MidiSystem:
    """The interface ``wanted``, or for "auto" the first that answers.

    NoMidiError where none does, InputError for one that this computer's python-rtmidi does not have.
    """
    try:
        import rtmidi  # noqa: PLC0415  a C library: only when asked for
    except ImportError as error:
        raise NoMidiError(f"no MIDI: python-rtmidi cannot be loaded ({error})") from None
    have = {
        name: getattr(rtmidi, f"API_{api}")
        for name, api in _NAMES.items()
        if getattr(rtmidi, f"API_{api}", None) in rtmidi.get_compiled_api()
    }
    if wanted != "auto" and wanted not in have:
        names = ", ".join(have) or "none"
        raise InputError(f"this computer has no MIDI interface {wanted!r}; there is {names}")
    whys = []
    for name in have if wanted == "auto" else (wanted,):
        system = MidiSystem(name, rtmidi, have[name])
        try:
            system.make_input().delete()
        except NoMidiError as error:
            whys.append(str(error))
        else:
            return system
    raise NoMidiError("; ".join(whys) or "python-rtmidi was built without any MIDI interface")
