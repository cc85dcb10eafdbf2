"""Power on: find the volume, read the catalogue, resolve where every sample lies, and say what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from firmware.admission import fix
from firmware.catalogue import Catalogue, Pad, Refused
from firmware.layouts import recognise
from firmware.profiles import Profile
from sdcard_image.types import Card, CardError, CardInfo, Extent

CardMs = Callable[[int, int], float]


@dataclass(frozen=True, slots=True)
class LogLine:
    """Something that happened ``ms`` of simulated time after power-on: only the card takes time."""

    ms: float
    text: str


@dataclass(frozen=True, slots=True)
class BootResult:
    """What the device knows after boot.

    ``extents`` holds, for the path of every sample on a pad, where its file lies on the card.
    """

    device: str
    layout: str
    catalogue: Catalogue
    extents: dict[str, tuple[Extent, ...]]
    log: tuple[LogLine, ...]
    ms: float


def boot(card: Card, profile: Profile, *, card_ms: CardMs, project: str | None = None) -> BootResult:
    """Boot the device of ``profile`` from ``card``.

    ``card_ms(reads, bytes)`` is the card's time for so many read commands that carry so many bytes.
    ``project`` picks one of several projects. A file that is bad, or cannot be reached, is refused and the
    boot goes on; CardError is raised only where the card itself cannot be read, or has no such project.
    """
    log = _Log(card, card_ms)
    log.say(f"{profile.title}: power on")
    log.say(_volume(card.info()))
    catalogue = recognise(card, profile, project)
    log.say(f"layout {catalogue.layout}: {_count(len(catalogue.pads), 'sample')} admitted")
    for note in catalogue.notes:
        log.say(note)
    catalogue, extents = _resolve(card, catalogue, profile)
    for refused in catalogue.refused:
        log.say(_refusal(refused))
    log.say(_where(extents))
    log.say(_pads(catalogue))
    return BootResult(profile.name, catalogue.layout, catalogue, extents, tuple(log.lines), log.ms)


class _Log:
    """Log lines, stamped with the card's time since the boot began."""

    def __init__(self, card: Card, card_ms: CardMs) -> None:
        self.lines: list[LogLine] = []
        self._reads = card.reads
        self._card_ms = card_ms
        self._start = (card.reads.reads, card.reads.bytes)

    @property
    def ms(self) -> float:
        return self._card_ms(self._reads.reads - self._start[0], self._reads.bytes - self._start[1])

    def say(self, text: str) -> None:
        self.lines.append(LogLine(self.ms, text))


def _resolve(
    card: Card, catalogue: Catalogue, profile: Profile
) -> tuple[Catalogue, dict[str, tuple[Extent, ...]]]:
    """Where every sample lies; those whose chain is broken leave their pads and are refused."""
    extents: dict[str, tuple[Extent, ...]] = {}
    pads: list[Pad] = []
    refused = list(catalogue.refused)
    for pad in catalogue.pads:
        path = pad.sample.path
        try:
            extents[path] = tuple(card.extents(path))
        except CardError as error:
            remedy = fix("card-error", profile)
            refused.append(Refused(path, "card-error", str(error), "", pad.bank, pad.pad, remedy))
        else:
            pads.append(pad)
    return replace(catalogue, pads=tuple(pads), refused=tuple(refused)), extents


def _volume(info: CardInfo) -> str:
    if info.fs == "folder":
        return "card: a folder of the host"
    label = f" '{info.label}'" if info.label else ""
    size = f"{info.size_bytes / 1e6:,.0f} MB, clusters of {info.cluster_bytes // 1024} KB"
    return f"card: {info.fs} volume{label} {info.serial}, {size}"


def _refusal(refused: Refused) -> str:
    pad = f" (pad {refused.bank}{refused.pad} stays silent)" if refused.pad else ""
    mark = f" [{refused.mark}]" if refused.mark else ""
    remedy = f"; {refused.fix}" if refused.fix else ""
    return f"refused {refused.path}{pad}: {refused.reason}{mark}{remedy}"


def _where(extents: dict[str, tuple[Extent, ...]]) -> str:
    pieces = sum(len(runs) for runs in extents.values())
    broken = [path for path, runs in extents.items() if len(runs) > 1]
    if not broken:
        return f"extents: {_count(len(extents), 'file')}, all in one piece"
    worst = max(broken, key=lambda path: len(extents[path]))
    return (
        f"extents: {_count(len(extents), 'file')} in {pieces} pieces; {len(broken)} fragmented, "
        f"most of all {worst} ({len(extents[worst])} pieces)"
    )


def _pads(catalogue: Catalogue) -> str:
    banks = sorted({pad.bank for pad in catalogue.pads})
    where = f" in {'banks' if len(banks) > 1 else 'bank'} {', '.join(banks)}" if banks else ""
    return f"ready: {_count(len(catalogue.pads), 'pad')}{where}, {len(catalogue.refused)} refused"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
