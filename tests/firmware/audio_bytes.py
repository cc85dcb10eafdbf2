"""Audio files as bytes, well-formed and not, for tests."""

from __future__ import annotations

import io
import struct

import numpy as np
import soundfile as sf


def chunk(name: bytes, body: bytes, order: str = "<", size: int | None = None) -> bytes:
    length = len(body) if size is None else size
    return name + struct.pack(order + "I", length) + body + b"\0" * (len(body) & 1)


def fmt(channels=2, rate=48_000, bits=16, tag=1, *, order="<", align=None) -> bytes:
    align = channels * ((bits + 7) // 8) if align is None else align
    return struct.pack(order + "HHIIHH", tag, channels, rate, rate * align, align, bits)


def extensible(channels=2, rate=48_000, bits=16, valid=None, tag=1) -> bytes:
    tail = bytes.fromhex("000000001000800000aa00389b71")
    extra = struct.pack("<HHIH", 22, valid or bits, 3, tag) + tail
    return fmt(channels, rate, bits, 0xFFFE) + extra


def riff(*chunks: bytes, size: int | None = None, magic: bytes = b"RIFF", order: str = "<") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return magic + struct.pack(order + "I", len(body) if size is None else size) + body


def wav(frames=1000, channels=2, rate=48_000, bits=16, tag=1) -> bytes:
    pcm = bytes(frames * channels * ((bits + 7) // 8))
    return riff(chunk(b"fmt ", fmt(channels, rate, bits, tag)), chunk(b"data", pcm))


def extended(rate: int) -> bytes:
    """An 80-bit IEEE number, by a way of its own: normalised mantissa."""
    top = rate.bit_length() - 1
    return struct.pack(">HQ", 16383 + top, rate << (63 - top))


def comm(channels=2, frames=1000, bits=16, rate=48_000, compression: bytes | None = None) -> bytes:
    body = struct.pack(">HIH", channels, frames, bits) + extended(rate)
    return body if compression is None else body + compression + b"\0\0"


def form(*chunks: bytes, kind: bytes = b"AIFF") -> bytes:
    body = kind + b"".join(chunks)
    return b"FORM" + struct.pack(">I", len(body)) + body


def aiff(frames=1000, channels=2, rate=48_000, bits=16, compression: bytes | None = None) -> bytes:
    width = (bits + 7) // 8
    ssnd = struct.pack(">II", 0, 0) + bytes(frames * channels * width)
    return form(
        chunk(b"COMM", comm(channels, frames, bits, rate, compression), ">"),
        chunk(b"SSND", ssnd, ">"),
        kind=b"AIFF" if compression is None else b"AIFC",
    )


def by_libsndfile(
    container: str, subtype: str, channels=2, rate=44_100, *, frames=138, endian="FILE"
) -> bytes:
    """A file written by libsndfile, an independent writer."""
    out = io.BytesIO()
    noise = np.random.default_rng(7).uniform(-0.5, 0.5, (frames, channels))
    sf.write(out, noise, rate, format=container, subtype=subtype, endian=endian)
    return out.getvalue()
