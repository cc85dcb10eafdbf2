"""Small cards with one thing wrong with each: what a check must find, by its id."""

from __future__ import annotations

import io
import os
import struct
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import soundfile as sf

from firmware.formats import pad_info, padconf, rlnd, smp
from firmware.formats.pad_info import PadRecord
from firmware.formats.padconf import PadConf
from native import CardModel

Files = dict[str, bytes]
SX = "ROLAND/SP-404SX/SMPL"


def wave(frames=4410, channels=1, level=0.5, rate=44_100):
    """A tone that begins and ends near zero, one row a frame."""
    tone = level * np.sin(2 * np.pi * 441 * np.arange(frames) / rate)
    return np.repeat(tone[:, None], channels, axis=1)


def wav(data=None, rate=44_100, subtype="PCM_16", kind="WAV") -> bytes:
    out = io.BytesIO()
    sf.write(out, wave(rate=rate) if data is None else data, rate, subtype=subtype, format=kind)
    return out.getvalue()


def pcm(data) -> bytes:
    return (np.asarray(data) * 32767).astype("<i2").tobytes()


def sx_wav(data=None, pad=0) -> bytes:
    data = wave() if data is None else data
    return rlnd.build(pad, pcm(data), data.shape[1])


def sx_record(data: bytes, **changes) -> PadRecord:
    return replace(PadRecord(original_end=len(data), user_end=len(data), channels=1), **changes)


def sx_card(records: dict[int, PadRecord] | None = None, **files: bytes) -> Files:
    """An SX card with a good sample on A1 (unless given), and a record for it."""
    content = {"A0000001_WAV": sx_wav()} | files
    made = [PadRecord()] * pad_info.RECORDS
    made[0] = sx_record(content["A0000001_WAV"])
    for number, record in (records or {}).items():
        made[number] = record
    found = {f"{SX}/{name.replace('_', '.')}": data for name, data in content.items() if data}
    return found | {f"{SX}/PAD_INFO.BIN": pad_info.build(tuple(made))}


def a_smp(data=None) -> bytes:
    values = (np.asarray(wave(4800) if data is None else data) * 32767).astype(">i2")
    return smp.build(values.tobytes(), 1 if data is None else data.shape[1])


def mk2_conf(data: bytes, **changes) -> PadConf:
    return replace(PadConf(size_bytes=len(data), start=512, end=len(data)), **changes)


def mk2_card(changes: dict[int, PadConf] | None = None, *, config=None, **files: bytes) -> Files:
    """A project with a good sample on A1 (unless given), and an entry for it."""
    content = {"BANK1-01.SMP": a_smp()} | {name.replace("_", "-", 1): d for name, d in files.items()}
    empty = padconf.new("TEST") if config is None else config
    pads = list(empty.pads)
    pads[0] = mk2_conf(content["BANK1-01.SMP"])
    for number, pad in (changes or {}).items():
        pads[number] = pad
    found = {f"SMPL/{name}": data for name, data in content.items() if data}
    return found | {"PADCONF.BIN": replace(empty, pads=tuple(pads)).to_bytes()}


@dataclass(frozen=True)
class Case:
    """A folder's files, and the device to check it for. ``make`` does what files alone cannot."""

    device: str
    files: Files
    make: Callable[[Path], None] | None = None
    timing: CardModel = field(default_factory=lambda: CardModel(command_us=1_000, read_mb_per_s=20))

    def write(self, folder: Path) -> Path:
        for path, data in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        if self.make:
            self.make(folder)
        return folder


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(body) if size is None else size) + body


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


FMT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 44_100, 88_200, 2, 16))
DATA = pcm(wave())


def one(data: bytes, device="generic", name="A/kick.wav") -> Case:
    return Case(device, {name: data})


def imported(name: str, data: bytes | None = None) -> Case:
    return Case("sp404mk2", {f"IMPORT/{name}": wav() if data is None else data})


def quiet_start(ms: int):
    return np.concatenate((np.zeros((ms * 44_100 // 1000, 1)), wave()))


def with_file(path: str, size: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            out.truncate(size)

    return make


def mk2_volume(bank: int, stored: int):
    config = padconf.new("TEST")
    header = bytearray(config.header)
    struct.pack_into(">H", header, 0x6C + 2 * (bank ^ 1), stored)
    return replace(config, header=bytes(header))


def mk2_chops(*frames: int) -> Files:
    """A project whose pad A1 has these chop points."""
    config = padconf.new("TEST")
    points = (*frames, *[padconf.UNUSED_CHOP] * (padconf.CHOPS - len(frames)))
    return mk2_card(config=replace(config, chops=(padconf.Chops(points), *config.chops[1:])))


def mk2_named(name: str) -> Files:
    """A project whose pad A1 has this name, in an 8-bit coding."""
    config = padconf.new("TEST")
    raw = name.encode("latin-1").ljust(padconf.NAME_BYTES, b"\0")
    return mk2_card(config=replace(config, names=(raw, *config.names[1:])))


LOOP = wave(4410 - 25)  # ends at the height of the wave: the jump back to zero is heard
SX_LOOP = sx_wav(LOOP)
LONG_SX = rlnd.build(0, DATA * 1200, 2)  # 60 s of stereo: more than the device's memory holds
CLIPPED = np.clip(wave(level=3.0), -1, 1)
SWAPPED = riff(FMT, chunk(b"data", np.frombuffer(DATA, "<i2").byteswap().tobytes()))
NFD = unicodedata.normalize("NFD", "Schl\u00e4ger")
GOOD = sx_wav()

# Every id but those of the volume, which need a damaged image.
CASES: dict[str, Case] = {
    "no-device-folder": Case("sp404sx", {"kick.wav": wav()}),
    "no-samples": Case("sp404sx", {f"{SX}/PAD_INFO.BIN": pad_info.build((PadRecord(),) * pad_info.RECORDS)}),
    "misspelt-folder": Case("sp404sx", {"ROLAND/SP404-SX/SMPL/A0000001.WAV": GOOD}),
    "misplaced-folder": Case("sp404sx", {"SMPL/A0000001.WAV": GOOD, "SMPL/A0000002.WAV": GOOD}),
    "folder-case": Case("sp404sx", {"Roland/SP-404SX/SMPL/A0000001.WAV": GOOD}),
    "sx-card-in-mk2": Case("sp404mk2", sx_card()),
    "mk2-card-in-sx": Case("sp404sx", mk2_card()),
    "project-name": Case(
        "sp404mk2", {f"EXPORT/PROJECT/MINE/{path}": data for path, data in mk2_card().items()}
    ),
    "pattern-hex": Case("sp404sx", sx_card() | {"ROLAND/SP-404SX/PTN/PTN0000A.BIN": b"\0"}),
    "pattern-number": Case("sp404sx", sx_card() | {"ROLAND/SP-404SX/PTN/PTN00121.BIN": b"\0"}),
    "bad-pattern": Case("sp404mk2", mk2_card() | {"PTN/PTN00001.BIN": b"x" * 800}),
    "index-missing": Case("sp404mk2", {"EXPORT/PROJECT/P1/SMPL/BANK1-01.SMP": a_smp()}),
    "bad-index": Case("sp404sx", sx_card() | {f"{SX}/PAD_INFO.BIN": bytes(100)}),
    "no-pad-entry": Case("sp404mk2", mk2_card({0: PadConf()})),
    "pad-without-sample": Case("sp404sx", sx_card({5: sx_record(GOOD)})),
    "stray-file": Case("sp404sx", sx_card(KICK_WAV=wav())),
    "two-samples": Case("sp404sx", sx_card(A0000001_AIF=wav(kind="AIFF"))),
    "not-seen": Case("sp404sx", sx_card() | {"BACKUP/kick.wav": wav()}),
    "too-deep": Case("generic", {"A/1/2/3/4/5/6/7/8/kick.wav": wav(), "A/kick.wav": wav()}),
    "too-many": Case("generic", {f"A/{n}.wav": wav() for n in range(17)}),
    "name-characters": imported("Schl\u00e4ger.wav"),
    "name-ending": imported("kick.bin"),
    "name-length": imported("a kick drum that has a very long name.wav"),
    "name-nfd": one(wav(), name=f"A/{NFD}.wav"),
    "name-control": one(wav(), name="A/a\nb.wav"),
    "name-invisible": one(wav(), name="A/a\u202eb.wav"),
    "name-trailing": one(wav(), name="A/kick.wav."),
    "name-stem": one(wav(), name="A/trail .wav"),
    "name-reserved": one(wav(), name="A/nul.wav"),
    "name-long": one(wav(), name=f"A/{'x' * 201}.wav"),
    "name-lookalike": Case("generic", {"A/Schl\u00e4ger.wav": wav(), f"A/{NFD}.wav": wav()}),
    "name-not-fat": one(wav(), name="A/what?.wav"),
    "name-duplicate": Case("generic", {"A/kick.wav": wav(), "A/KICK.wav": wav()}),
    "hidden-file": Case("sp404mk2", {"IMPORT/._kick.wav": b"\0", "IMPORT/kick.wav": wav()}),
    "empty-file": one(b""),
    "not-audio": one(b"%PDF-1.4 and so on"),
    "bad-header": one(riff(chunk(b"fmt ", bytes(4)), chunk(b"data", DATA))),
    "codec-not-supported": one(wav(kind="FLAC"), name="A/kick.flac"),
    "not-simulated": imported("kick.mp3", b"ID3\x03" + bytes(100)),
    "channels": one(wav(wave(channels=3))),
    "rate": one(wav(rate=48_000), "sp404sx", "kick.wav"),
    "bit-depth": imported("kick.wav", wav(subtype="FLOAT")),
    "no-audio-data": one(riff(FMT)),
    "truncated": one(wav()[:-1000]),
    "unfinished": imported("kick.wav", riff(FMT, chunk(b"data", DATA, 0xFFFFFFFF), size=0xFFFFFFFF)),
    "too-long": Case("sp404mk2", {"IMPORT/x.txt": b""}, None),
    "too-short": one(wav(wave(2000)), "sp404sx", "kick.wav"),
    "rlnd-missing": one(wav(), "sp404sx", "kick.wav"),
    "rlnd-pad": Case("sp404sx", sx_card(A0000001_WAV=sx_wav(pad=7))),
    "smp-md5": Case("sp404mk2", mk2_card(**{"BANK1_01.SMP": a_smp()[:0x20] + bytes(16) + a_smp()[0x30:]})),
    "byte-order": one(SWAPPED),
    "partial-frame": one(riff(FMT, chunk(b"data", DATA + b"\1\0\1"[:1]))),
    "riff-size": one(riff(FMT, chunk(b"data", DATA), size=1 << 24)),
    "odd-chunk": one(riff(FMT, chunk(b"LIST", b"odd"), chunk(b"data", DATA))),
    "absurd-size": one(riff(FMT, chunk(b"data", DATA), chunk(b"LIST", b"tiny", 1 << 30))),
    "silence": one(wav(np.zeros((4410, 1)))),
    "clipping": one(wav(CLIPPED)),
    "dc-offset": one(wav(wave(level=0.2) + 0.1)),
    "leading-silence": one(wav(quiet_start(30))),
    "loop-click": Case("sp404sx", sx_card({0: sx_record(SX_LOOP, loop=1)}, A0000001_WAV=SX_LOOP)),
    "mono-cancel": one(wav(wave(channels=2) * np.array([1.0, -1.0]))),
    "over-full-scale": one(wav(wave(level=1.5), subtype="FLOAT")),
    "pad-range": Case("sp404sx", sx_card({0: sx_record(GOOD, user_end=len(GOOD) + 2)})),
    "pad-frames": Case("sp404sx", sx_card({0: sx_record(GOOD, user_start=515)})),
    "pad-loop": Case("sp404mk2", mk2_card({0: mk2_conf(a_smp(), loop=padconf.LOOP_ON, loop_start=90_000)})),
    "pad-chops": Case("sp404mk2", mk2_chops(10_000_000, 5)),
    "pad-name": Case("sp404mk2", mk2_named("N\u00e4me")),
    "pad-size": Case("sp404sx", sx_card({0: sx_record(GOOD, original_end=len(GOOD) + 2)})),
    "pad-value": Case("sp404sx", sx_card({0: sx_record(GOOD, volume=200)})),
    "pad-empty-settings": Case("sp404sx", sx_card({9: PadRecord(volume=3)})),
    "mute-group-alone": Case("sp404mk2", mk2_card({0: mk2_conf(a_smp(), mute_group=3)})),
    "pad-silent": Case("sp404mk2", mk2_card(config=mk2_volume(0, 127))),
    "pad-tempo": Case("sp404sx", sx_card({0: sx_record(GOOD, tempo_mode=2, user_tempo=3000)})),
    "over-capacity": Case("sp404sx", sx_card(), with_file("big.bin", 40 << 30)),
    "few-voices": Case(
        "sp404sx", sx_card(A0000001_WAV=LONG_SX), timing=CardModel(command_us=50_000, read_mb_per_s=0.5)
    ),
}


def long_wav(folder: Path) -> None:
    """A header that promises 17 minutes, and a file that has them, though only on paper."""
    size = 17 * 60 * 88_200
    path = folder / "IMPORT" / "long.wav"
    path.write_bytes(riff(FMT, chunk(b"data", b"", size), size=size + 36))
    os.truncate(path, 44 + size)


CASES["too-long"] = replace(CASES["too-long"], make=long_wav)
