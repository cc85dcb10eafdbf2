"""What a pad has no place for, and what a damaged file has not, is told by every command that makes files."""

import json
import struct
from pathlib import Path

import pytest
from check_cards import SX, Case, chunk, imported, pcm, riff, sx_card, wav, wave
from click.testing import CliRunner

from sim.cli import cli

RATE = 96_000
FMT = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))


def run(*words: object, status: int = 0) -> str:
    result = CliRunner().invoke(cli, [*map(str, words)], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout if status < 2 else result.stderr


def looped(*loops: tuple[int, int], cues: int = 0) -> bytes:
    """A WAV with these loops, and that many markers."""
    smpl = struct.pack("<9I", 0, 0, 0, 60, 0, 0, 0, len(loops), 0)
    smpl += b"".join(struct.pack("<6I", 1, 0, start, end, 0, 0) for start, end in loops)
    cue = struct.pack("<I", cues) + b"".join(
        struct.pack("<II4sIII", n, 100 * n, b"data", 0, 0, 100 * n) for n in range(1, cues + 1)
    )
    body = pcm(wave(RATE, rate=RATE))
    return riff(FMT, *([chunk(b"smpl", smpl)] if loops else []), chunk(b"cue ", cue), chunk(b"data", body))


@pytest.mark.parametrize("device", ["sp404sx", "sp404mk2"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (looped((0, 50_000), (100, 900), cues=2), "2 markers, 1 loop beyond the first"),
        (looped((0, 50_000), cues=1), "1 marker"),
        (looped((0, 50_000)), ""),
    ],
)
def test_export_tells_of_markers_and_loops_that_no_pad_has(
    device: str, data: bytes, said: str, tmp_path: Path
):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.wav").write_bytes(data)
    wanted = [f"pad A1: not kept, as a pad has no place for it: {said}"] if said else []
    for more in (["--plan"], []):
        words = ["export", "--device", device, "--from", tmp_path / "in", "-o", tmp_path / "x.img", "--json"]
        assert json.loads(run(*words, *more))["lost"] == wanted


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (looped((0, 50_000), (100, 900), cues=2), ["2 markers, 1 loop beyond the first"]),
        (looped((500, 50_000)), ["the loop from a later frame on"]),
        (looped((0, 50_000)), []),
    ],
)
def test_so_does_the_correction_of_a_card(data: bytes, said: list[str], tmp_path: Path):
    card = Case("sp404sx", sx_card() | {f"{SX}/B0000001.WAV": data}).write(tmp_path / "in")
    words = ["check", card, "--device", "sp404sx", "--quick", "--fix", tmp_path / "out", "--json"]
    losses = json.loads(run(*words, status=0))["fixed"]["losses"]
    assert [one["text"].rpartition(": ")[2] for one in losses] == said


def test_a_cut_file_is_counted_beforehand_and_fails_the_conversion(tmp_path: Path):
    whole = wav(wave(44_100))
    (tmp_path / "cut.wav").write_bytes(whole[:-44_100])
    words = ["convert", tmp_path / "cut.wav", "-o", tmp_path / "out", "--device", "sp404sx", "--json"]
    for more in (["--plan"], []):
        (one,) = json.loads(run(*words, *more, status=1))["files"]
        assert one["audio_lost"]
        assert one["losses"][0].startswith("22,050 of its 44,100 frames are lost, the end is missing: ")
    words = ["export", "--device", "sp404sx", "--from", tmp_path, "-o", tmp_path.parent / "x.img", "--json"]
    (lost,) = json.loads(run(*words, status=1))["lost"]
    assert lost.startswith("pad A1: 22,050 of its 44,100 frames are lost")


def test_markers_and_tags_that_are_not_kept_are_no_failure_of_convert(tmp_path: Path):
    (tmp_path / "a.wav").write_bytes(riff(FMT, chunk(b"acid", bytes(24)), chunk(b"data", pcm(wave(RATE)))))
    words = ["convert", tmp_path / "a.wav", "-o", tmp_path / "out", "--device", "sp404sx", "--json"]
    (one,) = json.loads(run(*words))["files"]
    assert one["losses"]
    assert not one["audio_lost"]


def test_the_ending_of_what_is_converted_is_not_called_wrong(tmp_path: Path):
    card = imported("a.w64", wav(kind="W64")).write(tmp_path / "in")
    said = run("check", card, "--device", "sp404mk2", "--quick", "--plan", status=1)
    assert "/IMPORT/a.w64 -> /IMPORT/a.wav" in said
    assert "is not that of" not in said


def test_pattern_refuses_audio_and_places_that_are_not_there(tmp_path: Path):
    (tmp_path / "a.aif").write_bytes(b"FORM" + bytes(4) + b"AIFF" + bytes(84))
    said = run("pattern", tmp_path / "a.aif", tmp_path / "b.mid", "--from-device", "sp404sx", status=2)
    assert "neither a MIDI file nor a pattern" in said
    said = run("pattern", tmp_path / "a.aif", tmp_path / "nowhere" / "b.mid", status=2)
    assert "there is no folder" in said
    assert ".part" not in said
