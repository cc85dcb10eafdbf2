"""The one place where the engine's error codes become exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from native.types import EngineError, QueueFullError

_MESSAGES = {
    -1: "an argument is out of the engine's range",
    -2: "there is not enough memory for the engine",
    -3: "a fixed table of the engine is full",
    -4: "the card failed to read",
    -5: "the card is write-protected",
}


def check(code: int, what: str) -> int:
    """``code`` where it is not an error; else EngineError (a full queue: QueueFullError) with ``what``."""
    if code >= 0:
        return code
    error = QueueFullError if code == -3 else EngineError
    raise error(f"{what}: {_MESSAGES.get(code, f'error {code}')}")


@contextmanager
def in_range(what: str) -> Iterator[None]:
    """Turns a number that does not fit its C field, or overflows on its way there, into EngineError."""
    try:
        yield
    except OverflowError as error:
        raise EngineError(f"{what}: a value is negative or too large ({error})") from None
