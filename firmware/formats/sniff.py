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

# What libsndfile knows and no device of these plays, by the magic that each format's readers look for.
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"Creative Voice File\x1a", "Creative Voice (VOC)"),
    (b"2BIT", "Audio Visual Research (AVR)"),
    (b"NIST_1A", "NIST SPHERE"),
    (b" paf", "Ensoniq PARIS (PAF)"),
    (b"fap ", "Ensoniq PARIS (PAF)"),
    (b"PVF1\n", "Portable Voice Format (PVF)"),
    (b"ALawSoundFile", "Psion WVE"),
    (b"Extended Instrument: ", "a FastTracker instrument (XI)"),
    (b"MATLAB 5.0 MAT-file", "a MATLAB 5 file"),
    (b"\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\x0b\0\0\0samplerate", "a MATLAB 4 file"),
    (b"\0\0\x03\xe8\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\x0bsamplerate", "a MATLAB 4 file"),
)
_HTK_HEADER, _HTK_WIDTH = 12, 2


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


def foreign(prefix: bytes, size: int) -> str | None:
    """The name of an audio format that only converters know, of a file of ``size`` bytes; else None."""
    for magic, name in _FOREIGN:
        if prefix.startswith(magic):
            return name
    if len(prefix) < 42:
        return None
    if prefix[:2] == b"\xf0\x7e" and prefix[3] == 1 and prefix[20] == 0xF7:
        return "a MIDI sample dump (SDS)"
    if prefix[:2] == b"\x01\x04" and prefix[21] <= 1 and _is_mpc(prefix, size):
        return "an Akai MPC 2000 sound"
    for mark in (prefix[:4], prefix[3::-1]):
        if mark[:2] == b"\x64\xa3" and 1 <= mark[2] <= 4 and mark[3] == 0:
            return "IRCAM"
    count, width, kind = int.from_bytes(prefix[:4]), int.from_bytes(prefix[8:10]), prefix[10:12]
    is_htk = width == _HTK_WIDTH and kind == b"\0\0" and count * width + _HTK_HEADER == size
    return "HTK" if is_htk else None


def _is_mpc(prefix: bytes, size: int) -> bool:
    """Whether two bytes of magic are borne out: by a name, or by the count of frames."""
    frames = int.from_bytes(prefix[30:34], "little")
    is_named = prefix[2] > 32 and prefix[2:18].isascii()
    return is_named or (frames > 0 and 42 + 2 * frames * (1 + prefix[21]) == size)


def is_surely_audio(prefix: bytes, size: int) -> bool:
    """Whether a file whose name does not say so is audio; what other files can begin with does not count."""
    kind = container(prefix)
    if kind == "m4a":
        return prefix[8:12] in (b"M4A ", b"M4B ")  # other brands are films and pictures
    if kind == "mp3":
        return prefix.startswith(b"ID3")
    if kind is not None:
        return kind not in ("midi", "aac")
    is_table = prefix.startswith(b"MATLAB 5") and b"libsndfile" not in prefix[:64]  # any numbers at all
    return foreign(prefix, size) is not None and not is_table


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
