"""An export from a damaged card says what could not be read, and does not call itself a success."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from card_damage_tools import hurt_fats, image_of
from check_cards import SX, mk2_card, mk2_conf, sx_card, sx_record, sx_wav, wav
from click.testing import CliRunner

from firmware.formats import pad_info
from sdcard_image import open_card
from sim.cli import cli

FIRST, SECOND = f"/{SX}/A0000001.WAV", f"/{SX}/A0000002.WAV"
INDEX = f"{SX}/PAD_INFO.BIN"
OUTSIDE = 0x0765_4321  # no cluster of the card


def run(device: str, source: Path, out: Path, *more: str):
    arguments = ["export", "--device", device, "--from", str(source), "-o", str(out), *more]
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


@pytest.fixture
def files() -> dict[str, bytes]:
    second = sx_wav(pad=1)
    return sx_card({1: sx_record(second)}, A0000002_WAV=second)


def project(files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"EXPORT/PROJECT/P/{name}": data for name, data in files.items()}


@pytest.mark.parametrize("copies", [(0,), (0, 1)])
@pytest.mark.parametrize("device", ["sp404sx", "sp404mk2"])
def test_a_broken_chain_is_told_and_is_no_success(device, copies, files, tmp_path) -> None:
    image = image_of(tmp_path / "hurt.img", files)
    hurt_fats(image, [FIRST], OUTSIDE, copies)
    result = run(device, image, tmp_path / "out.img", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert any(FIRST in line for line in document["lost"])
    assert document["booted"] == ["A2"]
    text = run(device, image, tmp_path / "out2.img")
    assert f"lost: {FIRST}" in text.stderr


def test_both_fats_differ_though_all_can_be_read(files, tmp_path) -> None:
    image = image_of(tmp_path / "hurt.img", files)
    hurt_fats(image, [FIRST], OUTSIDE, (1,))
    result = run("sp404sx", image, tmp_path / "out.img")
    assert result.exit_code == 1
    assert "the two FATs differ" in result.stderr


@pytest.mark.parametrize("index", [b"", b"x" * 100, bytes(2 << 20)])
def test_pads_settings_that_cannot_be_read_are_no_finished_card(index, files, tmp_path) -> None:
    image = image_of(tmp_path / "hurt.img", files | {INDEX: index})
    result = run("sp404sx", image, tmp_path / "out.img")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"benchpad: /{INDEX}: ")
    assert "benchpad check --device sp404sx --fix" in result.stderr
    assert not (tmp_path / "out.img").exists()


def test_settings_that_cannot_be_true_are_told(files, tmp_path) -> None:
    garbage = bytes((n * 7 + 3) & 0xFF for n in range(pad_info.SIZE_BYTES))
    result = run("sp404sx", image_of(tmp_path / "hurt.img", files | {INDEX: garbage}), tmp_path / "out.img")
    assert result.exit_code == 1
    assert "pad A1 is copied as it is: it begins at byte" in result.stderr


def test_an_unreadable_project_is_no_finished_card(tmp_path) -> None:
    files = project(mk2_card() | {"PADCONF.BIN": b"RFPD" + bytes(51_996)})
    image = image_of(tmp_path / "hurt.img", files)
    assert "says version 0" in run("sp404mk2", image, tmp_path / "out.img").stderr
    assert not (tmp_path / "out.img").exists()
    other = run("sp404sx", image, tmp_path / "sx.img")
    assert other.exit_code == 1
    assert "says version 0: pads have the settings of empty ones" in other.stderr


def test_what_the_device_refuses_is_told_of_every_project(tmp_path) -> None:
    wrong = mk2_card({1: mk2_conf(wav())}, **{"BANK1_02.SMP": wav()})
    files = project(mk2_card()) | {f"EXPORT/PROJECT/Q/{name}": data for name, data in wrong.items()}
    result = run("sp404mk2", image_of(tmp_path / "in.img", files), tmp_path / "out.img")
    assert result.exit_code == 1
    assert (
        "/EXPORT/PROJECT/Q/SMPL/BANK1-02.SMP is copied as it is, but the device refuses it" in result.stderr
    )
    card = open_card(tmp_path / "out.img")
    assert card.read("/EXPORT/PROJECT/Q/SMPL/BANK1-02.SMP") == wav()
    card.close()


def test_a_card_of_which_nothing_plays_is_refused(tmp_path) -> None:
    image = image_of(tmp_path / "in.img", {f"{SX}/A0000001.WAV": b"RIFF", INDEX: sx_card()[INDEX]})
    result = run("sp404sx", image, tmp_path / "out.img")
    assert result.exit_code == 2
    assert "nothing that the device plays" in result.stderr


def test_links_and_unreadable_files_are_told(tmp_path) -> None:
    folder = tmp_path / "kit"
    folder.mkdir()
    (folder / "kick.wav").write_bytes(wav())
    (tmp_path / "secret.wav").write_bytes(wav())
    (folder / "out.wav").symlink_to(tmp_path / "secret.wav")
    result = run("sp404sx", folder, tmp_path / "out.img", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert [pad["source"] for pad in document["pads"]] == ["/kick.wav"]
    assert any(line.startswith("/out.wav: a link ") for line in document["remarks"])
    (folder / "kit.toml").symlink_to(tmp_path / "kit.toml")
    assert "name it with --kit" in run("sp404sx", folder, tmp_path / "b.img").stderr


def test_a_file_without_permission_is_lost(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "kit"
    folder.mkdir()
    for name in ("kick.wav", "snare.wav"):
        (folder / name).write_bytes(wav())
    access = os.access

    def refusing(path: os.PathLike[str] | str, mode: int) -> bool:  # root may read what others may not
        return not str(path).endswith("snare.wav") and access(path, mode)

    monkeypatch.setattr("sdcard_image.folder.os.access", refusing)
    result = run("sp404sx", folder, tmp_path / "out.img")
    assert result.exit_code == 1
    assert "lost: /snare.wav: a file that cannot be read" in result.stderr


def test_an_export_does_not_leave_its_folder_by_a_link(tmp_path) -> None:
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "kick.wav").write_bytes(wav())
    for name in ("ROLAND", "ROLAND/SP-404SX"):
        out = tmp_path / name.replace("/", "-")
        (out / name).parent.mkdir(parents=True)
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        (out / name).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
        result = run("sp404sx", tmp_path / "kit", out, "--force")
        assert result.exit_code == 2
        assert "is a link, which is not followed" in result.stderr
        assert os.listdir(tmp_path / "elsewhere") == []


def test_a_good_card_is_copied_without_a_word(tmp_path) -> None:
    for device, files in (("sp404sx", sx_card()), ("sp404mk2", project(mk2_card()))):
        result = run(
            device, image_of(tmp_path / f"{device}.img", files), tmp_path / f"{device}-2.img", "--json"
        )
        assert result.exit_code == 0
        document = json.loads(result.stdout)
        assert document["lost"] == document["missing"] == document["remarks"] == []
