"""Chunks of WAV and AIFF files that lie about their length, or lack their padding byte."""

from __future__ import annotations

from collections.abc import Iterator

from firmware.formats.header import MAX_CHUNKS, AudioHeader, Read, lacks_padding
from firmware.wording import counted

_AUDIO = (b"data", b"SSND")


def chunk_problems(read: Read, size: int, header: AudioHeader | None) -> Iterator[tuple[str, str]]:
    """The id (``odd-chunk``, ``absurd-size``) and sentence of each problem in a file of ``size`` bytes.

    ``header`` is that of admission, None where it refused the file. A container without chunks has none.
    """
    magic = read(0, min(12, size))
    if magic[:4] not in (b"RIFF", b"RIFX", b"FORM") or len(magic) < 12 or (header and header.unfinished):
        return
    order = "little" if magic[:4] == b"RIFF" else "big"
    position = 12
    for _ in range(MAX_CHUNKS):
        head = read(position, 8) if position + 8 <= size else b""
        if len(head) < 8:
            return
        name = head[:4]
        length = int.from_bytes(head[4:], "little" if order == "little" else "big")
        end = position + 8 + length
        if end > size:
            if name not in _AUDIO:
                what = f"the chunk {name.decode('latin-1')!r} claims {counted(length, 'byte')}"
                yield "absurd-size", f"{what}; the file ends {end - size:,} before"
            return
        position = end + (length & 1)
        if lacks_padding(read, size, end, length):
            shown = name.decode("latin-1")
            yield "odd-chunk", f"the chunk {shown!r} of {counted(length, 'byte')} has no padding byte"
            position = end
