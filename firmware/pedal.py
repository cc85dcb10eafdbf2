"""The sustain pedal: what is let go while it is down sounds on until it comes up."""

from __future__ import annotations


class Pedals:
    """One pedal for each channel. Pads are known by their tags."""

    def __init__(self) -> None:
        self._down: set[int] = set()
        self._waiting: dict[int, int] = {}  # by tag: the channel whose pedal holds it

    def press(self, channel: int) -> None:
        """Down: from now on releases wait."""
        self._down.add(channel)

    def lift(self, channel: int) -> list[int]:
        """Up: the tags that are released now, in the order in which they were let go."""
        self._down.discard(channel)
        tags = [tag for tag, held_by in self._waiting.items() if held_by == channel]
        for tag in tags:
            del self._waiting[tag]
        return tags

    def holds(self, channel: int, tag: int) -> bool:
        """A key was let go: whether its release waits for the pedal."""
        if channel not in self._down:
            return False
        self._waiting[tag] = channel
        return True

    def strike(self, tag: int) -> None:
        """A key was pressed: as long as it is held, the pedal has nothing to release there."""
        self._waiting.pop(tag, None)

    def clear(self) -> None:
        """All up, and nothing waits."""
        self._down.clear()
        self._waiting.clear()
