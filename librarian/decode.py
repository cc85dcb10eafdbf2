"""Any audio file that libsndfile reads, as blocks of samples.

Where a file is plain PCM by the header parser that the device's boot uses, the audio is taken from where that
parser finds it: what is converted is what the device would have read, also of a file cut short or with chunks
that libsndfile does not forgive. libsndfile decodes in either case.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from firmware.formats import FormatError, smp, sniff
from firmware.formats.audio_header import AudioHeader, Read, parse_header

from . import rare
from .errors import ConvertError
from .holding import held
from .markers import Markers, read_markers
from .ogg_tail import whole_page
from .quiet import quiet
from .streams import Guarded

BLOCK = 1 << 16  # values, of all channels together, that are decoded at once
MAX_CHANNELS = 64
MIN_RATE, MAX_RATE = 1_000, 768_000

# Bits that decoded values really have; what is not here is lossy or float, and has no exact width.
_BITS = {
    "PCM_S8": 8,
    "PCM_U8": 8,
    "DPCM_8": 8,
    "PCM_16": 16,
    "DPCM_16": 16,
    "ULAW": 16,
    "ALAW": 16,
    "IMA_ADPCM": 16,
    "MS_ADPCM": 16,
    "GSM610": 16,
    "VOX_ADPCM": 16,
    "G721_32": 16,
    "G723_24": 16,
    "G723_40": 16,
    "NMS_ADPCM_16": 16,
    "NMS_ADPCM_24": 16,
    "NMS_ADPCM_32": 16,
    "DWVW_12": 16,
    "DWVW_16": 16,
    "DWVW_24": 24,
    "ALAC_16": 16,
    "ALAC_20": 24,
    "ALAC_24": 24,
    "ALAC_32": 32,
    "PCM_24": 24,
    "PCM_32": 32,
}
# Coded in blocks of many values: of one that is cut, libsndfile makes noise.
_IN_BLOCKS = {
    *("IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32", "G723_24", "G723_40"),
    *("NMS_ADPCM_16", "NMS_ADPCM_24", "NMS_ADPCM_32"),
}
_LARGEST_BLOCK, _FEW = 1 << 16, 8  # frames
# Its header says nothing of its blocks, of 30, 40 or 60 frames; in smaller steps libsndfile loses the last.
_SMALL = {"SDS PCM_S8": 120, "SDS PCM_16": 120, "SDS PCM_24": 120}
_UNREADABLE = "it is no audio file that can be read ({}); save it as WAV, AIFF or FLAC first"
_RAW = {"U8": "PCM_U8", "S16": "PCM_16", "S24": "PCM_24", "S32": "PCM_32", "F32": "FLOAT"}


class _Sound(sf.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """libsndfile's reader, read from front to back.

    soundfile seeks after each read of a file that can seek: at a fault this fails, and what was decoded is
    lost with it; in MP3 streams it is not exact.
    """

    def seekable(self) -> bool:
        """It is not to be used so."""
        return False


class Audio:
    """An open audio file. ``bits`` are those of its integers, 0 where it is float or lossy.

    ``frames`` is what libsndfile expects to decode, ``promised`` what the header says (0: nothing that can be
    relied on), ``cut`` says that the end is missing where that is known beforehand. Use as a context manager.
    """

    def __init__(self, sound: Any, guard: Guarded, *, markers: Markers, header: AudioHeader | None) -> None:
        self._sound, self._guard = sound, guard
        self.rate, self.channels, self.frames = int(sound.samplerate), int(sound.channels), int(sound.frames)
        self.bits = _BITS.get(sound.subtype, 0)
        self.is_float = sound.subtype in ("FLOAT", "DOUBLE")
        plain = header is not None and header.encoding is not None
        self.what = f"{header.container.upper() if plain and header else sound.format} {sound.subtype}"
        self.markers = markers
        self.promised, self._is_exact = _promised(self.frames, header)
        self.cut = header.cut if header is not None and header.truncated else ""
        self._few = _FEW if self.cut and sound.subtype in _IN_BLOCKS else _SMALL.get(self.what, 0)
        self._bytes = (header.declared_bytes, header.data_bytes) if header is not None else (0, 0)
        self._quiet = sound.format == "MP3"
        self._decoded, self._fault = 0, ""

    def blocks(self, dtype: str) -> Iterator[NDArray[Any]]:
        """All samples up to the first fault, once, as arrays of shape (frames, channels).

        ``dtype`` "float64" gives values within -1 to 1 (float files may go beyond), "int32" left-aligned
        integers. `loss` tells afterwards what could not be had. Raises `ConvertError` where that is
        everything, and what the stream raises.
        """
        self._decoded, self._fault = 0, ""
        self._guard.short_of = 0
        while not self._fault and len(block := self._block(dtype)):
            self._decoded += len(block)
            yield block
        if not self._decoded and (self._fault or self.cut):
            why = self.cut or f"its audio data is damaged ({self._fault})"
            kind = "truncated" if self.cut else "bad-header"
            raise ConvertError(f"{why}, and nothing before that can be decoded; copy it again", kind)

    def _block(self, dtype: str) -> NDArray[Any]:
        before = self._decoded
        block: NDArray[Any] = np.empty((self._step(before), self.channels), dtype)
        with held, quiet() if self._quiet else nullcontext():
            try:
                block = self._sound.read(out=block)
            except (sf.SoundFileError, RuntimeError) as error:
                self._fault = _reason(error)
                block = block[: self._got(before)]
        self._guard.check()
        if self._few and self._guard.short_of and (self.cut or before + len(block) < self.promised):
            self._fault = self._fault or "the file ends within a block of it"
            self._count_blocks(self._guard.short_of)
            return block[:0]
        return block

    def _count_blocks(self, size: int) -> None:
        """Tell the frames of all blocks, of ``size`` bytes, from those that were whole."""
        declared, real = self._bytes
        if whole := real // size:
            self.promised, self._is_exact = self._decoded // whole * (declared // size), True

    def _step(self, before: int) -> int:
        """Frames to decode at once: few near the end of what may end within a block, where noise follows."""
        most = max(1, BLOCK // self.channels)
        left = self.frames - before - _LARGEST_BLOCK
        return most if not self._few or left > most else max(left, self._few)

    def _got(self, before: int) -> int:
        """Frames that the read which met a fault has decoded before it."""
        try:
            return max(0, int(self._sound.tell()) - before)
        except (sf.SoundFileError, RuntimeError):
            return 0

    def expected_loss(self) -> str:
        """What of the audio will not be had, as far as the header tells; empty where it tells of nothing."""
        if not self.cut:
            return ""
        if self._is_exact and 0 < self.frames < self.promised:
            missing = self.promised - self.frames
            return f"{missing:,} of its {self.promised:,} frames are lost, the end is missing: {self.cut}"
        return f"the end is missing: {self.cut}"

    def loss(self) -> str:
        """What of the audio could not be had, after `blocks` has given all; empty where nothing is lost."""
        missing = self.promised - self._decoded
        if missing <= 0:
            kept = f"the first {self._decoded:,} frames are kept"
            if not self.cut:
                return f"its audio data is damaged ({self._fault}): {kept}" if self._fault else ""
            return f"the end is missing: {self.cut}; {kept}, how many there were is not known"
        about = "" if self._is_exact else "about "
        share = f"{about}{missing:,} of its {self.promised:,} frames are lost"
        if self.cut:
            return f"{share}, the end is missing: {self.cut}"
        if self._fault:
            return f"{share}, all from the first fault on: its audio data is damaged ({self._fault})"
        return f"{share}: its audio data is damaged, and parts of it could not be decoded"

    def tags(self) -> dict[str, str]:
        """Title, artist and the like, by libsndfile's names for them."""
        found: dict[str, str] = self._sound.copy_metadata()
        return found

    def __enter__(self) -> Audio:
        return self

    def __exit__(self, *_: object) -> None:
        with held, quiet() if self._quiet else nullcontext():
            self._sound.close()


def _promised(frames: int, header: AudioHeader | None) -> tuple[int, bool]:
    """Frames that the header says there are, where ``frames`` is what libsndfile says; 0 where unknown.

    And whether that is exact: what is coded in blocks can only be told from their share of the bytes.
    """
    if header is None or header.declared_frames:
        return header.declared_frames if header is not None else frames, True
    if (header.container == "mp3" and not header.declared_bytes) or (
        header.container == "ogg" and header.shortage
    ):
        return 0, True  # libsndfile's count is a guess from the first frame, or that of what is left
    if header.shortage or header.container == "mp3" or not frames or not header.truncated:
        return frames, True
    width = header.frame_bytes or header.data_bytes // frames
    if width and header.data_bytes // width == frames:  # frames of equal size
        return header.declared_bytes // width, True
    return round(Fraction(frames * header.declared_bytes, header.data_bytes)), False


def reader(stream: BinaryIO) -> Read:
    """``read(offset, n)`` of a stream, as header parsers want it."""

    def read(offset: int, n: int) -> bytes:
        stream.seek(offset)
        return stream.read(n)

    return read


def open_audio(stream: BinaryIO, size: int) -> Audio:
    """Open a file of ``size`` bytes for decoding; `ConvertError` where there is no audio to be had."""
    read = reader(stream)
    header = _header(read, size)
    if header is None or header.encoding is None:
        return _by_libsndfile(stream, size, read, header)
    return _plain(stream, header, read_markers(read, size, header))


def _header(read: Read, size: int) -> AudioHeader | None:
    if size == 0:
        raise ConvertError("the file is empty (0 bytes); copy it again from where it came", "empty-file")
    prefix = read(0, smp.DATA_OFFSET)
    if sniff.container(prefix) == "midi":
        raise ConvertError("it is a Standard MIDI file, not audio; see `benchpad pattern`", "not-audio")
    try:
        if sniff.container(prefix) == "smp":
            return smp.restored(smp.parse(prefix), size).audio(size)
        return parse_header(read, size)
    except FormatError as error:
        if error.id == "no-audio-data":
            raise ConvertError(f"{error}; record or export it again, or remove it", error.id) from None
        return None  # libsndfile may know better


def _plain(stream: BinaryIO, header: AudioHeader, markers: Markers) -> Audio:
    """PCM at a known place: libsndfile is told what it is, and only sees the audio."""
    assert header.encoding is not None
    if not header.frames and header.truncated:
        raise ConvertError(f"there is no audio in the file: {header.cut}; copy it again", "truncated")
    if not header.frames:
        raise ConvertError("there is no audio in the file; record or export it again", "no-audio-data")
    _check(header.rate, header.channels)
    kind, _, order = header.encoding.name.partition("_")
    guard = Guarded(stream, header.data_offset, header.frames * header.frame_bytes)
    sound = _open(
        guard,
        format="RAW",
        subtype=_RAW[kind],
        channels=header.channels,
        samplerate=header.rate,
        endian="BIG" if order == "BE" else "LITTLE",
    )
    return Audio(sound, guard, markers=markers, header=header)


def _by_libsndfile(stream: BinaryIO, size: int, read: Read, header: AudioHeader | None) -> Audio:
    if header is None:
        header = _rare(read, size)
    length, mended = _mended(read, size, header)
    guard = Guarded(stream, 0, length, mended)
    try:
        sound = _open(guard)
    except ConvertError:
        if header is None or not header.truncated:
            raise
        what = f"{header.cut}, and nothing before that can be decoded; copy it again"
        raise ConvertError(what, "truncated") from None
    if sound.format == "MP3" and sniff.container(read(0, smp.DATA_OFFSET)) != "mp3":  # noise can pass for it
        sound.close()
        raise ConvertError(_UNREADABLE.format("format not recognised"))
    try:
        _check(sound.samplerate, sound.channels)
    except ConvertError:
        sound.close()
        raise
    markers = read_markers(read, size, header) if header is not None else Markers()
    return Audio(sound, guard, markers=markers, header=header)


def _rare(read: Read, size: int) -> AudioHeader | None:
    length = rare.measure(read, size)
    if not length.declared_bytes:
        return None
    return AudioHeader("", "", declared_bytes=length.declared_bytes, data_bytes=length.data_bytes)


def _mended(read: Read, size: int, header: AudioHeader | None) -> tuple[int, tuple[int, bytes]]:
    """What libsndfile is to see of a truncated file: its length, and a stretch that is to read otherwise.

    It refuses a CAF file whose audio is shorter than the chunk says (its size, of 8 bytes, and a count of
    edits, of 4, stand before the audio), and passes over all of a page of Ogg that is not whole.
    """
    if header is not None and header.container == "caf" and header.data_offset and header.truncated:
        return size, (header.data_offset - 12, (4 + header.data_bytes).to_bytes(8, "big"))
    if header is not None and header.container == "ogg" and (page := whole_page(read, size)) is not None:
        return page[0] + len(page[1]), page
    if header is None and read(0, 2) == rare.DUMP:
        if end := rare.whole_dump(read, size):
            return end, (0, b"")
        raise ConvertError(
            "its audio data is damaged (no whole block of a sample dump); copy it again", "bad-header"
        )
    return size, (0, b"")


def _open(guard: Guarded, **options: Any) -> Any:
    try:
        with held, quiet() if not options else nullcontext():  # libsndfile may guess that it is MP3
            sound = _Sound(guard, **options)
        guard.check()
        return sound
    except (sf.SoundFileError, RuntimeError, ValueError, TypeError) as error:
        guard.check()
        raise ConvertError(_UNREADABLE.format(_reason(error))) from None


def _check(rate: int, channels: int) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ConvertError(
            f"its rate of {rate} Hz is not within {MIN_RATE:,} to {MAX_RATE:,} Hz; correct it in an editor",
            "rate",
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise ConvertError(f"it has {channels} channels; save it as mono or stereo first", "channels")


def _reason(error: Exception) -> str:
    text = getattr(error, "error_string", "") or str(error)
    if "does not exist" in text:  # what libsndfile says when its guess by content fails
        return "format not recognised"
    return " ".join(text.split()).rstrip(".").lower()[:120]
