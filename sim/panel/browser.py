"""The card as the panel shows it: files with the boot's verdicts, waveforms, findings. It only reads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from threading import RLock
from typing import Any

from firmware.admission import Verdict, admit_smp, examine, fix
from firmware.catalogue import SampleInfo
from firmware.formats import FormatError, smp
from firmware.formats.audio_header import AudioHeader
from firmware.layouts.admitting import looks_like_audio, suffix
from sdcard_image import open_card
from sdcard_image.types import Card, CardError, Entry
from sim.check.report import Options
from sim.check.run import run_check
from sim.panel import state as states
from sim.panel.messages import MessageError
from sim.panel.peaks import peaks
from sim.panel.port import RefusedError, Session

_MOST_WALKED = 100_000  # entries that a search looks at
_MOST_KEPT = 500  # waveforms
_MOST_JUDGED = 20_000  # verdicts kept
_MOST_FINDINGS = 500
_LONGEST_PATH = 1_024


class Browser:
    """Reads the card of a session through a handle of its own. Any thread; one at a time gets in."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = RLock()
        self._card: Card | None = None
        self._peaks: OrderedDict[tuple[str, int], dict[str, Any]] = OrderedDict()
        self._judged: OrderedDict[str, tuple[AudioHeader | None, Verdict]] = OrderedDict()
        self._findings: dict[str, Any] | None = None
        self._generation = session.generation

    def refresh(self) -> None:
        """The card was written, or is another one: what was read is forgotten before the next look."""
        self._generation = -1

    def close(self) -> None:
        """Let go of the card."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._card is not None:
            self._card.close()
        self._card = None
        self._peaks.clear()
        self._judged.clear()
        self._findings = None

    def _open(self) -> Card:
        if self._generation != (now := self._session.generation):
            self._forget()
            self._generation = now
        if self._card is None:
            self._card = open_card(self._session.card_path)
        return self._card

    def check(self, path: str) -> Entry:
        """The file at a path of the card. CardError where there is none, RefusedError where it is no file."""
        with self._lock:
            entry = self._open().entry(_checked(path))
        if entry.is_dir:
            raise RefusedError(f"{entry.path} is a folder, not a file")
        return entry

    def sample(self, path: str) -> SampleInfo:
        """The sample in a file that the device plays; RefusedError with the reason where it would not."""
        with self._lock:
            entry = self.check(path)
            header, verdict = self._judge(entry)
        if header is None or not verdict.accepted or header.encoding is None:
            raise RefusedError(f"{entry.path} is not played: {verdict.reason}")
        return SampleInfo(
            entry.path,
            header.frames,
            header.rate,
            header.channels,
            header.bits,
            header.encoding,
            header.data_offset,
        )

    def card(self) -> dict[str, Any]:
        """What `/api/card` answers."""
        session, booted = self._session, self._session.boot
        with self._lock:
            info = self._open().info()
        names = ("fs", "label", "serial", "size_bytes", "free_bytes", "cluster_bytes", "files")
        return {
            "name": session.card_path.name,
            "device": booted.device,
            "layout": booted.layout,
            "writable": session.writable,
            "info": {name: getattr(info, name) for name in names},
            "pads": states.pads(session),
            "refused": [asdict(one) for one in booted.catalogue.refused],
            "notes": list(booted.catalogue.notes),
        }

    def files(self, folder: str, search: str, offset: int, limit: int) -> dict[str, Any]:
        """What `/api/files` answers."""
        with self._lock:
            card = self._open()
            folder = _checked(folder)
            found = _matching(card.walk(folder), search) if search else card.listdir(folder)
            listed = sorted(found, key=lambda one: (not one.is_dir, one.path.casefold(), one.path))
            pads = self._pads()
            entries = [self._entry(one, pads) for one in listed[offset : offset + limit]]
        return {"folder": folder, "total": len(listed), "offset": offset, "entries": entries}

    def _pads(self) -> dict[str, list[str]]:
        """Names of the pads that play, or would play, each file."""
        catalogue, pads = self._session.boot.catalogue, dict[str, list[str]]()
        for pad in catalogue.pads:
            pads.setdefault(pad.sample.path, []).append(f"{pad.bank}{pad.pad}")
        for refused in catalogue.refused:
            if refused.pad:
                pads.setdefault(refused.path, []).append(f"{refused.bank}{refused.pad}")
        return pads

    def _entry(self, entry: Entry, pads: dict[str, list[str]]) -> dict[str, Any]:
        made: dict[str, Any] = {"path": entry.path, "name": entry.name, "size": entry.size}
        if entry.is_dir or not looks_like_audio(entry):
            return {**made, "verdict": "folder" if entry.is_dir else "other"}
        header, verdict = self._judge(entry)
        doubtful = "doubtful" if verdict.remarks else "accepted"
        made |= {
            "verdict": doubtful if verdict.accepted else "refused",
            "pads": pads.get(entry.path, []),
            "id": verdict.id,
            "reason": verdict.reason,
            "mark": verdict.mark,
            "fix": "" if verdict.accepted else fix(verdict.id, self._session.profile),
            "remarks": [asdict(one) for one in verdict.remarks],
        }
        if header is not None and header.channels:
            seconds = round(header.seconds, 3) if header.rate else 0.0
            made |= {"seconds": seconds, "rate": header.rate, "channels": header.channels}
            made |= {"bits": header.bits, "codec": header.codec}
        return made

    def _judge(self, entry: Entry) -> tuple[AudioHeader | None, Verdict]:
        """The boot's own verdict on a file; what the boot refused for its place on a pad as well."""
        if entry.path not in self._judged:
            self._judged[entry.path] = self._examine(entry)
            if len(self._judged) > _MOST_JUDGED:
                self._judged.popitem(last=False)
        header, verdict = self._judged[entry.path]
        for one in self._session.boot.catalogue.refused:
            if one.path == entry.path:
                return header, Verdict(False, one.id, one.reason, one.mark)
        return header, verdict

    def _examine(self, entry: Entry) -> tuple[AudioHeader | None, Verdict]:
        card, profile = self._open(), self._session.profile

        def read(offset: int, length: int) -> bytes:
            return card.read(entry.path, offset, length)

        try:
            if suffix(entry.name) != "smp":
                return examine(read, entry.size, profile, entry.name)
            header = smp.parse(read(0, smp.DATA_OFFSET))
        except FormatError as error:
            return None, Verdict(False, error.id, str(error))
        except CardError as error:
            return None, Verdict(False, "card-error", str(error))
        if profile.find("smp.rate") is None:
            return None, Verdict(False, "codec-not-supported", f"{profile.title} plays no .SMP files")
        return header.audio(entry.size), admit_smp(header, entry.size, profile)

    def peaks(self, path: str, points: int) -> dict[str, Any]:
        """What `/api/peaks` answers; kept for the next who asks."""
        with self._lock:
            self._open()
            sample = self.sample(path)
            key = sample.path, points
            if key not in self._peaks:
                self._peaks[key] = self._compute(sample, points)
                if len(self._peaks) > _MOST_KEPT:
                    self._peaks.popitem(last=False)
            self._peaks.move_to_end(key)
            return self._peaks[key]

    def _compute(self, sample: SampleInfo, points: int) -> dict[str, Any]:
        card = self._open()
        made = peaks(lambda offset, length: card.read(sample.path, offset, length), sample, points)
        return {
            "path": sample.path,
            "frames": sample.frames,
            "rate": sample.rate,
            "seconds": round(sample.frames / sample.rate, 3),
            "exact": made.exact,
            "peaks": [list(pair) for pair in zip(made.lows, made.highs, strict=True)],
        }

    def findings(self) -> dict[str, Any]:
        """What `/api/findings` answers: a quick check of the card, made when first asked for.

        It may take long, and keeps nobody else from the card.
        """
        with self._lock:
            self._open()
            found, generation = self._findings, self._generation
        if found is None:
            session = self._session
            report = run_check(session.card_path, session.profile.name, Options(quick=True))
            found = {
                "verdict": report.verdict,
                "findings": [_finding(one) for one in report.findings[:_MOST_FINDINGS]],
                "more": max(0, len(report.findings) - _MOST_FINDINGS),
            }
            with self._lock:
                if generation == self._generation:
                    self._findings = found
        return found


def _finding(one: Any) -> dict[str, Any]:
    return {
        "id": one.id,
        "severity": one.severity.value,
        "where": one.pad or one.path,
        "path": one.path,
        "pad": one.pad,
        "what": one.what,
        "why": one.why,
        "mark": one.mark,
        "fix": one.fix,
    }


def _matching(entries: Iterable[Entry], search: str) -> list[Entry]:
    wanted = search.casefold()
    return [one for one in islice(entries, _MOST_WALKED) if not one.is_dir and wanted in one.path.casefold()]


def _checked(path: str) -> str:
    """A path on the card, which cannot lead out of it: the card looks names up and knows nothing else."""
    if not path.startswith("/") or len(path) > _LONGEST_PATH or not path.isprintable():
        raise MessageError("a path on the card begins with / and has at most 1,024 printable characters")
    if ".." in path.split("/") or "\\" in path:
        raise MessageError("a path on the card has no .. and no \\")
    return path
