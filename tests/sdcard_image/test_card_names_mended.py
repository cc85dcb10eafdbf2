"""8.3 names of which more than a byte is wrong, and sizes that are wrong within the last cluster."""

from __future__ import annotations

import struct

import pytest
from card_damage import FILES, WAV, card, repaired

from sdcard_image.direntry import checksum
from sdcard_image.repair import RepairReport

KICK, SNARE = "/KICK.WAV", "/snare drum 01.wav"


def _one(report: RepairReport, path: str) -> tuple[str, str, str]:
    return next((f.state, f.sure, f.why) for f in report.files if f.path == path)


@pytest.mark.parametrize(
    "bad",
    [{1: 0x51, 4: 0x57}, {1: 0x51, 2: 0x5A, 4: 0x57}, {1: 1, 2: 1, 4: 1}, dict.fromkeys(range(11), 0x20)],
    ids=["two letters", "three letters", "three that no name holds", "eleven blanks"],
)
def test_a_long_name_stands_for_a_damaged_short_one(bad: dict[int, int]) -> None:
    hurt = card()
    at = hurt.slot(SNARE)
    before = hurt.medium.pread(at // 512 * 512, 512)[at % 512 :][:11]
    for i, value in bad.items():
        hurt.poke(at + i, bytes([value]))
    _, report, found = repaired(hurt)
    assert found[SNARE] == FILES[SNARE]
    state, sure, why = _one(report, SNARE)
    assert (state, sure) == ("repaired", "likely")
    assert "long name" in why
    assert report.clean
    after = hurt.medium.pread(at // 512 * 512, 512)[at % 512 :][:11]
    assert checksum(after) == checksum(before)
    assert after == before


def test_a_new_name_in_an_old_ones_place_stays_and_is_told_of() -> None:
    hurt = card()
    hurt.poke(hurt.slot(SNARE), b"TOMHIGH AIF")
    _, report, found = repaired(hurt)
    assert found["/TOMHIGH.AIF"] == FILES[SNARE]
    state, sure, why = _one(report, "/TOMHIGH.AIF")
    assert (state, sure) == ("repaired", "likely")
    assert "snare drum 01.wav" in why


def _resized(size: int, *, damaged: bool) -> tuple[RepairReport, dict[str, bytes | None]]:
    hurt = card()
    hurt.resize(KICK, size)
    if damaged:
        hurt.fat(hurt.chain(SNARE)[2], 0)
    _, report, found = repaired(hurt)
    return report, found


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize("less", [1, 12, 100])
def test_data_that_goes_on_to_where_the_header_says(less: int, damaged: bool) -> None:
    report, found = _resized(len(WAV) - less, damaged=damaged)
    assert found[KICK] == WAV
    assert _one(report, KICK)[:2] == ("repaired", "likely")


def test_zeros_behind_the_end_that_a_header_tells() -> None:
    report, found = _resized(len(WAV) + 16, damaged=True)
    assert found[KICK] == WAV
    assert _one(report, KICK)[:2] == ("repaired", "likely")
    report, found = _resized(len(WAV) + 16, damaged=False)
    assert found[KICK] == WAV + bytes(16)  # they may be meant: nothing else is wrong
    assert _one(report, KICK)[:2] == ("whole", "likely")
    assert report.writes == 0


def test_data_behind_what_a_header_tells_is_the_files_own() -> None:
    hurt = card()
    at = hurt.volume.cluster_offset(hurt.chain(KICK)[0])
    hurt.poke(at + 4, struct.pack("<I", len(WAV) - 8 - 64))
    hurt.fat(hurt.chain(SNARE)[2], 0)
    _, report, _ = repaired(hurt)
    assert _one(report, KICK) == ("whole", "certain", "")
