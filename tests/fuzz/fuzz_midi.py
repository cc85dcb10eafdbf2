"""Read damaged MIDI files for as long as you like: each is played or refused, and none takes long.

Usage: python tests/fuzz/fuzz_midi.py [SECONDS] [SEED]
"""

from __future__ import annotations

import contextlib
import random
import sys
import time
from io import BytesIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sim.demo.song import compose
from sim.errors import InputError
from sim.midifile import parse_midi

SLOWEST = 5.0  # seconds for one small file


def song() -> bytes:
    """The head of a real song: its conductor track and the start of its drums."""
    file = BytesIO()
    compose().save(file=file)
    return file.getvalue()[:400]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Bytes overwritten, cut out or doubled, in up to eight places."""
    work = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(work) + 1)
        width = chance.choice((1, 1, 1, 2, 4, 16))
        fresh = chance.choice(
            (chance.randbytes(width), b"\xff" * width, b"\0" * width, b"", bytes(work[at : at + width]))
        )
        work[at : at + chance.choice((0, width))] = fresh
    return bytes(work)


def main(seconds: float, seed: int) -> None:
    end, number, source = time.monotonic() + seconds, seed, song()
    while time.monotonic() < end:
        data = damaged(source, random.Random(number))
        began = time.monotonic()
        try:
            with contextlib.suppress(InputError):
                messages = parse_midi(data, 48_000)
                assert [m.frame for m in messages] == sorted(m.frame for m in messages)
            assert time.monotonic() - began < SLOWEST
        except BaseException:
            print(f"failed with seed {number}: python {sys.argv[0]} 0.001 {number}", file=sys.stderr)
            raise
        number += 1
    print(f"{number - seed} damaged MIDI files, seeds {seed} to {number - 1}: each was played or refused")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
