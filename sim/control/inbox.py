"""What came in and was not yet acted on: bounded, and no note-off is ever lost."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from firmware.midi import CONTROL_CHANGE, NOTE_OFF, NOTE_ON, PITCH_BEND

LIMIT = 4_096  # note-ons that wait at most, as many as the engine takes between two blocks
_LENGTHS = {0x80: 3, 0x90: 3, 0xA0: 3, 0xB0: 3, 0xC0: 2, 0xD0: 2, 0xE0: 3}
_FIRST_SWITCH = 64  # controllers from here on are switches and orders: each counts

Address = tuple[str, int, int]  # port, status without velocity or value, note or controller


def is_whole(message: bytes) -> bool:
    """Whether these bytes are one channel message."""
    return (
        bool(message)
        and len(message) == _LENGTHS.get(message[0] & 0xF0)
        and message[0] < 0xF0
        and max(message[1:]) < 0x80
    )


def is_note_off(message: bytes) -> bool:
    """Whether a whole message lets a key go: a note-on of velocity 0 does."""
    kind = message[0] & 0xF0
    return kind == NOTE_OFF or (kind == NOTE_ON and message[2] == 0)


def is_note_on(message: bytes) -> bool:
    """Whether a whole message is a key that was hit."""
    return message[0] & 0xF0 == NOTE_ON and message[2] > 0


@dataclass(slots=True)
class Waiting:
    """A message that waits; a controller's value may still change."""

    port: str
    message: bytes


class Inbox:
    """Whole channel messages in the order in which they came, with the ports that they came from.

    Of a controller or wheel the last value takes the place of one that waits. When `LIMIT` messages wait,
    note-ons are dropped and counted; switches then replace each other too. Note-offs always wait, once for
    each key: what is kept is so never more than `LIMIT` and one message for each key and controller.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._queue: deque[Waiting] = deque()
        self._values: dict[Address, Waiting] = {}
        self._keys: dict[Address, bool] = {}  # keys of which something waits; True: the last is a note-off
        self._counts: Counter[Address] = Counter()
        self.dropped = 0
        self.merged = 0

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, port: str, message: bytes) -> None:
        """Take a whole message."""
        if is_note_on(message):
            self._put_on(port, message)
        elif is_note_off(message):
            self._put_off(port, message)
        else:
            self._put_value(port, message)

    def take(self) -> tuple[str, bytes] | None:
        """The next one, or None."""
        if not self._queue:
            return None
        first = self._queue.popleft()
        address = _address(first.port, first.message)
        if self._values.get(address) is first:
            del self._values[address]
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]
            self._keys.pop(address, None)
        return first.port, first.message

    def _put_on(self, port: str, message: bytes) -> None:
        if len(self._queue) >= self._limit:
            self.dropped += 1
            return
        self._keys[self._append(port, message)] = False

    def _put_off(self, port: str, message: bytes) -> None:
        if self._keys.get(_address(port, message)):
            self.merged += 1  # nothing was hit since: letting go twice is letting go
        else:
            self._keys[self._append(port, message)] = True

    def _put_value(self, port: str, message: bytes) -> None:
        address = _address(port, message)
        last = self._values.get(address)
        if last is not None and (not _counts_each(message) or len(self._queue) >= self._limit):
            last.message = message
            self.merged += 1
            return
        self._append(port, message)
        self._values[address] = self._queue[-1]

    def _append(self, port: str, message: bytes) -> Address:
        address = _address(port, message)
        self._queue.append(Waiting(port, message))
        self._counts[address] += 1
        return address


def _address(port: str, message: bytes) -> Address:
    kind, channel = message[0] & 0xF0, message[0] & 0x0F
    if kind in (NOTE_OFF, NOTE_ON):
        return port, NOTE_ON | channel, message[1]
    if kind in (CONTROL_CHANGE, 0xA0):
        return port, message[0], message[1]
    return port, message[0], 0


def _counts_each(message: bytes) -> bool:
    kind = message[0] & 0xF0
    return kind != PITCH_BEND and not (kind == CONTROL_CHANGE and message[1] < _FIRST_SWITCH) and kind != 0xD0
