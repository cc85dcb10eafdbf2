"""PADCONF.BIN, a project's pad settings on the MKII: big-endian words, in two versions.

Version 3 has 52,000 bytes, version 2 (of older firmware) 31,488 and neither project name nor chop points.

Words whose meaning is not known are kept, so that reading and writing back gives the same bytes.
"""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass, replace
from typing import Any

from . import FormatError

BANKS = 10
PADS_PER_BANK = 16
PADS = BANKS * PADS_PER_BANK
NAME_BYTES = 24
CHOPS = 16
UNUSED_CHOP = 0xFFFFFFFF
LOOP_ON = 0x7FFFFFFF
NEWEST = 3  # the version that devices write now, and the first with a project's name

NO_NAME = b" " * (NAME_BYTES - 1) + b"\0"  # of an empty pad, as the device writes it

_MAGIC = b"RFPD"
_HEADER_BYTES = {3: 0xA0, 2: 0x80}
_SIZE_BYTES = {3: 52_000, 2: 31_488}
_VERSION_OF_SIZE = {size: version for version, size in _SIZE_BYTES.items()}
_PAD = struct.Struct(">13Iii28I")
_CHOP = struct.Struct(">32I")
_BANK_VOLUMES = struct.Struct(">10H")

FIXED_VELOCITY, VARI_BACKING, VARI_ENSEMBLE, LEGATO, POLY, ONE_SHOT = 1, 2, 4, 8, 0x10, 0x20  # PadConf.flags
FORWARD, REVERSE, PING_PONG, REVERSE_PING_PONG = range(4)  # PadConf.play_mode


@dataclass(frozen=True, slots=True)
class PadConf:
    """One pad's 43 words, in file order. Offsets are bytes in the .SMP (512 + frame * 2 * channels).

    ``loop`` is 0 or 0x7FFFFFFF; ``speed`` 10000 is 100 %; ``pan`` 64 is the centre; ``bpm`` is in hundredths.
    ``pitch`` and ``fine`` are taken as signed. Default: an empty pad.
    """

    size_bytes: int = 0
    start: int = 0
    end: int = 0
    level: int = 127
    gate: int = 1
    loop: int = 0
    word_6: int = 1
    mute_group: int = 0
    bpm_sync: int = 0
    bpm: int = 9000
    flags: int = 0
    loop_start: int = 0
    word_12: int = 0
    pitch: int = 0
    fine: int = 0
    play_mode: int = FORWARD
    speed: int = 10_000
    vinyl: int = 1
    pan: int = 64
    link: int = 0
    bus: int = 1
    roll: int = 2
    attack: int = 0
    hold: int = 100
    release: int = 0
    words_25: tuple[int, ...] = (0,) * 18

    @property
    def is_empty(self) -> bool:
        """Whether no sample lies on the pad."""
        return self.size_bytes == 0

    def to_bytes(self) -> bytes:
        """The pad's 172 bytes."""
        *words, rest = astuple(self)
        return _PAD.pack(*words, *rest)


def _pad(words: tuple[int, ...]) -> PadConf:
    fields: tuple[Any, ...] = (*words[:25], words[25:])
    return PadConf(*fields)


@dataclass(frozen=True, slots=True)
class Chops:
    """A pad's chop points in frames (0xFFFFFFFF: unused), and 16 words whose meaning is not known."""

    frames: tuple[int, ...] = (UNUSED_CHOP,) * CHOPS
    reserved: tuple[int, ...] = (0,) * CHOPS

    def to_bytes(self) -> bytes:
        """The pad's 128 bytes."""
        return _CHOP.pack(*self.frames, *self.reserved)


@dataclass(frozen=True, slots=True)
class PadConfFile:
    """A whole PADCONF.BIN. ``header`` keeps everything before the pads; its known fields are properties.

    ``names`` are the 24 raw bytes of each pad; ``chops`` is empty in version 2.
    """

    header: bytes
    pads: tuple[PadConf, ...]
    names: tuple[bytes, ...]
    chops: tuple[Chops, ...] = ()

    @property
    def version(self) -> int:
        """3, or 2 of older firmware."""
        return 3 if self.chops else 2

    @property
    def project_name(self) -> str:
        """The project's name; empty in version 2, which has none."""
        return text(self.header[0x80:0xA0])

    @property
    def project_bpm(self) -> float:
        """The project's tempo."""
        return (self._word(0x10) & 0xFFFF) / 100

    @property
    def uses_project_bpm(self) -> bool:
        """Whether the project's tempo replaces those of the banks."""
        return bool(self._word(0x10) >> 16 & 1)

    def bank_protected(self, bank: int) -> bool:
        """Whether bank 0-9 is protected."""
        return bool(self._word(0x40 + 4 * bank) & 1)

    def bank_bpm(self, bank: int) -> float:
        """The tempo of bank 0-9."""
        return (self._word(0x40 + 4 * bank) >> 1 & 0xFFFF) / 100

    def bank_volume(self, bank: int) -> int:
        """The volume of bank 0-9, 0 to 127. Stored as 127 - volume, in pairs B, A, D, C, ..."""
        stored: int = _BANK_VOLUMES.unpack_from(self.header, 0x6C)[bank ^ 1]
        return 127 - min(127, stored)

    def _word(self, offset: int) -> int:
        return int.from_bytes(self.header[offset : offset + 4], "big")

    def to_bytes(self) -> bytes:
        """The file, byte for byte."""
        pads = b"".join(pad.to_bytes() for pad in self.pads)
        chops = b"".join(chop.to_bytes() for chop in self.chops)
        return self.header + pads + b"".join(self.names) + chops


def parse(data: bytes) -> PadConfFile:
    """A PADCONF.BIN of version 3 or 2; FormatError where it is neither."""
    version = _VERSION_OF_SIZE.get(len(data))
    if version is None:
        raise FormatError(f"PADCONF.BIN has {len(data)} bytes; version 3 has 52,000 and version 2 has 31,488")
    if not data.startswith(_MAGIC):
        raise FormatError("PADCONF.BIN does not begin with RFPD")
    if version == 3 and data[8] != version:
        raise FormatError(f"PADCONF.BIN has the size of version 3 but says version {data[8]}")
    pads_at = _HEADER_BYTES[version]
    names_at = pads_at + PADS * _PAD.size
    chops_at = names_at + PADS * NAME_BYTES
    names = tuple(data[at : at + NAME_BYTES] for at in range(names_at, chops_at, NAME_BYTES))
    chops = tuple(Chops(words[:CHOPS], words[CHOPS:]) for words in _CHOP.iter_unpack(data[chops_at:]))
    return PadConfFile(
        data[:pads_at], tuple(_pad(words) for words in _PAD.iter_unpack(data[pads_at:names_at])), names, chops
    )


def new(project_name: str) -> PadConfFile:
    """An empty version 3 project, its unknown words as the device writes them; FormatError for a bad name."""
    try:
        name = project_name.encode("ascii")
    except UnicodeEncodeError:
        raise FormatError(f"the project name {project_name!r} is not plain ASCII") from None
    if len(name) > 32:
        raise FormatError(f"the project name {project_name!r} is longer than 32 characters")
    words = [0, 0xA0, 0x03000000, 0x7A80, 9000, 0, 0, 0x40, 0x40, 0x40, 0, *[0x20] * 5, *[9000 << 1] * BANKS]
    header = _MAGIC + struct.pack(f">{len(words) - 1}I", *words[1:])
    header = header.ljust(0x80, b"\0") + name.ljust(32, b"\0")
    return PadConfFile(header, (PadConf(),) * PADS, (NO_NAME,) * PADS, (Chops(),) * PADS)


def with_bank(
    conf: PadConfFile, bank: int, *, bpm: float, volume: int = 127, protect: bool = False
) -> PadConfFile:
    """The project with the settings of bank 0-9; FormatError where a value does not fit its word."""
    header = bytearray(conf.header)
    struct.pack_into(">I", header, 0x40 + 4 * bank, _hundredths(bpm) << 1 | protect)
    if not 0 <= volume <= 127:
        raise FormatError(f"a bank's volume is 0 to 127, not {volume}")
    struct.pack_into(">H", header, 0x6C + 2 * (bank ^ 1), 127 - volume)
    return replace(conf, header=bytes(header))


def with_project_bpm(conf: PadConfFile, bpm: float, *, use: bool = False) -> PadConfFile:
    """The project with its tempo, which counts instead of the banks' with ``use``."""
    header = bytearray(conf.header)
    struct.pack_into(">I", header, 0x10, use << 16 | _hundredths(bpm))
    return replace(conf, header=bytes(header))


def _hundredths(bpm: float) -> int:
    value = round(bpm * 100)
    if not 0 <= value <= 0xFFFF:
        raise FormatError(f"a tempo of {bpm:g} BPM does not fit 16 bits")
    return value


def name_bytes(name: str) -> bytes:
    """A pad's name as 24 bytes: up to 23 characters of ASCII, then NULs; FormatError for any other."""
    raw = name.encode("ascii", "replace")
    if len(raw) >= NAME_BYTES or not name.isascii():
        raise FormatError(f"the name {name!r} is not up to {NAME_BYTES - 1} characters of plain ASCII")
    return raw.ljust(NAME_BYTES, b"\0")


def text(raw: bytes) -> str:
    """A NUL-terminated, space-padded name; bytes that are not UTF-8 show as U+FFFD."""
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").rstrip()
