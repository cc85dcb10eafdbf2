"""What ``benchpad check`` writes: never over the card, and whole or not at all; and its JSON for anyone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from check_cards import GOOD, Case, a_smp, imported, mk2_card, mk2_conf, sx_card, sx_record, wav, wave
from click.testing import CliRunner

from firmware.findings import Finding
from sim.check import Options, run_check
from sim.cli import cli


def check(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(cli, ["check", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout if status in (0, 1) else result.stderr


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def findings(case: Case, folder: Path, kind: str) -> list[Finding]:
    return [one for one in run_check(case.write(folder), case.device).findings if one.id == kind]


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return Case("sp404sx", sx_card()).write(tmp_path / "card")


@pytest.mark.parametrize("option", ["--html", "--junit", "--fix"])
def test_nothing_is_written_into_the_card(option: str, card: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(card, target_is_directory=True)
    (tmp_path / "sample.xml").symlink_to(card / "ROLAND/SP-404SX/SMPL/A0000001.WAV")
    before = contents(card)
    for inside in (
        card / "ROLAND/SP-404SX/SMPL/A0000001.WAV",
        card / "report",
        tmp_path / "link" / "report",
        tmp_path / "sample.xml",
    ):
        assert "lies inside the card" in check(card, option, inside, "--force", status=2)
    assert contents(card) == before


@pytest.mark.parametrize("option", ["--html", "--junit", "--fix"])
def test_an_image_is_not_written_over(option: str, card: Path, tmp_path: Path) -> None:
    image, other = tmp_path / "card.img", tmp_path / "link.img"
    CliRunner().invoke(cli, ["card", "new", str(image), "--size", "64M", "--from", str(card)])
    other.symlink_to(image)
    before = image.read_bytes()
    for path in (image, other):
        assert "the card itself" in check(image, option, path, "--force", status=2)
    assert image.read_bytes() == before


def test_every_output_has_a_path_of_its_own(card: Path, tmp_path: Path) -> None:
    one = tmp_path / "one"
    for arguments in (("--html", one, "--junit", one), ("--html", one, "--fix", one)):
        assert "a path of its own" in check(card, *arguments, status=2)
        assert not one.exists()
    assert "there is no folder" in check(card, "--html", one / "x.html", status=2)


def test_a_report_replaces_an_ordinary_file_when_whole(card: Path, tmp_path: Path) -> None:
    old, link, other_name = tmp_path / "old.xml", tmp_path / "link.xml", tmp_path / "other.xml"
    old.write_text("old", "utf-8")
    link.symlink_to(old)
    os.link(old, other_name)
    check(card, "--junit", link)
    assert old.read_bytes().startswith(b"<?xml")
    assert link.is_symlink()
    assert other_name.read_text("utf-8") == "old"  # a new file took the name; the old was not written into
    assert not list(tmp_path.glob(".benchpad-*"))


def test_json_is_for_strict_parsers(tmp_path: Path) -> None:
    folder = tmp_path / "card" / "A"
    folder.mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.wav")).write_bytes(wav(wave(level=0.0)))
    (folder / "\U0001f941.wav").write_bytes(wav(wave(level=0.0)))
    text = check(folder.parent, "--device", "generic", "--json", status=1)
    assert text.isascii()
    paths = {one["path"] for one in json.loads(text)["findings"]}
    assert {"/A/?.wav", "/A/\U0001f941.wav"} <= paths
    "".join(paths).encode("utf-8")  # a lone surrogate would not encode


def test_24_bit_is_for_convert_to_settle(tmp_path: Path) -> None:
    case = imported("kick.wav", wav(subtype="PCM_24"))
    (one,) = run_check(case.write(tmp_path), case.device, Options(quick=True)).findings
    assert (one.id, one.fixable) == ("bit-depth", False)
    assert "benchpad convert --bits 16" in one.fix


@pytest.mark.parametrize("bpm", [0.1, 400.0])
@pytest.mark.parametrize("mode", [0, 2])
def test_the_sx_tempo_is_always_in_range(bpm: float, mode: int, tmp_path: Path) -> None:
    record = sx_record(GOOD, tempo_mode=mode, user_tempo=round(bpm * 10))
    (one,) = findings(Case("sp404sx", sx_card({0: record})), tmp_path, "pad-tempo")
    assert f"{bpm:g} BPM" in one.what


@pytest.mark.parametrize("bpm", [0.01, 600.0])
def test_the_mk2_tempo_is_always_in_range(bpm: float, tmp_path: Path) -> None:
    conf = mk2_conf(a_smp(), bpm=round(bpm * 100))
    (one,) = findings(Case("sp404mk2", mk2_card({0: conf})), tmp_path, "pad-tempo")
    assert f"{bpm:g} BPM" in one.what


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("link", 11, "pad link 11"), ("bus", 3, "bus 3"), ("link", 10, ""), ("bus", 2, "")],
)
def test_link_and_bus_have_a_range(name: str, value: int, said: str, tmp_path: Path) -> None:
    conf = mk2_conf(a_smp(), **{name: value})
    found = findings(Case("sp404mk2", mk2_card({0: conf})), tmp_path, "pad-value")
    assert [said in one.what for one in found] == ([True] if said else [])


@pytest.mark.parametrize("option", ["--html", "--junit", "--fix"])
def test_a_link_in_the_card_is_no_way_out(option: str, card: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.xml").write_text("mine", "utf-8")
    (card / "file.xml").symlink_to(outside / "mine.xml")
    (card / "folder").symlink_to(outside, target_is_directory=True)
    (card / "new.img").symlink_to(outside / "not-there.img")
    for path in (card / "file.xml", card / "folder" / "a.img", card / "folder" / "b", card / "new.img"):
        assert "lies inside the card" in check(card, option, path, "--force", status=2)
    assert contents(outside) == {outside / "mine.xml": b"mine"}


def test_a_corrected_folder_does_not_go_where_a_link_leads(card: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    assert "is a link" in check(card, "--device", "sp404sx", "--fix", tmp_path / "link", status=2)
    assert not list((tmp_path / "real").iterdir())


def test_what_links_lead_to_is_not_read_and_that_is_told(card: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(wav())
    smpl = card / "ROLAND/SP-404SX/SMPL"
    (smpl / "A0000002.WAV").symlink_to(tmp_path / "secret.wav")
    (card / "nowhere").symlink_to(tmp_path / "nothing")
    os.mkfifo(card / "pipe")
    (card / "away").symlink_to(tmp_path, target_is_directory=True)
    report = run_check(card, "sp404sx")
    told = {one.path: one for one in report.findings if one.id == "card-error"}
    assert set(told) == {"/ROLAND/SP-404SX/SMPL/A0000002.WAV", "/nowhere", "/away", "/pipe"}
    assert sum("a link" in one.what for one in told.values()) == 3
    assert all(one.severity == "warning" for one in told.values())
    text = check(card, "--device", "sp404sx", "--fix", tmp_path / "fixed")
    assert text.count("which is not read") == 4
    assert contents(tmp_path / "fixed").keys() == {
        tmp_path / "fixed/ROLAND/SP-404SX/SMPL" / name for name in ("A0000001.WAV", "PAD_INFO.BIN")
    }
