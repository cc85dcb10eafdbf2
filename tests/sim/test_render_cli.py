"""`boot` and `render` on real cards with the real engine, through the command line."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from native.types import EngineConfig
from sdcard_image import Item, build_image
from sim.cli import cli

RATE = 48_000


def noise(frames: int, channels: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-8_000, 8_000, (frames, channels)).astype(np.int16)


SOUNDS = {
    "A/1 short.wav": (noise(3_000, 2, 1), RATE),
    "A/2 mono.wav": (noise(5_000, 1, 2), RATE),
    "A/3 long.wav": (noise(6 * RATE, 2, 3), RATE),
    "b/other rate.aif": (noise(4_000, 2, 4), 44_100),
}


def song(path: Path, *notes: tuple[int, int, int], channel: int = 0) -> Path:
    """A MIDI file of (frame, note, velocity): at 48 kHz a tick is a frame."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=10_000)])
    now = 0
    for frame, number, velocity in notes:
        message = mido.Message("note_on", channel=channel, note=number, velocity=velocity, time=frame - now)
        track.append(message)
        now = frame
    mido.MidiFile(type=0, ticks_per_beat=480, tracks=[track]).save(path)
    return path


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card")
    for name, (audio, rate) in SOUNDS.items():
        path = folder / "kit" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, audio, rate, "PCM_16", format="AIFF" if name.endswith(".aif") else "WAV")
    (folder / "kit" / "A" / "9 broken.wav").write_bytes(b"RIFF\xff\xff\xff\xffWAVEfmt ")
    items = [Item(f"/{name}", folder / "kit" / name) for name in (*SOUNDS, "A/9 broken.wav")]
    build_image(folder / "card.img", items, size_bytes=64 << 20)
    return folder / "card.img"


def benchpad(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def rendered(card: Path, midi: Path, *more: object) -> dict:
    result = benchpad("render", card, "--midi", midi, "--json", *more)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def as_float(audio: np.ndarray) -> np.ndarray:
    return np.broadcast_to(audio, (len(audio), 2)).astype(np.float32) / 32_768


def test_boot_json(card):
    result = benchpad("boot", card, "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["device"], told["layout"], told["recognised"]) == ("generic", "generic", True)
    first, *_, last = told["pads"]
    assert (first["bank"], first["pad"], first["path"]) == ("A", 1, "/A/1 short.wav")
    assert (first["frames"], first["rate"], first["channels"], first["bits"]) == (3_000, RATE, 2, 16)
    assert first["midi"] == {"channel": 1, "note": 36}
    assert (last["bank"], last["pad"], last["rate"]) == ("B", 1, 44_100)
    (refused,) = told["refused"]
    assert refused["path"] == "/A/9 broken.wav"
    assert refused["id"]
    assert refused["reason"]


def test_boot_for_people(card):
    result = benchpad("boot", card, "--card-latency", 2, "--card-speed", 10)
    assert result.exit_code == 0
    assert "recognised from the card's layout" in result.stdout
    assert "A3" in result.stdout
    assert "/b/other rate.aif" in result.stdout
    assert "/A/9 broken.wav" in result.stdout


def test_simulated_boot_time_is_the_cards(card):
    fast = json.loads(benchpad("boot", card, "--json").stdout)
    slow = json.loads(benchpad("boot", card, "--json", "--card-latency", 10).stdout)
    assert fast["boot_ms"] == 0
    assert slow["boot_ms"] >= 10 * 3
    assert [line["ms"] for line in slow["log"]] == sorted(line["ms"] for line in slow["log"])


def test_full_level_plays_the_files_own_values_at_its_frame(card, tmp_path):
    midi = song(tmp_path / "s.mid", (1_234, 36, 127))
    told = rendered(card, midi, "-o", tmp_path / "s.wav")
    audio, rate = soundfile.read(tmp_path / "s.wav", dtype="float32")
    assert rate == RATE
    expected = np.zeros_like(audio)
    expected[1_234:4_234] = as_float(SOUNDS["A/1 short.wav"][0])
    assert np.array_equal(audio, expected)
    assert told["frames"] == len(audio)
    assert told["sha256"] == hashlib.sha256(audio.astype("<f4").tobytes()).hexdigest()


def test_notes_add_up_unlimited_and_velocity_is_linear(card, tmp_path):
    midi = song(tmp_path / "s.mid", (0, 36, 127), (100, 37, 64), (100, 36, 127))
    rendered(card, midi, "-o", tmp_path / "s.wav")
    audio, _ = soundfile.read(tmp_path / "s.wav", dtype="float32")
    expected = np.zeros((len(audio), 2))
    for frame, name, velocity in (
        (0, "A/1 short.wav", 127),
        (100, "A/2 mono.wav", 64),
        (100, "A/1 short.wav", 127),
    ):
        sound = as_float(SOUNDS[name][0])
        expected[frame : frame + len(sound)] += sound * (velocity / 127)
    np.testing.assert_allclose(audio, expected, atol=2e-7)


def test_json_names(card, tmp_path):
    told = rendered(
        card, song(tmp_path / "s.mid", (0, 38, 127), (50, 99, 1), (60, 43, 1)), "--card-latency", 3
    )
    assert set(told) >= {
        "frames",
        "sha256",
        "voices_peak",
        "voices_stolen",
        "underrun_count",
        "underruns",
        "cache",
        "card",
        "wall_s",
        "realtime_factor",
    }
    assert set(told["cache"]) >= {"hits", "misses", "evictions", "resident_bytes"}
    assert set(told["card"]) >= {"reads", "bytes", "busy_ms"}
    assert told["voices_peak"] == 1
    assert told["card"]["bytes"] >= SOUNDS["A/3 long.wav"][0].nbytes
    assert told["card"]["busy_ms"] >= told["card"]["reads"] * 3
    assert told["unmapped"] == [{"channel": 1, "note": 99, "count": 1}]
    assert told["empty_pads"] == {"A8": 1}
    assert (told["unmapped_notes"], told["empty_pad_notes"], told["notes"]) == (1, 1, 3)


@pytest.mark.parametrize("quality", ["linear", "hermite", "sinc"])
def test_any_block_gives_the_same_bytes_with_underruns_and_all(card, tmp_path, quality):
    notes = [(i * 4_001, 36 + i % 3, 127) for i in range(40)]
    midi = song(tmp_path / "s.mid", *notes)
    slow = ("--card-latency", 30, "--card-speed", 1, "--ram", "256K", "--quality", quality)
    told = [rendered(card, midi, "--block", block, *slow) for block in (1, 96, 512, 65_536)]
    assert told[0]["underrun_count"] > 0
    for one in told:
        for changing in ("wall_s", "realtime_factor", "options"):
            del one[changing]
        assert one == told[0]


def test_underruns_say_where_and_why(card, tmp_path):
    midi = song(tmp_path / "s.mid", (0, 38, 127))
    slow = ("--card-latency", 1, "--card-speed", 0.05)
    told = rendered(card, midi, *slow)
    assert told["underrun_count"] == len(told["underruns"]) > 0
    assert set(told["underruns"][0]) == {"frame", "pad", "sample", "cause"}
    assert {(one["pad"], one["sample"]) for one in told["underruns"]} == {("A3", "/A/3 long.wav")}
    assert {one["cause"] for one in told["underruns"]} <= {"cold", "late", "no room", "read error"}
    shown = benchpad("render", card, "--midi", midi, *slow).stdout
    assert "pads: A3" in shown
    assert "DROPPED" not in shown  # a voice alone gives way to nobody


def test_integer_wav_counts_what_it_had_to_limit(card, tmp_path):
    midi = song(tmp_path / "s.mid", *[(0, 36, 127)] * 8)
    told = rendered(card, midi, "-o", tmp_path / "s.wav", "--bits", 16)
    audio, _ = soundfile.read(tmp_path / "s.wav", dtype="int16")
    assert soundfile.info(tmp_path / "s.wav").subtype == "PCM_16"
    expected = 8 * SOUNDS["A/1 short.wav"][0].astype(int)
    assert np.array_equal(audio[:3_000], np.clip(expected, -32_768, 32_767))
    assert told["clipped"] == np.count_nonzero((expected > 32_767) | (expected < -32_768)) > 0
    assert told["over_full_scale"] > 0
    assert told["peak_dbfs"] > 0


def test_seconds_voices_and_rate(card, tmp_path):
    midi = song(tmp_path / "s.mid", *[(i, 38, 127) for i in range(6)])
    told = rendered(card, midi, "--seconds", 1.5, "--voices", 4, "--rate", 44_100)
    assert told["frames"] == 66_150
    assert told["voices_peak"] == 4
    assert told["voices_stolen"] == 2


def test_the_song_goes_on_until_the_last_voice_has_ended(card, tmp_path):
    told = rendered(card, song(tmp_path / "s.mid", (100, 38, 127)))
    assert 6 * RATE + 100 <= told["frames"] <= 6 * RATE + 100 + 1_024


def test_the_end_cuts_no_fade(card, tmp_path):
    """All sound off as the last event: what it fades out is heard to its end."""
    song(tmp_path / "s.mid", (0, 38, 127))
    file = mido.MidiFile(tmp_path / "s.mid")
    file.tracks[0].insert(-1, mido.Message("control_change", control=120, time=1_000))
    file.save(tmp_path / "s.mid")
    told = rendered(card, tmp_path / "s.mid", "-o", tmp_path / "s.wav", "--tail", 0)
    audio, _ = soundfile.read(tmp_path / "s.wav", dtype="float32")
    fade = EngineConfig().fade_frames
    assert told["frames"] >= 1_000 + fade
    assert audio[1_000 : 1_000 + fade - 1].any(axis=1).all()
    assert not audio[1_000 + fade :].any()


def test_a_sum_that_no_float_holds_is_told(card, tmp_path):
    folder = tmp_path / "kit" / "A"
    folder.mkdir(parents=True)
    loud = np.full((100, 1), 3e38, np.float32)
    soundfile.write(folder / "1.wav", loud, RATE, "FLOAT")
    midi = song(tmp_path / "s.mid", (0, 36, 127), (0, 36, 127))
    told = rendered(tmp_path / "kit", midi)
    assert told["beyond_float"] == 200
    assert "200 values are beyond what a float holds" in benchpad("render", folder, "--midi", midi).stdout


def test_a_folder_plays_like_its_image(card, tmp_path):
    midi = song(tmp_path / "s.mid", (0, 36, 127), (2_000, 38, 90))
    assert rendered(card.parent / "kit", midi)["sha256"] == rendered(card, midi)["sha256"]


def test_render_for_people(card, tmp_path):
    midi = song(tmp_path / "s.mid", (0, 36, 127), (0, 99, 127))
    result = benchpad("render", card, "--midi", midi, "-o", tmp_path / "s.wav")
    assert result.exit_code == 0
    assert "none: the card kept up" in result.stdout
    assert "no pad of this device (channel 1 note 99)" in result.stdout
    assert f"wrote {tmp_path / 's.wav'}" in result.stdout


# What is typed after "benchpad render", and the exit status.
BAD_INPUTS = {
    "no card": ("{dir}/none.img --midi {dir}/good.mid", 2),
    "not a card": ("{dir}/zip.img --midi {dir}/good.mid", 2),
    "no song": ("{card} --midi {dir}/none.mid", 2),
    "song cut short": ("{card} --midi {dir}/cut.mid", 2),
    "type 2": ("{card} --midi {dir}/type2.mid", 2),
    "song is a folder": ("{card} --midi {dir}", 2),
    "output is the card": ("{card} --midi {dir}/good.mid -o {card}", 2),
    "output is the song": ("{card} --midi {dir}/good.mid -o {dir}/good.mid", 2),
    "output is a folder": ("{card} --midi {dir}/good.mid -o {dir}", 2),
    "output in no folder": ("{card} --midi {dir}/good.mid -o {dir}/no/x.wav", 2),
    "output on a card that is a folder": ("{dir}/kit --midi {dir}/good.mid -o {dir}/kit/A/new.wav", 2),
    "output replaces a file of the card": ("{dir}/kit --midi {dir}/good.mid -o {dir}/kit/A/1.wav", 2),
    "output on the card by a link": ("{dir}/kit --midi {dir}/good.mid -o {dir}/link/new.wav", 2),
    "latency": ("{card} --midi {dir}/good.mid -o {dir}/x.wav --card-latency -1", 2),
    "latency nan": ("{card} --midi {dir}/good.mid -o {dir}/x.wav --card-latency nan", 2),
    "speed": ("{card} --midi {dir}/good.mid -o {dir}/x.wav --card-speed 0", 2),
    "ram": ("{card} --midi {dir}/good.mid -o {dir}/x.wav --ram 1K", 2),
    "ram beyond the engine": ("{card} --midi {dir}/good.mid -o {dir}/x.wav --ram 900T", 2),
    "voices": ("{card} --midi {dir}/good.mid -o {dir}/x.wav --voices 0", 2),
    "project": ("{card} --midi {dir}/good.mid -o {dir}/x.wav --project x", 2),
    "seconds": ("{card} --midi {dir}/good.mid -o {dir}/x.wav --seconds nan", 2),
}


@pytest.mark.parametrize(("typed", "status"), BAD_INPUTS.values(), ids=BAD_INPUTS)
def test_bad_input_is_one_sentence_and_leaves_nothing(card, tmp_path, typed: str, status: int):
    midi = song(tmp_path / "good.mid", (0, 36, 127)).read_bytes()
    (tmp_path / "cut.mid").write_bytes(midi[:30])
    (tmp_path / "type2.mid").write_bytes(midi[:8] + struct.pack(">H", 2) + midi[10:])
    (tmp_path / "zip.img").write_bytes(b"PK\x03\x04" + bytes(2_000))
    (tmp_path / "kit" / "A").mkdir(parents=True)
    (tmp_path / "kit" / "A" / "1.wav").write_bytes(b"RIFF")
    (tmp_path / "link").symlink_to(tmp_path / "kit" / "A")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for json_flag in ("", " --json"):
        result = benchpad("render", *(typed + json_flag).format(card=card, dir=tmp_path).split())
        assert result.exit_code == status, result.stderr
        assert "Traceback" not in result.stderr
        assert result.stderr.strip()
        if json_flag:
            assert result.stderr == f"benchpad: {json.loads(result.stdout)['error']}\n"
        else:
            assert result.stdout == ""
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert card.stat().st_size == 64 << 20
