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

from firmware.admission import admit_smp, examine
from firmware.formats import smp
from firmware.profiles import Profile

from .decode import Audio, open_audio, reader
from .errors import ConvertError
from .forms import Form, Shape, check_room, encode, header, tail
from .levels import MOST_MIXED, Quantiser, Resampler, downmix, resampled_frames
from .markers import NO_MARKERS, Markers

Advance = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is to be done with a file. ``keep``: copied as it is, and the rest does not count.

    ``why`` are the reasons in sentences; ``source`` the shape it has now, with 0 bits for lossy coding.
    """

    keep: bool
    why: tuple[str, ...]
    what: str
    source: Shape
    target: Shape
    markers: Markers = NO_MARKERS
    notes: tuple[str, ...] = ()
    form: Form = Form.WAV
    pad_index: int = 0
    least_ms: float = 0.0  # shorter audio is lengthened with silence

    def as_form(self, form: Form, pad_index: int = 0) -> Recipe:
        """The same for another kind of file; those of the devices have 16 bits."""
        shape = self.target if form is Form.WAV else replace(self.target, bits=16, is_float=False)
        if form is Form.SMP:
            shape = replace(shape, rate=smp.RATE)
        return replace(self, keep=False, form=form, pad_index=pad_index, target=shape)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was made. ``peak`` is the highest value before ``gain`` (1: none was needed); full scale is 1.

    ``markers`` are at the new rate: what a WAV carries, and what pad settings can take.
    """

    frames: int
    size_bytes: int
    gain: float
    peak: float
    dithered: bool
    markers: Markers
    notes: tuple[str, ...]


def plan_file(stream: BinaryIO, size: int, profile: Profile, *, bits: int | None = None) -> Recipe:
    """Decide what a file of ``size`` bytes needs for the device; ``bits`` forces that many.

    Raises `ConvertError` for what cannot be helped, and what reading ``stream`` raises.
    """
    head, verdict = examine(reader(stream), size, profile)
    if verdict.id == "empty-file":
        raise ConvertError(verdict.reason, verdict.id)
    with open_audio(stream, size) as audio:
        source = Shape(audio.rate, audio.bits or 32 * audio.is_float, audio.channels, audio.is_float)
        target = _target(audio, profile, bits, shrink=False)
        if not verdict.accepted and _too_long(audio, target, profile):
            target = _target(audio, profile, bits, shrink=True)
            if reason := _too_long(audio, target, profile):
                raise ConvertError(f"{reason}; cut it into shorter files", "too-long")
        other_bits = bits is not None and head is not None and head.bits != bits
        why = [verdict.reason] if not verdict.accepted else []
        why += [f"{bits} bit is asked for"] if other_bits and verdict.accepted else []
        why += [one.text for one in verdict.remarks if one.id == "odd-chunk"]
        check_room(resampled_frames(audio.frames, audio.rate, target.rate) * target.frame_bytes)
        notes = tuple(audio.notes) + _downmix_note(audio)
        return Recipe(not why, tuple(why), audio.what, source, target, audio.markers, notes if why else ())


def _target(audio: Audio, profile: Profile, bits: int | None, *, shrink: bool) -> Shape:
    if audio.channels > MOST_MIXED:
        raise ConvertError(
            f"it has {audio.channels} channels; up to {MOST_MIXED} are mixed down: save it as stereo first",
            "channels",
        )
    most = max(profile.value("audio.channels"))
    width, is_float = _width(audio, profile, bits, shrink=shrink)
    return Shape(_rate(audio, profile, shrink=shrink), width, min(audio.channels, most), is_float)


def _rate(audio: Audio, profile: Profile, *, shrink: bool) -> int:
    """The file's own rate where the device takes it, else the one that it runs at."""
    rates, engine = profile.value("audio.rates"), int(profile.value("engine.rate"))
    if shrink:
        return min(audio.rate, engine) if audio.rate in rates else engine
    return audio.rate if not rates or audio.rate in rates else engine


def _width(audio: Audio, profile: Profile, bits: int | None, *, shrink: bool) -> tuple[int, bool]:
    """The narrowest width that loses nothing; 16 for lossy sources and where others are in doubt."""
    takes = {width for width in profile.value("audio.bits") if width in (16, 24, 32)}
    if bits is not None:
        if bits not in takes:
            raise ConvertError(f"{profile.title} does not take {bits} bit", "bit-depth")
        return bits, False
    if shrink or (not audio.bits and not audio.is_float):
        return 16, False
    if audio.is_float and 32 in takes and "float" in profile.value("audio.codecs"):
        return 32, True
    doubtful = profile.find("audio.doubtful_bits")
    sure = takes - set(doubtful.value if doubtful else ())
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
        gain = run.quantiser.highest / run.peak
        frames = run.write(stream, size, out, gain, lambda share: None)
        assert frames is not None, "a gain that leaves room for peak and dither"
    if not frames:
        raise ConvertError(
            "there is no audio left in it: it is shorter than one frame at the new rate", "no-audio-data"
        )
    markers = recipe.markers.moved(Fraction(recipe.target.rate, recipe.source.rate), frames)
    size_bytes = _finish(out, recipe, frames, markers)
    _verify(out, size_bytes, recipe, profile)
    notes = recipe.notes + run.notes()
    return Outcome(frames, size_bytes, gain, run.peak, run.dithered, markers, notes)


class _Run:
    """One file's way from samples to bytes; `write` may be called again with another gain."""

    def __init__(self, recipe: Recipe, name: str, seed: int) -> None:
        self.recipe = recipe
        self._name, self._seed = name, seed
        self.peak = 0.0
        self._broken_values = self._missing = 0
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
            said.append(f"{self._broken_values:,} values that are no numbers were made silent")
        if self._missing > 0:
            said.append(f"its end is missing: {self._missing:,} frames that it promises could not be decoded")
        return tuple(said)

    def write(self, stream: BinaryIO, size: int, out: BinaryIO, gain: float, advance: Advance) -> int | None:
        """Header and audio; the number of frames, or None where a value is out of range with this gain.

        In that case the rest of the file is still read, for its peak.
        """
        recipe, target = self.recipe, self.recipe.target
        self.quantiser = Quantiser(target.bits, dither=self.dithered, seed=self._seed, name=self._name)
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
        return block if self.recipe.target.is_float else self.quantiser.step(block, gain)

    def _samples(self, audio: Audio, advance: Advance) -> Iterator[NDArray[Any]]:
        """Blocks at the target's rate and channels: int32 where only the width changes, else float64."""
        target = self.recipe.target
        same_rate = audio.rate == target.rate
        resampler = None if same_rate else Resampler(audio.rate, target.rate, target.channels)
        self._missing = audio.frames
        for block in audio.blocks("int32" if self.exact else "float64"):
            advance(len(block) / max(1, audio.frames))
            self._missing -= len(block)
            if self.exact:
                yield block
                continue
            ready = self._finite(block) if audio.is_float else block
            ready = ready if self._same_channels else downmix(ready)
            yield resampler.step(ready) if resampler else ready
        if resampler:
            yield resampler.step(np.empty((0, target.channels)), last=True)

    def _finite(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        bad = ~np.isfinite(block)
        if bad.any():
            self._broken_values += int(np.count_nonzero(bad))
            block[bad] = 0.0
        return block


def _finish(out: BinaryIO, recipe: Recipe, frames: int, markers: Markers) -> int:
    """Marker chunks after the audio, and the header with its true sizes; the file's size in bytes."""
    pcm_bytes = frames * recipe.target.frame_bytes
    end = tail(recipe.form, recipe.target, pcm_bytes, markers)
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
