"""Every audio file of a card: the verdict that a boot would give, and what else its header says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from firmware.admission import Verdict, admit_smp, examine, fix, is_only_here
from firmware.catalogue import SampleInfo
from firmware.checks.chunks import chunk_problems
from firmware.findings import Finding, Severity, catalogue, found
from firmware.formats import FormatError, pad_info, rlnd, smp
from firmware.formats.audio_header import AudioHeader, Read
from firmware.layouts import sp404sx
from firmware.layouts.admitting import suffix
from firmware.profiles import Profile
from sdcard_image.types import Card, CardError, Entry
from sim.check.entries import unreadable
from sim.check.mending import beyond_help, remedy
from sim.check.report import AudioFile


class FileCheck:
    """Judges files for the device of ``profile``. ``pads`` says which pad plays a path."""

    def __init__(
        self, card: Card, profile: Profile, pads: Mapping[str, str], *, strict: bool = False
    ) -> None:
        self._card, self._profile, self._pads, self._strict = card, profile, pads, strict
        self.findings: list[Finding] = []
        self.headers: dict[str, AudioHeader] = {}

    def judge(self, entry: Entry) -> AudioFile:
        """The file with its verdict; what is to be said is kept in ``findings``."""
        pad = self._pads.get(entry.path, "")
        before = len(self.findings)
        try:
            extents = tuple(self._card.extents(entry.path))
            read = _reader(self._card, entry.path)
            header, verdict = self._verdict(entry, read)
            self.findings += self._said(entry, verdict, pad)
            if header is not None and header.truncated and verdict.id != "truncated":
                self.findings.append(found("truncated", header.cut, path=entry.path, pad=pad))
            problems = list(chunk_problems(read, entry.size, header))
            said = {remark.id for remark in verdict.remarks}
            self.findings += [
                found(one, text, path=entry.path, pad=pad) for one, text in problems if one not in said
            ]
            if header is not None:
                self.findings += _rlnd_pad(entry, read, pad)
            if not verdict.taken:
                self.findings[before:] = self._honest(entry, verdict, self.findings[before:])
        except CardError as error:
            self.findings.append(unreadable(error, entry.path, pad))
            return AudioFile(entry, False, None)
        if header is None or not header.frames or not header.rate or header.encoding is None:
            return AudioFile(entry, verdict.accepted, None, extents)
        self.headers[entry.path] = header
        return AudioFile(entry, verdict.accepted, _sample(entry.path, header), extents)

    def _verdict(self, entry: Entry, read: Read) -> tuple[AudioHeader | None, Verdict]:
        if suffix(entry.name) != "smp":
            return examine(read, entry.size, self._profile, entry.name)
        mark = self._profile.find("smp.rate")
        try:
            header = smp.parse(read(0, smp.DATA_OFFSET))
        except FormatError as error:
            return None, Verdict(False, error.id, str(error), mark.mark if mark else "")
        if mark is None:  # no device of projects: refuse it by what it is
            return examine(read, entry.size, self._profile, entry.name)
        return header.audio(entry.size), admit_smp(header, entry.size, self._profile)

    def _honest(self, entry: Entry, verdict: Verdict, said: list[Finding]) -> Iterator[Finding]:
        """The findings on a refused file: ``--fix`` does nothing for one that it leaves out."""
        why = beyond_help(self._card, entry, self._profile, strict=self._strict)
        for one in said:
            if not why:
                yield replace(one, fixable=one.fixable or one.id == verdict.id)
            elif one.fixable and one.severity is Severity.ERROR:
                yield replace(one, fixable=False, fix=remedy(why) or one.fix)
            else:
                yield replace(one, fixable=False)

    def _said(self, entry: Entry, verdict: Verdict, pad: str) -> Iterator[Finding]:
        if not verdict.accepted:
            yield refusal(
                verdict.id, verdict.reason, verdict.mark, path=entry.path, pad=pad, profile=self._profile
            )
        for remark in verdict.remarks:
            if remark.id == "rlnd-missing" and not pad and _is_in_sx_folder(entry):
                continue  # no pad plays it, which is said: the chunk would name one
            severity = catalogue()[remark.id].severity
            yield found(
                remark.id,
                remark.text,
                path=entry.path,
                pad=pad,
                mark=remark.mark or None,
                severity=Severity.WARNING if severity is Severity.ERROR else severity,
                fixable=self._strict if remark.id == "bit-depth" else None,  # a doubt that only then counts
            )


def refusal(id_: str, reason: str, mark: str, *, path: str, pad: str, profile: Profile) -> Finding:
    """A refusal as a finding. What the device takes and only the simulation does not is a note."""
    only_here = is_only_here(id_, mark)
    severity = Severity.NOTE if only_here else Severity.ERROR
    remedy = "" if id_ == "card-error" else fix(id_, profile, mark)
    fixable = not only_here if id_ == "not-simulated" else None
    return found(
        id_, reason, path=path, pad=pad, mark=mark or None, severity=severity, fix=remedy, fixable=fixable
    )


def _reader(card: Card, path: str) -> Read:
    return lambda offset, n: card.read(path, offset, n)


def _is_in_sx_folder(entry: Entry) -> bool:
    return entry.path.casefold().startswith(sp404sx.FOLDER.casefold() + "/")


def _rlnd_pad(entry: Entry, read: Read, pad: str) -> Iterator[Finding]:
    """Whether the RLND chunk of an SX card's file names the pad that the file is for."""
    if not pad or not _is_in_sx_folder(entry):
        return
    try:
        chunk = rlnd.find(read(0, rlnd.DATA_OFFSET))
    except FormatError as error:
        yield found("rlnd-pad", str(error), path=entry.path, pad=pad)
        return
    if chunk is not None and chunk.pad_index != pad_info.index(pad[0], int(pad[1:])):
        bank, place = divmod(chunk.pad_index, pad_info.PADS_PER_BANK)
        other = f"pad {pad_info.BANKS[bank]}{place + 1}" if bank < len(pad_info.BANKS) else "no pad"
        yield found("rlnd-pad", f"the chunk names {other}, the file {pad}", path=entry.path, pad=pad)


def _sample(path: str, header: AudioHeader) -> SampleInfo:
    assert header.encoding is not None
    return SampleInfo(
        path, header.frames, header.rate, header.channels, header.bits, header.encoding, header.data_offset
    )
