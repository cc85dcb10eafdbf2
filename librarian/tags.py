"""What a file says of itself: title, artist and the like, and broadcast WAV's own chunk; kept in a new WAV.

Formats: the ``INFO`` list of Microsoft's "Multimedia Programming Interface" 1.0; ``bext`` of EBU Tech 3285;
``NAME``, ``AUTH``, ``(c) ``, ``ANNO`` and ``COMT`` of Apple's "Audio Interchange File Format" 1.3; metadata
blocks of FLAC (RFC 9639). Tags of other containers are read by libsndfile.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from firmware.formats.audio_header import MAX_CHUNKS, AudioHeader, Read
from firmware.formats.mpeg import id3_bytes

from .chunks import chunks

_WORDS = {
    b"INAM": "title",
    b"IART": "artist",
    b"ICMT": "comment",
    b"ICOP": "copyright",
    b"ISFT": "software",
    b"ICRD": "date",
    b"IPRD": "album",
    b"ITRK": "tracknumber",
    b"IGNR": "genre",
}
_KEYS = {word: key for key, word in _WORDS.items()}
_AIFF = {b"NAME": b"INAM", b"AUTH": b"IART", b"(c) ": b"ICOP", b"ANNO": b"ICMT"}
# Chunks that tell something of the sound and have no place in a new file; others hold what a program needs.
_WAV_OTHERS = (b"iXML", b"axml", b"id3 ", b"ID3 ", b"cart", b"acid", b"inst")
_AIFF_OTHERS = (b"APPL", b"ID3 ", b"MIDI")
_FLAC_OTHERS = {5: "cue sheet", 6: "picture"}
_MOST = 256  # entries kept of one file
_LONGEST = 1 << 16  # bytes of one
_TIME = slice(338, 346)  # of bext: frames since midnight, in 64 bits


@dataclass(frozen=True, slots=True)
class Tags:
    """``info``: entries of an INFO list, by their four letters; ``bext``: that chunk's body.

    ``others`` names what cannot be kept.
    """

    info: tuple[tuple[bytes, bytes], ...] = ()
    bext: bytes = b""
    others: tuple[str, ...] = ()

    def moved(self, ratio: Fraction) -> Tags:
        """The same at ``ratio`` times the rate: bext counts time in frames."""
        if len(self.bext) < _TIME.stop or ratio == 1:
            return self
        time = round(int.from_bytes(self.bext[_TIME], "little") * ratio)
        if time >> 64:
            return self
        place = time.to_bytes(8, "little")
        return replace(self, bext=self.bext[: _TIME.start] + place + self.bext[_TIME.stop :])

    def wav_chunks(self) -> bytes:
        """The ``bext`` and ``LIST`` chunks of a WAV; empty where there is nothing to say."""
        body = b"".join(_chunk(key, text + b"\0") for key, text in self.info)
        listed = _chunk(b"LIST", b"INFO" + body) if body else b""
        return (_chunk(b"bext", self.bext) if self.bext else b"") + listed

    def lost(self, *, in_wav: bool) -> tuple[str, ...]:
        """What a new file does not say any more, in one sentence: those of the devices have no tags."""
        names = [*self.others]
        if not in_wav:
            names = [*(_word(key) for key, _ in self.info), *(["bext"] if self.bext else []), *names]
        listed = ", ".join(dict.fromkeys(names))
        return (f"not kept, as the new file has no place for it: {listed}",) if listed else ()


NO_TAGS = Tags()


def read_tags(read: Read, size: int, header: AudioHeader | None, strings: Mapping[str, str]) -> Tags:
    """The tags of a file of ``size`` bytes. ``strings`` are those that libsndfile found."""
    container = header.container if header is not None else ""
    if header is not None and container in ("wav", "rf64", "rifx"):
        return _wav(read, size, header)
    if container in ("aiff", "aifc"):
        return _aiff(read, size)
    texts = [(word, text.encode()) for word, text in strings.items() if text]
    others = [word for word, _ in texts if word not in _KEYS]
    if container == "flac":
        others += _flac_others(read, size)
    elif container == "mp3" and b"APIC" in read(0, min(size, id3_bytes(read(0, 10)), _LONGEST)):
        others.append("picture")
    return Tags(_kept((_KEYS[word], text) for word, text in texts if word in _KEYS), others=_once(others))


def _wav(read: Read, size: int, header: AudioHeader) -> Tags:
    order = ">" if header.container == "rifx" else "<"
    wanted = frozenset((b"LIST", b"bext", *_WAV_OTHERS))
    info: list[tuple[bytes, bytes]] = []
    bext, others = b"", []
    for name, body in chunks(read, size, order, header.declared_bytes, wanted):
        if name == b"LIST":
            info += _info(body, order)
        elif name == b"bext" and not bext and order == "<":
            bext = body
        else:
            others.append(name.decode().strip())
    return Tags(_kept(info), bext, _once(others))


def _info(body: bytes, order: str) -> Iterator[tuple[bytes, bytes]]:
    at = 4 if body.startswith(b"INFO") else len(body)
    while at + 8 <= len(body):
        length = struct.unpack_from(order + "I", body, at + 4)[0]
        yield body[at : at + 4], body[at + 8 : at + 8 + length]
        at += 8 + length + (length & 1)


def _aiff(read: Read, size: int) -> Tags:
    info, others = [], []
    for name, body in chunks(read, size, ">", 0, frozenset((*_AIFF, *_AIFF_OTHERS, b"COMT"))):
        if name in _AIFF:
            info.append((_AIFF[name], body))
        elif name == b"COMT":  # how many, then for each its time, its marker, its length
            info.append((b"ICMT", body[10 : 10 + int.from_bytes(body[8:10], "big")]))
        else:
            others.append(name.decode().strip())
    return Tags(_kept(info), others=_once(others))


def _flac_others(read: Read, size: int) -> Iterator[str]:
    position = 4
    for _ in range(MAX_CHUNKS):
        head = read(position, 4) if position + 4 <= size else b""
        if len(head) < 4:
            return
        if head[0] & 0x7F in _FLAC_OTHERS:
            yield _FLAC_OTHERS[head[0] & 0x7F]
        if head[0] & 0x80:
            return
        position += 4 + int.from_bytes(head[1:], "big")


def _kept(entries: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """Entries that say something, each kind once, of bounded length and number."""
    kept: dict[bytes, bytes] = {}
    for key, raw in entries:
        text = raw.split(b"\0", 1)[0][:_LONGEST]
        if text and len(kept) < _MOST and key.isalnum():
            kept.setdefault(key, text)
    return tuple(kept.items())


def _word(key: bytes) -> str:
    return _WORDS.get(key, key.decode("latin-1"))


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)
