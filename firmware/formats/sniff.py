"""Name a file by its first bytes, so that a refusal can say what the file is instead of what it is not."""

from __future__ import annotations

KNOWN = {
    "flac": "FLAC",
    "ogg": "Ogg (Vorbis or Opus)",
    "mp3": "MP3",
    "aac": "AAC",
    "m4a": "MPEG-4 audio (AAC or ALAC)",
    "caf": "Core Audio Format",
    "w64": "Sony Wave64",
    "wavpack": "WavPack",
    "ape": "Monkey's Audio",
    "asf": "Windows Media Audio",
    "au": "Sun/NeXT audio",
    "8svx": "Amiga 8SVX or 16SV",
    "midi": "a Standard MIDI file",
    "smp": "SP-404MKII sample",
}

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"ID3", "mp3"),
    (b"caff", "caf"),
    (b"riff\x2e\x91\xcf\x11", "w64"),
    (b"wvpk", "wavpack"),
    (b"MAC ", "ape"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (b".snd", "au"),
    (b"dns.", "au"),
    (b"MThd", "midi"),
    (b"RFWV", "smp"),
)
_RIFF = {
    (b"RIFF", b"WAVE"): "wav",
    (b"RIFX", b"WAVE"): "rifx",
    (b"RF64", b"WAVE"): "rf64",
    (b"BW64", b"WAVE"): "rf64",
}
_FORM = {b"AIFF": "aiff", b"AIFC": "aifc", b"8SVX": "8svx", b"16SV": "8svx"}
_OTHER: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x00\x05\x16\x07", "a macOS AppleDouble file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"RIFF", "a RIFF file of another kind"),
    (b"FORM", "an IFF file of another kind"),
)


def container(prefix: bytes) -> str | None:
    """The container's short name ("wav", "aifc", a key of `KNOWN`), or None where this is no known audio."""
    if kind := _RIFF.get((prefix[:4], prefix[8:12])):
        return kind
    if prefix[:4] == b"FORM":
        return _FORM.get(prefix[8:12])
    if prefix[4:8] == b"ftyp":
        return "m4a"
    for magic, kind in _MAGIC:
        if prefix.startswith(magic):
            return kind
    return _mpeg(prefix)


def _mpeg(prefix: bytes) -> str | None:
    """MPEG audio frame sync: 11 set bits, then version and layer; layer 0 with 12 set bits is ADTS."""
    if len(prefix) < 4 or prefix[0] != 0xFF or prefix[1] & 0xE0 != 0xE0:
        return None
    if prefix[1] & 0xF6 == 0xF0:
        return "aac"
    reserved = (
        prefix[1] & 0x18 == 0x08
        or prefix[1] & 0x06 == 0
        or prefix[2] & 0xF0 == 0xF0
        or prefix[2] & 0x0C == 0x0C
    )
    return None if reserved else "mp3"


def describe(prefix: bytes) -> str:
    """What a file that is no audio seems to be, for the end of a sentence."""
    for magic, name in _OTHER:
        if prefix.startswith(magic):
            return f"it looks like {name}"
    if not any(prefix):
        return "it begins with zeros"
    if all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in prefix[:64]):
        return "it looks like text"
    return f"its first bytes are {prefix[:4].hex(' ')}"
