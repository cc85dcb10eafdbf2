"""The devices' tables of pads, made to fit the samples of the corrected card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from firmware.formats import FormatError, pad_info, padconf
from firmware.formats.pad_info import PadRecord
from firmware.formats.padconf import PadConf

from .markers import PING_PONG, LoopRegion

DATA_OFFSET = 512  # both devices count a sample's bytes from here


@dataclass(frozen=True, slots=True)
class PadSample:
    """The sample that a pad has on the corrected card, and what it was: its file's size and frame bytes.

    ``ratio`` is the new rate over the old; ``changed`` whether the file is another one.
    """

    name: str
    size_bytes: int
    channels: int
    frame_bytes: int
    old_size: int
    old_frame_bytes: int
    ratio: Fraction
    changed: bool
    is_wave: bool = True
    loop: LoopRegion | None = None  # what the old file said; frames of the new one

    def offset(self, frame: int) -> int:
        """The byte of a frame."""
        return DATA_OFFSET + frame * self.frame_bytes

    def moved(self, offset: int) -> int:
        """An offset in the old file as one in the new, at a whole frame; the end and beyond stay the end."""
        if not self.changed:
            return offset if offset >= self.size_bytes else self._whole(offset)
        if offset >= self.old_size:
            return self.size_bytes
        frame = max(0, offset - DATA_OFFSET) // max(1, self.old_frame_bytes)
        return min(DATA_OFFSET + round(frame * self.ratio) * self.frame_bytes, self.size_bytes)

    def _whole(self, offset: int) -> int:
        """The frame that an offset lies in, as boot takes it; what is before the audio stays."""
        return offset - max(0, offset - DATA_OFFSET) % max(1, self.frame_bytes)


def pad_info_file(old: bytes | None, samples: Mapping[int, PadSample], emptied: set[int]) -> bytes:
    """PAD_INFO.BIN for ``samples`` by pad number; settings are taken from the old file as far as they hold.

    ``emptied`` are pads whose sample did not make it to the card.
    """
    try:
        records = list(pad_info.parse(old or b""))
    except FormatError:
        records = [PadRecord()] * pad_info.RECORDS
    for number in emptied - samples.keys():
        records[number] = PadRecord()
    for number, sample in samples.items():
        records[number] = _record(records[number], sample)
    return pad_info.build(tuple(records))


def _record(old: PadRecord, sample: PadSample) -> PadRecord:
    size = sample.size_bytes
    start, end = _range(old.is_empty, sample.moved(old.user_start), sample.moved(old.user_end), size)
    loops = _flag(old.loop)
    if old.is_empty and sample.loop is not None and sample.loop.start == 0:  # the device loops start to end
        loops, end = 1, sample.offset(sample.loop.end)
    return replace(
        old,
        original_start=DATA_OFFSET,
        original_end=size,
        user_start=start,
        user_end=end,
        volume=min(old.volume, 127),
        lofi=_flag(old.lofi),
        loop=loops,
        gate=_flag(old.gate),
        reverse=_flag(old.reverse),
        file_type=pad_info.WAVE if sample.is_wave else pad_info.AIFF,
        channels=sample.channels,
        tempo_mode=old.tempo_mode if old.tempo_mode <= 2 else 0,
    )


def _range(is_new: bool, start: int, end: int, size: int) -> tuple[int, int]:
    """A start and end that lie in the file; each stays where it can."""
    if is_new or not DATA_OFFSET <= start < size:
        start = DATA_OFFSET
    return start, end if not is_new and start < end <= size else size


def _flag(value: int) -> int:
    return min(value, 1)


def padconf_file(
    old: bytes | None, samples: Mapping[int, PadSample], emptied: set[int], project: str
) -> bytes:
    """PADCONF.BIN, as `pad_info_file`. ``project`` names a new one, where the old cannot be read."""
    try:
        config = padconf.parse(old or b"")
    except FormatError:
        config = padconf.new(project)
    pads, names = list(config.pads), list(config.names)
    for number in emptied - samples.keys():
        pads[number], names[number] = PadConf(), bytes(padconf.NAME_BYTES)
    for number, sample in samples.items():
        if pads[number].is_empty:
            names[number] = sample.name.encode("ascii", "replace")[: padconf.NAME_BYTES - 1].ljust(
                padconf.NAME_BYTES, b"\0"
            )
        pads[number] = _conf(pads[number], sample)
    return replace(config, pads=tuple(pads), names=tuple(names)).to_bytes()


def _conf(old: PadConf, sample: PadSample) -> PadConf:
    size = sample.size_bytes
    start, end = _range(old.is_empty, sample.moved(old.start), sample.moved(old.end), size)
    loop_start = sample.moved(old.loop_start) if old.loop_start else 0
    made = replace(
        within_ranges(old),
        size_bytes=size,
        start=start,
        end=end,
        loop_start=loop_start if start <= loop_start < end else (start if loop_start else 0),
    )
    return _looping(made, sample, sample.loop) if old.is_empty and sample.loop is not None else made


def within_ranges(old: PadConf) -> PadConf:
    """The pad with what an empty one has for every value that the device does not write."""
    values: dict[str, Any] = {
        name: value if low <= (value := getattr(old, name)) <= high else fallback
        for name, (low, high, fallback) in _RANGES.items()
    }
    return replace(old, **values)


def _looping(old: PadConf, sample: PadSample, loop: LoopRegion) -> PadConf:
    """A new pad with the loop that its file had."""
    return replace(
        old,
        end=sample.offset(loop.end),
        loop=padconf.LOOP_ON,
        loop_start=sample.offset(loop.start),
        play_mode=padconf.PING_PONG if loop.mode == PING_PONG else padconf.FORWARD,
    )


# Lowest, highest, and what an empty pad has: docs/device-facts.md, pad words of PADCONF.BIN.
_RANGES = {
    "level": (0, 127, 127),
    "pan": (0, 127, 64),
    "pitch": (-12, 12, 0),
    "speed": (5_000, 15_000, 10_000),
    "attack": (0, 127, 0),
    "hold": (1, 100, 100),
    "release": (0, 127, 0),
    "mute_group": (0, 10, 0),
    "play_mode": (0, 3, 0),
    "link": (0, 10, 0),
    "bus": (0, 2, 1),
}
