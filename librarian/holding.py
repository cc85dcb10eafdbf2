"""Hold back what a signal asks for while a C library runs, which may call back into Python.

An exception that a signal handler raises inside of such a callback is lost in the library: it reads as the
end of the file, and what was decoded of it looks whole. So a handler tells `held` first. What it asks for
stays until it is met: also where an exception was raised and lost, the next call of the library raises it.
"""

from __future__ import annotations

import threading


class _Held:
    """A context within which no exception of a signal handler is raised, but at its end.

    It counts in the main thread: signals are handled there, and nowhere else.
    """

    def __init__(self) -> None:
        self._depth = 0
        self.asked: BaseException | None = None

    def defer(self, error: BaseException) -> bool:
        """Keep ``error``; whether it is raised later, as a library runs. False: the handler may raise it."""
        self.asked = self.asked or error
        return self._depth > 0

    def check(self) -> None:
        """Raise what was asked for, if anything, and is not met yet."""
        if self.asked is not None:
            raise self.asked

    def clear(self) -> None:
        """It is met: all is unwound."""
        self.asked = None

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._depth += 1

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._depth -= 1
        if self._depth == 0 and not isinstance(error, KeyboardInterrupt):
            self.check()


held = _Held()
