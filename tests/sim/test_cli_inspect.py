"""``benchpad inspect``: what it prints and what it refuses."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import mido
import numpy as np
import soundfile as sf
from click.testing import CliRunner

from firmware.formats import padconf
from librarian.markers import LoopRegion, Marker, Markers
from librarian.midi_file import save
from sim.cli import cli


def run(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(cli, ["inspect", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout if status == 0 else result.stderr


def test_every_real_file_for_people_and_programs(device_files) -> None:
    files = [path for path in sorted((device_files / "sp404").rglob("*")) if path.is_file()]
    assert len(files) > 20
    for path in files:
        told = json.loads(run(path, "--json"))
        assert told["kind"]
        assert path.suffix.upper() != ".SMP" or told["digest_ok"]
    shown = run(device_files / "sp404/mk2_PADCONF_padparams.BIN")
    assert "mute group 2" in shown
    assert "link 10" in shown
    assert "PROJECT_16" in shown


def test_wav_loops_and_markers_are_shown(tmp_path) -> None:
    path = tmp_path / "loop.wav"
    sf.write(path, np.zeros((100, 1)), 48_000, subtype="PCM_16")
    marks = Markers((LoopRegion(10, 90),), (Marker(50, "Break"),), 60).wav_chunks(48_000)
    path.write_bytes(path.read_bytes() + marks)
    told = json.loads(run(path, "--json"))
    assert told["loops"] == [{"start": 10, "end": 90, "mode": "forward", "count": 0}]
    assert told["markers"] == [{"frame": 50, "name": "Break"}]
    assert told["root_note"] == 60
    shown = run(path)
    assert "10 to 90 forward" in shown
    assert not [line for line in shown.splitlines() if line != line.rstrip()]


def test_midi_files_are_summed_up(tmp_path) -> None:
    song = mido.MidiFile(type=1, ticks_per_beat=480)
    song.tracks.append(
        mido.MidiTrack(
            [
                mido.MetaMessage("set_tempo", tempo=1_000_000),
                mido.Message("note_on", note=40, channel=2),
                mido.Message("note_off", note=40, channel=2, time=960),
                mido.Message("control_change", control=1, channel=2),
            ]
        )
    )
    path = tmp_path / "a.mid"
    path.write_bytes(save(song))
    told = json.loads(run(path, "--json"))
    assert (told["kind"], told["seconds"], told["tempos"], told["notes"]) == ("midi", 2.0, [60.0], 1)
    assert told["channels"] == [{"channel": 3, "notes": 1, "lowest": 40, "highest": 40, "other_messages": 1}]
    path.write_bytes(path.read_bytes()[:-3])
    assert "cut short" in run(path, status=2)


def test_what_cannot_be_explained_is_one_sentence(tmp_path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, said in [
        (text, "looks like text"),
        (tmp_path, "is a folder"),
        (pipe, "no file that can be read"),
        ("nope", "no such"),
    ]:
        told = run(path, status=2)
        assert said in told
        assert told.count("\n") == 1


def test_terminal_codes_in_a_file_are_shown_escaped(tmp_path) -> None:
    path = tmp_path / "x.CHN"
    path.write_text("<a b='\u202e'>\u009b31m</a>")
    assert "\u202e" not in run(path)
    assert "\u009b" not in run(path)


def test_lines_are_narrow_and_units_stand_by_their_values(tmp_path) -> None:
    every = replace(padconf.PadConf(), size_bytes=90_000, start=600, end=70_000, loop=1, loop_start=700)
    every = replace(every, play_mode=3, flags=0x3F, level=3, mute_group=7, pitch=5, fine=9, speed=9_000)
    every = replace(every, pan=3, link=4, roll=1, attack=9, hold=8, release=7)
    chops = padconf.Chops(tuple(range(1_000_000, 1_000_016)))
    conf = padconf.new("TEST")
    conf = replace(conf, pads=(every, *conf.pads[1:]), chops=(chops, *conf.chops[1:]))
    path = tmp_path / "PADCONF.BIN"
    path.write_bytes(conf.to_bytes())
    lines = run(path).splitlines()
    assert max(map(len, lines)) <= 110
    (tempo,) = [line for line in lines if line.startswith("project_bpm")]
    assert tempo.index("BPM") < 40
    assert [" ".join(line.split()) for line in lines if line.startswith("pads_used")] == [
        "pads_used 1 of 160"
    ]
    joined = " ".join(" ".join(lines).split())
    assert "loop from byte 700" in joined
    assert "1000014, 1000015)" in joined
    assert "J 90 BPM, volume 127" in joined
