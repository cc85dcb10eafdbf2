"""A card of the other device, corrected: pads, settings and patterns come over, and every loss is told."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from check_cards import SX, Case, a_smp, mk2_card, mk2_conf, sx_card, sx_record, sx_wav, wav, wave
from click.testing import CliRunner

from firmware.boot import BootResult, boot
from firmware.catalogue import Pad
from firmware.formats import pad_info, padconf, rlnd, smp
from firmware.formats.pad_info import PadRecord
from firmware.formats.padconf import PadConf
from firmware.formats.pattern import Device, device_of, parse
from firmware.profiles import load
from librarian.pattern_build import assemble, trailer
from sdcard_image import open_card
from sim.check import Options, run_check
from sim.check.fixing import make_fixed, plan_for
from sim.cli import cli

MK2_BASE = "EXPORT/PROJECT/PROJECT_01"


def booted(path: Path, device: str) -> BootResult:
    card = open_card(path)
    try:
        return boot(card, load(device), card_ms=lambda reads, size: 0.0)
    finally:
        card.close()


def fix(source: Path, device: str, out: Path) -> dict:
    arguments = ["check", str(source), "--device", device, "--quick", "--fix", str(out), "--json"]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["fixed"]["counts"]["error"] == 0
    assert [one for one in run_check(out, device).findings if one.severity == "error"] == []
    plan = document["plan"]
    assert sum(count for word, count in plan["counts"].items() if word != "keep") == len(plan["actions"])
    return document


def by_place(result: BootResult) -> dict[tuple[str, int], Pad]:
    assert result.catalogue.refused == ()
    return {(pad.bank, pad.pad): pad for pad in result.catalogue.pads}


def shape(pad: Pad, *, tenths: bool) -> tuple[object, ...]:
    """What both devices have, in seconds; tempos in tenths."""
    one, rate = pad.settings, pad.sample.rate
    end = one.end or pad.sample.frames
    level, tempo = one.level, round(one.bpm, 1 if tenths else 2)
    return one.gate, one.reverse, one.loop, level, tempo, round(one.start / rate, 3), round(end / rate, 3)


def test_a_real_project_comes_over_to_the_sx(device_files, tmp_path) -> None:
    source = tmp_path / "card"
    shutil.copytree(device_files / "sp404/mk2_project", source / "EXPORT/PROJECT/PROJECT_08")
    document = fix(source, "sp404sx", tmp_path / "fixed.img")
    before, after = by_place(booted(source, "sp404mk2")), by_place(booted(tmp_path / "fixed.img", "sp404sx"))
    assert before.keys() == after.keys() == {("A", 1), ("B", 1)}
    for place, pad in before.items():
        assert shape(after[place], tenths=True) == shape(pad, tenths=True)
    card = open_card(tmp_path / "fixed.img")
    pattern = parse(card.read("/ROLAND/SP-404SX/PTN/PTN00009.BIN"), Device.SX)
    assert [tick for tick, _ in pattern.placed()] == list(range(0, 384, 24))
    kept = "EXPORT/PROJECT/PROJECT_08/PTN/PTN00014.BIN"
    assert card.read(f"/{kept}") == (source / kept).read_bytes()
    card.close()
    said = "\n".join(document["plan"]["losses"])
    assert "the project's name 'PROJECT_08'" in said
    assert "name of pads A1, B1" in said
    assert "patterns of pads A13-A16" in said
    assert kept in said


def real_project(data: bytes, folder: Path) -> dict[int, PadConf]:
    """A project with the real table, and short tones in the place of its samples."""
    config = padconf.parse(data)
    (folder / "SMPL").mkdir(parents=True)
    (folder / "PADCONF.BIN").write_bytes(data)
    pads = {number: pad for number, pad in enumerate(config.pads) if not pad.is_empty}
    tone = (np.sin(np.arange(40_000) / 30) * 9_000).astype(">i2").tobytes()
    for number in pads:
        name = smp.file_name(number // 16 + 1, number % 16 + 1)
        (folder / "SMPL" / name).write_bytes(smp.build(tone, 2))
    return pads


@pytest.mark.parametrize("name", ["104pads", "padparams", "fourchops"])
def test_real_tables_of_pads_come_over(name, device_files, tmp_path) -> None:
    source = tmp_path / "card"
    pads = real_project((device_files / f"sp404/mk2_PADCONF_{name}.BIN").read_bytes(), source / MK2_BASE)
    document = fix(source, "sp404sx", tmp_path / "fixed.img")
    before, after = by_place(booted(source, "sp404mk2")), by_place(booted(tmp_path / "fixed.img", "sp404sx"))
    assert len(after) == len(before) == len(pads)
    for (bank, pad), one in before.items():
        if pad <= 12:
            loops = (one.settings.loop != 0, after[bank, pad].settings.loop != 0)
            assert loops[0] == loops[1]
            told, made = shape(one, tenths=True), shape(after[bank, pad], tenths=True)
            assert (told[:2], told[3:]) == (made[:2], made[3:])
    moved = [line for line in document["plan"]["notes"] if "goes on pad" in line]
    assert len(moved) == sum(pad > 12 for _, pad in before)
    losses = "\n".join(document["plan"]["losses"])
    wanted = {"104pads": ["Vari of"], "padparams": ["mute_group of pads A3-A4", "legato of", "roll of"]}
    for what in [*wanted.get(name, []), "name of"]:
        assert what in losses


def test_a_project_without_samples_passes(device_files, tmp_path) -> None:
    folder = tmp_path / "card/EXPORT/PROJECT/P"
    folder.mkdir(parents=True)
    shutil.copy(device_files / "sp404/mk2_PADCONF_104pads.BIN", folder / "PADCONF.BIN")
    document = fix(tmp_path / "card", "sp404sx", tmp_path / "fixed.img")
    assert any("sample's file is missing" in line for line in document["plan"]["losses"])
    found = {one.id for one in run_check(tmp_path / "fixed.img", "sp404sx").findings}
    assert not found & {"mk2-card-in-sx", "no-device-folder"}


def test_a_real_sx_table_comes_over_to_the_mk2(device_files, tmp_path) -> None:
    folder = tmp_path / "card" / SX
    folder.mkdir(parents=True)
    for name in ("PAD_INFO", "STPINFO"):
        shutil.copy(device_files / f"sp404/sx_{name}.BIN", folder / f"{name}.BIN")
    records = pad_info.parse((folder / "PAD_INFO.BIN").read_bytes())
    used = [(n, one) for n, one in enumerate(records) if not one.is_empty and one.original_end < 2_000_000]
    for number, one in used:
        tone = (np.sin(np.arange((one.original_end - 512) // 2) / 30) * 9_000).astype("<i2").tobytes()
        name = pad_info.file_name(pad_info.BANKS[number // 12], number % 12 + 1)
        (folder / name).write_bytes(rlnd.build(number, tone, one.channels))
    assert len(used) > 5
    document = fix(tmp_path / "card", "sp404mk2", tmp_path / "fixed.img")
    before = by_place(booted(tmp_path / "card", "sp404sx"))
    after = by_place(booted(tmp_path / "fixed.img", "sp404mk2"))
    assert before.keys() == after.keys()
    for place, pad in before.items():
        assert shape(after[place], tenths=True) == shape(pad, tenths=True)
    assert any("STPINFO.BIN" in line for line in document["plan"]["losses"])
    card = open_card(tmp_path / "fixed.img")
    stays = card.read("/IMPORT/SP-404SX/SMPL/STPINFO.BIN")
    card.close()
    assert stays == (folder / "STPINFO.BIN").read_bytes()
    assert run_check(tmp_path / "fixed.img").profile.name == "sp404mk2"


def test_every_setting_that_the_sx_has_comes_over(tmp_path) -> None:
    tone = a_smp(wave(9_600, channels=2))
    conf = mk2_conf(
        tone,
        start=512 + 400,
        end=512 + 20_000,
        loop=padconf.LOOP_ON,
        loop_start=512 + 4_000,
        gate=0,
        level=99,
    )
    conf = PadConf(
        **{**{k: getattr(conf, k) for k in conf.__slots__}, "play_mode": padconf.PING_PONG, "bpm": 12_345}
    )
    files = mk2_card({0: conf}, **{"BANK1_01.SMP": tone})
    source = Case("sp404sx", {f"{MK2_BASE}/{name}": data for name, data in files.items()}).write(
        tmp_path / "in"
    )
    document = fix(source, "sp404sx", tmp_path / "fixed.img")
    card = open_card(tmp_path / "fixed.img")
    record = pad_info.parse(card.read(f"/{SX}/PAD_INFO.BIN"))[0]
    card.close()
    assert (record.loop, record.gate, record.volume, record.user_tempo) == (1, 0, 99, 1234)
    assert record.user_start == 512 + 4 * round(100 * 44_100 / 48_000)
    assert record.user_end == 512 + 4 * round(5_000 * 44_100 / 48_000)
    losses = "\n".join(document["plan"]["losses"])
    assert "pad A1: an SX card has no ping-pong: it loops forward" in losses
    assert "pad A1: an SX card has no loop start of its own" in losses


def test_lofi_and_tempo_mode_are_told(tmp_path) -> None:
    good = sx_wav()
    files = sx_card({0: sx_record(good, lofi=1, tempo_mode=2, reverse=1, volume=90, loop=1, gate=0)})
    document = fix(Case("", files).write(tmp_path / "in"), "sp404mk2", tmp_path / "fixed.img")
    losses = document["plan"]["losses"]
    assert [line.partition(":")[0] for line in losses] == ["lofi of pad A1", "tempo_mode of pad A1"]
    (pad,) = booted(tmp_path / "fixed.img", "sp404mk2").catalogue.pads
    assert (pad.settings.level, pad.settings.reverse, pad.settings.gate) == (90, True, False)


def test_the_plan_says_the_same_and_does_nothing(tmp_path) -> None:
    source = Case("", {f"{MK2_BASE}/{n}": d for n, d in mk2_card().items()}).write(tmp_path / "in")
    report = run_check(source, "sp404sx", Options(quick=True))
    plan = plan_for(report)
    text = "\n".join(plan.lines())
    assert "PADCONF.BIN -> /ROLAND/SP-404SX/SMPL/PAD_INFO.BIN" in text
    assert "lost     the project's name 'TEST': not carried" in text
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    made_plan, made, _ = make_fixed(report, tmp_path / "out")
    assert made_plan.document() == plan.document()
    assert made.lost == ()


def test_damage_and_leftovers_of_the_other_card(tmp_path) -> None:
    """Samples refused there, without a record, strays, other projects: each is carried, kept or told."""
    second = {f"EXPORT/PROJECT/SECOND/{name}": data for name, data in mk2_card().items()}
    files = {f"{MK2_BASE}/{name}": data for name, data in mk2_card({1: mk2_conf(a_smp())}).items()}
    files[f"{MK2_BASE}/SMPL/BANK1-02.SMP"] = wav()  # no .SMP inside: the MKII refuses it, the SX need not
    files[f"{MK2_BASE}/SMPL/BANK3-04.SMP"] = a_smp()  # no entry
    files[f"{MK2_BASE}/SMPL/note.txt"] = b"mine"
    source = Case("", files | second).write(tmp_path / "in")
    document = fix(source, "sp404sx", tmp_path / "fixed.img")
    pads = by_place(booted(tmp_path / "fixed.img", "sp404sx"))
    assert pads.keys() == {("A", 1), ("A", 2), ("C", 4)}
    card = open_card(tmp_path / "fixed.img")
    assert card.read(f"/{MK2_BASE}/SMPL/note.txt") == b"mine"
    for name, data in second.items():
        assert card.read(f"/{name}") == data
    card.close()
    losses = "\n".join(document["plan"]["losses"])
    assert "the project /EXPORT/PROJECT/SECOND is not carried" in losses
    assert "pad C4: a sample without settings" in losses


@pytest.mark.parametrize("device", ["sp404sx", "sp404mk2"])
def test_an_unreadable_table_is_a_loss_and_the_samples_keep_their_pads(device, tmp_path) -> None:
    if device == "sp404sx":
        files = {f"{MK2_BASE}/{n}": d for n, d in (mk2_card() | {"PADCONF.BIN": b"RFPD"}).items()}
    else:
        files = sx_card(D0000005_WAV=sx_wav(pad=40), A0000001_WAV=b"") | {f"{SX}/PAD_INFO.BIN": bytes(7)}
    document = fix(Case("", files).write(tmp_path / "in"), device, tmp_path / "fixed.img")
    assert "pads have the settings of empty ones" in document["plan"]["losses"][0]
    pads = by_place(booted(tmp_path / "fixed.img", device))
    assert list(pads) == ([("A", 1)] if device == "sp404sx" else [("D", 5)])


@pytest.mark.parametrize("device", ["sp404sx", "sp404mk2"])
def test_the_other_card_under_a_misspelt_folder(device, tmp_path) -> None:
    files = (
        {f"EXPORT/PROJECTS/P/{n}": d for n, d in mk2_card().items()}
        if device == "sp404sx"
        else {name.replace("SP-404SX", "SP404-SX"): data for name, data in sx_card().items()}
    )
    fix(Case("", files).write(tmp_path / "in"), device, tmp_path / "fixed.img")
    assert list(by_place(booted(tmp_path / "fixed.img", device))) == [("A", 1)]


@pytest.mark.parametrize("device", ["sp404sx", "sp404mk2", "generic"])
def test_a_card_with_nothing_on_it(device, tmp_path) -> None:
    source = Case("", {"readme.txt": b"hi"}).write(tmp_path / "in")
    report = run_check(source, device)
    _, _, after = make_fixed(report, tmp_path / "fixed.img")
    found = {one.id for one in after.findings if one.severity == "error"}
    assert found == ({"no-device-folder"} if device == "generic" else set())


def test_samples_shorter_than_the_sx_takes_are_lengthened(tmp_path) -> None:
    short = a_smp(wave(480, channels=2))
    files = mk2_card({0: mk2_conf(short)}, **{"BANK1_01.SMP": short})
    source = Case("", {f"{MK2_BASE}/{name}": data for name, data in files.items()}).write(tmp_path / "in")
    fix(source, "sp404sx", tmp_path / "fixed.img")
    assert "too-short" not in {one.id for one in run_check(tmp_path / "fixed.img", "sp404sx").findings}
    assert plan_for(run_check(tmp_path / "fixed.img", "sp404sx")).changes == ()


def test_audio_that_is_cut_off_is_told_of_a_carried_sample_too(tmp_path) -> None:
    cut = sx_wav(wave(20_000))[:-9_001]
    files = sx_card({0: sx_record(cut)}, A0000001_WAV=cut)
    source = Case("", files).write(tmp_path / "in")
    _, made, after = make_fixed(run_check(source, "sp404mk2"), tmp_path / "fixed.img")
    assert [path for path, _ in made.cut] == ["/EXPORT/PROJECT/PROJECT_01/SMPL/BANK1-01.SMP"]
    assert after.verdict == "warnings"


def test_fixing_twice_gives_the_same_bytes_and_nothing_more_to_do(tmp_path) -> None:
    source = Case("", sx_card({5: PadRecord(volume=3)})).write(tmp_path / "in")
    for name in ("a.img", "b.img"):
        fix(source, "sp404mk2", tmp_path / name)
    first, second = ((tmp_path / name).read_bytes() for name in ("a.img", "b.img"))
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()
    assert plan_for(run_check(tmp_path / "a.img", "sp404mk2")).changes == ()


@pytest.mark.parametrize("device", ["sp404sx", "sp404mk2"])
def test_a_pattern_comes_over_whose_bytes_do_not_tell_its_device(device, tmp_path) -> None:
    whose = Device.SX if device == "sp404mk2" else Device.MK2
    data = assemble(whose, [], 4 * 96, trailer(whose, 1, 4)).to_bytes()[:-8] + bytes(8)
    assert device_of(data) is None
    base = "ROLAND/SP-404SX" if device == "sp404mk2" else MK2_BASE
    files = sx_card() if device == "sp404mk2" else {f"{base}/{n}": d for n, d in mk2_card().items()}
    source = Case("", files | {f"{base}/PTN/PTN00002.BIN": data}).write(tmp_path / "in")
    document = fix(source, device, tmp_path / "fixed.img")
    assert not [line for line in document["plan"]["losses"] if "PTN00002" in line]
    made = "ROLAND/SP-404SX" if device == "sp404sx" else MK2_BASE
    card = open_card(tmp_path / "fixed.img")
    assert card.exists(f"/{made}/PTN/PTN00002.BIN")
    card.close()
