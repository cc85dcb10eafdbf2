"""Every kind of the catalogue is found where it is, and nothing is found that the catalogue lacks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from check_cards import CASES, Case, sx_card

from firmware.findings import GROUPS, Severity, catalogue, document, found
from sim.check import Options, run_check

ROOT = Path(__file__).resolve().parents[2]
NEEDS_AN_IMAGE = {"card-error", "card-full"}  # test_check_images provokes these, and those of the volume


def ids(case: Case, folder: Path) -> dict[str, Severity]:
    report = run_check(case.write(folder), case.device, Options(timing=case.timing))
    return {one.id: one.severity for one in reversed(report.findings)}


@pytest.mark.parametrize("name", CASES)
def test_is_found(name: str, tmp_path: Path) -> None:
    assert name in ids(CASES[name], tmp_path)


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
