"""Any audio file that libsndfile reads, as blocks of samples.

Where a file is plain PCM by the header parser that the device's boot uses, the audio is taken from where that
parser finds it: what is converted is what the device would have read, also of a file cut short or with chunks
that libsndfile does not forgive. libsndfile decodes in either case.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import soundfile as sf
from numpy.typing import NDArray

from firmware.formats import FormatError, smp, sniff
from firmware.formats.audio_header import AudioHeader, Read, parse_header

from .errors import ConvertError
from .markers import Markers, read_markers
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
_UNREADABLE = "it is no audio file that can be read ({}); save it as WAV, AIFF or FLAC first"
_RAW = {"U8": "PCM_U8", "S16": "PCM_16", "S24": "PCM_24", "S32": "PCM_32", "F32": "FLOAT"}


class Audio:
    """An open audio file. ``bits`` are those of its integers, 0 where it is float or lossy.

    ``frames`` is what the file says; what is read may be less. Use as a context manager.
    """

    def __init__(
        self, sound: Any, guard: Guarded, *, markers: Markers, header: AudioHeader | None, notes: list[str]
    ) -> None:
        self._sound, self._guard = sound, guard
        self.rate, self.channels, self.frames = int(sound.samplerate), int(sound.channels), int(sound.frames)
        self.bits = _BITS.get(sound.subtype, 0)
        self.is_float = sound.subtype in ("FLOAT", "DOUBLE")
        self.what = f"{header.container.upper() if header else sound.format} {sound.subtype}"
        self.markers, self.notes = markers, notes

    def blocks(self, dtype: str) -> Iterator[NDArray[Any]]:
        """All samples, once, as arrays of shape (frames, channels): some codecs cannot go back.

        ``dtype`` "float64" gives values within -1 to 1 (float files may go beyond), "int32" left-aligned
        integers. Raises `ConvertError` where the coded data is damaged, and what the stream raises.
        """
        frames = max(1, BLOCK // self.channels)
        try:
            while len(block := self._sound.read(frames, dtype, always_2d=True)):
                self._guard.check()
                yield block
        except (sf.SoundFileError, RuntimeError) as error:
            self._guard.check()
            raise ConvertError(
                f"its audio data is damaged ({_reason(error)}); copy it again", "bad-header"
            ) from None
        self._guard.check()

    def __enter__(self) -> Audio:
        return self

    def __exit__(self, *_: object) -> None:
        self._sound.close()


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
            return smp.parse(prefix).audio(size)
        return parse_header(read, size)
    except FormatError as error:
        if error.id == "no-audio-data":
            raise ConvertError(f"{error}; record or export it again, or remove it", error.id) from None
        return None  # libsndfile may know better


def _plain(stream: BinaryIO, header: AudioHeader, markers: Markers) -> Audio:
    """PCM at a known place: libsndfile is told what it is, and only sees the audio."""
    assert header.encoding is not None
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
    notes = []
    if header.truncated:
        notes.append(
            f"its header promises {header.declared_bytes:,} bytes of audio, it holds {header.data_bytes:,}; "
            "what is there was taken: the end is missing"
        )
    return Audio(sound, guard, markers=markers, header=header, notes=notes)


def _by_libsndfile(stream: BinaryIO, size: int, read: Read, header: AudioHeader | None) -> Audio:
    guard = Guarded(stream, 0, size)
    sound = _open(guard)
    if sound.format == "MP3" and sniff.container(read(0, smp.DATA_OFFSET)) != "mp3":  # noise can pass for it
        sound.close()
        raise ConvertError(_UNREADABLE.format("format not recognised"))
    try:
        _check(sound.samplerate, sound.channels)
    except ConvertError:
        sound.close()
        raise
    markers = read_markers(read, size, header) if header is not None else Markers()
    return Audio(sound, guard, markers=markers, header=None, notes=[])


def _open(guard: Guarded, **options: Any) -> Any:
    try:
        return sf.SoundFile(guard, **options)
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
