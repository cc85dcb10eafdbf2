"""What ``check --fix`` cannot keep is said and counts; what can be of damaged headers and tables is kept."""

import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from check_cards import SX, Case, a_smp, imported, mk2_card, mk2_conf, sx_card, sx_record, sx_wav, wav, wave
from click.testing import CliRunner

from firmware.formats import pad_info, padconf, smp
from sim.check import Options, run_check
from sim.check.fixing import make_fixed
from sim.cli import cli

QUICK = Options(quick=True)
NAME = "BANK1_01.SMP"
PAD_INFO = f"{SX}/PAD_INFO.BIN"


def fix(case: Case, folder: Path, *, status: int = 0) -> tuple[dict, dict[str, bytes]]:
    """The document of the command, and the files of the corrected card."""
    card, out = case.write(folder / "in"), folder / "out"
    words = ["check", str(card), "--device", case.device, "--quick", "--fix", str(out), "--json"]
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == status, result.output
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return json.loads(result.stdout), files


def damaged(data: bytes, *changes: tuple[int, int]) -> bytes:
    out = bytearray(data)
    for offset, value in changes:
        struct.pack_into(">I", out, offset, value)
    return bytes(out)


# headers of .SMP files

STEREO = a_smp(wave(4800, 2))
WORDS = {
    "size": (4, 99),
    "huge": (4, 0xFFFF_FFFF),
    "rate": (8, 44_100),
    "channels": (12, 7),
    "bits": (16, 24),
}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("data", [a_smp(), STEREO], ids=["mono", "stereo"])
def test_a_word_of_a_sample_s_header_is_restored_to_the_byte(word: str, data: bytes, tmp_path: Path):
    case = Case("sp404mk2", mk2_card(**{NAME: damaged(data, WORDS[word])}))
    case.files["PADCONF.BIN"] = mk2_card(**{NAME: data})["PADCONF.BIN"]
    document, files = fix(case, tmp_path)
    assert next(content for path, content in files.items() if path.endswith("BANK1-01.SMP")) == data
    assert document["plan"]["losses"] == []
    assert all(one["fixable"] for one in document["findings"] if one["severity"] == "error")


@pytest.mark.parametrize("word", ["size", "bits"])
def test_without_a_proof_all_audio_is_kept(word: str, tmp_path: Path):
    broken = damaged(a_smp(), WORDS[word], (0x20, 0))
    _, files = fix(Case("sp404mk2", mk2_card(**{NAME: broken})), tmp_path)
    made = next(content for path, content in files.items() if path.endswith("BANK1-01.SMP"))
    assert made[512:] == a_smp()[512:]
    assert smp.parse(made[:512]).digest_ok


def test_a_header_that_is_right_is_not_touched():
    for size in (4000, 512, 20_000):  # also of a file that is cut, or has more than its header says
        header = smp.parse(a_smp()[:512])
        assert smp.restored(header, size) == header


def test_a_sample_of_a_project_that_no_pad_plays_stays_as_it_is(tmp_path: Path):
    _, files = fix(Case("sp404mk2", mk2_card() | {"SMPL/BANK11-07.SMP": a_smp()}), tmp_path)
    assert [content for path, content in files.items() if path.endswith("BANK11-07.SMP")] == [a_smp()]


# dropped files

GOOD = wav(rate=48_000)
NO_RATE, NO_CHANNELS = bytearray(GOOD), bytearray(GOOD)
struct.pack_into("<I", NO_RATE, 24, 0)
struct.pack_into("<H", NO_CHANNELS, 22, 0)
NO_DATA = bytearray(GOOD)
struct.pack_into("<I", NO_DATA, GOOD.index(b"data") + 4, 0)
BEYOND_HELP = {
    "rate": bytes(NO_RATE),
    "channels": bytes(NO_CHANNELS),
    "data": bytes(NO_DATA),
    "nine": wav(wave(channels=9)),
    "long": wav(wave(961 * 8000, rate=8000), 8000, "ULAW"),
}


@pytest.mark.parametrize("name", BEYOND_HELP)
def test_audio_that_is_dropped_is_a_loss_an_error_and_not_fixable(name: str, tmp_path: Path):
    case = imported("bad.wav", BEYOND_HELP[name])
    case.files["IMPORT/good.wav"] = GOOD
    document, files = fix(case, tmp_path, status=1)
    assert set(files) == {"IMPORT/good.wav"}
    (loss,) = document["plan"]["losses"]
    assert loss.startswith("/IMPORT/bad.wav: ")
    assert [one["path"] for one in document["fixed"]["losses"]] == ["/IMPORT/bad.wav"]
    assert document["fixed"]["verdict"] == "errors"
    about = [one for one in document["findings"] if one["path"] == "/IMPORT/bad.wav"]
    assert about
    assert not any(one["fixable"] for one in about)


def test_what_is_no_audio_is_named_too_but_is_no_failure(tmp_path: Path):
    case = imported("text.wav", b"dear diary, " * 100)
    case.files.update({"IMPORT/good.wav": GOOD, "IMPORT/empty.wav": b""})
    document, files = fix(case, tmp_path)
    assert set(files) == {"IMPORT/good.wav"}
    assert [one["path"] for one in document["fixed"]["losses"]] == ["/IMPORT/text.wav"]
    assert document["fixed"]["verdict"] == "warnings"


def test_a_name_with_a_dot_in_front_is_the_user_s_own(tmp_path: Path):
    case = imported(".kick.wav", GOOD)
    case.files.update({"IMPORT/._kick.wav": b"\0" * 4096, "IMPORT/.DS_Store": b"x", "IMPORT/Thumbs.db": b"x"})
    document, files = fix(case, tmp_path)
    assert list(files.values()) == [GOOD]
    assert document["plan"]["losses"] == []


# tables of pads


def sx_table() -> bytes:
    sample = sx_wav()
    records = [replace(pad_info.PadRecord(), volume=n + 1) for n in range(pad_info.RECORDS)]
    records[0] = sx_record(sample, volume=77)
    return pad_info.build(tuple(records))


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        (lambda data: data[:3808], ["the settings of pad J12"]),
        (lambda data: data[:3839], ["the settings of pad J12"]),
        (lambda data: data[:64], None),
        (lambda data: data + b"x" * 40, []),
        (lambda data: b"x" * 40 + data, []),
        (lambda data: b"", None),
    ],
)
def test_the_records_of_a_pad_info_of_another_length_are_kept(change, lost, tmp_path: Path):
    case = Case("sp404sx", sx_card() | {PAD_INFO: change(sx_table())})
    document, files = fix(case, tmp_path)
    wanted, made = pad_info.parse(sx_table()), pad_info.parse(files[PAD_INFO])
    whole = min(120, len(change(sx_table())) // 32)
    assert [one.volume for one in made[:whole]] == [one.volume for one in wanted[:whole]]
    said = [one["text"] for one in document["fixed"]["losses"]]
    assert said == lost if lost is not None else said
    assert bool(said) == (whole < 120)


def mk2_table() -> bytes:
    chops = padconf.Chops((100, 200, *[padconf.UNUSED_CHOP] * 14))
    full = padconf.new("MINE")
    named = (padconf.name_bytes("KICK"),) * padconf.PADS
    full = replace(full, names=named, chops=(chops,) * padconf.PADS)
    pads = [mk2_conf(a_smp(), level=number % 100) for number in range(padconf.PADS)]
    return replace(full, pads=tuple(pads)).to_bytes()


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        (lambda data: data[:-1], ["the chop points of pad J16"]),
        (
            lambda data: data[: 0xA0 + 172 * 150],
            ["the settings of pads J7-J16", "the names of ", "the chop "],
        ),
        (lambda data: data + bytes(40), []),
        (lambda data: b"X" + data[1:], []),
        (lambda data: data[:8] + b"\0" + data[9:], []),
        (lambda data: bytes(52_000), ["the settings of pads A1-A16, B1-B16"]),
    ],
)
def test_the_settings_of_a_damaged_padconf_are_kept(change, lost, tmp_path: Path):
    case = Case("sp404mk2", mk2_card() | {"PADCONF.BIN": change(mk2_table())})
    document, files = fix(case, tmp_path)
    made = padconf.parse(next(data for path, data in files.items() if path.endswith("PADCONF.BIN")))
    said = [one["text"] for one in document["fixed"]["losses"]]
    assert len(said) == len(lost)
    assert all(one.startswith(start) for one, start in zip(said, lost, strict=True))
    assert document["plan"]["losses"] == [f"/PADCONF.BIN: {one}" for one in said]
    if len(lost) <= 1 and "settings" not in "".join(lost):
        assert [one.level for one in made.pads] == [number % 100 for number in range(padconf.PADS)]
        assert set(made.names) == {padconf.name_bytes("KICK")}
        assert made.project_name == "MINE"
        assert all(one.frames[:2] == (100, 200) for one in made.chops[:-1])
    elif len(lost) == 3:
        assert [one.level for one in made.pads[:150]] == [number % 100 for number in range(150)]


def test_the_size_of_an_absurd_table_is_said_as_it_is(tmp_path: Path):
    card = Case("sp404mk2", mk2_card() | {"PADCONF.BIN": mk2_table()}).write(tmp_path / "in")
    with (card / "PADCONF.BIN").open("r+b") as file:
        file.truncate(3 << 30)
    plan, _, _ = make_fixed(run_check(card, "sp404mk2", QUICK), tmp_path / "out")
    (why,) = next(one.why for one in plan.actions if one.new.endswith("PADCONF.BIN"))
    assert "3,221,225,472 bytes" in why


# before any work


def test_a_place_that_cannot_be_written_is_refused_before_the_check(tmp_path: Path):
    card = imported("a.wav", GOOD).write(tmp_path / "in")
    for out in (tmp_path / "nowhere" / "x.img", tmp_path / "nowhere" / "folder"):
        result = CliRunner().invoke(cli, ["check", str(card), "--fix", str(out)])
        assert result.exit_code == 2
        assert result.stdout == ""
        assert "there is no folder" in result.stderr
