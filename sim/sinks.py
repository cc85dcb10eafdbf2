"""Where rendered audio goes: a WAV file, a hash, a level meter. Each is a `firmware.hal.AudioOut`."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from sim.errors import InputError

Block = NDArray[np.float32]

_SUBTYPES = {"32f": "FLOAT", "24": "PCM_24", "16": "PCM_16"}
_WIDTHS = {"32f": 4, "24": 3, "16": 2}
_WAV_LIMIT = (1 << 32) - 4096  # a RIFF size is 32 bits; leave room for the header


def quantise(block: Block, bits: int) -> tuple[NDArray[np.int32], int]:
    """Full-scale integers of ``bits``, rounded to nearest, and how many values were beyond full scale.

    1.0 is 2**(bits-1), the inverse of how PCM is read: a file's own values come out unchanged.
    """
    scale = 1 << (bits - 1)
    scaled = np.rint(block.astype(np.float64) * scale)
    clipped = int(np.count_nonzero((scaled > scale - 1) | (scaled < -scale)))
    return np.clip(np.nan_to_num(scaled), -scale, scale - 1).astype(np.int32), clipped


class WavSink:
    """A WAV file of 2 channels, in 32-bit float ("32f") or 24 or 16 bit integers.

    Written beside ``path`` and moved there by leaving the ``with`` block without an exception; otherwise
    nothing is left. ``max_frames`` bounds the length: beyond 4 GiB the file is an RF64. ``clipped`` counts
    integer values that were beyond full scale.
    """

    def __init__(self, path: Path, rate: int, bits: str = "32f", max_frames: int = 0) -> None:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: not a regular file, so a WAV file cannot be put there")
        self.clipped = 0
        self._bits = bits
        self._path = path.resolve()
        self._part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        large = max_frames * 2 * _WIDTHS[bits] > _WAV_LIMIT
        try:
            self._part.open("xb").close()
        except OSError as error:  # the folder is missing or read-only; the user knows no .part file
            raise OSError(error.errno, error.strerror, str(path)) from error
        try:
            with self._explained():  # the header is written at once
                self._file = soundfile.SoundFile(
                    self._part, "w", rate, 2, _SUBTYPES[bits], format="RF64" if large else "WAV"
                )
        except BaseException:
            self._part.unlink(missing_ok=True)
            raise

    def write(self, block: Block) -> None:
        """Append one block, shape (frames, 2)."""
        with self._explained():
            self._file.write(block if self._bits == "32f" else self._integers(block))

    def _integers(self, block: Block) -> NDArray[Any]:
        bits = int(self._bits)
        values, clipped = quantise(block, bits)
        self.clipped += clipped
        return values.astype(np.int16) if bits == 16 else values << (32 - bits)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn libsndfile's "System error." into an OSError that says what failed."""
        try:
            yield
        except soundfile.SoundFileError as error:
            raise OSError(
                f"{self._path}: the disk is full or failed while the WAV file was written"
            ) from error

    def __enter__(self) -> WavSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._explained():
                self._file.close()
            if kind is None:
                forget_peak_time(self._part)
                os.replace(self._part, self._path)
        finally:
            self._part.unlink(missing_ok=True)


def forget_peak_time(path: Path) -> None:
    """Zero the wall-clock time that libsndfile puts in a PEAK chunk, so that equal audio is an equal file."""
    with path.open("r+b") as file:
        at = file.read(256).find(b"PEAK")
        if at >= 0:
            file.seek(at + 12)  # id, size and version come before the time
            file.write(bytes(4))


class HashSink:
    """SHA-256 of the audio as interleaved little-endian float32."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def write(self, block: Block) -> None:
        """Hash one block."""
        self._hash.update(np.ascontiguousarray(block, "<f4").data)

    def hexdigest(self) -> str:
        """The hash of everything written."""
        return self._hash.hexdigest()


class MeterSink:
    """Peak level: ``peak`` is the largest absolute value, ``over`` how many values are beyond full scale.

    ``lost`` counts the values beyond what a float holds (infinite, or no number); they are no peak.
    """

    def __init__(self) -> None:
        self.peak = 0.0
        self.over = 0
        self.lost = 0

    def write(self, block: Block) -> None:
        """Measure one block."""
        peak = max(float(block.max(initial=0)), -float(block.min(initial=0)))
        if not math.isfinite(peak):  # min and max pass every nan and infinity on
            finite = np.isfinite(block)
            self.lost += int(finite.size - np.count_nonzero(finite))
            block = np.where(finite, block, np.float32(0))
            peak = float(np.abs(block).max(initial=0))
        self.peak = max(self.peak, peak)
        if peak > 1.0:
            self.over += int(np.count_nonzero(np.abs(block) > 1.0))

    @property
    def peak_dbfs(self) -> float | None:
        """Peak in dB relative to full scale; None for digital silence."""
        return 20 * float(np.log10(self.peak)) if self.peak > 0 else None
