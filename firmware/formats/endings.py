"""The endings of names that promise audio, and those that also say that no header tells what it is."""

from __future__ import annotations

_PCM = frozenset(("wav", "wave", "bwf", "rf64", "aif", "aiff", "aifc", "smp", "au", "snd", "caf", "w64"))
_CODED = frozenset(("mp2", "mp3", "mp4", "m4a", "aac", "flac", "ogg", "oga", "opus", "wma", "wv", "ape"))
# Samplers, old computers and laboratories: no device of these plays one, and all can be converted.
_OLD = frozenset(("8svx", "16sv", "svx", "avr", "mpc2k", "paf", "sds", "sf", "voc", "wve", "xi"))
_LABORATORY = frozenset(("htk", "ircam", "mat4", "mat5", "nist", "pvf", "sph", "wavex"))
HEADERLESS = frozenset(("raw", "pcm", "sd2"))  # bare samples; of an SD2 the header was in a Mac's other fork
AUDIO = _PCM | _CODED | _OLD | _LABORATORY


def suffix(name: str) -> str:
    """A file name's ending in lower case, without its dot."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def promises_audio(name: str) -> bool:
    """Whether a file's name says that it is audio, of whatever kind."""
    return suffix(name) in AUDIO or suffix(name) in HEADERLESS
