"""Opening whatever is given as a card: an image, a block device, or a folder."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from sdcard_image.build import DEFAULT_TIMESTAMP
from sdcard_image.folder import FolderCard, FolderWriter
from sdcard_image.medium import FileMedium, Medium
from sdcard_image.types import Card, CardError, WritableCard

if TYPE_CHECKING:
    from sdcard_image.volume import Volume
    from sdcard_image.writer import VolumeWriter


@overload
def open_card(path: Path | str, *, writable: Literal[False] = False) -> Card: ...


@overload
def open_card(
    path: Path | str, *, writable: Literal[True], timestamp: datetime = DEFAULT_TIMESTAMP
) -> WritableCard: ...


def open_card(
    path: Path | str, *, writable: bool = False, timestamp: datetime = DEFAULT_TIMESTAMP
) -> Card | WritableCard:
    """Mount a card image (partition table or not), a block device, or a folder; read-only unless told.

    ``timestamp`` dates files written without a date of their own. Close a writable card: that marks it clean.
    Raises `CardError` with one sentence for anything that is not a readable card.
    """
    path = Path(path)
    if "\0" in str(path):
        raise CardError("a path cannot contain a zero byte")
    if path.is_dir():
        return FolderWriter(path) if writable else FolderCard(path)
    medium = FileMedium(path, writable=writable)
    try:
        return mount(medium, writable=writable, timestamp=timestamp)
    except CardError as error:
        medium.close()
        raise with_path(path, error) from None
    except BaseException:
        medium.close()
        raise


def with_path(path: Path, error: CardError) -> CardError:
    """The error, with the card's path where its sentence does not have it."""
    text = str(error)
    return error if str(path) in text else type(error)(f"{path}: {text}")


def mount(
    medium: Medium, *, writable: bool = False, timestamp: datetime = DEFAULT_TIMESTAMP
) -> Volume | VolumeWriter:
    """Mount the FAT32 volume on a medium. Raises `CardError`."""
    # Mounting needs numpy; building a card does not, and is over sooner than numpy is imported.
    from sdcard_image.volume import Volume  # noqa: PLC0415
    from sdcard_image.writer import VolumeWriter  # noqa: PLC0415

    return VolumeWriter(medium, timestamp) if writable else Volume(medium)
