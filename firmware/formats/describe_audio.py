"""Audio files' headers, explained."""

from __future__ import annotations

from .description import Description, Field
from .header import AudioHeader

_APPL_INDEX_AT = 62  # an SX recording (AIFF): its pad index, by one source
_APPL = b"APPL\x00\x00\x01\xc2RLND"


def audio_fields(header: AudioHeader, size: int) -> tuple[Field, ...]:
    """What a header says of its audio."""
    encoding = header.encoding.name if header.encoding is not None else None
    known = (
        Field("container", header.container),
        Field("codec", header.codec),
        Field("file_size", size, "bytes"),
    )
    if not header.channels:
        return known
    return (
        *known,
        Field("channels", header.channels),
        Field("rate", header.rate, "Hz"),
        Field("bits", header.bits),
        Field("encoding", encoding, "" if encoding else "not read here"),
        Field("frames", header.frames, f"{header.seconds:.3f} s"),
        Field("data_offset", header.data_offset, "byte where the audio begins"),
        Field("declared_bytes", header.declared_bytes, "audio that the header promises"),
        Field("data_bytes", header.data_bytes, "audio that the file holds"),
        *((Field("chunks", list(header.chunks), "up to the audio"),) if header.chunks else ()),
    )


def audio(prefix: bytes, size: int, header: AudioHeader) -> Description:
    """An audio file that is no device's own, by its header and its first 512 bytes."""
    kind = {"rifx": "wav", "rf64": "wav", "aifc": "aiff"}.get(header.container, header.container)
    remarks = list(header.remarks)
    if header.truncated:
        remarks.append("the header promises more audio than the file holds: it is cut short")
    if header.unfinished:
        remarks.append("the header's sizes were never filled in: an unfinished recording or a stream")
    if not header.channels:
        remarks.append("only recognised by its first bytes; its header is not read")
    title = f"audio: {header.codec} in {header.container.upper()}"
    fields = (*audio_fields(header, size), *_recording(prefix))
    return Description(kind, title, fields, remarks=tuple(remarks))


def _recording(prefix: bytes) -> tuple[Field, ...]:
    """The pad of an SX recording, an AIFF with an APPL chunk (one source; see docs/device-facts.md)."""
    at = prefix.find(_APPL) if prefix.startswith(b"FORM") else -1
    if at < 0 or not at + len(_APPL) <= _APPL_INDEX_AT < len(prefix):
        return ()
    return (Field("pad_index", prefix[_APPL_INDEX_AT], "by one source; not checked"),)
