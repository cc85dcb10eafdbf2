"""Card images for tests, and damage to their FATs."""

from __future__ import annotations

from pathlib import Path

from sdcard_image import Item, build_image, open_card
from sdcard_image.volume import Volume


def image_of(path: Path, files: dict[str, bytes]) -> Path:
    """A card of 64 MiB with these files."""
    build_image(path, [Item(f"/{name}", data) for name, data in files.items()], size_bytes=64 << 20)
    return path


def hurt_fats(image: Path, paths: list[str], value: int, copies: tuple[int, ...], step: int = 1) -> None:
    """Overwrite the FAT entry of the cluster ``step`` after each file's first."""
    card = open_card(image)
    assert isinstance(card, Volume)
    clusters = [card.entry(path).first_cluster + step for path in paths]
    places = [card._fat_offset(copy) + 4 * cluster for copy in copies for cluster in clusters]
    card.close()
    data = bytearray(image.read_bytes())
    for place in places:
        data[place : place + 4] = value.to_bytes(4, "little")
    image.write_bytes(data)
