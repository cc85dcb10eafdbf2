"""A program that plays a card through an audio server for tests and benchmarks, and says how it went.

    live_player.py CARD SECONDS [options]

Prints "ready" when it plays silence, begins with the next line on its input, and ends with a JSON document:
the session's status after SECONDS, and how many voices there were at least and at most meanwhile.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from pathlib import Path

from sim.board import Setup
from sim.live.backends import choose_backend
from sim.live.quiet import quiet_libraries
from sim.live.session import Recording, Session

BLOCK = 128
PER_BANK = 16


def main() -> None:
    asked = arguments()
    with quiet_libraries():
        backend, _ = choose_backend("portaudio", None, None, BLOCK, 48_000)
        setup = Setup(voices=max(32, asked.pads), ram_bytes=asked.ram)
        with Session(asked.card, setup, backend, Recording(asked.record, asked.record_midi)) as session:
            print("ready", flush=True)
            sys.stdin.readline()
            if asked.busy:
                threading.Thread(target=be_busy, daemon=True).start()
            voices = play(session, asked)
            found = {"status": session.status(), "voices": voices}
    print(json.dumps(found))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("card", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--pads", type=int, default=8)
    parser.add_argument("--ram", type=int)
    for flag in ("--loop", "--busy"):
        parser.add_argument(flag, action="store_true")
    for file in ("--record", "--record-midi"):
        parser.add_argument(file, type=Path)
    return parser.parse_args()


def be_busy() -> None:
    """Pure Python, for ever: nobody else gets the interpreter without asking for it."""
    number = 0
    while True:
        number += 1


def play(session: Session, asked: argparse.Namespace) -> list[int]:
    """Press all pads, one after the other; returns the least and the most voices from then on."""
    end = time.monotonic() + asked.seconds
    for pad in range(asked.pads):
        bank, number = divmod(pad, PER_BANK)
        if asked.loop:
            session.hands.switch(bank, number + 1, "loop", on=True)
        session.hands.press(bank, number + 1, 60 + pad)
        time.sleep(0.02)
    time.sleep(0.2)
    voices = [session.engine.voices]
    while (left := end - time.monotonic()) > 0:
        voices.append(session.engine.voices)
        time.sleep(min(left, 0.25))
    return [min(voices), max(voices)]


if __name__ == "__main__":
    main()
