"""Worn cards for the repair benchmark: files in pieces, and a sector of both FATs lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from damage import CARD_BYTES, SECTOR, write_sparse

from sdcard_image import Item, build_image
from sdcard_image.fragment import fragment
from sdcard_image.medium import FileMedium
from sdcard_image.repair import repair_image
from sdcard_image.volume import Volume

FILES = 40


@dataclass(slots=True)
class Truth:
    """Files that a repair calls whole or repaired, by how sure it is, and whether they are; and the rest."""

    right: int = 0
    wrong: int = 0
    guessed_right: int = 0
    guessed_wrong: int = 0
    cut: int = 0
    cut_wrong: int = 0  # of the bytes that a cut file still has, some are another's

    def __str__(self) -> str:
        return (
            f"{self.right} right, {self.wrong} wrong; guesses {self.guessed_right} right, "
            f"{self.guessed_wrong} wrong; cut {self.cut}, {self.cut_wrong} of them with bytes not their own"
        )


def make_worn(path: Path, extent: int) -> dict[str, bytes]:
    """A card of 40 files with a header that tells their size, in pieces of ``extent`` clusters each."""
    chance = random.Random(extent)
    files = {f"/s{i:02}.wav": _content(chance) for i in range(FILES)}
    sound = path.with_name("sound.img")
    build_image(sound, [Item(name, data) for name, data in files.items()], size_bytes=CARD_BYTES,
                partition=False, overwrite=True)  # fmt: skip
    write_sparse(path, sound.read_bytes())
    source, copy = FileMedium(sound), FileMedium(path, writable=True)
    try:
        fragment(source, copy, extent_clusters=extent, seed=extent)
    finally:
        source.close()
        copy.close()
    return files


def _content(chance: random.Random) -> bytes:
    size = chance.randint(10_000, 40_000)
    return b"RIFF" + (size + 4).to_bytes(4, "little") + b"WAVE" + chance.randbytes(size)


def erased(path: Path) -> Iterator[bytes]:
    """The card once for each sector of the FATs that is in use, with that sector zeroed in both."""
    medium = FileMedium(path)
    try:
        volume = Volume(medium)
        used = sorted({int(c) // 128 for c in np.flatnonzero(volume.fat.next)})
        places = [[volume._fat_offset(copy) + sector * SECTOR for copy in (0, 1)] for sector in used]
    finally:
        medium.close()
    image = path.read_bytes()
    for both in places:
        card = bytearray(image)
        for at in both:
            card[at : at + SECTOR] = bytes(SECTOR)
        yield bytes(card)


def told(folder: Path, extent: int) -> Truth:
    """Repair all of these, and compare what the repair says with what is there."""
    path, result = folder / "worn.img", folder / "repaired.img"
    files, truth = make_worn(path, extent), Truth()
    for card in erased(path):
        write_sparse(folder / "damaged.img", card)
        report = repair_image(folder / "damaged.img", result, overwrite=True)
        medium = FileMedium(result)
        try:
            volume = Volume(medium)
            for state in report.files:
                _count(truth, state.state, state.sure, volume.read(state.path), files[state.path])
        finally:
            medium.close()
    return truth


def _count(truth: Truth, state: str, sure: str, found: bytes, meant: bytes) -> None:
    if state not in ("whole", "repaired"):
        truth.cut += 1
        truth.cut_wrong += not meant.startswith(found)
    elif sure == "guess":
        truth.guessed_right += found == meant
        truth.guessed_wrong += found != meant
    else:
        truth.right += found == meant
        truth.wrong += found != meant
