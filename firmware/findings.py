"""What can be found on a card, as one catalogue: identifiers, severities, and what to do.

Checks report a `Finding` of a `Kind`; docs/findings.md is generated from the catalogue (``python -m
firmware.findings``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"  # the device refuses or damages
    WARNING = "warning"  # it plays otherwise than meant
    NOTE = "note"  # good to know


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding. ``mark`` is the confidence in the fact behind it (see docs/device-facts.md)."""

    id: str
    group: str  # "volume", "layout", "names", "audio", "pads", "capacity"
    severity: Severity
    happens: str  # what the device does
    why: str
    mark: str
    fix: str
    fixable: bool = False  # whether ``check --fix`` does it


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. ``path`` and ``pad`` (such as ``A1``) are empty where they do not apply."""

    id: str
    severity: Severity
    path: str
    pad: str
    what: str
    why: str
    mark: str
    fix: str
    fixable: bool
