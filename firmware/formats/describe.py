"""Any device file, explained field by field: what kind it is, then what it says.

Only the bytes decide, where they can; the name helps where two kinds look alike. Reads are bounded:
headers of audio, the whole of small files.
"""

from __future__ import annotations

from collections.abc import Callable

from . import (
    FormatError,
    audio_header,
    describe_audio,
    describe_mk2,
    describe_pattern,
    describe_sx,
    pad_info,
    pattern,
    rlnd,
    sniff,
)
from .description import Description
from .header import Read
from .pattern import Device

_PADCONF_SIZES = (52_000, 31_488)
_LARGEST_PATTERN = 8 * (pattern.MAX_EVENTS + 1)
_CARD = "a card image: `benchpad card info` shows it"
_SIZES = {
    "PAD_INFO": (pad_info.SIZE_BYTES, describe_sx.RECORD_BYTES),
    "STPINFO": (describe_sx.STPINFO_BYTES,),
    "PADCONF": (),  # these begin with their own magic
}
_FIRST_PAD = bytes((0, 0, 2, 0))  # pad A1 begins at byte 512
# What a sector may begin with on a card: the jump of a boot sector.
_JUMPS = (b"\xeb", b"\xe9")


def describe(read: Read, size: int, name: str = "", device: Device | None = None) -> Description:
    """Explain a file of ``size`` bytes that ``read`` reads.

    ``device`` says whose pattern it is where that cannot be told. MIDI files come back with their kind only.
    Raises FormatError, one sentence, for a file of no known kind or one that is damaged.
    """
    if size <= 0:
        raise FormatError("the file is empty (0 bytes)", "empty-file")
    prefix = read(0, min(size, 512))
    special = _by_magic(prefix, size) or _by_size(prefix, size, name)
    if special is not None:
        return special(read)
    if sniff.container(prefix) == "midi":
        return Description("midi", "a Standard MIDI file")
    if _looks_like_pattern(read, size, name):
        return describe_pattern.describe(read(0, size), device)
    if is_card(prefix):
        raise FormatError(f"it is {_CARD}", "card-image")
    return _audio(read, size, prefix)


def is_card(prefix: bytes) -> bool:
    """Whether a file begins as a card does: with a partition table or a boot sector."""
    if len(prefix) < 512 or prefix[510:512] != b"\x55\xaa":
        return False
    partitioned = all(prefix[446 + 16 * n] in (0, 0x80) for n in range(4))
    return prefix[:1] in _JUMPS or partitioned


_Describer = Callable[[Read], Description]


def _by_magic(prefix: bytes, size: int) -> _Describer | None:
    if prefix.startswith(b"RFPD"):
        return lambda read: (
            describe_mk2.project(read(0, size)) if size in _PADCONF_SIZES else _misfit("PADCONF", size)
        )
    if prefix.startswith(b"RFWV"):
        return lambda read: describe_mk2.sample(prefix, size)
    if prefix.startswith(b"RLND"):
        return lambda read: describe_sx.rlnd_chunk(_small(read, size, 4096, "RLND chunk"))
    if prefix.startswith(b"BM"):
        return lambda read: describe_mk2.picture(prefix, size)
    if prefix.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return lambda read: describe_mk2.chain(_small(read, size, describe_mk2.LARGEST_XML, "pattern chain"))
    return None


def _by_size(prefix: bytes, size: int, name: str) -> _Describer | None:
    """The kinds that begin with nothing of their own: their size tells, and their name where it is right."""
    named = next((kind for kind in _SIZES if kind in name.upper()), None)
    fits = size in _SIZES[named] if named else sniff.container(prefix) is None and not _is_text(prefix)
    if named and not fits:
        return lambda read: _misfit(named, size)
    if fits and size == pad_info.SIZE_BYTES and (named or prefix.startswith(_FIRST_PAD)):
        return lambda read: describe_sx.pad_table(read(0, size))
    if fits and size == describe_sx.STPINFO_BYTES:
        return lambda read: describe_sx.stpinfo(read(0, size))
    if fits and size == describe_sx.RECORD_BYTES and not _ends_as_pattern(prefix):
        return lambda read: describe_sx.pad_record(read(0, size))
    return None


def _is_text(prefix: bytes) -> bool:
    return all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in prefix)


def _misfit(kind: str, size: int) -> Description:
    wanted = "52,000 (version 3) or 31,488 (version 2)" if kind == "PADCONF" else f"{_SIZES[kind][0]:,}"
    begins = " and begins with RFPD" if kind == "PADCONF" else ""
    raise FormatError(f"{kind}.BIN has {wanted} bytes{begins}; this file has {size:,} bytes")


def _looks_like_pattern(read: Read, size: int, name: str) -> bool:
    if name.upper().startswith("PTN") and name.upper().endswith(".BIN"):
        return size <= _LARGEST_PATTERN
    return size % 8 == 0 and 16 <= size <= _LARGEST_PATTERN and _ends_as_pattern(read(size - 16, 16))


def _ends_as_pattern(data: bytes) -> bool:
    """Whether the last but one group of 8 bytes is an end event, which carries nothing else."""
    return len(data) >= 16 and data[-16:-8] == bytes((0, pattern.END, 0, 0, 0, 0, 0, 0))


def _audio(read: Read, size: int, prefix: bytes) -> Description:
    try:
        header = audio_header.parse_header(read, size)
    except FormatError as error:
        if error.id == "not-audio":
            raise FormatError(f"it is no device file that is known here: {sniff.describe(prefix)}") from None
        if error.id == "codec-not-supported":
            raise FormatError(f"{error}, which is not explained here; `benchpad convert` reads it") from None
        raise
    if (header.container, prefix[38:42]) == ("wav", b"RLND") and len(prefix) >= rlnd.DATA_OFFSET:
        return describe_sx.wav(prefix, header, size)
    return describe_audio.audio(prefix, size, header)


def _small(read: Read, size: int, limit: int, what: str) -> bytes:
    if size > limit:
        raise FormatError(f"the {what} has {size:,} bytes, more than any device writes")
    return read(0, size)
