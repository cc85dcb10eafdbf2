"""Alerts: each cause is told from the others, raised at once, cleared when it is over, and not in between."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from picture_runs import RATE, Made

from sim.metrics import METRIC, Tally
from sim.monitor import (
    ADVICE,
    Alert,
    Expectation,
    Monitor,
    Rules,
    Trouble,
    Window,
    happenings,
    judge,
    monitoring,
    weightiest,
)
from sim.watching import Happening

CARD = Expectation(command_ms=1.0, mb_per_s=10.0)
STEP = 4_800  # 100 ms between two snapshots
CALM = {"card.reads": 20, "card.read_bytes": 300_000, "card.busy_ms": 50.0, "voices.least_slack": 9_600}


def snapshots(*growths: dict[str, float]) -> Iterable[dict[str, float]]:
    """A snapshot for each 100 ms; totals grow by what is given, the slack is as given."""
    now: dict[str, float] = dict.fromkeys(METRIC, 0)
    for at, growth in enumerate(growths):
        for name, value in (CALM | growth).items():
            now[name] = value if METRIC[name].kind == "now" else now[name] + value
        yield {**now, "engine.frames": at * STEP}


def fed(*growths: dict[str, float]) -> list[Alert]:
    monitor = Monitor(RATE, CARD)
    for snapshot in snapshots(*growths):
        monitor.feed(snapshot)
    return list(monitor.alerts)


def late(count: int = 1, **others: float) -> dict[str, float]:
    return {"voices.underruns": count, "voices.underruns_late": count, **others}


BUSY_BYTES = {"card.reads": 5, "card.read_bytes": 950_000, "card.busy_ms": 100.0}
BUSY_COMMANDS = {"card.reads": 80, "card.read_bytes": 200_000, "card.busy_ms": 100.0}
GONE = {"card.reads": 5, "card.read_bytes": 0, "card.busy_ms": 3.0, "card.read_errors": 5}


@pytest.mark.parametrize(
    ("growth", "trouble", "evidence"),
    [
        (late() | BUSY_BYTES, Trouble.BANDWIDTH, "most of it for bytes"),
        (late() | BUSY_COMMANDS, Trouble.OVERHEAD, "80% of it for commands"),
        (late() | {"card.busy_ms": 95.0, "card.read_bytes": 300_000}, Trouble.SPIKES, "should have been"),
        (late() | {"card.busy_ms": 900.0}, Trouble.SPIKES, "should have been"),
        ({"voices.underruns": 4, "voices.underruns_no_room": 3}, Trouble.RAM, "every block held"),
        ({"voices.underruns": 5, "voices.underruns_cold": 4}, Trouble.RAM, "nothing in RAM"),
        (late() | {"card.read_errors": 1}, Trouble.CARD_ERROR, "1 of 20 reads failed"),
        (late() | GONE, Trouble.CARD_GONE, "all of 5 reads failed"),
        (late() | {"voices.ended_cpu": 1}, Trouble.CPU, "missed its deadline"),
        ({"audio.late_blocks": 1}, Trouble.CPU, "missed its deadline"),
    ],
)
def test_each_cause_is_told_from_the_others(growth: dict[str, float], trouble: Trouble, evidence: str):
    first, second = list(snapshots({}, growth))
    window = Window(100.0, first, second)
    found = judge(window, window, CARD, RATE)
    assert found is not None
    assert found[0] is trouble
    assert found[1], "it is heard"
    assert evidence in found[2]


def test_errors_that_the_mirror_answers_are_a_danger_only():
    first, second = snapshots({}, {"card.read_errors": 2, "reader.failovers": 2})
    window = Window(100.0, first, second)
    found = judge(window, window, CARD, RATE)
    assert found == (Trouble.CARD_ERROR, False, "2 of 20 reads failed, the mirror card answered for 2")


def test_what_nobody_hears_is_no_trouble():
    first, second = list(snapshots({}, {"voices.least_slack": 10, "card.busy_ms": 70.0}))
    window = Window(1_000.0, first, second)
    assert judge(window, window, CARD, RATE) is None  # little slack, but the card has time
    first, second = list(snapshots({}, BUSY_BYTES))
    window = Window(100.0, first, second)
    assert judge(window, window, CARD, RATE) is None  # no time, but there is slack


def test_a_pad_that_begins_cold_is_not_a_card_that_cannot_keep_up():
    cold = {"voices.underruns": 1, "voices.underruns_cold": 1}
    assert fed({}, cold, *[{}] * 20, cold | {"card.busy_ms": 80.0}, *[{}] * 20) == []
    (alert,) = fed({}, *[cold] * 5)  # one after the other is
    assert (alert.trouble, alert.heard) == (Trouble.RAM, True)
    (alert,) = fed({}, cold | BUSY_BYTES)
    assert alert.trouble is Trouble.BANDWIDTH


def test_a_card_at_its_end_warns_before_it_is_heard():
    low = BUSY_BYTES | {"voices.least_slack": 48}
    (alert,) = fed({}, *[low] * 9)
    assert (alert.state, alert.trouble, alert.heard) == ("raised", Trouble.BANDWIDTH, False)
    assert "1.0 ms of data left" in alert.evidence
    assert alert.text.startswith("streaming is in danger: bandwidth (1.0 ms of data left")


def test_a_warning_becomes_an_alarm_when_it_is_heard():
    low = BUSY_BYTES | {"voices.least_slack": 48}
    alerts = fed({}, *[low] * 9, low | late(), low)
    assert [(one.state, one.heard) for one in alerts] == [("raised", False), ("changed", True)]


def test_an_alert_is_raised_once_and_cleared_after_a_calm():
    alerts = fed({}, {}, late() | BUSY_BYTES, *[late() | BUSY_BYTES] * 20, *[{}] * 40)
    assert [one.state for one in alerts] == ["raised", "cleared"]
    last_heard = 22 * STEP
    calm_from = last_heard + round(Rules().window_s * RATE)
    assert calm_from + round(Rules().clear_s * RATE) - alerts[1].frame in range(-STEP, STEP + 1)


def test_trouble_now_and_then_is_one_alert():
    alerts = fed({}, *([late() | BUSY_BYTES] + [{}] * 24) * 4)
    assert [one.state for one in alerts] == ["raised"]


def test_it_is_not_cleared_while_a_voice_lives_from_hand_to_mouth():
    alerts = fed({}, late() | BUSY_BYTES, *[{"voices.least_slack": 480}] * 60)
    assert [one.state for one in alerts] == ["raised"]


def test_another_cause_must_last_to_take_its_place():
    bytes_, room = late(4) | BUSY_BYTES, {"voices.underruns": 99, "voices.underruns_no_room": 99}
    assert [one.state for one in fed({}, *[bytes_] * 9, room, *[bytes_] * 2)] == ["raised"]
    alerts = fed({}, *[bytes_] * 9, *[room] * 30)
    assert [(one.state, one.trouble) for one in alerts] == [
        ("raised", Trouble.BANDWIDTH),
        ("changed", Trouble.RAM),
    ]


def test_a_card_that_is_gone_is_said_at_once():
    some = late() | GONE | {"card.reads": 9}
    alerts = fed({}, *[{}] * 20, some, *[late() | GONE] * 12)
    assert [one.trouble for one in alerts] == [Trouble.CARD_ERROR, Trouble.CARD_GONE]
    assert alerts[1].frame - alerts[0].frame == 2 * STEP


def test_how_often_it_is_fed_hardly_matters():
    growths = [{}, {}, *[late() | BUSY_BYTES] * 8, *[{}] * 60]
    rare = Monitor(RATE, CARD)
    for snapshot in list(snapshots(*growths))[::3]:
        rare.feed(snapshot)
    often = fed(*growths)
    assert [one.state for one in rare.alerts] == [one.state for one in often]
    for one, other in zip(rare.alerts, often, strict=True):
        assert abs(one.frame - other.frame) <= 3 * STEP


def test_a_clock_that_begins_anew_is_no_trouble():
    monitor = Monitor(RATE, CARD)
    for snapshot in [*snapshots({}, {}, {}), *snapshots({}, {}, {})]:
        assert monitor.feed(snapshot) is None


def test_memory_is_bounded():
    monitor = Monitor(RATE, CARD)
    for snapshot in snapshots(*[{}] * 500):
        monitor.feed(snapshot)
    assert len(monitor._seen) <= RATE // STEP + 2


def test_who_asked_is_told():
    told: list[Alert] = []
    monitor = Monitor(RATE, CARD, on_alert=[told.append])
    for snapshot in snapshots({}, late() | BUSY_BYTES, *[{}] * 60):
        monitor.feed(snapshot)
    assert told == list(monitor.alerts)
    assert len(told) == 2
    assert monitor.active is None


def test_an_alert_is_a_sentence_with_cause_and_advice():
    alert, cleared = fed({}, late() | BUSY_BYTES, *[{}] * 60)
    assert alert.text.startswith("streaming cannot keep up: bandwidth (the card was busy")
    assert alert.text.endswith(ADVICE[Trouble.BANDWIDTH])
    assert cleared.text == "streaming keeps up again (it was bandwidth)"
    assert set(ADVICE) == set(Trouble)


def test_the_alert_under_which_most_underruns_fell_tells_best():
    early = Alert(100, "raised", Trouble.RAM, True, "one cold voice")
    late_ = Alert(200, "changed", Trouble.BANDWIDTH, True, "busy")
    over = Alert(900, "cleared", Trouble.BANDWIDTH, True, "")
    alerts = [early, late_, over]
    assert weightiest(alerts, [90, *range(210, 310)], 1_000) is late_
    assert weightiest(alerts, [*range(90, 200), 210], 1_000) is early  # the first before it was raised
    assert weightiest(alerts, [], 1_000) is late_, "it stood longer"
    assert weightiest([Alert(1, "raised", Trouble.RAM, False, "x")], [5], 10) is None
    assert weightiest([], [5], 10) is None


def test_alerts_become_stretches_of_time():
    raised = Alert(10, "raised", Trouble.RAM, True, "x")
    changed = Alert(20, "changed", Trouble.SPIKES, True, "y")
    cleared = Alert(50, "cleared", Trouble.SPIKES, True, "")
    again = Alert(70, "raised", Trouble.RAM, True, "z")
    assert happenings([raised, changed, cleared, again], 99) == [
        Happening("alert", 10, 20, raised.text),
        Happening("alert", 20, 50, changed.text),
        Happening("alert", 70, 99, again.text),
    ]
    assert happenings([], 99) == []


def test_a_spike_in_a_run_is_found_by_what_is_watched():
    made = Made(voices=8, seconds=12.0, spike_ms=300.0)
    monitor = Monitor(RATE, Expectation(made.command_ms + 0.4, 0.0))
    take = monitoring(monitor, Tally())
    for glance in made.glances():
        take(glance)
    assert [(one.state, one.trouble) for one in monitor.alerts] == [
        ("raised", Trouble.SPIKES),
        ("cleared", Trouble.SPIKES),
    ]
    assert monitor.alerts[0].frame == pytest.approx(6.0 * RATE, abs=1_024)
