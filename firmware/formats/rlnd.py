"""The WAV of an SP-404SX card: a RIFF whose RLND chunk names the pad and moves the audio to byte 512.

Layout, from files by the maker's own converter: `fmt ` of 18 bytes at 12, `RLND` at 38 with 458 bytes
(text ``roifspsx``, 04 00 00 00, pad index 0-119, zeros), `data` at 504, PCM from 512.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import FormatError

DATA_OFFSET = 512
_RLND_BYTES = 458
_SIGNATURE = b"roifspsx"
_VERSION = b"\x04\x00\x00\x00"
_CHUNK = struct.Struct("<4sI")
_PADS = 120
_MAX_PCM = 0xFFFFFFFF - DATA_OFFSET


@dataclass(frozen=True, slots=True)
class Rlnd:
    """The chunk's content: ``pad_index`` 0 (A1) to 119 (J12), and the bytes whose meaning is not known."""

    pad_index: int
    version: bytes = _VERSION
    rest: bytes = bytes(_RLND_BYTES - 13)

    def to_bytes(self) -> bytes:
        """The chunk's 458 bytes, without its 8-byte chunk header."""
        return _SIGNATURE + self.version + bytes([self.pad_index]) + self.rest

    @classmethod
    def from_bytes(cls, body: bytes) -> Rlnd:
        """The chunk from its body; FormatError where length or signature differ."""
        if len(body) != _RLND_BYTES or not body.startswith(_SIGNATURE):
            raise FormatError(
                f"the RLND chunk is not {_RLND_BYTES} bytes that begin with {_SIGNATURE.decode()}"
            )
        return cls(body[12], body[8:12], body[13:])


def header(pad_index: int, pcm_bytes: int, channels: int, rate: int = 44_100) -> bytes:
    """The first 512 bytes of a card WAV whose 16-bit little-endian PCM of ``pcm_bytes`` follows.

    Raises FormatError for a pad, a channel count or a size that the format cannot hold.
    """
    if not 0 <= pad_index < _PADS:
        raise FormatError(f"pad index {pad_index} is not within 0 to {_PADS - 1}")
    if channels not in (1, 2):
        raise FormatError(f"a card WAV has 1 or 2 channels, not {channels}")
    if pcm_bytes % (2 * channels) or not 0 <= pcm_bytes <= _MAX_PCM:
        raise FormatError(f"{pcm_bytes} bytes are not whole 16-bit frames that fit a WAV")
    frame = 2 * channels
    fmt = b"fmt " + struct.pack("<IHHIIHHH", 18, 1, channels, rate, rate * frame, frame, 16, 0)
    body = Rlnd(pad_index).to_bytes()
    return (
        struct.pack("<4sI4s", b"RIFF", DATA_OFFSET - 8 + pcm_bytes, b"WAVE")
        + fmt
        + _CHUNK.pack(b"RLND", len(body))
        + body
        + _CHUNK.pack(b"data", pcm_bytes)
    )


def build(pad_index: int, pcm: bytes, channels: int, rate: int = 44_100) -> bytes:
    """A whole card WAV from interleaved 16-bit little-endian PCM; FormatError as `header`."""
    return header(pad_index, len(pcm), channels, rate) + pcm


def find(prefix: bytes) -> Rlnd | None:
    """The RLND chunk at its place in a file's first 512 bytes, or None where the file carries none there."""
    if prefix[38:42] != b"RLND" or len(prefix) < DATA_OFFSET:
        return None
    return Rlnd.from_bytes(prefix[46:504])
