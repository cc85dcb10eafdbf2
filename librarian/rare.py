"""How much audio the header promises in containers that only libsndfile knows.

Layouts as libsndfile writes and reads them; Matlab's level 4 and 5 after MathWorks' "MAT-File Format".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

import numpy as np

from firmware.formats.audio_header import Read
from firmware.formats.lengths import Length

DUMP = b"\xf0\x7e"  # how a MIDI sample dump begins
_DUMP_HEAD, _DUMP_BLOCK = 21, 127
_DUMP_PIECE = _DUMP_BLOCK << 13
_HEAD = 1024
_MAT4_WIDTH = (8, 4, 4, 2, 2, 1)
_VOC_DATA = {1: 2, 9: 12}  # bytes before the audio of a block, by its type


def measure(read: Read, size: int) -> Length:
    """Bytes by the header and in truth, of a file of ``size`` bytes; all 0 where this knows no better."""
    head = read(0, min(size, _HEAD))
    for magic, how in _KINDS.items():
        if head.startswith(magic):
            try:
                declared, offset = how(head)
            except (struct.error, IndexError, ValueError):
                return Length()
            return Length(declared, min(declared, max(0, size - offset)), offset)
    return Length()


def whole_dump(read: Read, size: int) -> int:
    """Where the sound blocks of a MIDI sample dump end that follow each other without a fault; 0 for none.

    Of a damaged one libsndfile prints what it thinks on stdout. Each block begins with F0 7E, and has 120
    bytes of audio, the sum of its bytes (exclusive or) and F7.
    """
    end = _DUMP_HEAD
    while end + _DUMP_BLOCK <= size:
        data = read(end, min(_DUMP_PIECE, (size - end) // _DUMP_BLOCK * _DUMP_BLOCK))
        blocks = np.frombuffer(data, np.uint8)[: len(data) // _DUMP_BLOCK * _DUMP_BLOCK].reshape(
            -1, _DUMP_BLOCK
        )
        sums = np.bitwise_xor.reduce(blocks[:, 1:-2], axis=1) & 0x7F
        good = (blocks[:, 0] == 0xF0) & (blocks[:, 1] == 0x7E) & (sums == blocks[:, -2])
        whole = len(good) if good.all() else int(np.argmin(good))
        end += whole * _DUMP_BLOCK
        if whole < len(good) or not whole:
            break
    return end if end > _DUMP_HEAD else 0


def _avr(head: bytes) -> tuple[int, int]:
    stereo, bits = struct.unpack_from(">HH", head, 12)
    frames = struct.unpack_from(">I", head, 26)[0]
    return frames * (2 if stereo else 1) * (bits // 8), 128


def _nist(head: bytes) -> tuple[int, int]:
    found = dict(re.findall(rb"(\w+) -(?:i|s1) (\d+)", head))
    values = (int(found.get(key, 0)) for key in (b"sample_count", b"channel_count", b"sample_n_bytes"))
    count, channels, width = values
    return count * channels * width, 1024


def _voc(head: bytes) -> tuple[int, int]:
    at = struct.unpack_from("<H", head, 20)[0]
    while head[at] in (8, *_VOC_DATA):
        length = int.from_bytes(head[at + 1 : at + 4], "little")
        if (before := _VOC_DATA.get(head[at])) is not None:
            return length - before, at + 4 + before
        at += 4 + length
    return 0, 0


def _wve(head: bytes) -> tuple[int, int]:
    return struct.unpack_from(">I", head, 18)[0], 32


def _mpc(head: bytes) -> tuple[int, int]:
    return struct.unpack_from("<I", head, 30)[0] * 2 * (2 if head[21] else 1), 42


def _xi(head: bytes) -> tuple[int, int]:
    return struct.unpack_from("<I", head, 298)[0], 338


def _mat4(head: bytes) -> tuple[int, int]:
    order = "<" if head[:4] == bytes(4) else ">"
    at = 20 + struct.unpack_from(order + "I", head, 16)[0] + 8  # past the sample rate
    kind, rows, columns, _, name = struct.unpack_from(order + "5I", head, at)
    return rows * columns * _MAT4_WIDTH[kind // 10 % 10], at + 20 + name


def _mat5(head: bytes) -> tuple[int, int]:
    order = "<" if head[126:128] == b"IM" else ">"
    at = 128 + 8 + struct.unpack_from(order + "I", head, 132)[0]  # past the sample rate
    at += 8 + 16 + 16  # the matrix, its flags and its dimensions
    length = struct.unpack_from(order + "I", head, at + 4)[0]  # of the name
    at += 8 + length + -length % 8
    return struct.unpack_from(order + "I", head, at + 4)[0], at + 8


_KINDS: dict[bytes, Callable[[bytes], tuple[int, int]]] = {
    b"2BIT": _avr,
    b"NIST_1A": _nist,
    b"Creative Voice File": _voc,
    b"ALawSoundFile": _wve,
    b"\x01\x04": _mpc,
    b"Extended Instrument: ": _xi,
    b"\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\x0b\0\0\0samplerate": _mat4,
    b"\0\0\x03\xe8\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\x0bsamplerate": _mat4,
    b"MATLAB 5.0 MAT-file": _mat5,
}
