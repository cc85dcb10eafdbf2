"""docs/stress.md says what is so: its presets are those of sim/cards, its names those of the report."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from stress_kits import QUICK, trial

from firmware.profiles import load
from sim.board import Setup
from sim.cards import load_card, preset_names
from sim.stress.judge import first_to_give
from sim.stress.run import Asked, Scene, stress_run
from sim.stress.trial import Plan

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "stress.md").read_text("utf-8")


def row(name: str) -> str:
    preset = load_card(name)
    m = preset.model
    fixed, random = (m.command_us + m.first_byte_us) / 1000, m.body_us / 1000
    size = f"{m.spike_ms:g} to {m.wear_ms:g} ms" if m.wear_bytes else f"{m.spike_ms:g} ms"
    parts = (f"{fixed:g}" if fixed else "", f"{random:g} random" if random else "")
    cells = (
        f"`{name}`",
        preset.title,
        " + ".join(filter(None, parts)) or "-",
        f"{m.read_mb_per_s:g}" if m.read_mb_per_s else "-",
        f"+{m.page_us / 1000:g} ms over {m.page_bytes >> 10} KB" if m.page_bytes else "-",
        f"+{m.unit_us / 1000:g} ms at each {m.unit_bytes >> 20} MB" if m.unit_bytes else "-",
        f"{size}, every {m.spike_every_s:g} s" if m.spike_every_s else "-",
    )
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("name", preset_names())
def test_the_table_of_presets_is_right(name: str) -> None:
    assert row(name) in DOCS.splitlines(), f"docs/stress.md should have the row\n{row(name)}"


def test_every_name_of_the_report_is_explained() -> None:
    one = trial(plan=QUICK)
    scene = Scene("kit.img", load("generic"), Setup(), load_card("class4"), one, 0, 40)
    document = stress_run(scene, Asked(QUICK, (18, 19))).document()
    table = DOCS[DOCS.index("## The JSON") :]
    explained = set(re.findall(r"`(\w+)`", table))
    assert set(document) <= explained
    assert {name for one in document["suggestions"] for name in one} <= explained
    assert {name for one in document["points"] for name in one} <= explained
    assert {name for one in document["reliefs"] for name in one} <= explained


def test_the_plan_is_the_one_told() -> None:
    plan = Plan()
    assert f"begin one after the other over {plan.spread_s:g} seconds" in DOCS
    assert f"What happens in the first {plan.warm_s:g} seconds" in DOCS
    assert f"`--seconds` count, {plan.seconds:g} unless" in DOCS


def test_all_that_may_give_is_named() -> None:
    assert first_to_give.__doc__
    for cost in ("bandwidth", "command overhead", "RAM", "spikes", "voices", "nothing"):
        assert cost in DOCS[DOCS.index("## The JSON") :]
