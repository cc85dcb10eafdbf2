"""``benchpad card``: what it prints, writes and returns."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from click.testing import CliRunner

from sdcard_image import Item, build_image, open_card
from sim.cli import cli


def run(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(cli, ["card", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.output if status in (0, 1) else result.stderr


@pytest.fixture
def kit(tmp_path):
    folder = tmp_path / "kit"
    (folder / "A").mkdir(parents=True)
    (folder / "A" / "kick.wav").write_bytes(b"kick" * 1000)
    (folder / "A" / "Schl\u00e4ger \U0001f941.wav").write_bytes(b"drum")
    (folder / "none.wav").write_bytes(b"")
    return folder


@pytest.fixture
def image(tmp_path, kit):
    path = tmp_path / "kit.img"
    run("new", path, "--size", "64M", "--from", kit)
    return path


def test_new_is_reproducible_and_reports(tmp_path, kit, image) -> None:
    document = json.loads(run("new", tmp_path / "b.img", "--size", "64M", "--from", kit, "--json"))
    assert (document["files"], document["folders"], document["file_bytes"]) == (3, 1, 4004)
    assert (tmp_path / "b.img").read_bytes() == image.read_bytes()
    run("new", tmp_path / "c.img", "--size", "64M", "--from", kit, "--seed", "1")
    assert (tmp_path / "c.img").read_bytes() != image.read_bytes()


def test_info_names_that_stay(image) -> None:
    facts = json.loads(run("info", image, "--json"))
    assert {
        "fs": "FAT32",
        "label": "BENCHPAD",
        "size_bytes": 64 << 20,
        "partition_offset": 4 << 20,
        "files": 3,
        "fragments_per_file": 1.0,
    }.items() <= facts.items()
    assert {"serial", "cluster_bytes", "clusters", "free_bytes"} <= facts.keys()
    assert facts["serial"] in run("info", image)


def test_listing_says_where_the_bytes_lie(image, kit) -> None:
    files = json.loads(run("ls", "-r", image, "--json"))
    assert {f["path"] for f in files} == {"/A/kick.wav", "/A/Schl\u00e4ger \U0001f941.wav", "/none.wav"}
    data = image.read_bytes()
    for file in files:
        lies = b"".join(data[offset : offset + length] for offset, length in file["extents"])
        assert lies == (kit / file["path"][1:]).read_bytes()
        assert len(lies) == file["size"]
    assert run("ls", image).split()[-1] == "none.wav"
    assert "/A/kick.wav" in run("ls", "-r", image)
    assert "kick.wav" in run("tree", image)
    nested = json.loads(run("tree", image, "--json"))
    assert [child["name"] for child in nested["children"]] == ["A", "none.wav"]


def test_get_and_put_and_the_rest(tmp_path, image, kit) -> None:
    run("get", image, "/a/KICK.wav", "-o", tmp_path / "out.wav")
    assert (tmp_path / "out.wav").read_bytes() == b"kick" * 1000
    assert "exists already" in run("get", image, "/A/kick.wav", "-o", tmp_path / "out.wav", status=2)
    assert "add -r" in run("get", image, "/A", "-o", tmp_path / "A", status=2)
    run("get", "-r", image, "/", "-o", tmp_path / "all")
    assert {p.name for p in (tmp_path / "all").rglob("*")} == {p.name for p in kit.rglob("*")}

    (tmp_path / "new.wav").write_bytes(b"new")
    run("put", image, tmp_path / "new.wav", kit, "--to", "/A")
    run("put", image, tmp_path / "new.wav", "--to", "/renamed.wav")
    run("mkdir", "-p", image, "/X/Y")
    run("mkdir", "-p", image, "/X/Y")
    run("mv", image, "/renamed.wav", "/X/Y")
    run("rm", image, "/none.wav")
    run("rm", "-r", image, "/A/kit")
    paths = {f["path"] for f in json.loads(run("ls", "-r", image, "--json"))}
    assert paths == {"/A/kick.wav", "/A/Schl\u00e4ger \U0001f941.wav", "/A/new.wav", "/X/Y/renamed.wav"}
    assert "the same to both readers" in run("verify", image)


def test_verify_tells_damage_with_status_1(image) -> None:
    first = json.loads(run("ls", "-r", image, "--json"))[0]
    assert first["path"] == "/A/kick.wav"
    cluster = 2 + (first["extents"][0][0] - (8 << 20)) // 512
    with image.open("r+b") as raw:
        boot = (4 << 20) + 14
        raw.seek(boot)
        reserved = int.from_bytes(raw.read(2), "little")
        raw.seek((4 << 20) + reserved * 512 + cluster * 4)
        raw.write(cluster.to_bytes(4, "little"))
    document = json.loads(run("verify", image, "--json", status=1))
    assert document["problems"] == ["/A/kick.wav: its cluster chain loops"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("info", "{tmp}/nothing.img"), "no such file"),
        (("info", "{tmp}/kit/A/kick.wav"), "no FAT32 card"),
        (("new", "{tmp}/kit.img"), "exists already"),
        (("new", "{tmp}/x.img", "--size", "1M"), "too small"),
        (("new", "{tmp}/x.img", "--size", "lots"), "size"),
        (("new", "{tmp}/x.img", "--serial", "12"), "serial"),
        (("new", "{tmp}/x.img", "--label", "far too long a label"), "label"),
        (("new", "{tmp}/x.img", "--from", "{tmp}/nowhere"), "no such file"),
        (("new", "{tmp}/x.img", "--device", "toaster"), "toaster"),
        (("get", "{tmp}/kit.img", "/nothing"), "there is no"),
        (("put", "{tmp}/kit.img", "{tmp}/nothing"), "cannot read"),
        (("put", "{tmp}/kit.img", "{tmp}/kit", "{tmp}/kit.img", "--to", "/no"), "no folder"),
        (("put", "{tmp}/kit.img", "{tmp}/kit.img"), "full"),
        (("rm", "{tmp}/kit.img", "/A"), "not empty"),
        (("mkdir", "{tmp}/kit.img", "/A"), "already"),
        (("mv", "{tmp}/kit.img", "/A", "/A/B"), "itself"),
        (("verify", "{tmp}/kit"), "is a folder"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(tmp_path, image, arguments, said) -> None:
    before = image.read_bytes()
    text = run(*(a.format(tmp=tmp_path) for a in arguments), status=2)
    assert said in text
    assert not list(tmp_path.glob("*.part"))
    assert not (tmp_path / "x.img").exists()
    assert image.read_bytes() == before


def test_a_device_layout(tmp_path, kit) -> None:
    document = json.loads(
        run("new", tmp_path / "g.img", "--size", "64M", "--device", "generic", "--from", kit, "--json")
    )
    assert document["files"] == 3


def test_every_command_has_help_with_an_example() -> None:
    for command in ("new", "ls", "tree", "info", "get", "put", "rm", "mkdir", "mv", "verify"):
        assert "Example: benchpad card" in run(command, "--help")


def test_a_listing_tells_of_a_damaged_file_and_goes_on(image) -> None:
    with closing(open_card(image)) as card:
        entry, fats = card.entry("/A/kick.wav"), [card._fat_offset(copy) for copy in range(2)]
    with image.open("r+b") as raw:
        for fat in fats:
            raw.seek(fat + 4 * entry.first_cluster)
            raw.write((0x00FF_FFF0).to_bytes(4, "little"))
    files = {f["path"]: f for f in json.loads(run("ls", "-r", image, "--json", status=1))}
    assert files["/A/kick.wav"]["extents"] is None
    assert "outside the card" in files["/A/kick.wav"]["error"]
    assert files["/A/Schl\u00e4ger \U0001f941.wav"]["extents"]
    assert "error" not in files["/none.wav"]
    assert json.loads(run("info", image, "--json"))["damaged"] == 1
    assert "verify" in run("info", image)


def test_a_put_that_cannot_all_be_done_puts_nothing(tmp_path, image) -> None:
    """Clashes and full folders are found before the first file is written."""
    clash, same = tmp_path / "clash", tmp_path / "same"
    for folder in (clash / "A" / "kick.wav", same / "x"):
        folder.mkdir(parents=True)
    (clash / "0 first.wav").write_bytes(b"first")
    (same / "kick.wav").write_bytes(b"1")
    (same / "x" / "kick.wav").write_bytes(b"2")
    (clash / "A" / "kick.wav" / "deeper.wav").write_bytes(b"a folder where the card has a file")
    before = image.read_bytes()
    assert "is a file on the card" in run(
        "put", image, clash / "0 first.wav", clash / "A", "--to", "/", status=2
    )
    both = (same / "kick.wav", same / "x" / "kick.wav")
    assert "twice" in run("put", image, *both, status=2)
    assert "no folder" in run("put", image, both[0], "--to", "/nodir/", status=2)
    assert image.read_bytes() == before
    run("put", image, both[0], "--to", "/A/")
    assert json.loads(run("ls", image, "/A/kick.wav", "--json"))[0]["size"] == 1


def test_folders_that_need_more_clusters_than_are_free_put_nothing(tmp_path, image) -> None:
    free = json.loads(run("info", image, "--json"))["free_bytes"]
    (tmp_path / "fill").write_bytes(bytes(free - 12 * 512))
    run("put", image, tmp_path / "fill")
    many = tmp_path / "many"
    many.mkdir()
    for i in range(60):
        (many / f"a rather long name, number {i}.wav").write_bytes(b"")  # only its slots take room
    before = image.read_bytes()
    assert "full" in run("put", image, many, status=2)
    assert image.read_bytes() == before


def test_a_folder_is_not_merged_into_another_by_its_alias(tmp_path, image) -> None:
    run("mkdir", image, "/kick drums")
    (tmp_path / "KICKDR~1").mkdir()
    (tmp_path / "KICKDR~1" / "x.wav").write_bytes(b"x")
    run("put", image, tmp_path / "KICKDR~1")
    assert "/KICKDR~1/x.wav" in run("ls", "-r", image)
    assert run("ls", image, "/kick drums") == ""


def test_get_leaves_out_names_that_the_host_cannot_hold(tmp_path) -> None:
    long = "\u592a" * 200  # 600 bytes; most hosts hold 255
    image = tmp_path / "long.img"
    items = [
        Item(f"/{long}.wav", b"x"),
        Item(f"/{long}/in.wav", b"y"),
        Item("/" + "\u592a" * 83 + ".wav", b"z"),
    ]
    build_image(image, items, size_bytes=64 << 20)
    document = json.loads(run("get", "-r", image, "/", "-o", tmp_path / "out", "--json", status=1))
    if document["files"] == 3:
        pytest.skip("this file system holds long names")
    assert (document["files"], document["bytes"]) == (1, 1)
    assert document["skipped"] == [f"/{long}.wav", f"/{long}"]
    assert [p.read_bytes() for p in (tmp_path / "out").iterdir()] == [b"z"]
    assert "too long" in run("get", "-r", image, "/", "-o", tmp_path / "2", status=1)
    assert "too long" in run("get", image, f"/{long}.wav", "-o", tmp_path, status=2)


def test_long_names_of_images_and_targets(tmp_path) -> None:
    name = "\u592a" * 83 + ".img"  # 253 bytes
    run("new", tmp_path / name, "--size", "64M")
    assert [p.name for p in tmp_path.iterdir()] == [name]
