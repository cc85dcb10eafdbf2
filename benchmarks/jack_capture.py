"""A program that captures what another JACK client plays: ``capture_client.py PREFIX SECONDS OUT.npz``.

Connects to the first two output ports whose name begins with PREFIX, as soon as there are any, prints
"ready", and writes the sound (frames, 2), and the server's frame and time.monotonic_ns() at the beginning of
each block.
"""

from __future__ import annotations

import sys
import threading
import time

import jack
import numpy as np


def main(prefix: str, seconds: float, path: str) -> None:
    client = jack.Client("capture", no_start_server=True)
    inputs = [client.inports.register(name) for name in ("left", "right")]
    block, rate = client.blocksize, client.samplerate
    most = int(seconds * rate) // block
    sound = np.zeros((most, 2, block), np.float32)
    frames, times = np.zeros(most, np.uint32), np.zeros(most, np.uint64)
    taken, connected, full = 0, False, threading.Event()

    @client.set_process_callback
    def process(count: int) -> None:
        nonlocal taken
        if not connected or taken >= most:
            return
        for channel, port in enumerate(inputs):
            sound[taken, channel] = port.get_array()
        times[taken] = time.monotonic_ns() - client.frames_since_cycle_start * 1_000_000_000 // rate
        frames[taken] = client.last_frame_time
        taken += 1
        if taken == most:
            full.set()

    with client:
        until = time.monotonic() + 30
        while len(ports := [p for p in client.get_ports(is_audio=True, is_output=True)
                            if p.name.startswith(prefix)]) < 2:  # fmt: skip
            if time.monotonic() > until:
                sys.exit(f"no JACK client {prefix}")
            time.sleep(0.01)
        for source, sink in zip(ports, inputs, strict=False):
            client.connect(source, sink)
        connected = True
        print("ready", flush=True)
        full.wait(seconds + 30)
    out = sound[:taken].transpose(0, 2, 1).reshape(-1, 2)
    np.savez(path, sound=out, frames=frames[:taken], times=times[:taken])


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3])
