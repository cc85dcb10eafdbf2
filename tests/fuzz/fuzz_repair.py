"""Check and repair damaged cards for as long as you like.

Usage: python tests/fuzz/fuzz_repair.py [SECONDS] [SEED]
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "sdcard_image")]

from card_damage import judge  # noqa: E402  found by the line above
from card_formatted import formatted  # noqa: E402  as above
from card_mutation import Mutator, valid_card  # noqa: E402  as above
from card_repair_properties import check_and_repair, repair_and_undo, wreck  # noqa: E402  as above

FORMATS = ("plain", "far backup", "4 KB sectors", "64 KB clusters")


def _tool(name: str) -> str:
    """Where a program is; '' where it is not."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin") or ""


def main(seconds: float, seed: int) -> None:
    tool = _tool("fsck.fat")
    with tempfile.TemporaryDirectory() as folder:
        mutators = [Mutator(valid_card(Path(folder)))]
        if _tool("mkfs.fat") and _tool("mcopy"):
            mutators += [Mutator(formatted(Path(folder), _tool, name)) for name in FORMATS]
        end, number, refused, slowest = time.monotonic() + seconds, seed, 0, 0.0
        while time.monotonic() < end:
            chance = random.Random(number)
            medium = mutators[number % len(mutators)].mutated(chance.randint)
            if number % 3 == 0:
                wreck(medium, chance)
            began = time.monotonic()
            try:
                done = check_and_repair(medium)
                slowest = max(slowest, time.monotonic() - began)
                refused += done is None
                if tool and done is not None:
                    said = judge(tool, Path(folder), done.size, done.sectors)
                    assert not said, said
                if number % 5 == 0:
                    repair_and_undo(medium, Path(folder) / "undo")
            except BaseException:
                print(f"failed with seed {number}: python {sys.argv[0]} 0.001 {number}", file=sys.stderr)
                raise
            number += 1
    print(
        f"{number - seed} damaged cards, seeds {seed} to {number - 1}: {refused} refused in one sentence, "
        f"the others clean after one repair; slowest {slowest:.2f} s"
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
