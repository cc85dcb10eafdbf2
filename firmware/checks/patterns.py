"""Whether the files with a pattern's name hold one, of the device that reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from firmware.findings import Finding, found
from firmware.formats import FormatError, pad_info, padconf, pattern
from firmware.formats.pattern import Device
from firmware.profiles import Profile
from sdcard_image.types import Entry

from .layout import SX_PATTERNS, mk2_projects
from .tree import Tree

_NAME = re.compile(r"PTN([0-9]{5})\.BIN", re.IGNORECASE)
_LARGEST = pattern.EVENT_BYTES * (pattern.MAX_EVENTS + 1)
_MOST_BYTES = 64 << 20  # of all patterns: real ones have a few hundred bytes each
_TITLES = {Device.SX: "an SP-404SX", Device.MK2: "an SP-404MKII"}


def check_patterns(
    tree: Tree, profile: Profile, read: Callable[[str, int, int], bytes | None]
) -> Iterator[Finding]:
    """A finding for each pattern that is none, or another device's.

    ``read(path, offset, n)`` gives bytes, or None where the card cannot be read there.
    """
    left = _MOST_BYTES
    for entry, device in _patterns(tree, profile):
        if entry.size > _LARGEST:
            text = f"it has {entry.size:,} bytes, more than any device writes"
            yield found("bad-pattern", text, path=entry.path)
            continue
        left -= entry.size
        data = read(entry.path, 0, entry.size) if left >= 0 else None
        if data is not None and (text := _problem(data, device)):
            yield found("bad-pattern", text, path=entry.path)


def _patterns(tree: Tree, profile: Profile) -> Iterator[tuple[Entry, Device]]:
    """The files that the device takes for its patterns."""
    layout = profile.value("card.layout")
    if layout == "sp404sx":
        folders, device, last = [SX_PATTERNS], Device.SX, pad_info.RECORDS
    elif layout == "sp404mk2":
        folders = [f"{project.rstrip('/')}/PTN" for project in mk2_projects(tree)]
        device, last = Device.MK2, padconf.PADS
    else:
        return
    for folder in folders:
        for entry in tree.files(folder):
            match = _NAME.fullmatch(entry.name)
            if match and 1 <= int(match[1]) <= last:
                yield entry, device


def _problem(data: bytes, device: Device) -> str:
    try:
        pattern.parse(data, device)
    except FormatError as error:
        return str(error)
    whose = pattern.device_of(data)
    if whose is None or whose is device:
        return ""
    return f"it is {_TITLES[whose]}'s pattern, by its trailer and notes"
