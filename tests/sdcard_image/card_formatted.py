"""Cards made by mkfs.fat and mcopy, with all kinds of options."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

from card_tools import RamMedium, mtools_env

CHANCE = random.Random(3)
FILES = {
    f"/{folder}sample number {i}.wav": CHANCE.randbytes(700 * i + 40)
    for folder in ("", "Kicks/", "Kicks/very deep folder name/")
    for i in range(9)
}
OPTIONS = {
    "plain": (40, ()),
    "one FAT": (40, ("-f", "1")),
    "media F0": (40, ("-M", "0xF0")),
    "drive 0": (40, ("-D", "0")),
    "hidden": (40, ("-h", "2048")),
    "reserved 8": (40, ("-R", "8")),
    "far backup": (40, ("-R", "300", "-b", "200")),
    "backup 2": (40, ("-R", "3", "-b", "2")),
    "not aligned": (40, ("-a",)),
    "label": (40, ("-n", "KIT 1", "-i", "12345678")),
    "marked as bootable": (40, ("--mbr=y",)),
    "1 KB sectors": (100, ("-S", "1024")),
    "4 KB sectors": (300, ("-S", "4096")),
    "4 KB sectors, one FAT": (300, ("-S", "4096", "-f", "1")),
    "64 KB clusters": (4300, ("-s", "128")),
}


def formatted(folder: Path, require_tool: Callable[[str], str], name: str) -> RamMedium:
    """A card of `FILES`."""
    megabytes, options = OPTIONS[name]
    image, source = folder / "made.img", folder / "source"
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    clusters = () if "-s" in options else ("-s", "1")
    command = [require_tool("mkfs.fat"), "-F", "32", *clusters, *options, str(image)]
    subprocess.run(command, check=True, capture_output=True)
    for path, data in FILES.items():
        target = source / path[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    command = [
        require_tool("mcopy"),
        "-s",
        "-Q",
        "-i",
        str(image),
        *map(str, sorted(source.iterdir())),
        "::/",
    ]
    subprocess.run(command, check=True, capture_output=True, env=mtools_env())
    return load(image)


def load(image: Path) -> RamMedium:
    """A sparse image; what is a hole is not read."""
    size, sectors = image.stat().st_size, {}
    with image.open("rb") as file:
        at = 0
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            for i in range(at // 512, end // 512):
                sectors[i] = os.pread(file.fileno(), 512, i * 512)
            at = end
    return RamMedium(size, {i: data for i, data in sectors.items() if any(data)})
