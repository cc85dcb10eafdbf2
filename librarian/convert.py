"""Make a file one that the device takes: decided first (`plan_file`), done block by block (`convert_file`).

What a device takes is asked of admission, the same code that boots it: a file that it accepts needs no change
and is copied; what is converted is shown to it again before it counts as done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from firmware.admission import Verdict, admit_smp, examine
from firmware.formats import smp
from firmware.formats.audio_header import AudioHeader
from firmware.profiles import Profile

from .decode import Audio, open_audio, reader
from .errors import ConvertError
from .forms import Form, Shape, check_room, encode, header, tail
from .levels import LOUDEST, MOST_MIXED, Quantiser, Resampler, downmix, floats, resampled_frames
from .markers import NO_MARKERS, Markers
from .tags import NO_TAGS, Tags, read_tags

Advance = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is to be done with a file. ``keep``: copied as it is, and the rest does not count.

    ``why`` are the reasons in sentences; ``source`` the shape it has now, with 0 bits for lossy coding.
    ``losses`` is what is known beforehand to be missing afterwards.
    """

    keep: bool
    why: tuple[str, ...]
    what: str
    source: Shape
    target: Shape
    markers: Markers = NO_MARKERS
    tags: Tags = NO_TAGS
    notes: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    form: Form = Form.WAV
    pad_index: int = 0
    least_ms: float = 0.0  # shorter audio is lengthened with silence

    @property
    def lost(self) -> tuple[str, ...]:
        """All that the new file will not have, as far as it is known beforehand."""
        return self.losses + self.given_up if not self.keep else ()

    @property
    def given_up(self) -> tuple[str, ...]:
        """What the new file has no place for."""
        in_wav = self.form is Form.WAV
        return self.markers.lost(in_wav=in_wav) + self.tags.lost(in_wav=in_wav)

    def as_form(self, form: Form, pad_index: int = 0) -> Recipe:
        """The same for another kind of file; those of the devices have 16 bits."""
        shape = self.target if form is Form.WAV else replace(self.target, bits=16, is_float=False)
        if form is Form.SMP:
            shape = replace(shape, rate=smp.RATE)
        return replace(self, keep=False, form=form, pad_index=pad_index, target=shape)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was made. ``peak`` is the highest value before ``gain`` (1: none was needed); full scale is 1.

    ``markers`` are at the new rate: what a WAV carries, and what pad settings can take. ``losses`` are what
    the file had, or promised, and the new one has not: audio (``audio_lost``), tags.
    """

    frames: int
    size_bytes: int
    gain: float
    peak: float
    dithered: bool
    markers: Markers
    notes: tuple[str, ...]
    losses: tuple[str, ...] = ()
    audio_lost: str = ""


def plan_file(
    stream: BinaryIO, size: int, profile: Profile, *, bits: int | None = None, strict: bool = False
) -> Recipe:
    """Decide what a file of ``size`` bytes needs for the device.

    ``bits`` forces that many; ``strict`` takes no width of which it is in doubt that the device takes it.
    Raises `ConvertError` for what cannot be helped, and what reading ``stream`` raises.
    """
    head, verdict = examine(reader(stream), size, profile)
    if verdict.id == "empty-file":
        raise ConvertError(verdict.reason, verdict.id)
    with open_audio(stream, size) as audio:
        source = Shape(audio.rate, audio.bits or 32 * audio.is_float, audio.channels, audio.is_float)
        wish = _Width(bits, strict=strict)
        target = _target(audio, profile, wish)
        if not verdict.accepted and _too_long(audio, target, profile):
            target = _target(audio, profile, replace(wish, shrink=True))
            if reason := _too_long(audio, target, profile):
                raise ConvertError(f"{reason}; cut it into shorter files", "too-long")
        why = [*reasons(head, verdict, bits, strict=strict)]
        if verdict.accepted and head is not None and head.codec == "float" and is_over(stream, size):
            why.append("a float file above full scale")
        check_room(resampled_frames(audio.frames, audio.rate, target.rate) * target.frame_bytes)
        return Recipe(
            keep=not why,
            why=tuple(why),
            what=audio.what,
            source=source,
            target=target,
            markers=audio.markers,
            tags=read_tags(reader(stream), size, head, audio.tags()),
            notes=_downmix_note(audio) if why else (),
            losses=(audio.expected_loss(),) if why and audio.cut else (),
        )


def reasons(head: AudioHeader | None, verdict: Verdict, bits: int | None, *, strict: bool) -> Iterator[str]:
    """Why a file of that header and verdict is not left as it is, by its header alone."""
    if not verdict.taken:
        yield verdict.reason
    elif head is not None and not verdict.accepted and head.truncated:
        yield head.cut
    if verdict.taken and bits is not None and head is not None and head.bits != bits:
        yield f"{bits} bit is asked for"
    rewritten = ("odd-chunk", "bit-depth") if strict else ("odd-chunk",)
    yield from (one.text for one in verdict.remarks if one.id in rewritten)


def is_over(stream: BinaryIO, size: int) -> bool:
    """Whether a float file holds values above full scale, or values that are no numbers."""
    with open_audio(stream, size) as audio:
        return any(not np.abs(block).max() <= 1.0 for block in audio.blocks("float64"))


@dataclass(frozen=True, slots=True)
class _Width:
    """What is wished of the values' width: ``shrink`` for a file that is else too long."""

    bits: int | None
    strict: bool
    shrink: bool = False


def _target(audio: Audio, profile: Profile, wish: _Width) -> Shape:
    if audio.channels > MOST_MIXED:
        raise ConvertError(
            f"it has {audio.channels} channels; up to {MOST_MIXED} are mixed down: save it as stereo first",
            "channels",
        )
    most = max(profile.value("audio.channels"))
    width, is_float = _width(audio, profile, wish)
    return Shape(_rate(audio, profile, shrink=wish.shrink), width, min(audio.channels, most), is_float)


def _rate(audio: Audio, profile: Profile, *, shrink: bool) -> int:
    """The file's own rate where the device takes it, else the one that it runs at."""
    rates, engine = profile.value("audio.rates"), int(profile.value("engine.rate"))
    if shrink:
        return min(audio.rate, engine) if audio.rate in rates else engine
    return audio.rate if not rates or audio.rate in rates else engine


def _width(audio: Audio, profile: Profile, wish: _Width) -> tuple[int, bool]:
    """The narrowest width that loses nothing; 16 for lossy sources and where others are in doubt."""
    takes = {width for width in profile.value("audio.bits") if width in (16, 24, 32)}
    if wish.bits is not None:
        if wish.bits not in takes:
            raise ConvertError(f"{profile.title} does not take {wish.bits} bit", "bit-depth")
        return wish.bits, False
    if wish.shrink or (not audio.bits and not audio.is_float):
        return 16, False
    if audio.is_float and 32 in takes and "float" in profile.value("audio.codecs"):
        return 32, True
    doubtful = profile.find("audio.doubtful_bits")
    sure = takes - set(doubtful.value if doubtful else ())
    takes = (sure or takes) if wish.strict else takes
    wide_enough = [width for width in sorted(takes) if width >= audio.bits > 0]
    return (wide_enough[0] if wide_enough else max(sure or takes)), False


def _too_long(audio: Audio, target: Shape, profile: Profile) -> str:
    """Why the device would not take the length, in bytes or seconds; empty where it would."""
    seconds, most = profile.find("audio.max_seconds"), profile.find("audio.max_bytes")
    if seconds and audio.frames > seconds.value * audio.rate:
        return f"it lasts {audio.frames / audio.rate:,.0f} s; the limit is {seconds.value:,} s"
    size = resampled_frames(audio.frames, audio.rate, target.rate) * target.frame_bytes
    if most and size > most.value:
        return f"it would be {size:,} bytes of audio; the limit is {most.value:,}"
    return ""


def _downmix_note(audio: Audio) -> tuple[str, ...]:
    if audio.channels <= 2:
        return ()
    return (f"its {audio.channels} channels are mixed down to two, taken in the order of WAV files",)


def convert_file(
    stream: BinaryIO,
    size: int,
    recipe: Recipe,
    out: BinaryIO,
    profile: Profile,
    *,
    name: str = "",
    seed: int = 0,
    advance: Advance = lambda share: None,
) -> Outcome:
    """Write what ``recipe`` says into ``out`` (empty, seekable and readable), in blocks of bounded size.

    Where a value would be out of range, all of the file is made quieter by the least that avoids it, in a
    second pass. ``name`` and ``seed`` decide the dither's noise; ``advance`` is told shares of the work.
    Raises `ConvertError` where the device would still not take the result, or the source is damaged.
    """
    gain = 1.0
    run = _Run(recipe, name, seed)
    frames = run.write(stream, size, out, gain, advance)
    if frames is None:
        gain = run.highest / run.peak
        frames = run.write(stream, size, out, gain, lambda share: None)
        assert frames is not None, "a gain that leaves room for peak and dither"
    if not frames:
        raise ConvertError(
            "there is no audio left in it: it is shorter than one frame at the new rate", "no-audio-data"
        )
    ratio = Fraction(recipe.target.rate, recipe.source.rate)
    markers = recipe.markers.moved(ratio, frames)
    tags = recipe.tags.moved(ratio)
    size_bytes = _finish(out, recipe, frames, tail(recipe.form, recipe.target, frames, markers, tags))
    _verify(out, size_bytes, recipe, profile)
    losses = ((run.loss,) if run.loss else ()) + recipe.given_up
    notes = recipe.notes + run.notes() + losses
    return Outcome(frames, size_bytes, gain, run.peak, run.dithered, markers, notes, losses, run.loss)


class _Run:
    """One file's way from samples to bytes; `write` may be called again with another gain."""

    def __init__(self, recipe: Recipe, name: str, seed: int) -> None:
        self.recipe = recipe
        self._name, self._seed = name, seed
        self.peak = 0.0
        self.loss = ""
        self._broken_values = 0
        source, target = recipe.source, recipe.target
        self._same_channels = source.channels == target.channels
        plain = source.rate == target.rate and self._same_channels
        whole = plain and not source.is_float and not target.is_float
        self.exact = whole and 0 < source.bits <= target.bits
        self.dithered = not self.exact and not target.is_float

    def notes(self) -> tuple[str, ...]:
        """What is to be said of the samples."""
        said = []
        if self._broken_values:
            said.append(
                f"{self._broken_values:,} values that are no numbers, or beyond any level, were made silent"
            )
        return tuple(said)

    def write(self, stream: BinaryIO, size: int, out: BinaryIO, gain: float, advance: Advance) -> int | None:
        """Header and audio; the number of frames, or None where a value is out of range with this gain.

        In that case the rest of the file is still read, for its peak.
        """
        recipe, target = self.recipe, self.recipe.target
        self._quantiser = Quantiser(target.bits, dither=self.dithered, seed=self._seed, name=self._name)
        self.highest = 1.0 if target.is_float else self._quantiser.highest
        self._broken_values = 0
        out.seek(0)
        out.truncate()
        out.write(header(recipe.form, target, 0, pad_index=recipe.pad_index))
        frames, fits = 0, True
        with open_audio(stream, size) as audio:
            for block in self._samples(audio, advance):
                values = self._values(block, gain) if fits else None
                if not self.exact and len(block):
                    self.peak = max(self.peak, float(np.abs(block).max()))
                if values is None:
                    fits = False
                    continue
                frames += len(values)
                check_room(frames * target.frame_bytes)
                out.write(encode(recipe.form, target, values))
        missing = ceil(recipe.least_ms * target.rate / 1000) - frames
        if frames and missing > 0:
            out.write(bytes(missing * target.frame_bytes))
            frames += missing
        return frames if fits else None

    def _values(self, block: NDArray[Any], gain: float) -> NDArray[Any] | None:
        if self.exact:
            return block >> (32 - self.recipe.target.bits)
        if self.recipe.target.is_float:
            return floats(block, gain)
        return self._quantiser.step(block, gain)

    def _samples(self, audio: Audio, advance: Advance) -> Iterator[NDArray[Any]]:
        """Blocks at the target's rate and channels: int32 where only the width changes, else float64."""
        target = self.recipe.target
        same_rate = audio.rate == target.rate
        resampler = None if same_rate else Resampler(audio.rate, target.rate, target.channels)
        for block in audio.blocks("int32" if self.exact else "float64"):
            advance(len(block) / max(1, audio.frames))
            if self.exact:
                yield block
                continue
            ready = self._finite(block) if audio.is_float else block
            ready = ready if self._same_channels else downmix(ready)
            yield resampler.step(ready) if resampler else ready
        self.loss = audio.loss()
        if resampler:
            yield resampler.step(np.empty((0, target.channels)), last=True)

    def _finite(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        bad = ~(np.abs(block) <= LOUDEST)  # so written, it holds for what is no number
        if bad.any():
            self._broken_values += int(np.count_nonzero(bad))
            block[bad] = 0.0
        return block


def _finish(out: BinaryIO, recipe: Recipe, frames: int, end: bytes) -> int:
    """The chunks after the audio, and the header with its true sizes; the file's size in bytes."""
    pcm_bytes = frames * recipe.target.frame_bytes
    out.write(end)
    size = out.tell()
    out.seek(0)
    extra = len(end) - (pcm_bytes & 1 if recipe.form is Form.WAV else 0)
    out.write(header(recipe.form, recipe.target, pcm_bytes, extra, recipe.pad_index))
    return size


def _verify(out: BinaryIO, size: int, recipe: Recipe, profile: Profile) -> None:
    """Show the finished file to the device's own admission."""
    if recipe.form is Form.SMP:
        verdict = admit_smp(smp.parse(reader(out)(0, smp.DATA_OFFSET)), size, profile)
    else:
        _, verdict = examine(reader(out), size, profile)
    if not verdict.accepted:
        raise ConvertError(f"the device would not take what it becomes: {verdict.reason}", verdict.id)
