"""What a check must not pass over: every file that soundfile writes, and all that ``--fix`` would change."""

from __future__ import annotations

import io
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from check_cards import (
    GOOD,
    Case,
    a_smp,
    chunk,
    imported,
    mk2_card,
    mk2_chops,
    mk2_conf,
    mk2_named,
    riff,
    sx_card,
    sx_record,
    wav,
    wave,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware.findings import Finding, Severity
from firmware.formats import endings, pad_info, padconf, pattern
from firmware.formats.describe import describe
from firmware.formats.pad_info import PadRecord
from firmware.formats.pattern import Device, Pattern, PatternEvent
from firmware.profiles import load
from librarian.fix import plan_fix
from librarian.fix_types import Do
from sdcard_image import open_card
from sim.check import Options, run_check

QUICK = Options(quick=True)
SUBTYPES = {"MAT4": "PCM_16", "MAT5": "PCM_16", "XI": "DPCM_16", "WVE": "ALAW", "SD2": "PCM_16"}
TAKEN = ("AIFF", "WAV", "WAVEX", "MP3", "RF64")  # by one device or another, or written elsewhere
FORMATS = sorted(set(sf.available_formats()) - set(TAKEN))


def written(kind: str) -> bytes:
    out = io.BytesIO()
    rate = {"WVE": 8000, "OGG": 48_000}.get(kind, 44_100)
    subtype = SUBTYPES.get(kind) or sf.default_subtype(kind)
    sf.write(out, wave(8820, rate=rate), rate, format=kind, subtype=subtype)
    return out.getvalue()


def findings(case: Case, folder: Path, options: Options = QUICK) -> list[Finding]:
    return list(run_check(case.write(folder), case.device, options).findings)


def said(case: Case, folder: Path, kind: str, options: Options = QUICK) -> list[str]:
    return [one.what for one in findings(case, folder, options) if one.id == kind]


@pytest.mark.parametrize("device", ["sp404mk2", "sp404sx"])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_file_that_soundfile_writes_is_refused(kind: str, device: str, tmp_path: Path) -> None:
    data = struct.pack("<100h", *range(100)) if kind in ("RAW", "SD2") else written(kind)
    case = Case(device, {f"IMPORT/kick.{kind.lower()}": data})
    (one,) = [one for one in findings(case, tmp_path) if one.path.startswith("/IMPORT/kick")]
    assert one.severity is Severity.ERROR
    headerless = kind.lower() in endings.HEADERLESS
    assert one.id == ("not-audio" if headerless else "codec-not-supported"), one
    assert one.fixable is not headerless


@pytest.mark.parametrize("kind", sorted({*FORMATS} - {"RAW", "SD2", "HTK"}))
def test_audio_is_found_by_what_it_is(kind: str, tmp_path: Path) -> None:
    case = imported("kick.dat", written(kind))
    assert [(one.id, one.path) for one in findings(case, tmp_path) if one.path == "/IMPORT/kick.dat"] == [
        ("name-ending", "/IMPORT/kick.dat")
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"some words\n" * 100,
        b"\xff\xfeh\0e\0l\0l\0o\0" * 20,  # UTF-16 begins as a frame of MPEG audio does
        b"\x89PNG\r\n\x1a\n" + bytes(200),
        b"\xff\xd8\xff\xe0" + bytes(200),
        b"\0\0\0\x18ftypheic" + bytes(200),
        b"FORM\0\0\0\x40ILBM" + bytes(200),
        b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(200),
        b"MThd\0\0\0\6\0\0\0\1\0\x60" + bytes(100),
        b"\1\4" + bytes([255] * 100),
        b"\1\4" + bytes(100),
        bytes(300),
        b"",
    ],
)
def test_text_and_pictures_are_no_audio(data: bytes, tmp_path: Path) -> None:
    case = imported("kick.wav")
    case.files["IMPORT/readme.dat"] = data
    assert not [one for one in findings(case, tmp_path) if one.path == "/IMPORT/readme.dat"]


def narrow(valid: int, width: int) -> bytes:
    """A WAV whose values use ``valid`` bits of a container of ``width``."""
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    size = width // 8
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 44_100, 44_100 * size, size, width, 22, valid, 4) + guid
    return riff(chunk(b"fmt ", form), chunk(b"data", bytes(range(1, 241)) * 400))


@pytest.mark.parametrize(("valid", "width"), [(24, 32), (16, 32)])
@pytest.mark.parametrize("device", ["sp404mk2", "sp404sx"])
def test_a_wide_container_is_refused(valid: int, width: int, device: str, tmp_path: Path) -> None:
    (text,) = said(Case(device, {"IMPORT/kick.wav": narrow(valid, width)}), tmp_path, "bit-depth")
    if device == "sp404mk2":
        assert "32 each" in text
        assert "Unsupported FILE" in text


def test_24_bits_in_their_own_width_are_taken(tmp_path: Path) -> None:
    worst = [one.severity for one in findings(imported("kick.wav", narrow(24, 24)), tmp_path)]
    assert Severity.ERROR not in worst


def test_an_sx_record_of_the_other_kind_of_file(tmp_path: Path) -> None:
    (text,) = said(Case("sp404sx", sx_card({0: sx_record(GOOD, file_type=0)})), tmp_path / "a", "pad-size")
    assert text == "the settings are for an AIFF file; this is a WAV file"
    (text,) = said(
        Case("sp404sx", sx_card({0: sx_record(GOOD, original_start=600)})), tmp_path / "b", "pad-size"
    )
    assert "from byte 600" in text


@pytest.mark.parametrize("loop_start", [10**8, 600, 513])
@pytest.mark.parametrize("loop", [0, padconf.LOOP_ON])
def test_a_loop_point_that_waits_is_noted(loop_start: int, loop: int, tmp_path: Path) -> None:
    conf = mk2_conf(a_smp(), start=700, loop_start=loop_start, loop=loop)
    loops = [one for one in findings(Case("sp404mk2", mk2_card({0: conf})), tmp_path) if one.pad == "A1"]
    assert {one.severity for one in loops} == {Severity.WARNING if loop else Severity.NOTE}
    if not loop:
        assert "Nothing while the loop is off." in {one.happens for one in loops}


def test_words_that_are_neither_on_nor_off(tmp_path: Path) -> None:
    (text,) = said(Case("sp404mk2", mk2_card({0: mk2_conf(a_smp(), loop=1)})), tmp_path, "pad-value")
    assert "loop 1" in text


def test_chops_and_names_of_pads(tmp_path: Path) -> None:
    (text,) = said(Case("sp404mk2", mk2_chops(10**7, 5)), tmp_path / "a", "pad-chops")
    assert text == "1 of its chop points, to frame 10,000,000; the sample has 4,800 frames"
    assert not said(Case("sp404mk2", mk2_chops(5, 4800)), tmp_path / "b", "pad-chops")
    (text,) = said(Case("sp404mk2", mk2_named("N\u00e4me")), tmp_path / "c", "pad-name")
    assert text == "the pad's name is N\\xe4me"


def a_pattern(device: Device) -> bytes:
    trailer = bytes((4, 0, 0, 0, 4, 0, 0, 1)) if device is Device.MK2 else bytes((0, 4, 0, 0, 0, 0, 0, 0))
    return Pattern(device, (PatternEvent(96, 60), PatternEvent(0, pattern.END)), trailer).to_bytes()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (a_pattern(Device.MK2), ""),
        (a_pattern(Device.MK2)[:13], "a pattern of 13 bytes"),
        (b"", "a pattern of 0 bytes"),
        (bytes(range(256)) * 3 + bytes(32), "end event"),
        (a_pattern(Device.SX), "an SP-404SX's pattern"),
        (bytes(8 * (pattern.MAX_EVENTS + 2)), "more than any device writes"),
    ],
)
def test_patterns_are_read(data: bytes, text: str, tmp_path: Path) -> None:
    case = Case("sp404mk2", mk2_card() | {"PTN/PTN00007.BIN": data})
    found = said(case, tmp_path, "bad-pattern")
    assert len(found) == bool(text)
    assert all(text in one for one in found)


def test_a_project_without_its_index_is_not_misplaced(tmp_path: Path) -> None:
    good = mk2_card(**{"BANK1_02.SMP": a_smp()})
    del good["PADCONF.BIN"]
    case = Case("sp404mk2", {f"EXPORT/PROJECT/PROJECT_01/{path}": data for path, data in good.items()})
    ids = [one.id for one in findings(case, tmp_path)]
    assert "index-missing" in ids
    assert "misplaced-folder" not in ids


def test_a_whole_project_in_the_wrong_place(tmp_path: Path) -> None:
    files = mk2_card({1: mk2_conf(a_smp())}, **{"BANK1_02.SMP": a_smp()})
    case = Case("sp404mk2", {f"PROJECT_08/{path}": data for path, data in files.items()})
    (text,) = said(case, tmp_path, "misplaced-folder")
    assert text.endswith("the device looks in a project in /EXPORT/PROJECT")
    plan = plan_fix(open_card(tmp_path), load("sp404mk2"))
    moved = {one.new for one in plan.actions if one.new.upper().endswith("PADCONF.BIN")}
    assert moved == {"/EXPORT/PROJECT/PROJECT_01/PADCONF.BIN"}


OFFSETS = st.sampled_from([0, 1, 511, 512, 513, 514, 600, 700, 5000, len(GOOD), len(a_smp()), 10**8])
WORD = st.sampled_from([0, 1, 2, 3, 4, 11, 64, 99, 127, 128, 5000, 15_001, 2**31 - 1])
MK2_WORDS = ("level", "gate", "loop", "mute_group", "bpm_sync", "bpm", "flags", "pitch", "fine", "play_mode")
MK2_WORDS += ("speed", "vinyl", "pan", "link", "bus", "roll", "attack", "hold", "release")
SMALL = st.sampled_from([0, 1, 2, 3, 127, 128, 255])
SX_WORDS = ("volume", "lofi", "loop", "gate", "reverse", "file_type", "channels", "tempo_mode")


def table_is_rewritten(folder: Path, device: str) -> bool:
    plan = plan_fix(open_card(folder), load(device))
    return any(one.do is Do.INDEX for one in plan.actions)


HEALTH = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


@settings(max_examples=80, **HEALTH)
@given(
    offsets=st.dictionaries(st.sampled_from(["size_bytes", "start", "end", "loop_start"]), OFFSETS),
    words=st.dictionaries(st.sampled_from(MK2_WORDS), WORD, max_size=3),
)
def test_no_project_is_rewritten_without_a_word(
    offsets: dict[str, int], words: dict[str, int], tmp_path: Path
) -> None:
    case = Case("sp404mk2", mk2_card({0: replace(mk2_conf(a_smp()), **offsets, **words)}))
    if table_is_rewritten(case.write(tmp_path), "sp404mk2"):
        assert [one for one in findings(case, tmp_path) if one.pad == "A1" and one.fixable]


@settings(max_examples=80, **HEALTH)
@given(
    offsets=st.dictionaries(
        st.sampled_from(["original_start", "original_end", "user_start", "user_end"]), OFFSETS
    ),
    words=st.dictionaries(st.sampled_from(SX_WORDS), SMALL, max_size=3),
)
def test_no_sx_card_is_rewritten_without_a_word(
    offsets: dict[str, int], words: dict[str, int], tmp_path: Path
) -> None:
    case = Case("sp404sx", sx_card({0: replace(sx_record(GOOD), **offsets, **words)}))
    if table_is_rewritten(case.write(tmp_path), "sp404sx"):
        assert [one for one in findings(case, tmp_path) if one.pad == "A1"]


def test_the_tables_of_good_cards_stay(tmp_path: Path) -> None:
    assert not table_is_rewritten(Case("sp404mk2", mk2_card()).write(tmp_path / "mk2"), "sp404mk2")
    assert not table_is_rewritten(Case("sp404sx", sx_card()).write(tmp_path / "sx"), "sp404sx")


def test_bytes_that_are_no_unicode_are_one_finding(tmp_path: Path) -> None:
    folder = imported("kick.wav").write(tmp_path)
    try:
        os.rename(folder / "IMPORT/kick.wav", os.fsencode(folder / "IMPORT") + b"/bad\xff.wav")
    except OSError:
        pytest.skip("this file system takes Unicode only")
    report = run_check(folder, "sp404mk2", QUICK)
    assert [(one.id, one.path) for one in report.findings] == [("name-not-fat", "/IMPORT/bad?.wav")]
    assert report.findings[0].what == "the name is no valid Unicode: bad\\xff.wav"


@pytest.mark.parametrize("is_partitioned", [False, True])
def test_a_blank_card_holds_nothing_to_save(is_partitioned: bool, tmp_path: Path) -> None:
    data = bytearray(4 << 20)
    if is_partitioned:
        data[446:462] = struct.pack("<B3xB3xII", 0, 0x0C, 2048, 6000)
        data[510:512] = b"\x55\xaa"
    path = tmp_path / "blank.img"
    path.write_bytes(data)
    (one,) = run_check(path).findings
    assert one.id == "not-fat32"
    assert "nothing but blank space" in one.what
    assert one.fix.startswith("format it in the device")
    assert ("partition" in one.what) is is_partitioned


def test_one_is_counted_as_one(tmp_path: Path) -> None:
    tone = wave(4800)
    tone[:, 0] = np.where(np.arange(4800) == 100, 1.5, tone[:, 0])
    (text,) = said(
        imported("kick.wav", wav(tone, subtype="FLOAT")), tmp_path / "a", "over-full-scale", Options()
    )
    assert text.startswith("1 value above full scale")
    data = pad_info.build((sx_record(GOOD), *[PadRecord()] * (pad_info.RECORDS - 1)))
    (field,) = [
        one for one in describe(lambda at, n: data[at : at + n], len(data)).fields if one.name == "records"
    ]
    assert field.meaning == "1 pad holds a sample"
