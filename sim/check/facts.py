"""One finding for each fact: where parts of a check come upon the same one, that which says more stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from firmware.checks.folding import fold
from firmware.checks.names import NO_UNICODE
from firmware.findings import Finding, Severity, catalogue

_WRONG_PLACE = ("misspelt-folder", "misplaced-folder", "sx-card-in-mk2", "mk2-card-in-sx", "index-missing")


def one_each(findings: Iterable[Finding]) -> list[Finding]:
    """The findings without those that another one says better."""
    every = list(dict.fromkeys(findings))
    for rule in (_unreadable, _same_name, _no_unicode, _boot_sector, _nothing_found, _misplaced):
        said_elsewhere = rule(every)
        every = [one for one in every if not said_elsewhere(one)]
    return every


Rule = Callable[[Finding], bool]


def _unreadable(findings: list[Finding]) -> Rule:
    """What cannot be read because the volume is damaged there, or was said to be unreadable before."""
    kinds = catalogue()
    damaged = {
        fold(one.path)
        for one in findings
        if one.path and kinds[one.id].group == "volume" and one.severity is not Severity.NOTE
    }
    damaged |= {path.rpartition("/")[0] or "/" for path in map(fold, _paths(findings, "directory-loop"))}
    said: set[str] = set()

    def rule(one: Finding) -> bool:
        if one.id != "card-error":
            return False
        path = fold(one.path)
        known = path in said or not damaged.isdisjoint(_above(path))
        said.add(path)
        return known

    return rule


def _above(path: str) -> Iterator[str]:
    """A path and the folders that it lies in; the top as ``/``."""
    yield path
    if not path:
        return  # the card as a whole
    while path := path.rpartition("/")[0]:
        yield path
    yield "/"


def _same_name(findings: list[Finding]) -> Rule:
    """Names that only look the same are no collision; two that are the same are one, of the volume's."""
    alike = _paths(findings, "name-lookalike")
    collide = _paths(findings, "name-collision") - alike

    def rule(one: Finding) -> bool:
        return (one.id == "name-collision" and one.path in alike) or (
            one.id == "name-duplicate" and one.path in collide
        )

    return rule


def _no_unicode(findings: list[Finding]) -> Rule:
    """The question marks that stand for bytes which are no Unicode."""
    invalid = {one.path for one in findings if one.id == "name-not-fat" and one.what.startswith(NO_UNICODE)}
    return lambda one: one.id == "name-characters" and one.path in invalid


def _boot_sector(findings: list[Finding]) -> Rule:
    """That a damaged boot sector is not like its backup."""
    is_damaged = any(one.id == "boot-sector-damaged" for one in findings)
    return lambda one: is_damaged and one.id == "boot-backup-differs"


def _nothing_found(findings: list[Finding]) -> Rule:
    """That the device finds nothing, where it is said why."""
    is_known = any(one.id in _WRONG_PLACE for one in findings)
    return lambda one: is_known and one.id == "no-device-folder"


def _misplaced(findings: list[Finding]) -> Rule:
    """Samples that lie elsewhere only because a folder above them is misspelt."""
    misspelt = _paths(findings, "misspelt-folder")
    return lambda one: one.id == "misplaced-folder" and not misspelt.isdisjoint(_above(one.path))


def _paths(findings: list[Finding], id_: str) -> set[str]:
    return {one.path for one in findings if one.id == id_}
