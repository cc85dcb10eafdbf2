"""What can be found on a card, as one catalogue: identifiers, severities, and what to do.

Checks report a `Finding` of a `Kind`. The catalogue itself is data, in findings.toml; docs/findings.md is
made from it (``python -m firmware.findings``). An id that is also a refusal or a remark of admission means
the same.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

GROUPS = {
    "volume": "Volume: the file system",
    "layout": "Layout: folders and index files",
    "names": "Names",
    "audio": "Audio files",
    "pads": "Pads",
    "capacity": "Capacity and speed",
}
DOUBTFUL = frozenset("HS?")  # marks that ``--strict`` takes for errors


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
    milder: str = ""  # what the device does where a case of this kind is less severe
    devices: Mapping[str, Kind] = field(default_factory=dict, compare=False)  # as it is on one, by profile

    def on(self, device: str) -> Kind:
        """The kind as it is on the device of that profile."""
        return self.devices.get(device, self)

    def happens_at(self, severity: Severity) -> str:
        """What the device does, for a finding of ``severity``."""
        return self.milder if self.milder and severity is not self.severity else self.happens


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. ``path`` and ``pad`` (such as ``A1``) are empty where they do not apply.

    ``happens`` is what the device does in this case, also where ``--strict`` has made it an error.
    """

    id: str
    severity: Severity
    path: str
    pad: str
    what: str
    why: str
    mark: str
    fix: str
    fixable: bool
    happens: str = ""


@cache
def catalogue() -> dict[str, Kind]:
    """Every kind, by id, in the order of the groups."""
    data = tomllib.loads(files(__package__).joinpath("findings.toml").read_text("utf-8"))
    return {name: _kind(name, group, entry) for group in GROUPS for name, entry in data[group].items()}


def _kind(name: str, group: str, entry: Mapping[str, Any]) -> Kind:
    kind = Kind(
        name,
        group,
        Severity(entry["severity"]),
        entry["happens"],
        entry["why"],
        entry["mark"],
        entry["fix"],
        entry.get("fixable", False),
        entry.get("milder", ""),
    )
    devices = {device: replace(kind, **words) for device, words in entry.get("on", {}).items()}
    return replace(kind, devices=devices)


def found(
    id: str,  # noqa: A002 - the word that findings use
    what: str,
    *,
    path: str = "",
    pad: str = "",
    mark: str | None = None,
    severity: Severity | None = None,
    fix: str = "",
    fixable: bool | None = None,
) -> Finding:
    """A finding of the kind ``id``; KeyError where there is none. What is not given is the kind's own."""
    kind = catalogue()[id]
    severity = severity or kind.severity
    return Finding(
        kind.id,
        severity,
        path,
        pad,
        what,
        kind.why,
        kind.mark if mark is None else mark,
        fix or kind.fix,
        kind.fixable if fixable is None else fixable,
        kind.happens_at(severity),
    )


def for_device(finding: Finding, device: str) -> Finding:
    """The finding in the words for the device of that profile, where it has those of its kind."""
    kind = catalogue()[finding.id]
    own = kind.on(device)
    if own is kind:
        return finding
    return replace(
        finding,
        why=own.why if finding.why == kind.why else finding.why,
        fix=own.fix if finding.fix == kind.fix else finding.fix,
        mark=own.mark if finding.mark == kind.mark else finding.mark,
        happens=own.happens_at(finding.severity),
    )


def document() -> str:
    """docs/findings.md."""
    lines = [_HEAD]
    for group, title in GROUPS.items():
        lines += [f"## {title}", ""]
        for kind in catalogue().values():
            if kind.group == group:
                lines += _entry(kind)
    return "\n".join(lines).rstrip() + "\n"


def _entry(kind: Kind) -> list[str]:
    does = "`check --fix` does it" if kind.fixable else "`check --fix` does not do it"
    return [
        f"### {kind.id}",
        "",
        f"*{kind.severity}*" + (f", mark {kind.mark}" if kind.mark else ""),
        "",
        f"- **What happens:** {kind.happens}",
        *([f"- **In a milder case:** {kind.milder}"] if kind.milder else []),
        f"- **Why:** {kind.why}",
        f"- **What to do:** {kind.fix} ({does}).",
        *(line for device, own in kind.devices.items() for line in _on_device(device, own, kind)),
        "",
    ]


def _on_device(device: str, own: Kind, kind: Kind) -> list[str]:
    """What differs on one device."""
    words = [
        *([own.happens] if own.happens != kind.happens else []),
        *([own.milder] if own.milder != kind.milder else []),
        *([own.why] if own.why != kind.why else []),
        *([f"To do: {own.fix}."] if own.fix != kind.fix else []),
    ]
    return [f"- **On the {device}** (mark {own.mark}): {' '.join(words)}"]


_HEAD = """\
# Findings

What `benchpad check` can find. This file is made from firmware/findings.toml by
`python -m firmware.findings`; a test keeps the two equal.

Severity: **error**, the device refuses it or it does damage; **warning**, it plays otherwise than meant;
**note**, good to know. The mark says how sure the fact behind it is (V checked, R maker's manual, S one
source, H users report it, ? not known, D decided by this project; see [device-facts.md](device-facts.md)).

Where a device has more or other to say, the entry names it by its profile. A finding may carry another
mark or severity than its kind where the case is another: a file that is taken, but doubtfully, is a warning.
`--strict` takes whatever is marked S, H or ? for an error.
"""


if __name__ == "__main__":
    print(document(), end="")
