"""``benchpad export``: finished cards that boot with what was asked for, and come out alike every time."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile as sf
from click.testing import CliRunner

from firmware.boot import BootResult, boot
from firmware.formats import pad_info, padconf, smp
from firmware.formats.pattern import Device, parse
from firmware.profiles import load
from librarian.markers import LoopRegion, Markers
from native.types import Loop, Retrigger
from sdcard_image import open_card
from sim.cli import cli

SX, MK2 = "sp404sx", "sp404mk2"


def run(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(cli, ["export", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout if status == 0 else result.stderr


def booted(path, device: str) -> BootResult:
    return boot(open_card(path), load(device), card_ms=lambda reads, size: 0.0)


def sine(seconds: float, rate: int, channels: int = 2) -> np.ndarray:
    wave = 0.5 * np.sin(np.arange(int(seconds * rate)) * 2 * math.pi * 440 / rate)
    return np.repeat(wave[:, None], channels, axis=1)


KIT = """
[kit]
name = "LATE NIGHT"
bpm = 92.5
use_project_tempo = true

[bank.B]
bpm = 120
volume = 100
protect = true

[pad.A1]
file = "drums/kick.wav"
volume = 110
gate = false
mute_group = 3

[pad.A2]
file = "drums/sn\u00e4re.wav"
name = "Snare"
reverse = true
bpm = 75.17
start = "100 ms"
end = "900 ms"

[pad.B3]
file = "hat.flac"
loop = "ping-pong"
one_shot = true
loop_start = 2205
pan = -32
pitch = -5
speed = 75
attack = 20
hold = 50
release = 127
fixed_velocity = true
chops = [0, 2205]

[pattern.B2]
file = "beat.mid"
"""


@pytest.fixture
def kit(tmp_path):
    folder = tmp_path / "kit"
    (folder / "drums").mkdir(parents=True)
    sf.write(folder / "drums" / "kick.wav", sine(1, 44_100), 44_100, subtype="PCM_16")
    sf.write(folder / "drums" / "sn\u00e4re.wav", sine(1, 96_000), 96_000, subtype="PCM_24")
    sf.write(folder / "hat.flac", sine(0.3, 22_050, 1), 22_050)
    song = mido.MidiFile(type=0, ticks_per_beat=480)
    keys = [mido.Message("note_on", note=48), mido.Message("note_off", note=48, time=240)]
    song.tracks.append(mido.MidiTrack([*keys, *keys]))
    song.save(folder / "beat.mid")
    (folder / "notes.toml").write_text(KIT, "utf-8")
    return folder


def export(device: str, source, out, *more: object) -> dict:
    return json.loads(run("--device", device, "--from", source, "-o", out, "--json", *more))


def test_an_mk2_card_plays_as_the_kit_says(kit, tmp_path) -> None:
    out = tmp_path / "card.img"
    told = export(MK2, kit, out, "--kit", kit / "notes.toml", "--size", "64M")
    assert told["booted"] == ["A1", "A2", "B3"]
    assert told["missing"] == told["remarks"] == []
    a1, a2, b3 = (pad.settings for pad in booted(out, MK2).catalogue.pads)
    assert (a1.level, a1.gate, a1.mute_group, a1.bpm) == (110, False, 3, 92.5)
    assert (a2.reverse, a2.start, a2.end, a2.bpm) == (True, 4800, 43_200, 75.17)
    assert (b3.loop, b3.retrigger, b3.loop_start) == (Loop.PING_PONG, Retrigger.IGNORE, 4800)
    assert (b3.level, b3.pan, b3.pitch_cents, b3.speed) == (100, -32 / 63, -500.0, 0.75)
    assert (b3.hold_percent, b3.release_ms, b3.fixed_velocity, b3.bpm) == (50.0, 3000.0, 127, 120.0)
    card = open_card(out)
    base = "/EXPORT/PROJECT/PROJECT_01"
    conf = padconf.parse(card.read(f"{base}/PADCONF.BIN"))
    assert (conf.version, conf.project_name, conf.project_bpm, conf.uses_project_bpm) == (
        3,
        "LATE NIGHT",
        92.5,
        True,
    )
    assert (conf.bank_bpm(1), conf.bank_volume(1), conf.bank_protected(1)) == (120.0, 100, True)
    assert (conf.bank_bpm(0), conf.bank_volume(0), conf.bank_protected(0)) == (92.5, 127, False)
    assert [padconf.text(conf.names[n]) for n in (0, 1, 18)] == ["kick", "Snare", "hat"]
    assert conf.chops[18].frames[:3] == (0, 4800, padconf.UNUSED_CHOP)
    sample = card.read(f"{base}/SMPL/BANK2-03.SMP")
    header = smp.parse(sample)
    assert header.digest_ok
    assert (header.channels, header.rate, header.size_field + 8) == (1, 48_000, len(sample))
    pattern = parse(card.read(f"{base}/PTN/PTN00018.BIN"), Device.MK2)
    assert [tick for tick, _ in pattern.placed()] == [0, 240]


def test_an_sx_card_plays_as_the_kit_says_and_tells_what_it_cannot(kit, tmp_path) -> None:
    out = tmp_path / "card.img"
    told = export(SX, kit, out, "--kit", kit / "notes.toml", "--size", "64M")
    a1, a2, b3 = (pad.settings for pad in booted(out, SX).catalogue.pads)
    assert (a1.level, a1.gate, a1.bpm) == (110, False, 92.5)
    assert (a2.reverse, a2.start, a2.end, a2.bpm) == (True, 4410, 39_690, 75.2)
    assert (b3.loop, b3.level, b3.bpm) == (Loop.FORWARD, 127, 120.0)
    card = open_card(out)
    assert card.info().label == "SP-404SX"
    records = pad_info.parse(card.read("/ROLAND/SP-404SX/SMPL/PAD_INFO.BIN"))
    assert records[0].original_end == card.entry("/ROLAND/SP-404SX/SMPL/A0000001.WAV").size
    assert records[3] == pad_info.PadRecord()
    assert parse(card.read("/ROLAND/SP-404SX/PTN/PTN00014.BIN"), Device.SX).bars == 1
    said = "\n".join(told["remarks"])
    for lost in (
        "mute_group",
        "name",
        "one_shot, pan, pitch, release, speed",
        "no ping-pong",
        "loop start of its own",
    ):
        assert lost in said


@pytest.mark.parametrize("device", [SX, MK2])
def test_every_export_is_alike_and_so_is_one_of_the_card_itself(kit, tmp_path, device) -> None:
    more = ("--kit", kit / "notes.toml", "--size", "64M")
    first, second, third = (tmp_path / f"{n}.img" for n in (1, 2, 3))
    export(device, kit, first, *more)
    export(device, kit, second, *more)
    booted(first, device)
    export(device, first, third, "--size", "64M")
    assert first.read_bytes() == second.read_bytes() == third.read_bytes()
    folder = tmp_path / "folder"
    export(device, kit, folder, "--kit", kit / "notes.toml")
    card = open_card(first)
    files = [entry for entry in card.walk("/") if not entry.is_dir]
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == sorted(
        entry.path[1:] for entry in files
    )
    assert all((folder / entry.path[1:]).read_bytes() == card.read(entry.path) for entry in files)


def test_without_a_kit_folders_are_banks(kit, tmp_path) -> None:
    (kit / "b").mkdir()
    for name in ("2.wav", "1.WAV", "broken.wav", "._1.wav"):
        shutil.copy(kit / "drums" / "kick.wav", kit / "b" / name)
    (kit / "b" / "broken.wav").write_bytes(b"RIFF")
    told = export(SX, kit, tmp_path / "out")
    assert [(pad["pad"], pad["source"]) for pad in told["pads"]] == [("B1", "/b/1.WAV"), ("B2", "/b/2.wav")]
    said = "\n".join(told["remarks"])
    assert "/b/broken.wav is left out, pad B3 stays empty" in said
    assert "none of the folders A to J" in said
    assert "._1" not in said


def test_without_a_kit_and_banks_names_count(kit, tmp_path) -> None:
    told = export(MK2, kit, tmp_path / "out")
    assert [pad["pad"] + pad["source"] for pad in told["pads"]] == [
        "A1/drums/kick.wav",
        "A2/drums/sn\u00e4re.wav",
        "A3/hat.flac",
    ]
    conf = padconf.parse((tmp_path / "out/EXPORT/PROJECT/PROJECT_01/PADCONF.BIN").read_bytes())
    assert padconf.text(conf.names[1]) == "snare"


def test_a_kit_in_the_folder_counts(kit, tmp_path) -> None:
    (kit / "kit.toml").write_text("[kit]\nproject = 16\n[pad]\nJ16 = 'hat.flac'\n")
    told = export(MK2, kit, tmp_path / "out")
    assert told["booted"] == ["J16"]
    assert told["pads"][0]["path"] == "/EXPORT/PROJECT/PROJECT_16/SMPL/BANK10-16.SMP"


def test_a_files_own_loop_is_taken_unless_the_kit_says_otherwise(kit, tmp_path) -> None:
    path = kit / "drums" / "kick.wav"
    path.write_bytes(path.read_bytes() + Markers((LoopRegion(441, 22_050),)).wav_chunks(44_100))
    (kit / "kit.toml").write_text(
        "[pad]\nA1 = 'drums/kick.wav'\n[pad.A2]\nfile = 'drums/kick.wav'\nloop = false\n"
    )
    told = export(MK2, kit, tmp_path / "out")
    first, second = (pad.settings for pad in booted(tmp_path / "out", MK2).catalogue.pads)
    assert (first.loop, first.loop_start, first.end) == (Loop.FORWARD, 480, 24_000)
    assert (second.loop, second.end) == (Loop.NONE, 0)
    assert "the file's own loop" in told["remarks"][0]


def test_finished_samples_are_copied_to_the_byte(device_files, tmp_path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    wav, sample = device_files / "sp404/sx_J0000012.WAV", device_files / "sp404/mk2_project/SMPL/BANK1-01.SMP"
    shutil.copy(wav, source)
    shutil.copy(sample, source)
    (source / "kit.toml").write_text("[pad]\nJ12 = 'sx_J0000012.WAV'\nA1 = 'BANK1-01.SMP'\n")
    export(SX, source, tmp_path / "sx")
    assert (tmp_path / "sx/ROLAND/SP-404SX/SMPL/J0000012.WAV").read_bytes() == wav.read_bytes()
    export(MK2, source, tmp_path / "mk2")
    assert (tmp_path / "mk2/EXPORT/PROJECT/PROJECT_01/SMPL/BANK1-01.SMP").read_bytes() == sample.read_bytes()


def test_the_same_audio_gives_the_makers_own_file_and_record(device_files, tmp_path) -> None:
    real = (device_files / "sp404/sx_J0000012.WAV").read_bytes()
    source = tmp_path / "src"
    source.mkdir()
    sf.write(source / "hit.wav", np.frombuffer(real[512:], "<i2").reshape(-1, 2), 44_100, subtype="PCM_16")
    (source / "kit.toml").write_text("[pad]\nJ12 = { file = 'hit.wav', bpm = 100 }\n")
    export(SX, source, tmp_path / "out")
    folder = tmp_path / "out/ROLAND/SP-404SX/SMPL"
    assert (folder / "J0000012.WAV").read_bytes() == real
    records = pad_info.parse((folder / "PAD_INFO.BIN").read_bytes())
    assert records[119] == pad_info.parse((device_files / "sp404/sx_PAD_INFO.BIN").read_bytes())[119]


def test_the_same_project_gives_the_devices_own_padconf(device_files, tmp_path) -> None:
    project = device_files / "sp404/mk2_project"
    source = tmp_path / "src"
    source.mkdir()
    for name in ("BANK1-01", "BANK2-01"):
        data = (project / f"SMPL/{name}.SMP").read_bytes()
        sf.write(
            source / f"{name}.wav", np.frombuffer(data[512:], ">i2").astype("<i2").reshape(-1, 2), 48_000
        )
    shutil.copy(project / "PTN/PTN00009.BIN", source / "beat.bin")
    (source / "kit.toml").write_text(
        """
        [kit]
        name = "PROJECT_08"
        [pad.A1]
        file = "BANK1-01.wav"
        name = "indust - houst kck - AR"
        bpm = 75.17
        gate = false
        [pad.B1]
        file = "BANK2-01.wav"
        name = "hiphop - another life k"
        bpm = 118.47
        [pattern.A9]
        file = "beat.bin"
        """
    )
    export(MK2, source, tmp_path / "out")
    made = tmp_path / "out/EXPORT/PROJECT/PROJECT_01"
    assert (made / "PADCONF.BIN").read_bytes() == (project / "PADCONF.BIN").read_bytes()
    assert (made / "PTN/PTN00009.BIN").read_bytes() == (project / "PTN/PTN00009.BIN").read_bytes()
    for name in ("BANK1-01", "BANK2-01"):
        ours, theirs = ((base / f"SMPL/{name}.SMP").read_bytes() for base in (made, project))
        assert (ours[:0x30], ours[512:]) == (
            theirs[:0x30],
            theirs[512:],
        )  # between: filler of no known meaning


def test_a_real_project_becomes_a_card_and_goes_to_the_other_device(device_files, tmp_path) -> None:
    project = device_files / "sp404/mk2_project"
    told = export(MK2, project, tmp_path / "mk2")
    assert told["booted"] == ["A1", "B1"]
    for path in (path for path in project.rglob("*") if path.is_file()):
        copy = tmp_path / "mk2/EXPORT/PROJECT/PROJECT_01" / path.relative_to(project)
        assert copy.read_bytes() == path.read_bytes()
    export(SX, tmp_path / "mk2", tmp_path / "sx")
    first, second = (pad.settings for pad in booted(tmp_path / "sx", SX).catalogue.pads)
    assert (first.gate, first.bpm, second.gate, second.bpm) == (False, 75.2, True, 118.5)
    pattern = parse((tmp_path / "sx/ROLAND/SP-404SX/PTN/PTN00009.BIN").read_bytes(), Device.SX)
    assert [tick for tick, _ in pattern.placed()] == list(range(0, 384, 24))


def test_what_the_booting_device_remarks_is_told(kit, tmp_path) -> None:
    sf.write(kit / "hat.flac", sine(0.05, 44_100), 44_100)
    told = export(SX, kit, tmp_path / "out")
    assert any("A0000003.WAV: the sample lasts 50 ms" in line for line in told["remarks"])


def test_what_is_replaced_comes_back_when_the_host_fails(kit, tmp_path, monkeypatch) -> None:
    export(SX, kit, tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    (kit / "hat.flac").unlink()
    rename, calls = Path.rename, []

    def failing(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    told = run("--device", SX, "--from", kit, "-o", tmp_path / "out", "--force", status=3)
    assert "nput/output error" in told
    assert len(calls) == 3
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


def test_the_plan_does_nothing(kit, tmp_path) -> None:
    out = tmp_path / "card.img"
    told = export(MK2, kit, out, "--plan")
    assert told["plan"] is True
    assert told["pads"][1]["changes"] == ["96000 to 48000 Hz", "24 bit to 16 bit"]
    shown = run("--device", SX, "--from", kit, "-o", out, "--plan")
    assert "96000 to 44100 Hz, 24 bit to 16 bit" in shown
    assert not out.exists()


def test_a_folder_keeps_what_else_is_in_it(kit, tmp_path) -> None:
    out = tmp_path / "card"
    (out / "ROLAND" / "other").mkdir(parents=True)
    (out / "mine.txt").write_text("mine")
    export(SX, kit, out)
    assert "holds ROLAND/SP-404SX already" in run("--device", SX, "--from", kit, "-o", out, status=2)
    (kit / "hat.flac").unlink()
    told = export(SX, kit, out, "--force")
    assert told["booted"] == ["A1", "A2"]
    assert (out / "mine.txt").read_text() == "mine"
    assert sorted(path.name for path in out.iterdir()) == ["ROLAND", "mine.txt"]
    assert sorted(path.name for path in (out / "ROLAND").iterdir()) == ["SP-404SX", "other"]


@pytest.mark.parametrize(
    ("kit_text", "said"),
    [
        ("[pad.A1]\nfile = 'nope.wav'", "pad.A1: nope.wav:"),
        ("[pad.A1]\nfile = 'drums'", "pad.A1: drums: it is a folder"),
        ("[pad.A1]\nfile = 'beat.mid'", "pad.A1: beat.mid: it is a Standard MIDI file"),
        ("[pad.A13]\nfile = 'hat.flac'", "pad.A13: Roland SP-404SX / SP-404A has pads 1 to 12"),
        ("[pad.A1]\nfile = 'hat.flac'\nstart = '5 s'", "pad.A1: start 220500 and end 13230 do not lie"),
        ("[pad.A1]\nfile = 'hat.flac'\nloop_start = 9999", "pad.A1: loop_start"),
        ("[pattern.A1]\nfile = 'hat.flac'", "pattern.A1: hat.flac: it is neither a MIDI file"),
        ("[pad.A1]\nvolume = 1", "kit.toml, line 1: pad.A1"),
        ("\xff", "not UTF-8"),
    ],
)
def test_a_kit_that_cannot_be_made_leaves_nothing(kit, tmp_path, kit_text, said) -> None:
    (kit / "kit.toml").write_bytes(kit_text.encode("latin-1"))
    before = sorted(tmp_path.iterdir())
    told = run("--device", SX, "--from", kit, "-o", tmp_path / "card.img", status=2)
    assert said in told
    assert told.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_bad_usage_is_told_before_the_work(kit, tmp_path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    card = tmp_path / "card.img"
    assert "nothing to put on a pad" in run("--device", SX, "--from", empty, "-o", card, status=2)
    assert "no folder" in run("--device", SX, "--from", kit, "-o", tmp_path / "no" / "card.img", status=2)
    assert "has no size" in run("--device", SX, "--from", kit, "-o", tmp_path / "f", "--size", "1G", status=2)
    card.write_bytes(b"mine")
    assert "exists already" in run("--device", SX, "--from", kit, "-o", card, status=2)
    assert card.read_bytes() == b"mine"


def one_sound(folder: Path) -> Path:
    folder.mkdir()
    sf.write(folder / "kick.wav", sine(0.2, 44_100), 44_100)
    return folder


def test_what_is_read_is_never_written_over(tmp_path: Path) -> None:
    kit = one_sound(tmp_path / "kit")
    (kit / "kit.toml").write_text('[pad.A1]\nfile = "kick.wav"\n', "utf-8")
    other = tmp_path / "other.toml"
    shutil.copy(kit / "kit.toml", other)
    (tmp_path / "link").symlink_to(kit, target_is_directory=True)
    before = {path: path.read_bytes() for path in kit.iterdir()}
    for out in (
        kit / "kit.toml",
        kit / "kick.wav",
        kit / "card.img",
        kit / "new",
        tmp_path / "link" / "a.img",
    ):
        told = run("--device", SX, "--from", kit, "-o", out, "--force", status=2)
        assert "which is read" in told
    told = run("--device", SX, "--from", kit, "--kit", other, "-o", other, "--force", status=2)
    assert "would be written over" in told
    inner = tmp_path / "out" / "ROLAND" / "SP-404SX" / "kit.toml"
    inner.parent.mkdir(parents=True)
    shutil.copy(other, inner)
    told = run("--device", SX, "--from", kit, "--kit", inner, "-o", tmp_path / "out", "--force", status=2)
    assert "would be written over" in told
    assert inner.read_bytes() == other.read_bytes()
    image = tmp_path / "card.img"
    run("--device", SX, "--from", kit, "-o", image)
    made = image.read_bytes()
    assert "which is read" in run("--device", SX, "--from", image, "-o", image, "--force", status=2)
    assert image.read_bytes() == made
    assert {path: path.read_bytes() for path in kit.iterdir()} == before


def test_a_mounted_card_gets_only_what_it_lacks(tmp_path: Path) -> None:
    card = one_sound(tmp_path / "card")
    run("--device", SX, "--from", card, "-o", card)
    own = card / "ROLAND" / "SP-404SX"
    assert booted(card, SX).catalogue.pads
    before = {path: path.read_bytes() for path in card.rglob("*") if path.is_file()}
    assert "which is read" in run("--device", SX, "--from", card, "-o", card, "--force", status=2)
    assert "which is read" in run("--device", SX, "--from", own / "SMPL", "-o", card, "--force", status=2)
    assert {path: path.read_bytes() for path in card.rglob("*") if path.is_file()} == before
