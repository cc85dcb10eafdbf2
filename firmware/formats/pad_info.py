"""PAD_INFO.BIN, the pad settings of an SP-404SX card: 120 records of 32 bytes, big-endian, A1…A12, B1…J12."""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass

from . import FormatError

BANKS = "ABCDEFGHIJ"
PADS_PER_BANK = 12
RECORDS = len(BANKS) * PADS_PER_BANK
_RECORD = struct.Struct(">IIIIBBBBBBBBII")
SIZE_BYTES = RECORDS * _RECORD.size

AIFF, WAVE = 0, 1  # file_type
DATA_OFFSET = 512  # where the audio begins in a card's sample files, and so the smallest offset


@dataclass(frozen=True, slots=True)
class PadRecord:
    """One pad; by default an empty one. Offsets are bytes in the sample file, tempos tenths of BPM.

    Flags are 0 or 1. ``tempo_mode``: 0 off, 1 pattern, 2 user. Values out of range are kept.
    """

    original_start: int = DATA_OFFSET
    original_end: int = DATA_OFFSET
    user_start: int = DATA_OFFSET
    user_end: int = DATA_OFFSET
    volume: int = 127
    lofi: int = 0
    loop: int = 0
    gate: int = 1
    reverse: int = 0
    file_type: int = WAVE
    channels: int = 2
    tempo_mode: int = 0
    original_tempo: int = 1200
    user_tempo: int = 1200

    @property
    def is_empty(self) -> bool:
        """Whether the pad holds no sample: nothing lies between its start and its end."""
        return self.original_start == self.original_end == DATA_OFFSET

    def to_bytes(self) -> bytes:
        """The record's 32 bytes."""
        return _RECORD.pack(*astuple(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> PadRecord:
        """A record from 32 bytes; FormatError for any other length."""
        if len(data) != _RECORD.size:
            raise FormatError(f"a pad record has {_RECORD.size} bytes, not {len(data)}")
        return cls(*_RECORD.unpack(data))


def parse(data: bytes) -> tuple[PadRecord, ...]:
    """The 120 records of a PAD_INFO.BIN; FormatError where its size is wrong."""
    if len(data) != SIZE_BYTES:
        raise FormatError(f"PAD_INFO.BIN has {len(data)} bytes instead of {SIZE_BYTES}")
    return tuple(PadRecord(*fields) for fields in _RECORD.iter_unpack(data))


def build(records: tuple[PadRecord, ...]) -> bytes:
    """PAD_INFO.BIN from 120 records; FormatError for any other number."""
    if len(records) != RECORDS:
        raise FormatError(f"PAD_INFO.BIN takes {RECORDS} records, not {len(records)}")
    return b"".join(record.to_bytes() for record in records)


def index(bank: str, pad: int) -> int:
    """The record number of a pad, counted from 1: A1 is 0, J12 is 119. ValueError where there is none."""
    if not 1 <= pad <= PADS_PER_BANK:
        raise ValueError(f"there is no pad {pad} in a bank of {PADS_PER_BANK}")
    return BANKS.index(bank) * PADS_PER_BANK + pad - 1


def file_name(bank: str, pad: int, file_type: int = WAVE) -> str:
    """The sample file that a pad plays, such as ``A0000001.WAV``."""
    return f"{bank}{pad:07d}.{'WAV' if file_type == WAVE else 'AIF'}"
