"""Mirror cards: made, brought up to date, and whole whenever that is cut off."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from sdcard_image import CardError, Item, build_image, mount, open_card
from sdcard_image.check import check_volume
from sdcard_image.medium import FileMedium
from sdcard_image.writer import VolumeWriter
from sim.cli import cli
from sim.faults.overlay import Overlay, PowerCutError
from sim.mirroring import mirror_card

FILES = {
    "/A/kick.wav": b"k" * 3_000,
    "/A/snare.wav": b"s" * 70_000,
    "/B/deep/hat.wav": b"h" * 10,
    "/B/none": b"",
}

HARMLESS = {"dirty-flag", "fat-copies-differ", "lost-chain", "fsinfo-wrong"}  # what a power cut may leave


def benchpad(*arguments: object):
    return CliRunner().invoke(cli, [str(one) for one in arguments])


def content(path: Path) -> dict[str, bytes]:
    with closing(open_card(path)) as card:
        return {one.path: card.read(one.path) for one in card.walk() if not one.is_dir}


@pytest.fixture
def first(tmp_path: Path) -> Path:
    items = [Item(path, data) for path, data in FILES.items()]
    build_image(tmp_path / "first.img", items, size_bytes=64 << 20, label="FIRST")
    return tmp_path / "first.img"


def test_a_mirror_is_made_with_a_serial_number_of_its_own(first: Path, tmp_path: Path):
    second = tmp_path / "second.img"
    run = benchpad("card", "mirror", first, second, "--json")
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["same"] == len(FILES)
    assert content(second) == FILES
    with closing(open_card(first)) as one, closing(open_card(second)) as two:
        assert one.info().serial != two.info().serial
        assert two.info().size_bytes == one.info().size_bytes
    assert benchpad("card", "verify", second).exit_code == 0


def test_only_what_differs_is_copied(first: Path, tmp_path: Path):
    second = tmp_path / "second.img"
    benchpad("card", "mirror", first, second)
    with closing(open_card(second, writable=True)) as card:
        card.put("/A/kick.wav", b"K" * 3_000)
        card.put("/A/own.wav", b"own")
        card.remove("/B/deep/hat.wav")
        card.remove("/B/deep")
    run = benchpad("card", "mirror", first, second, "--json")
    told = json.loads(run.stdout)
    assert {one["path"]: one["why"] for one in told["copied"]} == {
        "/A/kick.wav": "other content",
        "/B/deep/hat.wav": "missing",
    }
    assert (told["same"], told["made"]) == (2, False)
    assert content(second) == FILES | {"/A/own.wav": b"own"}
    assert benchpad("card", "verify", second).exit_code == 0
    assert json.loads(benchpad("card", "mirror", first, second, "--json").stdout)["copied"] == []


def test_a_setlist_names_paths_folders_and_nothing_unknown(first: Path, tmp_path: Path):
    setlist, second = tmp_path / "set.txt", tmp_path / "second.img"
    setlist.write_text("# tonight\n/a/KICK.wav\n\n/B/deep # and what is in it\n")
    assert benchpad("card", "mirror", first, second, "--setlist", setlist).exit_code == 0
    assert set(content(second)) == {"/A/kick.wav", "/B/deep/hat.wav"}
    for text, said in (
        ("/nothing", "not on"),
        ("A9", "no sample"),
        ("#", "names nothing"),
        ("\xff", "UTF-8"),
    ):
        setlist.write_bytes(text.encode("latin-1"))
        run = benchpad("card", "mirror", first, second, "--setlist", setlist)
        assert (run.exit_code, said in run.stderr) == (2, True), run.stderr


def test_a_card_is_no_mirror_of_itself(first: Path):
    run = benchpad("card", "mirror", first, first)
    assert run.exit_code == 2
    assert "one card" in run.stderr


def test_what_does_not_fit_is_not_begun(first: Path, tmp_path: Path):
    second = tmp_path / "second.img"
    build_image(second, [Item("/full", bytes(39 << 20))], size_bytes=48 << 20)
    with closing(open_card(first, writable=True)) as card:
        card.put("/A/large.wav", bytes(4 << 20))
    before = second.read_bytes()
    with closing(open_card(first)) as one, closing(open_card(second, writable=True)) as two:  # noqa: SIM117
        with pytest.raises(CardError):  # closing comes after it
            mirror_card(one, two)
    assert second.read_bytes() == before


def test_power_cut_at_every_write_leaves_each_file_old_or_new(first: Path, tmp_path: Path):
    second = tmp_path / "second.img"
    old = {"/A/kick.wav": b"old" * 900, "/A/snare.wav": b"old", "/B/deep/hat.wav": FILES["/B/deep/hat.wav"]}
    build_image(second, [Item(path, data) for path, data in old.items()], size_bytes=64 << 20, label="M")
    base, cut, done = FileMedium(second), 0, False
    with closing(open_card(first)) as source:
        while not done:
            cut += 1
            writes = 0

            def before_write(_: int, length: int, cut: int = cut) -> int:
                nonlocal writes
                writes += 1
                return length // 1024 * 512 if writes == cut else length

            overlay = Overlay(base, before_write)
            target = mount(overlay, writable=True)
            assert isinstance(target, VolumeWriter)
            try:
                mirror_card(source, target)
                target.close()
                done = True
            except PowerCutError:
                pass
            after = mount(overlay)
            assert {one.id for one in check_volume(overlay).defects} <= HARMLESS
            for path, new in FILES.items():
                now = after.read(path) if after.exists(path) else None
                assert now in (old.get(path), new), (cut, path)
    assert cut > 15
    base.close()
