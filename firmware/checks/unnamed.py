"""Audio whose name does not say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from firmware.findings import Finding, found
from firmware.formats import sniff
from sdcard_image.types import Entry

HEAD_BYTES = 64
MOST_LOOKED_AT = 20_000  # files: each costs a read


def unnamed_audio(
    entries: Iterable[Entry], read: Callable[[str, int, int], bytes | None]
) -> Iterator[Finding]:
    """A finding for each file without audio's ending that begins as audio does.

    ``read(path, offset, n)`` gives bytes, or None where the card cannot be read there.
    """
    for _, entry in zip(range(MOST_LOOKED_AT), entries, strict=False):
        head = read(entry.path, 0, min(HEAD_BYTES, entry.size)) if entry.size else None
        if head and sniff.is_surely_audio(head, entry.size):
            kind = sniff.container(head) or ""
            what = sniff.foreign(head, entry.size) or sniff.KNOWN.get(kind, kind.upper())
            yield found("name-ending", f"its content is {what}, its name is {entry.name}", path=entry.path)
