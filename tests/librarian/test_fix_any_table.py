"""Tables of pads with any values: cards of either device are carried to the other, and pass there."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pytest
from audio_files import sine

from firmware.boot import boot
from firmware.formats import pad_info, padconf, rlnd, smp
from firmware.profiles import load
from librarian.fix import apply_fix, plan_fix
from sdcard_image import open_card
from sim.check import Options, run_check

TONE = (sine(440, 44_100, 0.2) * 30_000).astype("<i2").tobytes()
SMPL = "ROLAND/SP-404SX/SMPL"
PROJECT = "EXPORT/PROJECT/PROJECT_01"
WORDS = (
    0,
    1,
    2,
    3,
    5,
    64,
    99,
    127,
    128,
    255,
    511,
    512,
    513,
    515,
    1_024,
    9_000,
    10_000,
    17_000,
    2**31,
    2**32 - 1,
)


def sx_files(chance: random.Random) -> dict[str, bytes]:
    pads = chance.sample(range(pad_info.RECORDS), 6)
    data = b"".join(
        struct.pack(
            ">4I8B2I",
            *(chance.choice(WORDS) for _ in range(4)),
            *chance.randbytes(8),
            *chance.choices(WORDS, k=2),
        )
        for _ in range(pad_info.RECORDS)
    )
    files = {
        f"{SMPL}/PAD_INFO.BIN": data,
        "ROLAND/SP-404SX/PTN/PTN00003.BIN": chance.randbytes(chance.choice((8, 64, 9))),
    }
    for number in pads:
        name = pad_info.file_name(pad_info.BANKS[number // 12], number % 12 + 1, chance.randrange(2))
        files[f"{SMPL}/{name}"] = rlnd.build(number, TONE, 1)
    return files


def mk2_files(chance: random.Random) -> dict[str, bytes]:
    head = bytearray(padconf.new("x").to_bytes())
    at = 0xA0
    for offset in range(at, at + padconf.PADS * 172, 4):
        struct.pack_into(">I", head, offset, chance.choice(WORDS))
    names = at + padconf.PADS * 172
    head[names:] = chance.randbytes(len(head) - names)
    head[0x10:0xA0] = chance.randbytes(0x90)
    files = {
        f"{PROJECT}/PADCONF.BIN": bytes(head),
        f"{PROJECT}/PTN/PTN00016.BIN": chance.randbytes(chance.choice((8, 80))),
    }
    pcm = np.frombuffer(TONE, "<i2").astype(">i2").tobytes()
    for number in chance.sample(range(padconf.PADS), 6):
        files[f"{PROJECT}/SMPL/{smp.file_name(number // 16 + 1, number % 16 + 1)}"] = smp.build(pcm, 1)
    return files


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("device", ["sp404sx", "sp404mk2"])
def test_any_table_is_carried(device: str, seed: int, tmp_path: Path) -> None:
    files = (mk2_files if device == "sp404sx" else sx_files)(random.Random(seed))
    for path, data in files.items():
        (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_bytes(data)
    card, out = open_card(tmp_path / "in"), tmp_path / "out"
    plan = plan_fix(card, load(device))
    apply_fix(card, plan, out)
    report = run_check(out, device, Options(quick=True))
    assert [one for one in report.findings if one.severity == "error"] == []
    assert not {"pad-range", "pad-value", "pad-loop", "pad-frames"} & {one.id for one in report.findings}
    booted = boot(open_card(out), load(device), card_ms=lambda reads, size: 0.0)
    assert len(booted.catalogue.pads) == sum("/SMPL/" in path for path in files) - (device == "sp404mk2")
    kept = {one.new for one in plan.actions if one.new}
    assert kept == {f"/{path.relative_to(out)}" for path in out.rglob("*") if path.is_file()}
    assert plan_fix(open_card(out), load(device)).changes == ()
