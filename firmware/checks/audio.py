"""What a sample sounds like, as far as it will disappoint: one pass over its PCM, block by block.

Thresholds are this project's choice: silence is below -60 dB of full scale, and 10 ms of it are felt as
latency; three values in a row at full scale are clipping; 1 % of full scale is a DC offset; a sum of left and
right with less than a tenth of the power that equal channels would have cancels in mono.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware.catalogue import PadSettings, SampleInfo
from firmware.checks.byte_order import ByteOrder
from firmware.findings import Finding, found
from firmware.wording import counted
from native.types import Encoding, Loop

SILENCE = 10 ** (-60 / 20)
LATENCY_MS = 10.0
CLIPPED_RUN = 3
DC_OFFSET = 0.01
OFFSET_TO_RMS, OFFSET_SECONDS = 0.1, 0.1  # the mean of a few loud cycles is no offset
MONO_SHARE = 0.1
_SEAM_FRAMES = 64
_SEAM_JUMP = 0.05  # of full scale: smaller jumps are not heard as clicks
_SEAM_RATIO = 4.0
_BLOCK_VALUES = 1 << 16  # what fits a processor's cache

_TYPES = {
    Encoding.U8: "u1",
    Encoding.S16_LE: "<i2",
    Encoding.S16_BE: ">i2",
    Encoding.S32_LE: "<i4",
    Encoding.S32_BE: ">i4",
    Encoding.F32_LE: "<f4",
    Encoding.F32_BE: ">f4",
}
_FULL = {Encoding.U8: 128.0, Encoding.S16_LE: 32768.0, Encoding.S16_BE: 32768.0}
_TOP = {Encoding.U8: 127, Encoding.S16_LE: 32767, Encoding.S16_BE: 32767}  # the largest value there is
Values = NDArray[Any]
ReadFrames = Callable[[int, int], bytes]  # (first frame, frames) -> their bytes


@dataclass(frozen=True, slots=True)
class Content:
    """What was heard. Levels are parts of full scale; ``first_audible`` is -1 where nothing is."""

    frames: int = 0
    peak: float = 0.0
    first_audible: int = -1
    offset: float = 0.0  # the mean of the channel that is further off
    rms: float = 0.0
    clipped: int = 0  # runs at full scale
    over: int = 0  # float values above full scale
    not_numbers: int = 0
    mono_share: float = 1.0  # power of the mono sum, as part of what equal channels would give
    swapped: bool = False  # bytes in the wrong order, as far as statistics tell


def decode(data: bytes, encoding: Encoding) -> Values:
    """The values of PCM bytes, as integers or floats in the machine's order; 24-bit ones times 256."""
    if encoding in (Encoding.S24_LE, Encoding.S24_BE):
        three = np.frombuffer(data, np.uint8).reshape(-1, 3)
        four = np.zeros((len(three), 4), np.uint8)
        four[:, 1:] = three if encoding is Encoding.S24_LE else three[:, ::-1]
        return four.reshape(-1).view("<i4")
    values = np.frombuffer(data, _TYPES[encoding])
    if encoding is Encoding.U8:
        return values.astype(np.int16) - 128
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def full_scale(encoding: Encoding) -> float:
    """What 1.0 is among the values that `decode` gives."""
    if encoding in (Encoding.F32_LE, Encoding.F32_BE):
        return 1.0
    return _FULL.get(encoding, 2.0**31)


class Listener:
    """Hears one sample in order: `feed` whole frames, then ask for `content`."""

    def __init__(self, channels: int, encoding: Encoding) -> None:
        self._channels, self._encoding = channels, encoding
        self._full = full_scale(encoding)
        self._is_float = self._full == 1.0
        self._top = _TOP.get(encoding, 2**31 - (256 if encoding.size_bytes == 3 else 1))
        self._tail: Values = np.zeros((0, channels), np.int16)
        self._sums = np.zeros(channels)
        self._power = self._mono = 0.0
        self._frames = self._clipped = self._over = self._not_numbers = 0
        self._peak, self._first, self._order = 0.0, -1, ByteOrder()

    def feed(self, data: bytes) -> None:
        """Hear more bytes; they must be whole frames."""
        width = self._channels * self._encoding.size_bytes
        step = _BLOCK_VALUES // self._channels * width
        for at in range(0, len(data), step):
            self._hear(decode(data[at : at + step], self._encoding))

    def content(self) -> Content:
        """What was heard so far."""
        offsets = np.abs(self._sums) / max(self._frames, 1) / self._full
        both = self._power * self._channels
        return Content(
            frames=self._frames,
            peak=self._peak,
            first_audible=self._first,
            offset=float(offsets.max()),
            rms=float(np.sqrt(self._power / max(1, self._frames * self._channels))) / self._full,
            clipped=self._clipped,
            over=self._over,
            not_numbers=self._not_numbers,
            mono_share=self._mono / both if self._channels == 2 and both > 0 else 1.0,
            swapped=self._order.is_swapped,
        )

    def _hear(self, flat: Values) -> None:
        if self._is_float:
            flat = self._clean(flat)
        high, low = float(flat.max()), float(flat.min())
        peak = max(high, -low) / self._full
        if self._encoding.size_bytes == 2:
            self._order.look(flat, self._channels)
        if self._first < 0 and peak >= SILENCE:
            loud = np.abs(flat.astype(np.float32)) >= SILENCE * self._full
            self._first = self._frames + int(np.argmax(loud)) // self._channels
        self._add_power(flat)
        if (not self._is_float and (high >= self._top or low <= -self._full)) or len(self._tail):
            self._find_clipping(flat.reshape(-1, self._channels))
        self._peak = max(self._peak, peak)
        self._frames += len(flat) // self._channels

    def _clean(self, flat: Values) -> Values:
        finite = np.isfinite(flat)
        if not finite.all():
            self._not_numbers += int(len(flat) - finite.sum())
            flat = np.where(finite, flat, np.float32(0))
        if (peak := max(float(flat.max()), -float(flat.min()))) > 1:
            self._peak = max(self._peak, peak)
            self._over += int((np.abs(flat) > 1).sum())
            flat = np.clip(flat, -1e6, 1e6)  # so that no sum overflows
        return flat

    def _add_power(self, flat: Values) -> None:
        wave = flat.astype(np.float32, copy=False)
        frames = wave.reshape(-1, self._channels)
        self._sums += np.ones(len(frames), np.float32) @ frames
        self._power += float(np.dot(wave, wave))
        if self._channels == 2:
            mono = frames[:, 0] + frames[:, 1]
            self._mono += float(np.dot(mono, mono))

    def _find_clipping(self, frames: Values) -> None:
        """Count where runs at full scale begin. What a run needs of the last block is kept in ``_tail``."""
        joined = np.concatenate((self._tail, frames)) if len(self._tail) else frames
        full = (joined >= self._top) | (joined <= -self._full)
        runs = full[2:] & full[1:-1] & full[:-2]
        starts = runs.copy()
        starts[1:] &= ~runs[:-1]
        if len(self._tail) == CLIPPED_RUN:
            starts[:1] = False  # counted with the last block
        self._clipped += int(starts.sum())
        self._tail = joined[-CLIPPED_RUN:].copy() if full[-1].any() else frames[:0]


def judge(content: Content, rate: int, *, path: str, pad: str = "", start: int = 0) -> Iterator[Finding]:
    """Findings on what was heard of a sample; ``start`` is the frame that its pad begins at."""
    if content.frames and content.first_audible < 0:
        yield found("silence", f"the loudest value is {_db(content.peak)}", path=path, pad=pad)
        return
    if content.swapped:
        yield found("byte-order", "the bytes of its values seem to be swapped", path=path, pad=pad)
        return
    if content.clipped:
        text = f"{content.clipped:,} place{'s' * (content.clipped > 1)} where it stands at full scale"
        yield found("clipping", text, path=path, pad=pad)
    if content.over or content.not_numbers:
        yield found("over-full-scale", _over(content), path=path, pad=pad)
    is_offset = content.offset > max(DC_OFFSET, OFFSET_TO_RMS * content.rms)
    if is_offset and content.frames >= OFFSET_SECONDS * rate:
        yield found("dc-offset", f"the mean is {content.offset:.1%} off zero", path=path, pad=pad)
    late = (content.first_audible - start) / rate * 1000
    if late > LATENCY_MS:
        yield found("leading-silence", f"it begins with {late:.0f} ms of silence", path=path, pad=pad)
    if content.mono_share < MONO_SHARE:
        power = 10 * np.log10(max(content.mono_share, 1e-10))
        text = f"in mono it is {-power:.0f} dB quieter than equal channels would be"
        yield found("mono-cancel", text, path=path, pad=pad)


def seam(
    read: ReadFrames, sample: SampleInfo, settings: PadSettings, *, path: str, pad: str
) -> Iterator[Finding]:
    """A finding where a pad's loop jumps at its seam. ``read`` gives the bytes of a few frames."""
    end = settings.end or sample.frames
    first = settings.loop_start
    if settings.loop is not Loop.FORWARD or end - first < 4 * _SEAM_FRAMES or end > sample.frames:
        return
    before, after = (_wave(read, sample, at, _SEAM_FRAMES) for at in (end - _SEAM_FRAMES, first))
    if settings.reverse:
        before, after = after[::-1], before[::-1]
    jump = np.abs(after[0] - before[-1])
    steps = [np.abs(np.diff(one, axis=0)).max(axis=0) for one in (before, after)]
    moves = np.maximum(*steps)
    if bool(((jump > _SEAM_JUMP) & (jump > _SEAM_RATIO * moves)).any()):
        text = f"the wave jumps by {float(jump.max()):.0%} of full scale from the loop's end to its start"
        yield found("loop-click", text, path=path, pad=pad)


def _wave(read: ReadFrames, sample: SampleInfo, first: int, frames: int) -> NDArray[np.float64]:
    values = decode(read(first, frames), sample.encoding)
    wave = np.nan_to_num(values.astype(np.float64) / full_scale(sample.encoding))
    return wave.reshape(-1, sample.channels)


def _over(content: Content) -> str:
    parts = []
    if content.over:
        parts.append(f"{counted(content.over, 'value')} above full scale, the highest {_db(content.peak)}")
    if content.not_numbers:
        parts.append(f"{counted(content.not_numbers, 'value')} without a number")
    return " and ".join(parts)


def _db(level: float) -> str:
    return f"{20 * np.log10(level):+.1f} dB of full scale" if level > 0 else "digital silence"
