"""MIDI ports: all inputs that are wanted, as they come and go, and ports of our own for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sim.control.system import OWN_NAME, MidiSystem, NoMidiError

OWN_PORT = OWN_NAME
_MOST_PORTS = 32
_MOST_AT_ONCE = 4_096  # messages taken from one port before the others have their turn


@dataclass(slots=True)
class Source:
    """An input that is open. ``own``: others connect to it, so it never goes away."""

    name: str
    input: Any
    own: bool = False


def is_wanted(name: str, wanted: Sequence[str]) -> bool:
    """Whether a port is one of those asked for by parts of their names; none asked for: every one is.

    Never a port of ours: what it hears would be what we say.
    """
    if name.startswith(OWN_NAME):
        return False
    folded = name.casefold()
    return not wanted or any(all(word in folded for word in one.casefold().split()) for one in wanted)


def input_names(system: MidiSystem) -> list[str]:
    """The inputs there are now, without our own. NoMidiError."""
    looking = system.make_input()
    try:
        return [name for name in looking.get_ports() if not name.startswith(OWN_NAME)]
    finally:
        looking.delete()


class Ports:
    """Opens our own ports at once, and the inputs asked for with each `scan`. NoMidiError where that fails.

    One thread at a time calls everything here. The messages wait in C until they are read, so that a server
    that delivers them from its audio thread never waits for Python.
    """

    def __init__(self, system: MidiSystem, wanted: Sequence[str] = ()) -> None:
        self._system, self._wanted = system, tuple(wanted)
        self._sources: list[Source] = []
        self._peeked: list[tuple[str, bytes]] = []  # by `waits`, and not read yet
        self._refused: set[str] = set()  # would not open: not tried again until they were gone
        self._looking = system.make_input()
        self._output: Any = None
        try:
            if system.makes_ports:
                self._looking.open_virtual_port(OWN_PORT)
                self._sources.append(Source(OWN_PORT, self._looking, own=True))
                self._output = system.make_output()
                self._output.open_virtual_port(OWN_PORT)
        except Exception as error:
            self.close()
            raise NoMidiError(f"no port of our own could be made ({error})") from None

    @property
    def api(self) -> str:
        """Whose ports: a name that ``--midi-api`` takes."""
        return self._system.name

    @property
    def names(self) -> list[str]:
        """The inputs that are open, our own first."""
        return [one.name for one in self._sources]

    def missing(self) -> str:
        """A sentence where inputs were asked for by name and none of them is there; else ""."""
        if not self._wanted or any(not one.own for one in self._sources):
            return ""
        there = [name for name in self._looking.get_ports() if is_wanted(name, ())]
        asked = " or ".join(repr(one) for one in self._wanted)
        return f"no MIDI input is called {asked}; there is {', '.join(there) or 'none'}; plugged in, it plays"

    def scan(self) -> tuple[list[str], list[str]]:
        """Look who came and who went: opens and closes, and returns the names of both."""
        there = [name for name in self._looking.get_ports() if is_wanted(name, self._wanted)]
        self._refused &= set(there)
        gone = [one for one in self._sources if not one.own and one.name not in there]
        for one in gone:
            self._sources.remove(one)
            one.input.delete()
        fresh = [name for name in there if name not in self.names and name not in self._refused]
        came = [name for name in dict.fromkeys(fresh[:_MOST_PORTS]) if self._open(name)]
        return came, [one.name for one in gone]

    def _open(self, name: str) -> bool:
        if len(self._sources) > _MOST_PORTS:
            return False
        try:
            made = self._system.make_input(f"{OWN_NAME} in")
        except NoMidiError:
            return False
        try:
            made.open_port(made.get_ports().index(name), OWN_PORT)
        except Exception:  # it went away meanwhile, or another program has it for itself
            made.delete()
            self._refused.add(name)
            return False
        self._sources.append(Source(name, made))
        return True

    def waits(self) -> bool:
        """Whether there is anything to read."""
        for one in self._sources:
            if (got := one.input.get_message()) is not None:
                self._peeked.append((one.name, bytes(got[0])))
                break
        return bool(self._peeked)

    def read(self) -> Iterator[tuple[str, bytes]]:
        """The messages that wait, with the names of their ports."""
        peeked, self._peeked = self._peeked, []
        yield from peeked
        for one in tuple(self._sources):
            for _ in range(_MOST_AT_ONCE):
                got = one.input.get_message()
                if got is None:
                    break
                yield one.name, bytes(got[0])

    def send(self, message: bytes) -> None:
        """Say something on our own output, where there is one."""
        if self._output is not None:
            self._output.send_message(message)

    def close(self) -> None:
        """Close everything."""
        for one in self._sources:
            if not one.own:
                one.input.delete()
        self._sources.clear()
        self._looking.delete()
        if self._output is not None:
            self._output.delete()
            self._output = None
