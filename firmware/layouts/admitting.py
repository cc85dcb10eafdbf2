"""What every layout does with the files it finds: admit them, and keep what there is to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from firmware.admission import Verdict, admit_smp, admit_speed, examine, fix
from firmware.catalogue import Catalogue, Pad, PadSettings, Refused, SampleInfo
from firmware.formats import FormatError, endings, smp
from firmware.formats.audio_header import AudioHeader, Read
from firmware.profiles import Profile
from native.types import Retrigger
from sdcard_image.types import Card, CardError, Entry

# Names that promise audio: such a file is admitted or refused; any other is only counted.
AUDIO_SUFFIXES = endings.AUDIO
suffix = endings.suffix
_LARGEST_INDEX = 1 << 20  # bytes; PADCONF.BIN has 52,000
_SHOWN = 5  # names in one note


class LayoutError(CardError):
    """The card does not hold what was asked for."""


def exists(card: Card, path: str) -> bool:
    """Whether there is something at ``path`` that can be reached."""
    try:
        return card.exists(path)
    except CardError:
        return False


def is_hidden(name: str) -> bool:
    """Whether a name is one that computers leave behind (``.DS_Store``, ``._x``)."""
    return name.startswith(".")


def looks_like_audio(entry: Entry) -> bool:
    """Whether an entry is a file whose name promises audio."""
    return not entry.is_dir and endings.promises_audio(entry.name)


def name_order(entry: Entry) -> tuple[str, str]:
    """Sort key: by path without regard to case, and by the path itself where that ties."""
    return entry.path.casefold(), entry.path


def some(names: Iterable[str]) -> str:
    """A few of many names, for a note."""
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more


def default_settings(profile: Profile) -> PadSettings:
    """How a pad plays whose settings are written nowhere."""
    return PadSettings(
        gate=profile.value("pads.gate"), retrigger=Retrigger[profile.value("pads.retrigger").upper()]
    )


@dataclass(slots=True)
class Admitting:
    """The catalogue while it is being made."""

    card: Card
    profile: Profile
    layout: str
    pads: list[Pad] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def sample(self, entry: Entry, bank: str = "", pad: int = 0) -> SampleInfo | None:
        """The sample in an audio file, or None where it is refused; what is to be said is kept."""
        return self._heard(entry, *self._judged(entry, bank, pad, self._audio))

    def smp(self, entry: Entry, bank: str, pad: int) -> SampleInfo | None:
        """The sample in a project's .SMP file, or None where it is refused."""
        return self._heard(entry, *self._judged(entry, bank, pad, self._smp))

    def is_playable(self, entry: Entry) -> bool:
        """Whether an audio file that no pad plays could be played; keeps a refusal, no remarks."""
        return self._judged(entry, "", 0, self._audio)[0] is not None

    def put(
        self, sample: SampleInfo | None, bank: str, pad: int, settings: PadSettings, name: str = ""
    ) -> None:
        """Lay an admitted sample on a pad; a refused one (None), or one too fast, leaves it silent."""
        if sample is None:
            return
        if verdict := admit_speed(sample.rate, settings, self.profile):
            self.refuse(sample.path, verdict, bank, pad)
        else:
            self.pads.append(Pad(bank, pad, sample, settings, name))

    def refuse(self, path: str, verdict: Verdict, bank: str = "", pad: int = 0) -> None:
        """Keep a refusal."""
        remedy = fix(verdict.id, self.profile, verdict.mark)
        self.refused.append(Refused(path, verdict.id, verdict.reason, verdict.mark, bank, pad, remedy))

    def note(self, text: str) -> None:
        """Keep a remark for the boot log."""
        self.notes.append(text)

    def listdir(self, path: str) -> list[Entry]:
        """The entries of a folder; a folder that cannot be read is refused, and counts as empty."""
        try:
            return self.card.listdir(path)
        except CardError as error:
            self.refuse(path, _card_error(error))
            return []

    def walk(self, path: str) -> list[Entry]:
        """Every entry below a folder, as far as it can be read."""
        entries: list[Entry] = []
        try:
            entries.extend(self.card.walk(path))
        except CardError as error:
            self.refuse(path, _card_error(error))
        return entries

    def bytes_of(self, path: str) -> bytes | None:
        """An index file's bytes, or None (and a refusal) where it cannot be read or is no such file."""
        try:
            size = self.card.entry(path).size
            if size <= _LARGEST_INDEX:
                return self.card.read(path)
            self.refuse(path, Verdict(False, "bad-index", f"it has {size:,} bytes, as no device writes", "V"))
            return None
        except CardError as error:
            self.refuse(path, _card_error(error))
            return None

    def catalogue(self) -> Catalogue:
        """What was found."""
        return Catalogue(
            self.profile.name, self.layout, tuple(self.pads), tuple(self.refused), tuple(self.notes)
        )

    def _judged(
        self,
        entry: Entry,
        bank: str,
        pad: int,
        judge: Callable[[Entry, Read], tuple[AudioHeader | None, Verdict]],
    ) -> tuple[AudioHeader | None, Verdict]:
        """The header, None where the file is refused, and the verdict."""
        try:
            header, verdict = judge(entry, lambda offset, n: self.card.read(entry.path, offset, n))
        except CardError as error:
            header, verdict = None, _card_error(error)
        if verdict.accepted:
            return header, verdict
        self.refuse(entry.path, verdict, bank, pad)
        return None, verdict

    def _heard(self, entry: Entry, header: AudioHeader | None, verdict: Verdict) -> SampleInfo | None:
        if header is None:
            return None
        for remark in verdict.remarks:
            mark = f" [{remark.mark}]" if remark.mark else ""
            self.note(f"{entry.path}: {remark.text}{mark}")
        return _sample(entry.path, header)

    def _audio(self, entry: Entry, read: Read) -> tuple[AudioHeader | None, Verdict]:
        return examine(read, entry.size, self.profile, entry.name)

    def _smp(self, entry: Entry, read: Read) -> tuple[AudioHeader | None, Verdict]:
        try:
            header = smp.parse(read(0, smp.DATA_OFFSET))
        except FormatError as error:
            return None, Verdict(False, error.id, str(error), self.profile.fact("smp.rate").mark)
        return header.audio(entry.size), admit_smp(header, entry.size, self.profile)


def _card_error(error: CardError) -> Verdict:
    return Verdict(False, "card-error", str(error))


def _sample(path: str, header: AudioHeader) -> SampleInfo:
    assert header.encoding is not None, "admission accepts only what the engine reads"
    return SampleInfo(
        path, header.frames, header.rate, header.channels, header.bits, header.encoding, header.data_offset
    )
