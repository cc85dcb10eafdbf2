"""The card: FAT32 volumes on images, devices and folders. Knows nothing of audio."""

from __future__ import annotations

from sdcard_image.build import DEFAULT_TIMESTAMP, build_image, serial_from
from sdcard_image.folder import FolderCard, items_from_folder
from sdcard_image.open import mount, open_card
from sdcard_image.types import (
    Backing,
    BuildReport,
    Card,
    CardError,
    CardInfo,
    CardIOError,
    Entry,
    Extent,
    Item,
    Made,
    ReadCounters,
    WritableCard,
)
from sdcard_image.verify import VerifyReport, verify_card

__all__ = [
    "DEFAULT_TIMESTAMP",
    "Backing",
    "BuildReport",
    "Card",
    "CardError",
    "CardIOError",
    "CardInfo",
    "Entry",
    "Extent",
    "FolderCard",
    "Item",
    "Made",
    "ReadCounters",
    "VerifyReport",
    "WritableCard",
    "build_image",
    "items_from_folder",
    "mount",
    "open_card",
    "serial_from",
    "verify_card",
]
