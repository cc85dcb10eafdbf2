"""The MKII's sample file (.SMP): a 512-byte big-endian header, then big-endian 16-bit PCM.

`RFWV`; 0x04 file size - 8; 0x08 rate; 0x0C channels; 0x10 bits; 0x14 zeros; 0x20 MD5 of bytes 0x04-0x13;
0x30 to 0x1FF filler that carries no meaning known to us.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from hashlib import md5
from itertools import product

from native.types import Encoding

from . import FormatError
from .header import AudioHeader

DATA_OFFSET = 512
RATE = 48_000
BITS = 16
_HEAD = struct.Struct(">4sIIII")
_MAGIC = b"RFWV"


@dataclass(frozen=True, slots=True)
class SmpHeader:
    """A .SMP header. ``size_field`` is the file's size less 8; ``reserved`` and ``filler`` are kept."""

    size_field: int
    channels: int
    rate: int = RATE
    bits: int = 16
    reserved: bytes = bytes(12)
    digest: bytes = b""  # empty: to be computed
    filler: bytes = bytes(DATA_OFFSET - 0x30)

    @property
    def digest_ok(self) -> bool:
        """Whether the MD5 that the file carries is that of its own header."""
        return self.digest == self.expected_digest()

    def expected_digest(self) -> bytes:
        """MD5 of bytes 0x04-0x13."""
        return md5(self._head()[4:], usedforsecurity=False).digest()

    def to_bytes(self) -> bytes:
        """The 512 header bytes."""
        return self._head() + self.reserved + (self.digest or self.expected_digest()) + self.filler

    def _head(self) -> bytes:
        return _HEAD.pack(_MAGIC, self.size_field, self.rate, self.channels, self.bits)

    def audio(self, file_size: int) -> AudioHeader:
        """The header in the terms of every other container, for a file of ``file_size`` bytes."""
        declared = max(0, self.size_field + 8 - DATA_OFFSET)
        return AudioHeader(
            container="smp",
            codec="PCM",
            channels=self.channels,
            rate=self.rate,
            bits=self.bits,
            encoding=Encoding.S16_BE if self.bits == 16 else None,
            data_offset=DATA_OFFSET,
            declared_bytes=declared,
            data_bytes=max(0, min(declared, file_size - DATA_OFFSET)),
        )


def parse(prefix: bytes) -> SmpHeader:
    """The header in a file's first 512 bytes; FormatError where they are too few or of another kind."""
    if not prefix.startswith(_MAGIC):
        raise FormatError("it is not an MKII sample: it does not begin with RFWV", "not-audio")
    if len(prefix) < DATA_OFFSET:
        raise FormatError(
            f"the MKII sample is cut short: its header has {len(prefix)} of {DATA_OFFSET} bytes"
        )
    _, size_field, rate, channels, bits = _HEAD.unpack_from(prefix)
    return SmpHeader(
        size_field, channels, rate, bits, prefix[0x14:0x20], prefix[0x20:0x30], prefix[0x30:DATA_OFFSET]
    )


def restored(header: SmpHeader, file_size: int) -> SmpHeader:
    """The header as the device wrote it, as far as a damaged one lets that be told; ``file_size`` in bytes.

    Its MD5 proves the words that it was made of. Without that proof the size is the file's where the header
    says less, and the width is the only one there is; rate and channels stay.
    """
    if header.digest_ok:
        return header
    sizes, rates = (file_size - 8, header.size_field), (header.rate, RATE)
    for size, rate, channels, bits in product(sizes, rates, (header.channels, 1, 2), (header.bits, BITS)):
        one = replace(header, size_field=size & 0xFFFFFFFF, rate=rate, channels=channels, bits=bits)
        if one.digest_ok:
            return one
    return replace(header, size_field=max(header.size_field, (file_size - 8) & 0xFFFFFFFF), bits=BITS)


def build(pcm: bytes, channels: int) -> bytes:
    """A whole .SMP from interleaved 48 kHz 16-bit big-endian PCM; FormatError where it cannot be one."""
    if channels not in (1, 2):
        raise FormatError(f"an MKII sample has 1 or 2 channels, not {channels}")
    if len(pcm) % (2 * channels) or len(pcm) > 0xFFFFFFFF - DATA_OFFSET:
        raise FormatError(f"{len(pcm)} bytes are not whole 16-bit frames that fit an MKII sample")
    return SmpHeader(len(pcm) + DATA_OFFSET - 8, channels).to_bytes() + pcm


def file_name(bank: int, pad: int) -> str:
    """The file of a pad, bank and pad from 1: ``BANK1-01.SMP``."""
    return f"BANK{bank}-{pad:02d}.SMP"
