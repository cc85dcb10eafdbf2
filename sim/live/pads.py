"""What a player's hand changes of a pad while it plays: loop, reverse, gate, hold, mute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from native.types import Event, Loop, Release, Start, Stop
from sim.errors import InputError

MODES = ("loop", "reverse", "gate", "hold", "mute")


class PadModes:
    """The switches of all pads: what was not switched stays as the card has it.

    ``gates`` are the tags of the pads that were made to sound only while they are pressed.
    """

    def __init__(self) -> None:
        self.gates: set[int] = set()
        self._modes: dict[int, dict[str, bool]] = {}
        self._held: set[int] = set()
        self._looping: set[int] = set()  # whose last start was looped

    def of(self, tag: int) -> dict[str, bool]:
        """What was switched on a pad."""
        return dict(self._modes.get(tag, {}))

    def switch(self, tag: int, name: str, on: bool) -> list[Event]:
        """Switch, and say what to post for it: a hold, a gate or a loop that ends lets go. InputError."""
        if name not in MODES:
            raise InputError(f"{name!r} is no switch of a pad; there are {', '.join(MODES)}")
        self._modes.setdefault(tag, {})[name] = on
        if name == "hold" and not on and tag in self._held:
            self._held.discard(tag)
            return [Release(0, tag)]
        if name == "mute" and on:
            return [Stop(0, tag)]
        if name == "loop" and not on and tag in self._looping:
            self._looping.discard(tag)
            return [Release(0, tag)]
        if name == "gate" and on:
            self.gates.add(tag)
        elif name == "gate" and tag in self.gates:
            self.gates.discard(tag)
            return [Release(0, tag)]  # nobody would say later that it is let go
        return []

    def apply(self, events: Iterable[Event]) -> list[Event]:
        """The events as the switches make them."""
        made = [made for event in events for made in self._applied(event)]
        for one in made:
            if isinstance(one, Start):
                (self._looping.discard if one.loop is Loop.NONE else self._looping.add)(one.tag)
        return made

    def _applied(self, event: Event) -> Iterator[Event]:
        modes = self._modes.get(event.tag) if event.tag is not None else None
        if modes is None:
            yield event
        elif isinstance(event, Start):
            if not modes.get("mute", False):
                yield _switched(event, modes)
        elif isinstance(event, Release) and modes.get("hold", False):
            self._held.add(event.tag)
        else:
            yield event


def _switched(start: Start, modes: dict[str, bool]) -> Start:
    loop, reverse, gate = modes.get("loop"), modes.get("reverse"), modes.get("gate")
    if loop is not None and loop != (start.loop is not Loop.NONE):
        start = replace(start, loop=Loop.FORWARD if loop else Loop.NONE)
    return replace(
        start,
        reverse=start.reverse if reverse is None else reverse,
        gate=start.gate if gate is None else gate,
    )
