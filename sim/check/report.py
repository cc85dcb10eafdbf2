"""What a check found, as values; for programs as one document (docs/check.schema.json)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from firmware.catalogue import Catalogue, SampleInfo
from firmware.findings import DOUBTFUL, GROUPS, Finding, Severity, catalogue
from firmware.profiles import Profile
from native import CardModel
from sdcard_image.types import CardInfo, Entry, Extent

ASSUMED_CARD = CardModel(command_us=1_000, read_mb_per_s=20)  # a fair SDHC card; the reports name it
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
_GROUP_ORDER = {group: n for n, group in enumerate(GROUPS)}


@dataclass(frozen=True, slots=True)
class Options:
    """How to check. ``quick``: headers only; ``strict``: doubt is an error; ``timing``: the card's speed."""

    quick: bool = False
    strict: bool = False
    timing: CardModel = ASSUMED_CARD


@dataclass(frozen=True, slots=True)
class BankVoices:
    """How many voices of a bank stream at once without a gap, of as many as were tried or the device has.

    ``in_one_piece`` is the same if no file were fragmented; None where none is.
    """

    project: str
    bank: str
    voices: int
    most: int
    in_one_piece: int | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A boot of the card: one project, or all there is. ``name`` is empty where the card has just one."""

    name: str
    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class AudioFile:
    """An audio file that was judged. ``sample`` is None where its values cannot be read."""

    entry: Entry
    accepted: bool
    sample: SampleInfo | None
    extents: tuple[Extent, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do, and the findings that it settles, worst first. ``severity`` is that of the worst."""

    severity: Severity
    fix: str
    findings: tuple[Finding, ...]

    @property
    def is_of_card(self) -> bool:
        """Whether it concerns the card or its file system, and with that what lies on it."""
        kinds = catalogue()
        return any(not one.path or kinds[one.id].group == "volume" for one in self.findings)

    @property
    def fixable(self) -> bool:
        """Whether ``check --fix`` does it."""
        return all(one.fixable for one in self.findings)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of a check. ``findings`` are sorted: worst first, then by group, kind and path."""

    card: str
    kind: str  # "image", "device" or "folder"
    profile: Profile
    recognised: bool  # the device was told from the card's layout, not asked for
    options: Options
    findings: tuple[Finding, ...]
    info: CardInfo | None = None  # None where the card does not mount
    scenes: tuple[Scene, ...] = ()
    audio: tuple[AudioFile, ...] = ()
    voices: tuple[BankVoices, ...] = field(default=())

    @property
    def counts(self) -> dict[str, int]:
        """Findings by severity."""
        found = Counter(one.severity for one in self.findings)
        return {severity.value: found[severity] for severity in Severity}

    @property
    def verdict(self) -> str:
        """``ok`` (nothing above a note), ``warnings`` or ``errors``."""
        counts = self.counts
        return "errors" if counts["error"] else "warnings" if counts["warning"] else "ok"

    def tasks(self) -> list[Task]:
        """The findings by what to do: worst first, then what concerns the whole card, then most files."""
        by_fix: dict[str, list[Finding]] = {}
        for one in self.findings:  # worst first
            by_fix.setdefault(one.fix, []).append(one)
        tasks = [Task(found[0].severity, fix, tuple(found)) for fix, found in by_fix.items()]
        return sorted(
            tasks, key=lambda task: (_ORDER[task.severity], not task.is_of_card, -len(task.findings))
        )

    def document(self) -> dict[str, Any]:
        """The report as JSON values."""
        timing = self.options.timing
        return {
            "card": self.card,
            "kind": self.kind,
            "device": self.profile.name,
            "recognised": self.recognised,
            "verdict": self.verdict,
            "counts": self.counts,
            "quick": self.options.quick,
            "strict": self.options.strict,
            "audio_files": len(self.audio),
            "findings": [_for_programs(one) for one in self.findings],
            "card_timing": {"latency_ms": timing.fixed_ns / 1e6, "mb_per_s": timing.read_mb_per_s},
            "voices": [asdict(one) for one in self.voices],
        }


def _for_programs(one: Finding) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name != "happens"}


def sort(findings: Iterable[Finding], *, strict: bool) -> tuple[Finding, ...]:
    """Findings without repetition, worst first; where ``strict``, those that rest on doubt are errors."""
    made = dict.fromkeys(_strict(one) if strict else one for one in findings)
    kinds = catalogue()
    return tuple(
        sorted(
            made,
            key=lambda one: (
                _ORDER[one.severity],
                _GROUP_ORDER[kinds[one.id].group],
                one.id,
                one.path.casefold(),
                one.path,
                _pad_order(one.pad),
                one.what,
            ),
        )
    )


def _strict(one: Finding) -> Finding:
    return replace(one, severity=Severity.ERROR) if one.mark in DOUBTFUL else one


def _pad_order(pad: str) -> tuple[str, int]:
    return pad[:1], int(pad[1:] or 0)
