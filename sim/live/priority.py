"""What the system lets us have against its own interruptions: memory that stays where it is."""

from __future__ import annotations

import ctypes
import sys

_MCL_CURRENT = 1  # sys/mman.h of Linux


def lock_memory() -> bool:
    """Keep all that the process has now in RAM; False where the system does not allow that.

    What is taken later is left alone: a limit that it ran into would end the program.
    """
    if sys.platform != "linux":
        return False
    return int(ctypes.CDLL(None).mlockall(_MCL_CURRENT)) == 0


def unlock_memory() -> None:
    """Let the system have it back."""
    if sys.platform == "linux":
        ctypes.CDLL(None).munlockall()
