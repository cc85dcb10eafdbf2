"""One message on two ways: who plays us through our own port may also be an input that we opened."""

from __future__ import annotations

from collections import deque

# Both ways end in the same block of a server, but on a busy machine one of them is late.
_WINDOW_S = 0.05
_MOST = 16_384  # remembered at most; beyond it the older half is forgotten

Way = tuple[bool, bytes]  # whether through our own port, and the message


class Doubles:
    """Tells the second of two equal messages, one of which came through our own port."""

    def __init__(self, own: str) -> None:
        self._own = own
        self._seen: dict[Way, deque[float]] = {}
        self._count = 0

    def is_second(self, port: str, message: bytes, now: float) -> bool:
        """Whether ``message`` came already by the other way; each is the other's second only once."""
        through_own = port == self._own
        first = self._seen.get((not through_own, message))
        while first:
            self._count -= 1
            if now - first.popleft() <= _WINDOW_S:
                return True
        if self._count >= _MOST:
            self._forget(now)
        self._seen.setdefault((through_own, message), deque()).append(now)
        self._count += 1
        return False

    def _forget(self, now: float) -> None:
        kept = {way: deque(t for t in times if now - t <= _WINDOW_S) for way, times in self._seen.items()}
        self._seen = {way: times for way, times in kept.items() if times}
        self._count = sum(map(len, self._seen.values()))
        if self._count >= _MOST:
            self._seen.clear()
            self._count = 0
