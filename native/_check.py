"""The one place where the engine's error codes become exceptions."""

from __future__ import annotations

from native.types import EngineError, QueueFullError

_MESSAGES = {
    -1: "an argument is out of the engine's range",
    -2: "there is not enough memory for the engine",
    -3: "a fixed table of the engine is full",
    -4: "the card failed to read",
}


def check(code: int, what: str) -> int:
    """``code`` where it is not an error; else EngineError (a full queue: QueueFullError) with ``what``."""
    if code >= 0:
        return code
    error = QueueFullError if code == -3 else EngineError
    raise error(f"{what}: {_MESSAGES.get(code, f'error {code}')}")
