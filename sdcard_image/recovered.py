"""Lost chains as files: their kind by their first bytes, their size by their own header, names in FOUND."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sdcard_image.medium import Medium, read_within
from sdcard_image.runs import Runs, length
from sdcard_image.system_area import System

# (offset, bytes, extension); formats' own published magic numbers
_KINDS = (
    (8, b"WAVE", "WAV"),
    (8, b"AIFF", "AIF"),
    (8, b"AIFC", "AIF"),
    (0, b"fLaC", "FLA"),
    (0, b"OggS", "OGG"),
    (0, b"ID3", "MP3"),
    (0, b"MThd", "MID"),
    (4, b"ftyp", "M4A"),
    (0, b"caff", "CAF"),
    (0, b".snd", "AU"),
)
LONG_EXTENSIONS = {"FLA": "flac"}  # those that do not fit into an 8.3 name


@dataclass(frozen=True, slots=True)
class Lost:
    """A lost chain to be kept as a file of ``size`` bytes. ``kind`` is an extension in capitals."""

    runs: Runs
    size: int
    kind: str


def kind_of(head: bytes) -> str:
    """An extension for what begins with ``head``; BIN where it is not known."""
    for offset, magic, extension in _KINDS:
        if head[offset : offset + len(magic)] == magic:
            return extension
    frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2
    return "MP3" if frame else "BIN"


def is_beginning(head: bytes) -> bool:
    """Whether a file begins with ``head``; an MP3 frame alone does not tell: noise looks like one."""
    return any(head[offset : offset + len(magic)] == magic for offset, magic, _ in _KINDS)


def describe_lost(medium: Medium, system: System, runs: Runs) -> Lost | None:
    """A lost chain as a file; None where it is one cluster of zeros."""
    offset = system.cluster_offset(runs[0][0])
    head = read_within(medium, offset, system.cluster_bytes if length(runs) == 1 else 64)
    if length(runs) == 1 and not any(head):
        return None
    held = length(runs) * system.cluster_bytes
    own = header_size(head)
    kind = kind_of(head)
    size = own if kind != "BIN" and held - system.cluster_bytes < own <= held else held
    return Lost(runs, size, kind)


def header_size(head: bytes) -> int:
    """A file's whole size by its own header (RIFF, IFF); 0 where it has none that says."""
    if head[:4] == b"RIFF":
        return 8 + int(struct.unpack_from("<I", head, 4)[0])
    if head[:4] == b"FORM":
        return 8 + int(struct.unpack_from(">I", head, 4)[0])
    return 0
