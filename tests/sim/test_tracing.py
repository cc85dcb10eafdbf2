"""Traces: valid in the trace-event format, whole, bounded, the same for the same run."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from picture_runs import NAMES, RATE, Made

from native import PAIR_BASE
from native.types import EndCause, VoiceEnd
from sim.errors import InputError
from sim.tracefile import TraceFile
from sim.tracing import BENCH, BUFFERS, VOICES, Tracer
from sim.watching import Glance, Happening

REQUIRED = {"X": {"ts", "dur", "args"}, "i": {"ts", "s"}, "C": {"ts", "args"}, "M": {"args"}}
BLOCK_BYTES = 4_096


def traced(path: Path, glances: list[Glance], *happenings: Happening, size: int = 64 << 20) -> dict[str, Any]:
    with TraceFile(path, size) as file:
        tracer = Tracer(file, RATE, BLOCK_BYTES, NAMES, cards=("card", "mirror card"))
        for glance in glances:
            tracer(glance)
        for one in happenings:
            tracer.happening(one)
        tracer.close()
    document = json.loads(path.read_text("ascii"))
    assert isinstance(document, dict)
    return document


def of(document: dict[str, Any], phase: str, name: str = "", pid: int | None = None) -> list[dict[str, Any]]:
    return [
        one
        for one in document["traceEvents"]
        if one["ph"] == phase and one["name"].startswith(name) and pid in (None, one["pid"])
    ]


def tracks(document: dict[str, Any]) -> dict[tuple[int, int], str]:
    return {(one["pid"], one["tid"]): one["args"]["name"] for one in of(document, "M", "thread_name")}


@pytest.fixture(scope="module")
def run() -> list[Glance]:
    return list(Made().glances())


def test_every_event_has_what_its_phase_needs(tmp_path: Path, run: list[Glance]):
    document = traced(tmp_path / "run.json", run)
    assert document["displayTimeUnit"] == "ms"
    for one in document["traceEvents"]:
        assert {"name", "ph", "pid", "tid"} | REQUIRED[one["ph"]] <= set(one)
        assert one.get("dur", 0) >= 0
    named = tracks(document)
    assert len(named) == len(of(document, "M", "thread_name")), "a track is named twice"
    assert {(one["pid"], one["tid"]) for one in of(document, "X") + of(document, "i")} <= set(named)


def test_spans_of_a_track_do_not_overlap(tmp_path: Path, run: list[Glance]):
    spans = defaultdict(list)
    document = traced(
        tmp_path / "run.json", run, Happening("fault", 10, 90, "a"), Happening("fault", 50, 200, "b")
    )
    for one in of(document, "X"):
        if one["tid"] != 12:  # the made card's commands take what they take
            spans[one["pid"], one["tid"]].append((one["ts"], one["ts"] + one["dur"]))
    assert len(spans) > 3
    for found in spans.values():
        found.sort()
        for (_, end), (begin, _) in itertools.pairwise(found):
            assert begin >= end - 0.01


def test_it_tells_all_that_happened(tmp_path: Path, run: list[Glance]):
    document = traced(tmp_path / "run.json", run)
    underruns = [one for glance in run for one in glance.underruns]
    assert len(of(document, "i", "underrun: late")) == len(underruns) > 0
    assert len(of(document, "X", "read", BENCH)) == sum(len(glance.commands) for glance in run)
    assert len(of(document, "X", "block", BENCH)) == len(run)
    ends = [end for glance in run for end in glance.ends]
    voices = of(document, "X", pid=VOICES)
    assert len([one for one in voices if one["args"]["ended"] != "with the trace"]) == len(ends)


def test_a_command_says_its_bytes_its_sample_and_its_slack(tmp_path: Path, run: list[Glance]):
    first, spiked = of(traced(tmp_path / "run.json", run), "X", "read")[:1], len(run) // 2
    assert first[0]["args"]["bytes"] == 16_384
    assert first[0]["args"]["sample"] == "/kit/<0> & co.wav"
    assert first[0]["args"]["pad"] == "A1"
    took = int(run[0].commands["done_ns"][0] - run[0].commands["start_ns"][0])
    assert first[0]["dur"] == pytest.approx(took / 1000)
    assert first[0]["args"]["slack ms"] == pytest.approx(40 - took / 1e6, abs=0.001)
    late = of(traced(tmp_path / "again.json", run), "X", "read, late")
    assert [one["args"]["offset"] for one in late] == [spiked * 16_384]
    assert late[0]["args"]["slack ms"] < 0


def test_a_failed_read_and_one_of_the_other_card_are_told_apart(tmp_path: Path, run: list[Glance]):
    commands = run[0].commands.copy()
    commands["status"], commands["offset"], commands["deadline_ns"] = -4, PAIR_BASE + 512, (1 << 64) - 1
    (event,) = of(traced(tmp_path / "run.json", [replace(run[0], commands=commands)]), "X", "read")
    assert (event["name"], event["tid"]) == ("read failed", 13)
    assert event["args"]["offset"] == 512
    assert event["args"]["status"] == -4
    assert "slack ms" not in event["args"]


def test_counters_change_when_their_value_does(tmp_path: Path, run: list[Glance]):
    document = traced(tmp_path / "run.json", run)
    underruns = [one["args"]["so far"] for one in of(document, "C", "underruns")]
    assert underruns == sorted(set(underruns))
    assert underruns[-1] == run[-1].counters.underruns
    buffers = of(document, "C", "A1", BUFFERS)
    assert buffers[0]["args"]["ms"] == pytest.approx(run[0].states[0].slack * 1000 / RATE, abs=0.01)
    blocks = of(document, "C", "resident")
    assert blocks[-1]["args"]["blocks"] == run[-1].counters.resident_bytes // BLOCK_BYTES
    assert of(document, "C", "queue")


def test_the_buffer_of_a_voice_that_is_gone_is_empty(tmp_path: Path, run: list[Glance]):
    gone = [*run[:3], replace(run[3], states=run[3].states[1:])]
    assert of(traced(tmp_path / "run.json", gone), "C", "A1", BUFFERS)[-1]["args"]["ms"] == 0


def test_voices_that_still_sound_are_drawn_from_when_they_were_first_seen(tmp_path: Path, run: list[Glance]):
    quiet = [
        replace(glance, ends=[], states=glance.states[:2] if at else []) for at, glance in enumerate(run)
    ]
    spans = of(traced(tmp_path / "run.json", quiet), "X", pid=VOICES)
    assert [(one["name"], one["ts"]) for one in spans] == [
        ("A1", pytest.approx(run[1].since * 1e6 / RATE, abs=0.001)),
        ("A2", pytest.approx(run[1].since * 1e6 / RATE, abs=0.001)),
    ]
    assert spans[0]["ts"] + spans[0]["dur"] == pytest.approx(run[-1].frame * 1e6 / RATE, abs=0.01)


def test_a_voice_that_is_gone_before_its_end_is_told_is_not_lost(tmp_path: Path, run: list[Glance]):
    last = replace(run[1], ends=[], states=[])
    spans = of(traced(tmp_path / "run.json", [replace(run[0], ends=[]), last]), "X", pid=VOICES)
    assert len(spans) == len(run[0].states)
    earlier = traced(
        tmp_path / "run.json", [replace(run[0], ends=[]), last, replace(run[2], ends=[], states=[])]
    )
    assert not of(earlier, "X", pid=VOICES)


def test_of_two_voices_of_a_pad_the_one_that_ended_is_drawn_once(tmp_path: Path, run: list[Glance]):
    """Whether the engine tells the end at once or a glance later."""
    state = run[0].states[0]
    end = VoiceEnd(run[2].frame, run[0].since + 7, state.tag, state.sample, EndCause.END, 5, 5, 0)
    for told in (2, 3):
        states = [[state], [state, state], [state], [state]]
        glances = [
            replace(run[at], states=states[at], ends=[end] if at == told else []) for at in range(len(states))
        ]
        spans = of(traced(tmp_path / "run.json", glances), "X", pid=VOICES)
        begins = sorted(one["ts"] for one in spans)
        expected = [(run[0].since + 7) * 1e6 / RATE, run[1].since * 1e6 / RATE]
        assert begins == pytest.approx(expected, abs=0.001)


def test_voices_of_one_pad_get_a_track_each(tmp_path: Path, run: list[Glance]):
    state = run[0].states[0]
    layered = [replace(glance, ends=[], states=[state, state, state]) for glance in run[:4]]
    named = tracks(traced(tmp_path / "run.json", layered))
    assert {name for (pid, _), name in named.items() if pid == VOICES} == {"A1", "A1 (2)", "A1 (3)"}


def test_faults_and_alerts_are_spans_or_instants(tmp_path: Path, run: list[Glance]):
    document = traced(
        tmp_path / "run.json",
        run,
        Happening("fault", 48_000, 96_000, "card gone"),
        Happening("note", 5, 5, "x"),
    )
    (fault,) = of(document, "X", "card gone")
    assert (fault["ts"], fault["dur"]) == (1e6, 1e6)
    assert len(of(document, "i", "x")) == 1
    assert {"faults", "notes"} <= set(tracks(document).values())


def test_the_same_run_is_the_same_file(tmp_path: Path, run: list[Glance]):
    traced(tmp_path / "one.json", run)
    traced(tmp_path / "two.json", run)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


@pytest.mark.parametrize("size", [8_192, 40_000, 100_000])
def test_the_size_is_bounded_and_what_matters_most_is_kept(tmp_path: Path, run: list[Glance], size: int):
    document = traced(tmp_path / "run.json", run, size=size)
    assert (tmp_path / "run.json").stat().st_size <= size
    assert "the file is full" in document["otherData"]["left out"]
    if size == 100_000:  # details go first
        assert len(of(document, "i", "underrun")) == run[-1].counters.underruns


def test_a_run_that_fails_leaves_nothing(tmp_path: Path):
    with pytest.raises(RuntimeError), TraceFile(tmp_path / "run.json"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_an_old_trace_stays_until_the_new_one_is_whole(tmp_path: Path, run: list[Glance]):
    path = tmp_path / "run.json"
    path.write_text("old")
    with pytest.raises(RuntimeError), TraceFile(path):
        raise RuntimeError
    assert path.read_text() == "old"
    traced(path, run)
    assert [one.name for one in tmp_path.iterdir()] == ["run.json"]


def test_what_is_no_file_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="not a regular file"):
        TraceFile(tmp_path)
    with pytest.raises(OSError, match=r"run\.json"):
        TraceFile(tmp_path / "missing" / "run.json")


def test_names_of_any_kind_are_written(tmp_path: Path, run: list[Glance]):
    names = replace(NAMES, sample=lambda sample: 'a"\\\udc80\n\u202ex')
    with TraceFile(tmp_path / "run.json") as file:
        Tracer(file, RATE, BLOCK_BYTES, names)(run[0])
    read = of(json.loads((tmp_path / "run.json").read_text("ascii")), "X", "read")
    assert read[0]["args"]["sample"] == 'a"\\\udc80\n\u202ex'
