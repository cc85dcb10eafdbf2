"""Every file of a corrected card that has another path than before says why, and for a finding."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from audio_files import sound_file

from firmware.profiles import load
from librarian.fix import plan_fix
from librarian.fix_names import reasons
from sdcard_image import open_card
from sim.check import Options, run_check

GOOD = sound_file(0.5 * np.sin(np.arange(9_000) * 0.06)[:, None])
WIDE = sound_file(0.5 * np.sin(np.arange(9_000) * 0.06)[:, None], subtype="FLOAT")
ACCENT = "\u00e9"
NAMES = [
    "plain.wav",
    "trail .wav",
    "dot..wav",
    "CON.wav",
    "aux.wav",
    "nul",
    "COM1.wav",
    "  lead.wav",
    "a:b.wav",
    "x" * 220 + ".wav",
    f"{ACCENT}.wav",
    unicodedata.normalize("NFD", f"{ACCENT}2.wav"),
    "\N{DRUM WITH DRUMSTICKS}.wav",
    "\N{WOMAN}\u200d\N{WOMAN}\u200d\N{GIRL}.wav",
    "\u0634\u0631\u0642.wav",
    "a\u202eb.wav",
    "tab\tx.wav",
    "Kick.WAV",
    "kick.wav",
    "dir. /x.wav",
    "aux/x.wav",
    f"{ACCENT} dir/z.wav",
    "end.",
    "!!!.wav",
    "\N{FULLWIDTH LATIN SMALL LETTER A}.wav",
    "\N{LATIN SMALL LIGATURE FI}.wav",
    "\N{LATIN SMALL LETTER SHARP S}.wav",
]


def folder_of(tmp_path: Path, base: str, data: bytes) -> Path:
    for name in NAMES:
        path = tmp_path / "given" / base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "given"


@pytest.mark.parametrize("data", [GOOD, WIDE], ids=["kept", "converted"])
@pytest.mark.parametrize(("device", "base"), [("generic", "A"), ("sp404mk2", "IMPORT")])
def test_no_path_changes_without_a_finding_and_a_reason(device, base, data, tmp_path) -> None:
    root = folder_of(tmp_path, base, data)
    found = {
        unicodedata.normalize("NFC", one.path)
        for one in run_check(root, device, Options(quick=True)).findings
    }
    plan = plan_fix(open_card(root), load(device))
    moved = [one for one in plan.actions if one.new and one.new != one.old]
    assert len(moved) > 5
    for one in moved:
        assert one.why, one.old
        assert any(one.old == path or one.old.startswith(f"{path}/") for path in found), one.old


@pytest.mark.parametrize("device", ["generic", "sp404mk2", "sp404sx"])
def test_the_counts_are_those_of_the_table(device, tmp_path) -> None:
    plan = plan_fix(open_card(folder_of(tmp_path, "IMPORT", GOOD)), load(device))
    document = plan.document()
    listed = Counter(one["do"] for one in document["actions"])
    table = Counter(line.split()[0] for line in plan.lines()[1:] if line not in plan.notes)
    assert listed == table
    counts = document["counts"]
    assert sum(counts.values()) == len(plan.actions)
    assert {word: count for word, count in counts.items() if count and word != "keep"} == listed
    assert plan.lines()[0].startswith(f"{counts['keep']} file")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kick.wav", "kick.wav", []),
        ("kick .wav", "kick.wav", ["begins or ends with a space or a dot"]),
        ("con.wav", "_con.wav", ["Windows keeps the name"]),
        ("a\tb.wav", "a_b.wav", ["U+0009"]),
        ("kick.wav", "kick-2.wav", ["another file here has the same name"]),
        ("kick.mp3", "kick.wav", ["the ending .mp3"]),
        ("kick.w v", "kick.wv", ["the ending .w v has signs"]),
        (ACCENT + ".wav", "e.wav", ["does not load names with \u00e9"]),
    ],
)
def test_reasons(old: str, new: str, said: list[str]) -> None:
    told = reasons(old, new, load("sp404mk2"))
    assert len(told) == len(said)
    assert all(what in one for what, one in zip(said, told, strict=True))
