"""Whether a device plays a file: the one place where that is decided, by pure functions.

Boot, card check and export all ask here, so that what passes a check is what the device plays. A verdict
carries the mark of the fact it rests on. Its ids are stable: ``empty-file``, ``not-audio``, ``bad-header``,
``codec-not-supported``, ``not-simulated``, ``channels``, ``rate``, ``bit-depth``, ``no-audio-data``,
``truncated``, ``unfinished``, ``too-long``, ``name-characters``. Remarks on accepted files: ``too-short``,
``rlnd-missing``, ``smp-md5``, ``name-length``, ``bit-depth``, ``partial-frame``, ``riff-size``,
``odd-chunk``, ``unfinished``. Layouts and boot add refusals of their own: ``bad-index``, ``no-pad-entry``,
``card-error``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .catalogue import PadSettings
from .formats import FormatError, smp
from .formats.audio_header import AudioHeader, Read, parse_header
from .formats.endings import HEADERLESS, suffix
from .profiles import Fact, Profile

# What the engine takes (native/src/benchpad.h); beyond it no device of this simulation plays.
MOST_FRAMES = (1 << 31) - 1
MOST_BLOCKS = (1 << 32) - 2  # of a file, in cache blocks
MOST_RATIO = 32  # file frames for each frame of the device


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know about a file that is accepted."""

    id: str
    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``accepted``, or the ``reason`` in one sentence with its ``id`` and confidence ``mark``."""

    accepted: bool
    id: str = ""
    reason: str = ""
    mark: str = ""
    remarks: tuple[Remark, ...] = ()

    @property
    def taken(self) -> bool:
        """Whether the device takes the file, also where only this simulation does not play it."""
        return self.accepted or is_only_here(self.id, self.mark)


def is_only_here(id: str, mark: str) -> bool:  # noqa: A002 - the word that verdicts use
    """Whether a refusal is not the device's: it takes the file, only this simulation does not play it."""
    return id == "not-simulated" and mark != "D"


def examine(read: Read, size: int, profile: Profile, name: str = "") -> tuple[AudioHeader | None, Verdict]:
    """Parse the header of a file of ``size`` bytes and judge it; the header is None where there is none.

    ``name`` is the file's name on the card (empty: not judged). Raises only what ``read`` raises.
    """
    try:
        header = parse_header(read, size)
    except FormatError as error:
        return None, _unread(error, profile, name)
    verdict = admit(header, profile, name)
    if verdict.accepted and size > MOST_BLOCKS * profile.value("engine.block_bytes"):
        reason = f"the file has {size:,} bytes, which is more than the simulation reads"
        verdict = Verdict(False, "too-long", reason, "D")
    return header, verdict


def _unread(error: FormatError, profile: Profile, name: str) -> Verdict:
    """The verdict on a file without a header that is parsed here."""
    fact = profile.fact("audio.containers")
    reason = str(error)
    if error.id == "codec-not-supported":
        reason = f"{reason}; the device plays {_known(profile)}"
    elif error.id == "not-audio" and (ending := suffix(name)) in HEADERLESS:
        reason = (
            f"a .{ending} file has no header: rate, channels and coding of its values are written nowhere"
        )
    return Verdict(False, error.id, reason, fact.mark)


def admit(header: AudioHeader, profile: Profile, name: str = "") -> Verdict:
    """The verdict on a parsed header, and on the file's name where one is given."""
    for rule in _RULES:
        if verdict := rule(header, profile):
            return verdict
    if name and (verdict := _name_characters(name, profile)):
        return verdict
    return Verdict(True, remarks=(*_remarks(header, profile), *_name_remarks(name, profile)))


def admit_smp(header: smp.SmpHeader, file_size: int, profile: Profile) -> Verdict:
    """The verdict on a project's .SMP sample of ``file_size`` bytes."""
    audio = header.audio(file_size)
    rate, bits = profile.fact("smp.rate"), profile.fact("smp.bits")
    if header.rate != rate.value:
        return _refuse("rate", f"the sample says {header.rate} Hz; projects hold {rate.value} Hz", rate)
    if header.bits != bits.value:
        return _refuse(
            "bit-depth", f"the sample says {header.bits} bit; projects hold {bits.value} bit", bits
        )
    for rule in (_channels, _no_data, _truncated, _too_many_frames):
        if verdict := rule(audio, profile):
            return verdict
    if header.digest_ok:
        return Verdict(True)
    mark = profile.fact("smp.digest").mark
    text = "the header's MD5 is wrong or missing; what the device does then is not known"
    return Verdict(True, remarks=(Remark("smp-md5", text, mark),))


def admit_speed(rate: int, settings: PadSettings, profile: Profile) -> Verdict | None:
    """The refusal of a pad that reads a sample of ``rate`` faster than the engine can, or None."""
    ratio = settings.speed * 2 ** (settings.pitch_cents / 1200) * rate / profile.value("engine.rate")
    if ratio <= MOST_RATIO:
        return None
    reason = f"it would play {ratio:.1f} frames of the file in each frame; the simulation plays {MOST_RATIO}"
    return Verdict(False, "rate", reason, "D")


def fix(id: str, profile: Profile, mark: str = "") -> str:  # noqa: A002 - the word that verdicts use
    """What a user can do about a refusal of this ``id``, as the end of a sentence; empty where nothing."""
    if mark and is_only_here(id, mark):
        return f"nothing need be done for the device; to hear it here, {_wanted_format(profile)}"
    return _wanted_format(profile) if id in _CONVERTED else _FIXES.get(id, "")


_CONVERTED = ("codec-not-supported", "not-simulated", "channels", "rate", "bit-depth")
_FIXES = {
    "empty-file": "copy it again from where it came",
    "not-audio": "replace it by an audio file, or remove it",
    "bad-header": "save it again from an audio editor",
    "no-audio-data": "record or export it again, or remove it",
    "truncated": "copy it again: its end is missing",
    "unfinished": "open it in an audio editor and save it again",
    "too-long": "cut it into shorter files",
    "name-characters": "rename it with plain letters, digits and spaces",
    "bad-index": "let the device write it anew, or copy it again from where it came",
    "no-pad-entry": "save the project again with the sample on its pad",
    "card-error": "check the card, and copy the file to it again",
}


def _wanted_format(profile: Profile) -> str:
    bits, rates = profile.value("audio.bits"), profile.value("audio.rates")
    rate = f" at {profile.value('engine.rate')} Hz" if rates else ""
    return f"convert it to {16 if 16 in bits else bits[0]}-bit PCM WAV{rate}, mono or stereo"


def _refuse(id: str, reason: str, fact: Fact) -> Verdict:  # noqa: A002 - the word that verdicts use
    choice = f" ({fact.source})" if fact.mark == "?" else ""
    return Verdict(False, id, reason + choice, fact.mark)


def _listed(values: Iterable[object]) -> str:
    *first, last = [str(value) for value in values]
    return f"{', '.join(first)} or {last}" if first else last


def _container(header: AudioHeader, profile: Profile) -> Verdict | None:
    fact = profile.fact("audio.containers")
    if header.container in fact.value:
        return None
    undecoded = profile.find("audio.undecoded")
    if undecoded and header.container in undecoded.value:
        reason = f"the device takes {header.codec}; Benchpad itself does not simulate playing it yet"
        return _refuse("not-simulated", reason, undecoded)
    what = header.codec if not header.channels else f"{header.container.upper()} ({header.codec})"
    return _refuse("codec-not-supported", f"the file is {what}; the device plays {_known(profile)}", fact)


def _known(profile: Profile) -> str:
    return _listed(container.upper() for container in profile.value("audio.containers"))


def _codec(header: AudioHeader, profile: Profile) -> Verdict | None:
    fact = profile.fact("audio.codecs")
    if header.codec in fact.value:
        return None
    if header.codec == "float":
        return _refuse("bit-depth", f"the samples are {header.bits}-bit float{_takes_bits(profile)}", fact)
    reason = f"the audio is coded as {header.codec}; the device plays {_listed(fact.value)}"
    return _refuse("codec-not-supported", reason, fact)


def _channels(header: AudioHeader, profile: Profile) -> Verdict | None:
    fact = profile.fact("audio.channels")
    if header.channels in fact.value:
        return None
    return _refuse(
        "channels", f"the file has {header.channels} channels; the device plays {_listed(fact.value)}", fact
    )


def _rate(header: AudioHeader, profile: Profile) -> Verdict | None:
    fact = profile.fact("audio.rates")
    if fact.value:
        if header.rate in fact.value:
            return None
        return _refuse(
            "rate", f"the rate is {header.rate} Hz; the device plays {_listed(fact.value)} Hz", fact
        )
    low, high = profile.fact("audio.min_rate"), profile.fact("audio.max_rate")
    if low.value <= header.rate <= high.value:
        return None
    return _refuse("rate", f"the rate of {header.rate} Hz is not within {low.value} to {high.value} Hz", low)


def _bits(header: AudioHeader, profile: Profile) -> Verdict | None:
    fact = profile.fact("audio.bits")
    if header.bits not in fact.value:
        return _refuse("bit-depth", f"the samples have {header.bits} bits{_takes_bits(profile)}", fact)
    if header.container_bits not in fact.value:
        what = f"the samples have {header.bits} bits, in places of {header.container_bits} each"
        return _refuse("bit-depth", what + _takes_bits(profile), fact)
    if header.encoding is None:
        reason = (
            f"{header.bits}-bit {header.codec} in {header.container.upper()} is not read by this simulation"
        )
        return Verdict(False, "not-simulated", reason, "D")
    return None


def _takes_bits(profile: Profile) -> str:
    shown = profile.find("audio.unsupported_text")
    says = f" and shows '{shown.value}' otherwise" if shown else ""
    return f"; the device takes {_listed(profile.value('audio.bits'))} bit{says}"


def _no_data(header: AudioHeader, profile: Profile) -> Verdict | None:
    if header.frames:
        return None
    reason = "there is no audio in the file"
    if header.declared_bytes:
        reason = (
            f"the header promises {header.declared_bytes:,} bytes of audio, but the file holds not one frame"
        )
        return _refuse("truncated", reason, profile.fact("audio.truncated"))
    return _refuse("no-audio-data", reason, profile.fact("audio.containers"))


def _truncated(header: AudioHeader, profile: Profile) -> Verdict | None:
    fact = profile.fact("audio.truncated")
    if fact.value != "refuse" or not header.truncated:
        return None
    return _refuse("truncated", header.cut, fact)


def _unfinished(header: AudioHeader, profile: Profile) -> Verdict | None:
    fact = profile.fact("audio.unfinished")
    if fact.value != "refuse" or not header.unfinished:
        return None
    return _refuse(
        "unfinished", "the header's sizes were never filled in (an unfinished recording or a stream)", fact
    )


def _too_many_frames(header: AudioHeader, profile: Profile) -> Verdict | None:
    if header.frames <= MOST_FRAMES:
        return None
    reason = f"the sample has {header.frames:,} frames; the simulation plays {MOST_FRAMES:,} at most"
    return Verdict(False, "too-long", reason, "D")


def _too_long(header: AudioHeader, profile: Profile) -> Verdict | None:
    seconds, size = profile.find("audio.max_seconds"), profile.find("audio.max_bytes")
    if seconds and header.seconds > seconds.value:
        return _refuse(
            "too-long", f"the sample lasts {header.seconds:.0f} s; the limit is {seconds.value} s", seconds
        )
    if size and header.data_bytes > size.value:
        return _refuse(
            "too-long", f"the sample has {header.data_bytes:,} bytes; the limit is {size.value:,}", size
        )
    return None


_RULES: tuple[Callable[[AudioHeader, Profile], Verdict | None], ...] = (
    _container,
    _codec,
    _channels,
    _rate,
    _bits,
    _no_data,
    _truncated,
    _unfinished,
    _too_long,
    _too_many_frames,
)


def _name_characters(name: str, profile: Profile) -> Verdict | None:
    fact = profile.find("names.safe")
    if fact is None:
        return None
    bad = sorted(set(name) - set(fact.value))
    if not bad:
        return None
    return _refuse(
        "name-characters", f"the name holds {' '.join(bad)}: the device does not load such a file", fact
    )


def _name_remarks(name: str, profile: Profile) -> Iterable[Remark]:
    fact = profile.find("names.max_chars")
    stem = name.rpartition(".")[0] or name
    if fact and len(stem) > fact.value:
        text = f"the name has {len(stem)} characters; the device keeps {fact.value} at most"
        yield Remark("name-length", text, fact.mark)


def _remarks(header: AudioHeader, profile: Profile) -> Iterable[Remark]:
    for text in header.remarks:
        yield Remark("riff-size", text)
    if header.unpadded:
        text = f"the odd chunk {header.unpadded[0]!r} before the audio has no padding byte"
        yield Remark("odd-chunk", f"{text}; whether the device plays such a file is not known", "?")
    if header.unfinished:
        yield Remark("unfinished", "the header's sizes were never filled in; it plays to the end of the file")
    if header.data_bytes % header.frame_bytes:
        yield Remark("partial-frame", "the last frame is incomplete and is left out")
    doubtful = profile.find("audio.doubtful_bits")
    if doubtful and header.bits in doubtful.value:
        yield Remark("bit-depth", f"{header.bits} bit may not be taken: {doubtful.source}", doubtful.mark)
    rlnd = profile.find("audio.rlnd")
    if rlnd and header.container == "wav" and "RLND" not in header.chunks:
        yield Remark("rlnd-missing", "there is no RLND chunk; what the device does then is not known", "?")
    shortest = profile.find("audio.min_ms")
    if shortest and header.seconds * 1000 < shortest.value:
        text = f"the sample lasts {header.seconds * 1000:.0f} ms; {shortest.source}"
        yield Remark("too-short", text, shortest.mark)
