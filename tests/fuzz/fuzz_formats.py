"""A long fuzz of every format parser, for hand use: any bytes give a result or a FormatError, and what parses
comes back byte for byte.

    python tests/fuzz/fuzz_formats.py --examples 100000
    python tests/fuzz/fuzz_formats.py --only wav
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "firmware")]

from audio_bytes import aiff, chunk, comm, extensible, fmt, form, riff, wav  # noqa: E402 - needs the path above

from firmware import profiles  # noqa: E402
from firmware.admission import examine  # noqa: E402
from firmware.formats import FormatError, pad_info, padconf, pattern, rlnd, smp  # noqa: E402
from firmware.formats.describe import describe  # noqa: E402
from librarian.pattern_convert import read_pattern, to_device  # noqa: E402
from librarian.pattern_midi import from_midi, to_midi  # noqa: E402

PROFILES = [profiles.load(name) for name in profiles.names()]


def audio(data: bytes) -> None:
    for profile in PROFILES:
        header, verdict = examine(lambda offset, n: data[offset : offset + n], len(data), profile, "x.wav")
        assert verdict.accepted or (verdict.id and verdict.reason and "\n" not in verdict.reason)
        if verdict.accepted:
            assert header is not None
            assert header.frames > 0
            assert header.data_offset + header.frames * header.frame_bytes <= len(data)


def _round_trip(parse: Callable[[bytes], object], back: Callable[[object], bytes]) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        try:
            parsed = parse(data)
        except FormatError:
            return
        assert back(parsed) == data[: len(back(parsed))]

    return target


def _rlnd(data: bytes) -> None:
    try:
        found = rlnd.find(data)
    except FormatError:
        return
    assert found is None or found.to_bytes() == data[46:504]


def damaged(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """One of the seeds with bytes overwritten, cut out, doubled or cut off."""

    @st.composite
    def build(draw: st.DrawFn) -> bytes:
        data = bytearray(draw(st.sampled_from(seeds)))
        for _ in range(draw(st.integers(0, 5))):
            at = draw(st.integers(0, len(data)))
            data[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
        return bytes(data)

    return st.one_of(build(), st.binary(max_size=300))


def _noisy(size: int, head: bytes) -> st.SearchStrategy[bytes]:
    """A file of about ``size`` bytes that begins with ``head``, with noise somewhere in it."""
    return st.builds(
        lambda noise, at, cut: (head.ljust(at, b"\0") + noise).ljust(size, b"\0")[: size - cut],
        st.binary(max_size=400),
        st.integers(len(head), size),
        st.sampled_from([0, 0, 0, 1, 40]),
    )


WAVS = [
    wav(8),
    riff(chunk(b"LIST", b"abc"), chunk(b"fmt ", extensible()), chunk(b"data", bytes(64))),
    riff(chunk(b"fmt ", fmt()), chunk(b"data", bytes(64), size=0xFFFFFFFF), size=0xFFFFFFFF),
]
AIFFS = [
    aiff(8),
    aiff(8, compression=b"sowt"),
    form(chunk(b"SSND", bytes(40), ">"), chunk(b"COMM", comm(), ">")),
]
PATTERN = bytes([96, 47, 0, 0x8D, 127, 64, 1, 0, 0, 0x8C, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x80, 1, 1])

CHAIN = b'<?xml version="1.0"?>\n<CHAIN n="1"><P>7</P><P/></CHAIN>'
BMP = b"BM\x3e\4\0\0" + bytes(4) + b"\x3e\0\0\0\x28\0\0\0\x80\0\0\0\x40\0\0\0\1\0\1\0" + bytes(40)


def _described(data: bytes) -> None:
    for name in ("", "PTN00001.BIN", "PAD_INFO.BIN"):
        try:
            told = describe(lambda offset, n: data[offset : offset + n], len(data), name)
        except FormatError:
            continue
        json.dumps(told.document())


def _as_midi(data: bytes) -> None:
    """A pattern or MIDI file of either device goes to the other's, to MIDI, and back with the same events."""
    for device in pattern.Device:
        try:
            read = read_pattern(data, device, device)
        except FormatError:
            continue
        made = to_device(read.pattern, pattern.Device.SX).pattern
        assert from_midi(to_midi(made)).pattern.trailer == made.trailer
        back = from_midi(to_midi(read.pattern)).pattern
        assert (back.trailer, back.ticks) == (read.pattern.trailer, read.pattern.ticks)
        assert [tick for tick, _ in back.placed()] == [tick for tick, _ in read.pattern.placed()]


TARGETS: dict[str, tuple[Callable[[bytes], None], st.SearchStrategy[bytes]]] = {
    "wav": (audio, damaged(WAVS)),
    "aiff": (audio, damaged(AIFFS)),
    "bytes": (audio, st.binary(max_size=600)),
    "rlnd": (_rlnd, damaged([rlnd.build(3, bytes(64), 2)])),
    "smp": (_round_trip(smp.parse, lambda h: h.to_bytes()), damaged([smp.build(bytes(64), 2)])),
    "pad_info": (_round_trip(pad_info.parse, pad_info.build), _noisy(pad_info.SIZE_BYTES, b"")),
    "padconf": (_round_trip(padconf.parse, lambda c: c.to_bytes()), _noisy(52_000, b"RFPD\0\0\0\xa0\3")),
    "padconf2": (_round_trip(padconf.parse, lambda c: c.to_bytes()), _noisy(31_488, b"RFPD")),
    "describe": (
        _described,
        damaged([*WAVS, *AIFFS, PATTERN, CHAIN, BMP, rlnd.build(3, bytes(8), 1), smp.build(bytes(8), 1)]),
    ),
    "as_midi": (_as_midi, damaged([PATTERN, to_midi(pattern.parse(PATTERN, pattern.Device.MK2))])),
    "describe_pads": (_described, _noisy(pad_info.SIZE_BYTES, b"\0\0\2\0")),
    "describe_project": (_described, _noisy(52_000, b"RFPD\0\0\0\xa0\3")),
    "pattern_sx": (
        _round_trip(lambda data: pattern.parse(data, pattern.Device.SX), lambda p: p.to_bytes()),
        damaged([PATTERN]),
    ),
    "pattern_mk2": (
        _round_trip(lambda data: pattern.parse(data, pattern.Device.MK2), lambda p: p.to_bytes()),
        damaged([PATTERN]),
    ),
}


def run(name: str, examples: int) -> None:
    """Fuzz one target; raises with the smallest input that breaks it."""
    target, strategy = TARGETS[name]
    check = settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )(given(strategy)(target))
    check()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--examples", type=int, default=20_000, help="inputs for each target")
    parser.add_argument("--only", choices=TARGETS, help="one target")
    options = parser.parse_args()
    for name in [options.only] if options.only else TARGETS:
        print(f"{name}: {options.examples:,} inputs")
        run(name, options.examples)


if __name__ == "__main__":
    main()
