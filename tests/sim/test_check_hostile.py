"""Cards whose files hold anything at all: findings, never an exception, never long."""

from __future__ import annotations

import random
import struct
import time
from pathlib import Path

import pytest
from check_cards import DATA, FMT, SX, Case, a_smp, chunk, mk2_card, riff, sx_card, sx_wav, wav

from sim.check import Options, run_check
from sim.check.junit import junit
from sim.check.page import page
from sim.check.text import lines


def spoilt(data: bytes, chance: random.Random) -> bytes:
    """A file with some bytes changed, cut short, or made longer."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 40)):
        made[chance.randrange(len(made))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    if chance.random() < 0.2:
        del made[chance.randrange(len(made)) :]
    return bytes(made) + chance.randbytes(chance.choice((0, 0, 1, 3)))


def shape(channels: int, rate: int, align: int) -> bytes:
    return struct.pack("<HHIIHH", 1, channels, rate, rate, align, 16)


@pytest.mark.parametrize("seed", range(5))
def test_any_bytes_in_any_file(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    device, files = chance.choice(
        [
            ("sp404sx", sx_card(A0000002_WAV=sx_wav(pad=1), A0000003_AIF=wav(kind="AIFF"))),
            ("sp404mk2", mk2_card(**{"BANK1_02.SMP": a_smp()})),
            ("generic", {f"A/{n}.{kind}": wav(kind=kind.upper()) for n, kind in enumerate(("wav", "aiff"))}),
        ]
    )
    folder = Case(device, files).write(tmp_path)
    for _ in range(6):
        for path, data in files.items():
            if chance.random() < 0.7:
                (folder / path).write_bytes(spoilt(data, chance))
        report = run_check(folder, chance.choice((device, "sp404sx", "sp404mk2", "generic")))
        assert "".join(lines(report))
        assert junit(report)
        assert page(report)


def test_huge_claims_cost_nothing(tmp_path: Path) -> None:
    """Sizes of 4 GB, thousands of chunks, deep names: seconds, whatever they say."""
    files = {
        "A/claims.wav": riff(FMT, chunk(b"data", DATA, 0xFFFF_FF00), size=0xFFFF_FFF0),
        "A/chunks.wav": riff(FMT, *[chunk(b"JUNK", b"")] * 20_000, chunk(b"data", DATA)),
        "A/zero rate.wav": riff(chunk(b"fmt ", shape(1, 0, 2)), chunk(b"data", DATA)),
        "A/channels.wav": riff(chunk(b"fmt ", shape(32_767, 44_100, 65_534)), chunk(b"data", bytes(200_000))),
        f"A/{'/'.join('d' * 40)}/deep.wav": wav(),
    }
    begun = time.monotonic()
    report = run_check(Case("generic", files).write(tmp_path), "generic")
    assert time.monotonic() - begun < 5
    found = {one.path: one.id for one in report.findings}
    assert found["/A/claims.wav"] == "truncated"
    assert found["/A/chunks.wav"] == "bad-header"
    assert found["/A/zero rate.wav"] == "rate"
    assert {one.id for one in report.findings if one.path == "/A/channels.wav"} == {"channels", "silence"}


def test_an_index_of_gigabytes(tmp_path: Path) -> None:
    folder = Case("sp404sx", sx_card()).write(tmp_path)
    with (folder / SX / "PAD_INFO.BIN").open("r+b") as index:
        index.truncate(3 << 30)
    report = run_check(folder, options=Options(quick=True))
    assert [one.id for one in report.findings if one.path.endswith("PAD_INFO.BIN")] == ["bad-index"]
