"""What a build writes, read by others: fsck.fat, mtools, pyfatfs, and our own reader, all the same."""

from __future__ import annotations

import subprocess
import time
import unicodedata
from contextlib import closing
from pathlib import Path

import pytest
from card_tools import fsck, mtools_env, without_partition

from sdcard_image import CardError, Item, build_image, open_card, verify_card

DEEP = "/".join(f"level {i:02}" for i in range(60))
NAMES = {
    "/KICK.WAV": b"short",
    "/KICK 1.WAV": b"capitals with a space",
    "/kick lower.wav": b"lower",
    "/Mixed.Case.Dots.wav": b"dots",
    "/noext": b"none",
    "/.hidden": b"a name that is all extension",
    "/ leading space.wav": b"space",
    "/" + "n" * 251 + ".wav": b"255 units",
    "/" + "\N{DRUM WITH DRUMSTICKS}" * 127 + "x": b"255 units in pairs",
    "/\N{DRUM WITH DRUMSTICKS} drum.wav": b"astral",
    "/Schl\u00e4gzeug.wav": b"Latin 1",
    "/\u05ea\u05d5\u05e3.wav": b"right to left",
    "/\u0637\u0628\u0644.wav": b"right to left, joined",
    "/\u592a\u9f13.wav": b"ideographs",
    "/stra\u00dfe.wav": b"sharp s",
    "/STRASSE.wav": b"no sharp s",
    "/+,;=[].wav": b"signs that 8.3 names cannot hold",
    "/empty.wav": b"",
    "/one.wav": b"1",
    "/cluster.wav": bytes(range(256)) * 2,
    "/over.wav": bytes(range(256)) * 2 + b"!",
    f"/{DEEP}/deepest.wav": b"deep" * 500,
}
NFD = unicodedata.normalize("NFD", "/N\u00e4chte/\u00dcber.wav")
SETTINGS = [
    {"size_bytes": 64 << 20},
    {"size_bytes": 64 << 20, "partition": False},
    {"size_bytes": 2 << 30},
    {"size_bytes": 8 << 30, "label": "MY CARD"},
    {"size_bytes": 64 << 30, "partition": False},
    {"size_bytes": 300 << 20, "cluster_bytes": 4096},
]


def _expected() -> dict[str, bytes]:
    return NAMES | {unicodedata.normalize("NFC", NFD): b"from a Mac"}


@pytest.fixture(params=SETTINGS, ids=lambda s: "-".join(f"{v}" for v in s.values()))
def image(request, tmp_path) -> Path:
    path = tmp_path / "card.img"
    items = [Item(path, data) for path, data in NAMES.items()] + [Item(NFD, b"from a Mac")]
    build_image(path, [*items, Item("/no files here", None)], **request.param)
    return path


def _as_mtools(path: str) -> str:
    """mtools knows no characters beyond 16 bits: it shows each half of one as an underscore."""
    return "".join(c if ord(c) < 0x10000 else "__" for c in path)


def _mtools(tool: str, image: Path, offset: int, *arguments: str) -> str:
    command = [tool, "-i", f"{image}@@{offset}", *arguments]
    done = subprocess.run(command, capture_output=True, env=mtools_env(), timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_every_judge_reads_the_same(image, tmp_path, require_tool) -> None:
    fsck_fat, mcopy, minfo = require_tool("fsck.fat"), require_tool("mcopy"), require_tool("minfo")
    card = open_card(image)
    info = card.info()
    own = {e.path: card.read(e.path) for e in card.walk() if not e.is_dir}
    assert own == _expected()
    assert card.entry("/no files here").is_dir
    card.close()

    verdict = fsck(fsck_fat, without_partition(image, info.partition_offset, tmp_path / "volume.img"))
    assert (verdict.status, len(verdict.lines)) == (0, 2), verdict.lines

    out = tmp_path / "out"
    out.mkdir()
    _mtools(mcopy, image, info.partition_offset, "-s", "::/", str(out))
    theirs = {f"/{p.relative_to(out)}": p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert theirs == {_as_mtools(path): data for path, data in own.items()}
    assert (out / "no files here").is_dir()
    assert f"serial number: {info.serial.replace('-', '')}" in _mtools(
        minfo, image, info.partition_offset, "::"
    )

    report = verify_card(image)
    assert report.problems == []
    assert report.skipped == []
    assert report.files == len(own)


def test_same_input_gives_same_bytes(tmp_path) -> None:
    items = [Item(path, data) for path, data in NAMES.items()]
    for name in ("a.img", "b.img"):
        build_image(tmp_path / name, items, size_bytes=48 << 20, label="SAME")
    assert (tmp_path / "a.img").read_bytes() == (tmp_path / "b.img").read_bytes()


def test_extents_are_where_the_bytes_lie(image) -> None:
    card = open_card(image)
    cluster = card.info().cluster_bytes
    with image.open("rb") as raw:
        for path, data in _expected().items():
            extents = card.extents(path)
            assert len(extents) == (1 if data else 0)  # contiguous
            for extent in extents:
                assert extent.offset % min(cluster, 512) == 0
                raw.seek(extent.offset)
                assert raw.read(extent.length) == data
    (backing,) = card.backing()
    assert (backing.path, backing.base, backing.length) == (image, 0, image.stat().st_size)
    card.close()


def test_files_lie_on_cluster_boundaries_of_the_card(tmp_path) -> None:
    build_image(tmp_path / "c.img", [Item("/a", b"1"), Item("/b", b"2")], size_bytes=4 << 30)
    card = open_card(tmp_path / "c.img")
    assert card.info().cluster_bytes == 32 << 10
    assert all(card.extents(path)[0].offset % (32 << 10) == 0 for path in ("/a", "/b"))
    card.close()


def test_thousands_of_names_with_one_prefix(tmp_path, require_tool) -> None:
    count = 5000
    items = [Item(f"/pad/same prefix of 20 ch{i:05}.wav", b"%d" % i) for i in range(count)]
    began = time.perf_counter()
    build_image(tmp_path / "c.img", items, size_bytes=1 << 30)
    assert time.perf_counter() - began < 3
    card = open_card(tmp_path / "c.img")
    entries = card.listdir("/pad")
    assert len({e.short_name for e in entries}) == count
    assert all(card.read(item.path) == item.source for item in items[::97])
    offset = card.info().partition_offset
    card.close()
    verdict = fsck(
        require_tool("fsck.fat"), without_partition(tmp_path / "c.img", offset, tmp_path / "v.img")
    )
    assert verdict.status == 0, verdict.lines


def test_a_folder_holds_65536_entries_and_no_more(tmp_path) -> None:
    names = [f"/F/{i:08X}" for i in range(65_534)]  # and the two dot entries
    build_image(tmp_path / "c.img", [Item(name, b"") for name in names], size_bytes=128 << 20)
    card = open_card(tmp_path / "c.img")
    assert len(card.listdir("/F")) == 65_534
    card.close()
    with pytest.raises(Exception, match="65,536"):
        build_image(
            tmp_path / "d.img", [Item(name, b"") for name in [*names, "/F/MORE"]], size_bytes=128 << 20
        )
    assert not (tmp_path / "d.img").exists()


@pytest.mark.parametrize("image", [SETTINGS[1], SETTINGS[2]], ids=str, indirect=True)
def test_single_changes_satisfy_the_judges(image, tmp_path, require_tool) -> None:
    card = open_card(image, writable=True)
    card.put("/KICK.WAV", b"longer than before" * 1000)
    card.put("/new \N{DRUM WITH DRUMSTICKS}.wav", b"new")
    card.mkdir("/made")
    card.put("/made/inside.wav", b"inside" * 5000)
    card.remove("/one.wav")
    card.rename("/noext", "/made/a longer name than before.ext")
    card.rename("/level 00", "/made/moved")
    for i in range(40):
        card.put(f"/made/many with the same prefix {i}.wav", b"%d" % i)
    expected = {e.path: card.read(e.path) for e in card.walk() if not e.is_dir}
    card.close()
    again = open_card(image)
    assert {e.path: again.read(e.path) for e in again.walk() if not e.is_dir} == expected
    assert again.read(f"/made/moved/{DEEP.partition('/')[2]}/deepest.wav") == b"deep" * 500
    offset = again.info().partition_offset
    again.close()
    verdict = fsck(require_tool("fsck.fat"), without_partition(image, offset, tmp_path / "volume.img"))
    assert (verdict.status, len(verdict.lines)) == (0, 2), verdict.lines
    report = verify_card(image)
    assert (report.problems, report.lost_clusters) == ([], 0)


def test_reads_what_mtools_and_mkfs_write(tmp_path, require_tool) -> None:
    mkfs, mcopy, mmd = require_tool("mkfs.fat"), require_tool("mcopy"), require_tool("mmd")
    image = tmp_path / "other.img"
    with image.open("wb") as out:
        out.truncate(80 << 20)
    subprocess.run([mkfs, "-F", "32", "-s", "1", "-n", "OTHER", str(image)], check=True, capture_output=True)
    for i, name in enumerate(("KICK.WAV", "kick two.wav", "lower.wav", "Schl\u00e4ger.wav")):
        (tmp_path / name).write_bytes(bytes([i]) * (700 * i + 1))
        subprocess.run(
            [mcopy, "-i", str(image), str(tmp_path / name), "::/"],
            check=True,
            env=mtools_env(),
            capture_output=True,
        )
    subprocess.run([mmd, "-i", str(image), "::/Kit"], check=True, env=mtools_env(), capture_output=True)
    card = open_card(image, writable=True)
    assert card.info().label == "OTHER"
    assert {e.name for e in card.listdir()} == {
        "KICK.WAV",
        "kick two.wav",
        "lower.wav",
        "Schl\u00e4ger.wav",
        "Kit",
    }
    assert card.read("/LOWER.WAV") == b"\x02" * 1401
    card.rename("/lower.wav", "/Kit/Lower Again.wav")
    card.put("/kick two.wav", b"over")
    card.close()
    verdict = fsck(require_tool("fsck.fat"), image)
    assert (verdict.status, len(verdict.lines)) == (0, 2), verdict.lines


def test_verify_knows_names_in_case_bits(tmp_path, require_tool) -> None:
    image = tmp_path / "other.img"
    with image.open("wb") as out:
        out.truncate(40 << 20)
    subprocess.run([require_tool("mkfs.fat"), "-F", "32", "-s", "1", image], check=True, capture_output=True)
    for name in ("kick.wav", "SNARE.wav", "hat.WAV", "a long one.wav"):  # how Windows and mtools store them
        (tmp_path / name).write_bytes(name.encode() * 300)
        subprocess.run(
            [require_tool("mcopy"), "-i", image, tmp_path / name, "::/"], check=True, env=mtools_env()
        )
    with closing(open_card(image)) as card:
        slots = {slot.name: slot.slots for slot in card.folder("/").slots}
    assert slots == {"kick.wav": 1, "SNARE.wav": 1, "hat.WAV": 1, "a long one.wav": 3}
    report = verify_card(image)
    assert (report.problems, report.files) == ([], 4)
    assert report.bytes == sum(len(name) * 300 for name in slots)


def test_verify_tells_which_card(tmp_path) -> None:
    (tmp_path / "no.img").write_bytes(bytes(1000))
    with pytest.raises(CardError, match=r"no\.img: .*blank"):
        verify_card(tmp_path / "no.img")


def test_verify_finds_what_is_wrong(tmp_path) -> None:
    image = tmp_path / "c.img"
    build_image(image, [Item("/a.wav", b"a" * 2000), Item("/b.wav", b"b" * 2000)], size_bytes=48 << 20)
    card = open_card(image, writable=True)
    table, slot, _ = card.locate("/b.wav")
    at = card._folder_offset(table, (slot.index + slot.slots - 1) * 32)
    first = card.entry("/a.wav").first_cluster
    card.close()
    with image.open("r+b") as raw:  # both names now begin in the same cluster
        raw.seek(at + 26)
        raw.write(first.to_bytes(2, "little"))
    report = verify_card(image)
    assert any("shares clusters" in problem for problem in report.problems)


def test_cards_of_other_content_have_other_serial_numbers(tmp_path: Path):
    def serial(*names: str, size: int = 48 << 20, data: bytes = b"1", **options) -> str:
        items = [Item(name, data) for name in names]
        return build_image(tmp_path / "s.img", items, size_bytes=size, overwrite=True, **options).serial

    one = serial("/a")
    assert serial("/a") == one
    others = {
        serial(),
        serial("/b"),
        serial("/a", "/b"),
        serial("/a", data=b"12"),
        serial("/a", size=49 << 20),
        serial("/a", label="X"),
        serial("/a", seed=1),
    }
    assert len(others | {one}) == 8
    assert serial("/a", serial=0x1234ABCD) == "1234-ABCD"
