"""Every kind of the catalogue is found where it is, and nothing is found that the catalogue lacks."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from check_cards import CASES, GOOD, Case, imported, sx_card, sx_record, wav

from firmware.findings import GROUPS, Severity, catalogue, document, found
from sim.check import Options, run_check
from sim.check.text import lines

ROOT = Path(__file__).resolve().parents[2]
NEEDS_AN_IMAGE = {"card-error", "card-full"}  # test_check_images provokes these, and those of the volume


def ids(case: Case, folder: Path) -> dict[str, Severity]:
    report = run_check(case.write(folder), case.device, Options(timing=case.timing))
    return {one.id: one.severity for one in reversed(report.findings)}


@pytest.mark.parametrize("name", CASES)
def test_is_found_and_said_in_the_device_s_own_words(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    found = run_check(case.write(tmp_path), case.device, Options(timing=case.timing)).findings
    assert name in {one.id for one in found}
    assert all(one.mark and one.happens for one in found)
    for one in found if case.device != "sp404mk2" else ():
        assert "Unsupported" not in "".join((one.what, one.why, one.happens, one.fix))


# What the facts say of each, in a few words: severity, mark, and what the device does.
SAID = {
    "bit-depth": ("error", "H", "'Unsupported FILE'"),
    "name-characters": ("error", "H", "shows such letters as '_'"),
    "name-length": ("warning", "R", "cut on the display"),
    "too-long": ("error", "R", "does not take it"),
    "too-short": ("warning", "S", "the maker's converter refuses it"),
    "rlnd-missing": ("warning", "?", "Not known"),
    "smp-md5": ("warning", "?", "Not known"),
    "no-pad-entry": ("error", "S", "does not load the sample"),
    "pattern-hex": ("warning", "V", "not found"),
    "pattern-number": ("warning", "V", "not found"),
    "sx-card-in-mk2": ("error", "R", "does not play it as it is"),
    "hidden-file": ("warning", "H", "import list"),
    "pad-tempo": ("warning", "?", "Not known"),
    "pad-without-sample": ("warning", "?", "Not known"),
    "not-simulated": ("note", "R", "The device takes it"),
    "over-capacity": ("error", "H", "does not fit"),
    "few-voices": ("warning", "?", "some drop out"),
    "project-name": ("note", "?", "Not known"),
}


@pytest.mark.parametrize("name", SAID)
def test_it_is_as_sure_as_its_fact(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    report = run_check(case.write(tmp_path), case.device, Options(timing=case.timing))
    severity, mark, happens = SAID[name]
    one = next(one for one in report.findings if one.id == name)
    assert (one.severity, one.mark) == (severity, mark)
    assert happens in one.happens


@pytest.mark.parametrize("name", ["rlnd-missing", "name-stem"])
def test_strict_takes_doubt_for_an_error_and_says_the_same_of_it(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    folder = case.write(tmp_path)
    one, strict = (
        next(
            one
            for one in run_check(folder, case.device, Options(quick=True, strict=on)).findings
            if one.id == name
        )
        for on in (False, True)
    )
    assert one.severity is not Severity.ERROR
    assert strict == replace(one, severity=Severity.ERROR)


def test_strict_says_of_24_bit_what_is_known(tmp_path: Path) -> None:
    folder = imported("kick.wav", wav(subtype="PCM_24")).write(tmp_path)
    report = run_check(folder, "sp404mk2", Options(quick=True, strict=True))
    (one,) = report.findings
    assert (one.id, one.severity) == ("bit-depth", Severity.ERROR)
    text = "\n".join(lines(report))
    assert "probably taken" in text
    assert "or that is not certain (--strict)" in text
    assert "The device refuses it" not in text


def test_a_command_is_written_as_it_is_typed(tmp_path: Path) -> None:
    for kind in catalogue().values():
        for own in (kind, *kind.devices.values()):
            assert not own.fix.startswith("benchpad")


def test_one_is_not_many(tmp_path: Path) -> None:
    folder = Case("sp404sx", sx_card({0: sx_record(GOOD, channels=2)})).write(tmp_path)
    text = "\n".join(lines(run_check(folder, options=Options(quick=True))))
    assert "1 audio file looked at" in text
    assert "the settings are for stereo; the file is mono" in text


def test_every_kind_of_the_catalogue_is_provoked() -> None:
    wanted = {kind.id for kind in catalogue().values() if kind.group != "volume"}
    assert wanted == set(CASES) | NEEDS_AN_IMAGE


def test_good_cards_have_no_findings(tmp_path: Path) -> None:
    assert not ids(Case("sp404sx", sx_card()), tmp_path / "sx")


def test_the_document_is_that_of_the_catalogue() -> None:
    assert (ROOT / "docs" / "findings.md").read_text("utf-8") == document()


def test_the_catalogue_says_everything() -> None:
    for kind in catalogue().values():
        assert kind.group in GROUPS
        assert kind.happens.endswith(".")
        assert kind.why.endswith(".")
        assert not kind.fix.endswith(".")
        assert kind.mark in ("", "V", "R", "S", "H", "?", "D")
    with pytest.raises(KeyError):
        found("no-such-kind", "x")


def emitted() -> dict[str, set[str]]:
    """Ids in the code: where a finding, verdict, remark, format error or defect is made of a plain string."""
    places = {"found": 0, "_refuse": 0, "Remark": 0, "Verdict": 1, "FormatError": 1, "Defect": 0}
    made: dict[str, set[str]] = {}
    files = [*(ROOT / "firmware").rglob("*.py"), *(ROOT / "sim" / "check").rglob("*.py")]
    files = [path for path in files if not path.name.startswith("describe")]  # shown, not judged
    for path in [*files, *(ROOT / "sdcard_image").glob("check*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            at = places.get(node.func.id)
            if at is not None and len(node.args) > at and isinstance(node.args[at], ast.Constant):
                made.setdefault(str(node.args[at].value), set()).add(f"{path.name}:{node.lineno}")
    return made


def test_every_id_in_the_code_is_in_the_catalogue() -> None:
    made = emitted()
    assert len(made) > 50
    unknown = {name: where for name, where in made.items() if name and name not in catalogue()}
    assert not unknown
