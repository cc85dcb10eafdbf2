"""Read an audio file's header: what the file says of itself, and what it really holds.

Only headers are read, through a ``read(offset, n) -> bytes`` callable, so that a card, a file or a byte
string serve alike. The work is bounded whatever the bytes say: one prefix, then at most `MAX_CHUNKS` chunks.
"""

from __future__ import annotations

from . import FormatError, aiff_header, lengths, sniff, wav_header
from .header import MAX_CHUNKS, AudioHeader, Read

__all__ = ["MAX_CHUNKS", "AudioHeader", "Read", "parse_bytes", "parse_header"]

PREFIX_BYTES = 4096  # one read: the chunk headers up to the audio data lie in it in nearly every file


def parse_header(read: Read, size: int) -> AudioHeader:
    """The header of a file of ``size`` bytes.

    A container that is recognised but not parsed (FLAC, MP3, ...) comes back with its name, and no numbers
    but those of its length.
    Raises FormatError where there is no audio file (id ``empty-file``, ``not-audio``), one of which only
    the name is known (id ``codec-not-supported``), or its header cannot be believed (id ``bad-header``).
    """
    if size <= 0:
        raise FormatError("the file is empty (0 bytes)", "empty-file")
    prefix = read(0, min(size, PREFIX_BYTES))
    reader = _windowed(read, prefix)
    kind = sniff.container(prefix)
    if kind in wav_header.CONTAINERS:
        return wav_header.parse(reader, size, kind)
    if kind in aiff_header.CONTAINERS:
        return aiff_header.parse(reader, size, kind)
    if kind is None and (name := sniff.foreign(prefix, size)):
        raise FormatError(f"the file is {name}", "codec-not-supported")
    if kind is None:
        raise FormatError(f"it is not an audio file: {sniff.describe(prefix)}", "not-audio")
    length = lengths.measure(reader, size, kind)
    return AudioHeader(
        container=kind,
        codec=sniff.KNOWN[kind],
        data_offset=length.offset,
        declared_bytes=length.declared_bytes,
        data_bytes=length.data_bytes,
        shortage=length.shortage,
        declared_frames=length.frames,
    )


def parse_bytes(data: bytes) -> AudioHeader:
    """`parse_header` of a whole file in memory."""
    return parse_header(lambda offset, n: data[offset : offset + n], len(data))


def _windowed(read: Read, prefix: bytes) -> Read:
    def windowed(offset: int, n: int) -> bytes:
        if offset + n <= len(prefix):
            return prefix[offset : offset + n]
        return read(offset, n)

    return windowed
