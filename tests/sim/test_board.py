"""The wired device: pad heads, the devices' own cards, voices, loops."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from firmware.catalogue import Pad, PadSettings, SampleInfo
from firmware.formats import pad_info
from firmware.hal import MidiMessage
from firmware.profiles import Fact, Profile, load
from native import CardModel
from native.types import Encoding
from sim.board import Board, Setup
from sim.cards import card_model
from sim.errors import InputError
from sim.heads import choose_heads, head
from sim.rendering import RenderJob, render_song

SECOND = SampleInfo("/x.wav", 48_000, 48_000, 2, 16, Encoding.S16_LE, 44)


def pads(bank: str, count: int) -> list[Pad]:
    return [Pad(bank, number, SECOND) for number in range(1, count + 1)]


def profile(**facts: object) -> Profile:
    generic = load("generic")
    changed = {f"engine.{key}": Fact(value, "D") for key, value in facts.items()}
    return replace(generic, facts={**generic.facts, **changed})


def test_a_head_lies_where_the_pad_begins():
    one = head(Pad("A", 1, SECOND, PadSettings(start=100)), 50, 4_096)
    assert (one.first, one.frames) == (100, 2_401)
    assert one.bytes >= one.frames * 4
    backwards = head(Pad("A", 1, SECOND, PadSettings(end=40_000, reverse=True)), 50, 4_096)
    assert backwards.first + backwards.frames == 40_000


def test_a_head_grows_with_the_speed_and_never_beyond_the_sample():
    assert head(Pad("A", 1, SECOND, PadSettings(pitch_cents=1200)), 50, 4_096).frames == 4_801
    assert head(Pad("A", 1, SECOND, PadSettings(start=47_000)), 50, 4_096).frames == 1_000


def test_the_current_bank_comes_first_and_others_while_ram_is_plenty():
    everything = pads("A", 3) + pads("B", 3) + pads("C", 3)
    chosen = choose_heads(everything, profile(ram_bytes=16 << 20), "B")
    assert [one.pad.bank for one in chosen] == list("BBBAAACCC")
    chosen = choose_heads(everything, profile(ram_bytes=400_000), "B")
    assert [one.pad.bank for one in chosen] == list("BBBAAA")
    assert [one.pad.bank for one in choose_heads(everything, profile(ram_bytes=65_536), "B")] == list("BBB")


def test_timing():
    assert card_model(None, None, None) is None
    assert card_model(None, 2.0, None) == CardModel(command_us=2_000)
    assert card_model(None, 2.0, 4.0).ms(3, 8_000) == 3 * 2 + 2
    assert card_model(None, 2.0, None).ms(3, 8_000) == 6
    for latency, speed in ((-1, None), (float("nan"), 1), (None, 0), (None, float("inf"))):
        with pytest.raises(InputError, match="card"):
            card_model(None, latency, speed)


def played(card: Path, setup: Setup, *messages: MidiMessage, tail_s: float = 0.0, output: Path | None = None):
    with Board(card, setup) as board:
        return render_song(board, list(messages), RenderJob(output, tail_s=tail_s))


def test_a_real_mk2_project_plays_its_own_values(device_files, tmp_path):
    project = tmp_path / "card" / "EXPORT" / "PROJECT" / "PROJECT_01"
    shutil.copytree(device_files / "sp404" / "mk2_project", project)
    press = MidiMessage(500, bytes((0x90, 48, 127)))
    report = played(tmp_path / "card", Setup(), press, output=tmp_path / "a.wav")
    raw = np.frombuffer((project / "SMPL" / "BANK1-01.SMP").read_bytes()[512:], ">i2").reshape(-1, 2)
    audio, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert (report.device, rate) == ("sp404mk2", 48_000)
    assert np.array_equal(audio[500 : 500 + len(raw)], raw.astype(np.float32) / 32_768)
    assert not audio[:500].any()
    assert not audio[500 + len(raw) :].any()


@pytest.fixture
def sx_card(device_files, tmp_path) -> Path:
    """Pads A1 to A8 with a real SX sample each (stereo or mono as it comes); A1 loops."""
    folder = tmp_path / "card" / "ROLAND" / "SP-404SX" / "SMPL"
    folder.mkdir(parents=True)
    source = device_files / "sp404" / "sx_J0000012.WAV"
    size, channels = source.stat().st_size, soundfile.info(source).channels
    records = [pad_info.PadRecord()] * pad_info.RECORDS
    for number in range(8):
        shutil.copy(source, folder / pad_info.file_name("A", number + 1))
        records[number] = pad_info.PadRecord(
            512, size, 512, size, gate=0, loop=int(number == 0), channels=channels
        )
    (folder / "PAD_INFO.BIN").write_bytes(pad_info.build(tuple(records)))
    return tmp_path / "card"


def test_a_stereo_voice_of_the_sx_counts_twice(sx_card):
    with Board(sx_card, Setup()) as board:
        cost = board.boot.catalogue.pads[0].sample.channels
        messages = [MidiMessage(number * 100, bytes((0x90, 47 + number, 127))) for number in range(1, 8)]
        report = render_song(board, messages, RenderJob())
    assert report.rate == 44_100
    assert report.counters.voices_peak == min(12, 7 * cost)
    assert report.counters.voices_stolen == max(0, 7 - 12 // cost)


def test_a_loop_is_faded_out_a_tail_after_the_last_event(sx_card):
    press = MidiMessage(0, bytes((0x90, 47, 127)))
    short = played(sx_card, Setup(), press, tail_s=3.0)
    assert 3 * 44_100 < short.frames < 3 * 44_100 + 2_048
    assert played(sx_card, Setup(), press, tail_s=6.0).frames > 6 * 44_100


def test_what_a_folder_holds_and_no_card_can_is_told(tmp_path):
    (tmp_path / "A").mkdir()
    (tmp_path / "a").mkdir(exist_ok=True)
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this host ignores case")
    for number in range(12):
        (tmp_path / f"z{number:02d}.wav").symlink_to("nowhere")
    with Board(tmp_path, Setup()) as board:
        told = [line.text for line in board.log if "not on the card" in line.text]
    assert any(text.startswith("the folder's /a: the same name as /A to FAT") for text in told)
    assert len(told) == 11
    assert told[-1].startswith("3 more")


def test_sample_memory_stays_within_the_pool(sx_card):
    press = [MidiMessage(number * 5_000, bytes((0x90, 48 + number % 7, 127))) for number in range(40)]
    report = played(
        sx_card, Setup(ram_bytes=128 << 10, card=CardModel(command_us=1_000, read_mb_per_s=20)), *press
    )
    assert 0 < report.counters.resident_bytes <= 128 << 10
