"""Every number that is counted has a name, a unit and a line in docs/metrics.md."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import pytest
from picture_runs import Made

from firmware.player import PlayerCounters
from native import FaultCount, FaultKind
from native.types import Cause, Counters, EndCause
from sim.metrics import METRIC, METRICS, Tally, document, of_counters, of_faults, of_player

ROOT = Path(__file__).resolve().parents[2]
# Only an audio device and MIDI ports can count these.
LIVE = {
    "audio.xruns",
    "audio.late_blocks",
    *(f"midi.{name}" for name in ("messages", "merged", "dropped_notes", "doubles")),
}


def everything() -> dict[str, int | float]:
    tally = Tally()
    for glance in Made().glances():
        tally(glance)
    faults = dict.fromkeys(FaultKind, FaultCount())
    return {**tally.values(), **of_player(PlayerCounters()), **of_faults(faults)}


def test_the_document_is_made_from_the_list():
    assert (ROOT / "docs" / "metrics.md").read_text("utf-8") == document()


def test_names_are_unique_and_units_few():
    assert len(METRIC) == len(METRICS)
    units = {
        "frames",
        "voices",
        "underruns",
        "blocks",
        "bytes",
        "ratio",
        "commands",
        "ms",
        "streams",
        "faults",
    }
    assert {one.unit for one in METRICS} == units | {"notes", "messages", "times"}
    assert {one.kind for one in METRICS} == {"total", "now", "peak"}


def test_everything_measured_is_listed_and_everything_listed_is_measured():
    assert set(everything()) | LIVE == set(METRIC)


@pytest.mark.parametrize("name", [field.name for field in fields(Counters)])
def test_each_counter_of_the_engine_is_one_metric(name: str):
    still, moved = of_counters(Counters()), of_counters(replace(Counters(), **{name: 3}))
    changed = {key for key in still if still[key] != moved[key]} - {"cache.hit_rate"}
    assert len(changed) == 1
    assert moved[changed.pop()] == 3


def test_each_counter_of_the_player_is_a_metric():
    heard = PlayerCounters(2, Counter({(1, 60): 3, (2, 61): 1}), Counter({"A1": 5}))
    assert len(fields(heard)) == len(of_player(heard))
    assert of_player(heard) == {"midi.notes": 2, "midi.unmapped": 4, "midi.empty_pads": 5}


def test_faults_are_told_by_kind():
    values = of_faults({FaultKind.SPIKE: FaultCount(begun=3, met=2, commands=9)})
    assert values == {"faults.spike_begun": 3, "faults.spike_met": 2, "faults.spike_commands": 9}
    assert len(of_faults(dict.fromkeys(FaultKind, FaultCount()))) == 3 * len(FaultKind)


def test_the_hit_rate_is_one_before_anything_is_asked():
    assert of_counters(Counters())["cache.hit_rate"] == 1.0
    assert of_counters(Counters(hits=3, misses=1))["cache.hit_rate"] == 0.75


def test_a_tally_is_the_sum_of_what_was_seen():
    glances = list(Made(voices=8, seconds=4.0).glances())
    tally = Tally()
    for glance in glances:
        tally(glance)
    values = tally.values()
    last = glances[-1]
    assert values["voices.underruns_late"] == last.counters.underruns > 0
    assert values["voices.underruns_cold"] == 0
    ends = [end.cause for glance in glances for end in glance.ends]
    assert values["voices.ended_stolen"] == ends.count(EndCause.STOLEN) > 0
    assert values["voices.ended_late"] == ends.count(EndCause.LATE) > 0
    assert values["voices.least_slack"] == min(state.slack for state in last.states)
    took = [int(one["done_ns"] - one["start_ns"]) for glance in glances for one in glance.commands]
    assert values["card.slowest_ms"] == max(took) / 1e6
    assert values["reader.queue_depth_peak"] == 1


def test_without_voices_there_is_no_slack():
    glance = next(Made().glances())
    tally = Tally()
    tally(replace(glance, states=[]))
    assert "voices.least_slack" not in tally.values()


def test_every_cause_has_a_name():
    assert {f"voices.underruns_{cause.name.lower()}" for cause in Cause} <= set(METRIC)
    assert {f"voices.ended_{cause.name.lower()}" for cause in EndCause} <= set(METRIC)
