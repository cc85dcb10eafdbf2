"""What is watched of the real engine: traces of songs, alerts of the right cause; nothing changed by it."""

from __future__ import annotations

import html
import itertools
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from native import CardModel, Engine, Fault, FaultKind, card_device, faulty_device, null_device
from native.types import Encoding, EngineConfig, Extent, Sample, Start
from sim.cli import cli
from sim.metrics import METRIC, Tally
from sim.monitor import Monitor, Trouble, monitoring
from sim.observing import expected
from sim.watching import RECORDS, Watch

RATE = 48_000
SECOND = RATE * 4  # bytes of a 16-bit stereo voice


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pads with six seconds each."""
    folder = tmp_path_factory.mktemp("card") / "kit"
    (folder / "A").mkdir(parents=True)
    for pad in range(1, 9):
        noise = np.random.default_rng(pad).integers(-2_000, 2_000, (6 * RATE, 2)).astype(np.int16)
        soundfile.write(folder / "A" / f"{pad} pad.wav", noise, RATE, "PCM_16")
    return folder


@pytest.fixture(scope="module")
def midi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rounds over the pads, the second on top of the first."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)])
    for note in [*range(36, 44)] * 2:
        track.append(mido.Message("note_on", note=note, velocity=100, time=120))
        track.append(mido.Message("note_off", note=note, velocity=0, time=60))
    path = tmp_path_factory.mktemp("midi") / "song.mid"
    mido.MidiFile(type=0, ticks_per_beat=480, tracks=[track]).save(path)
    return path


def benchpad(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments])


def rendered(*arguments: object) -> dict[str, Any]:
    result = benchpad(*arguments, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


SLOW = ("--ram", "1M", "--card-latency", "3", "--card-speed", "1.5")


def test_a_traced_render_tells_everything_and_sounds_the_same(card: Path, midi: Path, tmp_path: Path):
    trace = tmp_path / "run.json"
    watched = rendered("render", card, "--midi", midi, *SLOW, "--trace", trace)
    alone = rendered("render", card, "--midi", midi, *SLOW)
    assert watched["sha256"] == alone["sha256"]
    assert watched["underrun_count"] == alone["underrun_count"] > 0
    events = json.loads(trace.read_text("ascii"))["traceEvents"]
    kinds = Counter((one["ph"], one["name"]) for one in events)
    underruns = sum(count for (phase, name), count in kinds.items() if phase == "i" and "underrun" in name)
    assert underruns == watched["underrun_count"]
    reads = [one for one in events if one["ph"] == "X" and one["name"].startswith("read")]
    preloaded = watched["preload"]["bytes"]
    assert sum(one["args"]["bytes"] for one in reads) == watched["card"]["bytes"] - preloaded
    blocks = [one for one in events if one["ph"] == "X" and one["name"].startswith("block")]
    assert sum(one["args"]["frames"] for one in blocks) == watched["frames"]
    voices = [one for one in events if one["ph"] == "X" and one["pid"] == 2]
    assert len(voices) == watched["voices_started"] == 16
    assert {one["args"]["sample"] for one in voices} == {f"/A/{pad} pad.wav" for pad in range(1, 9)}


def test_a_trace_has_no_overlapping_spans_and_is_the_same_every_time(card: Path, midi: Path, tmp_path: Path):
    spans = defaultdict(list)
    for name in ("one", "two"):
        rendered("render", card, "--midi", midi, *SLOW, "--trace", tmp_path / name)
    one = (tmp_path / "one").read_bytes()
    assert one == (tmp_path / "two").read_bytes()
    for event in json.loads(one)["traceEvents"]:
        if event["ph"] == "X":
            spans[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for found in spans.values():
        for (_, end), (begin, _) in itertools.pairwise(sorted(found)):
            assert begin >= end - 0.002


def test_metrics_and_alerts_are_in_the_report(card: Path, midi: Path, tmp_path: Path):
    watched = rendered("render", card, "--midi", midi, *SLOW, "--trace", tmp_path / "run.json")
    assert set(watched["metrics"]) <= set(METRIC)
    assert watched["metrics"]["voices.underruns"] == watched["underrun_count"]
    causes = Counter(one["cause"].replace(" ", "_") for one in watched["underruns"])
    for cause in ("cold", "late", "no_room", "read_error"):
        assert watched["metrics"][f"voices.underruns_{cause}"] == causes[cause]
    assert watched["metrics"]["midi.notes"] == 16
    assert watched["alerts"][0]["state"] == "raised"
    assert watched["alerts"][0]["cause"] in ("bandwidth", "command overhead")
    alone = rendered("render", card, "--midi", midi, *SLOW)
    assert alone["alerts"] is None
    assert alone["metrics"].items() <= watched["metrics"].items()


def test_metrics_do_not_depend_on_the_block(card: Path, midi: Path):
    render = ("render", card, "--midi", midi, *SLOW, "--block")
    assert rendered(*render, 64)["metrics"] == rendered(*render, 1_000)["metrics"]


def test_faults_are_in_the_trace(card: Path, midi: Path, tmp_path: Path):
    script = tmp_path / "faults.toml"
    script.write_text('[[fault]]\nkind = "remove"\nat_s = 1.0\nfor_s = 1.5\n')
    watched = rendered(
        "render", card, "--midi", midi, "--ram", "1M", "--faults", script, "--trace", tmp_path / "run.json"
    )
    events = json.loads((tmp_path / "run.json").read_text("ascii"))["traceEvents"]
    (removal,) = (one for one in events if one["ph"] == "X" and one["name"] == "remove")
    assert (removal["ts"], removal["dur"]) == (1e6, 1.5e6)
    assert any(one["name"] == "read failed" for one in events)
    assert [one["cause"] for one in watched["alerts"] if one["state"] != "cleared"][-1] == "card gone"
    assert watched["alerts"][-1]["state"] == "cleared"


def test_a_person_is_told_where_the_trace_is(card: Path, midi: Path, tmp_path: Path):
    result = benchpad("render", card, "--midi", midi, *SLOW, "--trace", tmp_path / "run.json")
    assert result.exit_code == 0
    assert "run.json; open it at ui.perfetto.dev" in result.output.replace("\n", " ")
    assert "streaming cannot keep up" in " ".join(result.output.split())


@pytest.mark.parametrize("where", ["song", "wav", "missing/run.json", "kit/run.json"])
def test_a_trace_replaces_nothing_that_is_read(card: Path, midi: Path, tmp_path: Path, where: str):
    wav = tmp_path / "out.wav"
    trace = {"song": midi, "wav": wav, "kit/run.json": card / "run.json"}.get(where, tmp_path / where)
    before = midi.read_bytes()
    result = benchpad("render", card, "--midi", midi, "-o", wav, "--trace", trace)
    assert result.exit_code in (2, 3)
    assert len(result.stderr.strip().splitlines()) == 1
    assert midi.read_bytes() == before
    assert not list(tmp_path.iterdir())


def test_a_song_under_stress_has_a_page_and_a_trace_that_agree(card: Path, midi: Path, tmp_path: Path):
    song = ("stress", card, "--midi", midi, *SLOW)
    for name in ("one", "two"):
        told = rendered(*song, "--html", tmp_path / f"{name}.html", "--trace", tmp_path / f"{name}.json")
    for kind in ("html", "json"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()
    page = (tmp_path / "one.html").read_text("utf-8")
    assert f"<b>{told['underrun_count']}</b><span>underruns</span>" in page
    assert "Streaming cannot keep up" in page
    assert "of it in vain" in page
    events = json.loads((tmp_path / "one.json").read_text("ascii"))["traceEvents"]
    assert sum(one["ph"] == "i" for one in events) == told["underrun_count"]


def test_a_sweep_has_a_page_with_its_runs(card: Path, tmp_path: Path):
    sweep = ("stress", card, "--ram", "1M", "--voices", "6..16", "--seconds", "2", *SLOW[2:])
    told = rendered(*sweep, "--html", tmp_path / "sweep.html")
    page = (tmp_path / "sweep.html").read_text("utf-8")
    assert f"<b>{told['clean_voices']}</b><span>clean voices</span>" in page
    assert told["sentence"] in html.unescape(page)
    assert page.count("<h3>Slack</h3>") >= 1
    assert all(html.escape(one["change"]) in page for one in told["suggestions"])


# alerts of the engine itself, without a card or a song


def alerts(
    voices: int, model: CardModel, ram: int, *faults: Fault, seconds: float = 12.0, head: int = 9_600
) -> list[tuple[str, Trouble]]:
    """What is raised while so many voices stream; what comes first is most of the story."""
    device = faulty_device(card_device(null_device(voices * 60 * SECOND), model, 1))
    for fault in faults:
        device.post(fault)
    config = EngineConfig(max_voices=voices, pool_bytes=ram, dry=True, measure=True, trace_records=RECORDS)
    monitor = Monitor(RATE, expected(model))
    out = np.zeros((512, 2), np.float32)
    with Engine(config, device) as engine:
        for voice in range(voices):
            extent = Extent(voice * 60 * SECOND, 60 * SECOND)
            engine.add_sample(Sample((extent,), 0, 60 * RATE, 2, RATE, Encoding.S16_LE))
            if head:
                engine.pin_head(voice, 0, head)
            engine.post(Start(voice * 2_400, voice, voice))
        engine.preload()
        watch = Watch(engine, [monitoring(monitor, Tally())])
        while engine.frame < seconds * RATE:
            engine.render(out)
            watch.look(engine.drain_underruns())
    return [(one.state, one.trouble) for one in monitor.alerts]


def test_a_card_with_time_to_spare_raises_nothing():
    assert alerts(16, CardModel(command_us=500, read_mb_per_s=20), 8 << 20) == []


def test_too_few_bytes_a_second_is_bandwidth():
    assert alerts(40, CardModel(command_us=200, read_mb_per_s=5), 16 << 20)[0] == (
        "raised",
        Trouble.BANDWIDTH,
    )


def test_slow_commands_with_short_transfers_are_overhead():
    assert alerts(60, CardModel(command_us=8_000, read_mb_per_s=80), 4 << 20)[0] == (
        "raised",
        Trouble.OVERHEAD,
    )


def test_a_long_spike_is_a_spike_and_is_over():
    model = CardModel(command_us=500, read_mb_per_s=20)
    spike = Fault(FaultKind.SPIKE, at_ns=4_000_000_000, times=1, spike_ns=1_500_000_000)
    assert alerts(16, model, 4 << 20, spike) == [("raised", Trouble.SPIKES), ("cleared", Trouble.SPIKES)]


def test_a_card_that_is_pulled_out_is_gone_until_it_is_back():
    gone = Fault(FaultKind.REMOVED, at_ns=4_000_000_000, until_ns=6_000_000_000)
    found = alerts(16, CardModel(command_us=500, read_mb_per_s=20), 4 << 20, gone)
    assert ("cleared", Trouble.CARD_GONE) in found[1:]
    assert {trouble for _, trouble in found} <= {Trouble.CARD_GONE, Trouble.CARD_ERROR}


def test_bad_sectors_are_a_card_error():
    bad = Fault(FaultKind.READ_ERROR, at_ns=2_000_000_000, offset=5 * SECOND, length=SECOND)
    found = alerts(8, CardModel(command_us=500, read_mb_per_s=20), 4 << 20, bad)
    assert ("raised", Trouble.CARD_ERROR) in found
    assert {trouble for _, trouble in found} == {Trouble.CARD_ERROR}


def test_voices_whose_blocks_all_others_hold_want_ram():
    found = alerts(64, CardModel(command_us=10, read_mb_per_s=0), 64 * 4_096, head=0)
    assert found[0] == ("raised", Trouble.RAM)
