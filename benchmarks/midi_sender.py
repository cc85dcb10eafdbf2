"""Sends notes to Benchpad's own port on JACK: ``midi_sender.py COUNT``; prints when, in time.monotonic_ns().

Prints "ready" when it is connected, and begins with the next line on its input.
"""

from __future__ import annotations

import json
import random
import sys
import time

import rtmidi

_WAIT_S = 15.0


def main(count: int) -> None:
    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="sender")
    until = time.monotonic() + _WAIT_S
    while not (found := [i for i, name in enumerate(out.get_ports()) if name.startswith("Benchpad")]):
        if time.monotonic() > until:
            sys.exit(f"there is no port of Benchpad's, but {out.get_ports()}")
        time.sleep(0.05)
    out.open_port(found[0])
    print("ready", flush=True)
    sys.stdin.readline()
    chance, sent = random.Random(1), []
    for _ in range(count):
        time.sleep(0.045 + 0.01 * chance.random())  # anywhere in a block
        sent.append(time.monotonic_ns())
        out.send_message((0x90, 36, 127))
    time.sleep(0.2)
    print(json.dumps(sent))


if __name__ == "__main__":
    main(int(sys.argv[1]))
