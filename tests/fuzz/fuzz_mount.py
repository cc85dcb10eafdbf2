"""Mount, walk, read and change damaged cards for as long as you like.

Usage: python tests/fuzz/fuzz_mount.py [SECONDS] [SEED]
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "sdcard_image")]

from card_mutation import Mutator, change, explore, valid_card  # noqa: E402  found by the line above


def main(seconds: float, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        mutator = Mutator(valid_card(Path(folder)))
    end, number = time.monotonic() + seconds, seed
    while time.monotonic() < end:
        chance = random.Random(number)
        try:
            medium = mutator.mutated(chance.randint)
            explore(medium)
            change(medium)
        except BaseException:
            print(f"failed with seed {number}: python {sys.argv[0]} 0.001 {number}", file=sys.stderr)
            raise
        number += 1
    print(f"{number - seed} damaged cards, seeds {seed} to {number - 1}: each was read or refused")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
