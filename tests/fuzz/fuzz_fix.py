"""Correct damaged cards for as long as you like: each gives a card without an error, or one clear sentence.

Usage: python tests/fuzz/fuzz_fix.py [SECONDS] [SEED]
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "librarian")]

from test_fix_card import NAMES, project, sx_card  # noqa: E402  found by the line above

from firmware.profiles import load  # noqa: E402  as above
from librarian.fix import apply_fix, plan_fix  # noqa: E402  as above
from sdcard_image import CardError, Item, build_image, open_card  # noqa: E402  as above
from sdcard_image.volume import Volume  # noqa: E402  as above
from sim.check import run_check  # noqa: E402  as above

DEVICES = ("sp404sx", "sp404mk2", "generic")
NO_SAMPLES = "no-device-folder"  # where the damage took every sample, nothing can be laid out


def damaged(card: bytearray, volume: Volume, chance: random.Random) -> None:
    """Change a few FAT entries, folder bytes and boot-sector bytes."""
    fats = [volume._fat_offset(0), volume._fat_offset(1)]
    for _ in range(chance.randrange(1, 30)):
        kind = chance.random()
        if kind < 0.3:
            at = 4 * chance.randrange(2, 900)
            value = chance.choice([0, chance.randrange(2, 900), 0xFFF_FFFF, chance.randrange(1 << 28)])
            for fat in fats:
                card[fat + at : fat + at + 4] = value.to_bytes(4, "little")
        elif kind < 0.95:
            card[volume._data_offset + chance.randrange(120 * 512)] = chance.randrange(256)
        else:
            card[chance.randrange(600)] = chance.randrange(256)


def correct(image: Path, fixed: Path) -> None:
    """Correct one card for every device."""
    try:
        card = open_card(image)
        for device in DEVICES:
            apply_fix(card, plan_fix(card, load(device)), fixed, overwrite=True)
            errors = {one.id for one in run_check(fixed, device).findings if one.severity == "error"}
            assert errors <= {NO_SAMPLES}, errors
    except CardError:
        return


def built(image: Path, files: dict[str, bytes]) -> bytes:
    """An image of these files, and it stays in ``image``."""
    items = [Item(f"/{p}", d) for p, d in files.items() if p.isprintable() and p != "IMPORT/kick.WAV"]
    build_image(image, items, size_bytes=48 << 20, partition=False, overwrite=True)
    return image.read_bytes()


def main(seconds: float, seed: int) -> None:
    sx, mk2 = sx_card(), project("EXPORT/PROJECT/PROJECT_01")
    with tempfile.TemporaryDirectory() as folder:
        image, fixed = Path(folder) / "card.img", Path(folder) / "fixed.img"
        cards = [built(image, files) for files in ({**sx, **mk2, **NAMES}, sx, mk2)]
        volume = open_card(image)  # all are laid out alike
        assert isinstance(volume, Volume)
        end, number = time.monotonic() + seconds, seed
        while time.monotonic() < end:
            card = bytearray(cards[number % len(cards)])
            damaged(card, volume, random.Random(number))
            image.write_bytes(card)
            try:
                correct(image, fixed)
            except BaseException:
                print(f"failed with seed {number}: python {sys.argv[0]} 0.001 {number}", file=sys.stderr)
                raise
            number += 1
    print(f"{number - seed} damaged cards, seeds {seed} to {number - 1}: each was corrected or refused")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
