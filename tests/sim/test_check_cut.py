"""Cut, taken and doubtful audio on a card: what the check says, and what ``--fix`` makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from check_cards import imported, wav, wave
from click.testing import CliRunner

from firmware.findings import Finding, Severity
from sim.check import Options, run_check
from sim.check.fixing import make_fixed
from sim.cli import cli

NOISE = np.random.default_rng(6).standard_normal((60_000, 2)) * 0.1
CUT = [
    ("au", wav(NOISE, kind="AU")),
    ("w64", wav(NOISE, kind="W64")),
    ("caf", wav(NOISE, kind="CAF")),
    ("wav", wav(NOISE, kind="RF64")),
    ("wav", wav(NOISE, subtype="IMA_ADPCM")),
    ("aif", wav(NOISE, kind="AIFF")),
    ("flac", wav(NOISE, kind="FLAC")),
    ("ogg", wav(NOISE, kind="OGG", subtype="VORBIS")),
    ("mp3", wav(NOISE, kind="MP3", subtype="MPEG_LAYER_III")),
]


def check(*arguments: object, status: int = 0) -> dict:
    result = CliRunner().invoke(cli, ["check", *map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return json.loads(result.stdout)


def of(findings: tuple[Finding, ...], name: str) -> list[Finding]:
    return [one for one in findings if one.id == name]


@pytest.mark.parametrize(("ending", "data"), CUT)
@pytest.mark.parametrize("device", ["sp404mk2", "generic"])
def test_a_cut_is_found_kept_as_far_as_it_goes_and_counted(ending, data, device, tmp_path: Path) -> None:
    folder = tmp_path / "in" / ("IMPORT" if device == "sp404mk2" else "A")
    folder.mkdir(parents=True)
    (folder / f"cut.{ending}").write_bytes(data[: len(data) // 2])
    (folder / f"whole.{ending}").write_bytes(data)
    report = run_check(tmp_path / "in", device, Options(quick=True))
    (one,) = of(report.findings, "truncated")
    assert (one.path, one.severity, one.fixable) == (f"/{folder.name}/cut.{ending}", Severity.ERROR, True)
    plan, made, after = make_fixed(report, tmp_path / "out")
    assert after.verdict != "errors"
    assert not of(after.findings, "truncated")
    ((path, why),) = made.cut
    assert "the end is missing" in why
    (said,) = of(after.findings, "card-error")
    assert (said.path, said.severity, said.what) == (path, Severity.WARNING, why)
    assert any(
        f"cut.{ending}: " in line and "the end is missing: " in line for line in plan.document()["losses"]
    )
    kept, _ = sf.read(tmp_path / "out" / path.lstrip("/"))
    assert 0.3 * len(NOISE) < len(kept) < 0.6 * len(NOISE) * 48_000 / 44_100


def test_the_loss_is_printed(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "A"
    folder.mkdir(parents=True)
    (folder / "cut.flac").write_bytes(CUT[6][1][:50_000])
    result = CliRunner().invoke(
        cli, ["check", str(tmp_path / "in"), "--device", "generic", "--fix", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.output
    (line,) = [one for one in result.stdout.splitlines() if one.startswith("lost     /A/cut.wav: ")]
    assert " of its 60,000 frames are lost, the end is missing" in line
    result = CliRunner().invoke(
        cli, ["convert", str(folder), "-o", str(tmp_path / "made"), "--device", "generic"]
    )
    assert result.exit_code == 1, result.output
    assert " of its 60,000 frames are lost" in result.stdout


@pytest.mark.parametrize("kind", ["plain", "tagged"])
def test_an_mp3_that_the_device_takes_stays_as_it_is(kind: str, tmp_path: Path) -> None:
    data = wav(NOISE, kind="MP3", subtype="MPEG_LAYER_III")
    if kind == "tagged":
        data = b"ID3\3\0\0\0\0\0\x0aTIT2\0\0\0\0\0\0" + data + b"TAG" + bytes(125)
    case = imported("kick.mp3", data)
    report = run_check(case.write(tmp_path / "in"), "sp404mk2")
    (one,) = report.findings
    assert (one.id, one.severity, one.fixable) == ("not-simulated", Severity.NOTE, False)
    assert "does not simulate playing it yet" in one.what
    plan, _, after = make_fixed(report, tmp_path / "out")
    assert not plan.changes
    assert after.findings == report.findings
    assert (tmp_path / "out/IMPORT/kick.mp3").read_bytes() == data


def test_an_mp3_is_converted_for_a_device_that_does_not_take_it(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "A"
    folder.mkdir(parents=True)
    (folder / "kick.mp3").write_bytes(wav(NOISE, kind="MP3", subtype="MPEG_LAYER_III"))
    report = run_check(tmp_path / "in", "generic")
    (one,) = of(report.findings, "codec-not-supported")
    assert one.fixable
    make_fixed(report, tmp_path / "out")
    assert sf.info(tmp_path / "out/A/kick.wav").frames == len(NOISE)


def test_what_is_fixable_of_a_width_depends_on_the_case(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "IMPORT"
    folder.mkdir(parents=True)
    for subtype in ("FLOAT", "PCM_32", "PCM_24", "PCM_16"):
        (folder / f"{subtype}.wav").write_bytes(wav(wave(9_000), subtype=subtype))
    for strict in (False, True):
        report = run_check(tmp_path / "in", "sp404mk2", Options(strict=strict))
        fixable = {one.path[8:-4]: one.fixable for one in of(report.findings, "bit-depth")}
        assert fixable == {"FLOAT": True, "PCM_32": True, "PCM_24": strict}
        out = tmp_path / f"out{strict}"
        _, _, after = make_fixed(report, out)
        assert after.verdict == ("ok" if strict else "warnings")
        assert sf.info(out / "IMPORT/PCM_24.wav").subtype == ("PCM_16" if strict else "PCM_24")
        assert (out / "IMPORT/PCM_16.wav").read_bytes() == (folder / "PCM_16.wav").read_bytes()


def test_strict_asks_the_plan_to_be_sure(tmp_path: Path) -> None:
    card = imported("kick.wav", wav(subtype="PCM_24")).write(tmp_path / "in")
    assert check(card, "--device", "sp404mk2", "--plan")["plan"]["actions"] == []
    (action,) = check(card, "--device", "sp404mk2", "--strict", "--plan", status=1)["plan"]["actions"]
    assert action["do"] == "convert"
    assert "24 bit may not be taken" in action["why"][0]


def test_the_level_of_a_float_is_said_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "A"
    folder.mkdir()
    values = wave(9_000)
    values[4_000] = 2.0**40
    (folder / "x.wav").write_bytes(wav(values, subtype="FLOAT"))
    (one,) = of(run_check(tmp_path, "generic").findings, "over-full-scale")
    assert "+240.8 dB" in one.what
