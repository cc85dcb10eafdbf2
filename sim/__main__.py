"""``python -m sim`` and the console script: the ``benchpad`` command.

What a signal means is settled before anything slow is imported: until the command runs there is nothing to
clean up, so the process ends at once and silently.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


def _leave(signum: int, frame: FrameType | None) -> None:
    os._exit(128 + signum)


def main() -> None:
    """Entry point of the console script."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signum) is not signal.SIG_IGN:  # ignored, as by nohup, it stays so
            signal.signal(signum, _leave)
    from sim.cli import main as run  # noqa: PLC0415  see above

    run()


if __name__ == "__main__":
    main()
