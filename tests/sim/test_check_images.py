"""Checks of card images: sound ones, ones with each kind of damage, and things that are no card at all."""

from __future__ import annotations

import random
import shutil
import struct
import unicodedata
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from check_cards import LONG_SX, wav, wave

from firmware.catalogue import Catalogue
from firmware.findings import Finding, Severity, catalogue, found
from native import CardModel
from sdcard_image import Item, build_image, items_from_folder, mount
from sdcard_image.medium import FileMedium
from sim.check import CheckReport, Options, run_check
from sim.check.facts import one_each
from sim.check.report import Scene
from sim.check.text import lines

KICK, LONG = wav(), wav(wave(40_000))
ITEMS = [
    Item("/A", None),
    Item("/A/kick.wav", KICK),
    Item("/A/long.wav", LONG),
    Item("/A/a name that is long.wav", KICK),
    Item("/B", None),
    Item("/B/snare.wav", wav(wave(20_000))),
]
FREE, END = 0, 0x0FFF_FFFF


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "card.img"
    build_image(path, ITEMS, size_bytes=64 << 20, label="KIT")
    return path


class Damage:
    """An image's volume, to be spoilt in place."""

    def __init__(self, path: Path) -> None:
        with closing(mount(FileMedium(path))) as volume:
            self.start, self.boot = volume.offset, volume.boot
            self.entries = {entry.path: entry for entry in volume.walk()}
            self.root = volume.boot.root_cluster
            self._at = volume.cluster_offset
        self.file = path.open("r+b")
        self.fat = self.start + self.boot.reserved_sectors * 512
        self.fat_bytes = self.boot.fat_sectors * 512

    def read(self, at: int, length: int) -> bytes:
        self.file.seek(at)
        return self.file.read(length)

    def write(self, at: int, data: bytes) -> None:
        self.file.seek(at)
        self.file.write(data)

    def link(self, cluster: int, value: int, copies=(0, 1)) -> None:
        for copy in copies:
            self.write(self.fat + copy * self.fat_bytes + 4 * cluster, struct.pack("<I", value))

    def first(self, path: str) -> int:
        return self.entries[path].first_cluster

    def cluster(self, number: int) -> int:
        return self._at(number)

    def slot(self, path: str) -> int:
        """Where the 8.3 entry of a file or folder lies."""
        folder = path.rpartition("/")[0]
        at = self.cluster(self.first(folder) if folder else self.root)
        want = struct.pack("<H", self.first(path) & 0xFFFF)
        while True:
            entry = self.read(at, 32)
            if entry[26:28] == want and entry[11] != 0x0F and entry[:1] != b".":
                return at
            at += 32


def cross(d: Damage) -> None:
    d.link(d.first("/A/long.wav"), d.first("/B/snare.wav"))


def loop(d: Damage) -> None:
    first = d.first("/A/long.wav")
    d.link(first + 1, first)


def folder_loop(d: Damage) -> None:
    entry = bytearray(d.read(d.slot("/A"), 32))
    entry[26:28] = struct.pack("<H", d.first("/B"))
    d.write(d.slot("/B/snare.wav") + 32, bytes(entry))


def twice(d: Damage) -> None:
    one = d.read(d.slot("/B/snare.wav"), 32)
    free = struct.pack("<H", 60_000)
    d.write(d.slot("/B/snare.wav") + 32, one[:26] + free + one[28:])


def no_table(d: Damage) -> None:
    whole = d.read(d.start, 40 << 20)
    d.write(0, whole)


def fragmented(d: Damage) -> None:
    first = d.first("/A/long.wav")
    far = d.boot.clusters - 10
    d.link(first, far)
    d.link(far, first + 2)
    d.link(first + 1, FREE)


# What is done to a sound card, by the id that has to be found then.
DAMAGES: dict[str, Callable[[Damage], object]] = {
    "not-fat32": lambda d: d.write(0, bytes(8 << 20)),
    "no-partition-table": no_table,
    "partition-type": lambda d: d.write(446 + 4, b"\x07"),
    "no-label": lambda d: d.write(d.cluster(d.root), b"\xe5"),
    "dirty-flag": lambda d: d.link(1, 0x07FF_FFFF),
    "fsinfo-wrong": lambda d: d.write(d.start + 512 + 488, b"\x01\0\0\0"),
    "boot-backup-differs": lambda d: d.write(d.start + 6 * 512 + 3, b"OTHERSYS"),
    "boot-sector-damaged": lambda d: d.write(d.start + 13, b"\0"),
    "fat-copies-differ": lambda d: d.link(d.first("/A/long.wav"), END, copies=(1,)),
    "lost-chain": lambda d: d.link(d.boot.clusters - 5, END),
    "cross-linked": cross,
    "circular-chain": loop,
    "chain-out-of-range": lambda d: d.link(d.first("/A/long.wav"), 0x0123_4567),
    "chain-too-short": lambda d: d.link(d.first("/A/long.wav"), END),
    "chain-too-long": lambda d: d.write(d.slot("/A/long.wav") + 28, b"\x10\0\0\0"),
    "bad-dot-entry": lambda d: d.write(d.cluster(d.first("/A")), b"\xe5"),
    "directory-loop": folder_loop,
    "bad-entry": lambda d: d.write(d.slot("/A/long.wav") + 11, b"\xe0"),
    "name-collision": twice,
    "long-name-damaged": lambda d: d.write(d.slot("/A/a name that is long.wav") - 32 + 13, b"\x01"),
    "fragmented": fragmented,
}
# Of how a card was formatted: these need a card of their own.
FORMATS = {"card-too-big", "cluster-size", "partition-alignment", "data-alignment"}


def ids(report: CheckReport) -> dict[str, Severity]:
    return {one.id: one.severity for one in reversed(report.findings)}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found(name: str, sound: Path, tmp_path: Path) -> None:
    image = tmp_path / "card.img"
    shutil.copyfile(sound, image)
    damage = Damage(image)
    DAMAGES[name](damage)
    damage.file.close()
    before = image.stat().st_mtime_ns
    report = run_check(image, "generic")
    assert name in ids(report)
    assert image.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_said_once(name: str, sound: Path, tmp_path: Path) -> None:
    image = tmp_path / "card.img"
    shutil.copyfile(sound, image)
    damage = Damage(image)
    DAMAGES[name](damage)
    damage.file.close()
    report = run_check(image, "generic", Options(quick=True))
    assert "card-error" not in ids(report)
    assert all(one.mark for one in report.findings)


def test_a_card_error_says_what_no_other_finding_does(tmp_path: Path) -> None:
    def made(id_: str, path: str) -> Finding:
        return found(id_, "x", path=path)

    broken = [made("chain-too-short", "/A"), made("fragmented", "/C/d.wav"), made("dirty-flag", "")]
    errors = [made("card-error", path) for path in ("/A/b.wav", "/a", "/C/d.wav", "/")]
    left = [one.path for one in one_each([*broken, *errors]) if one.id == "card-error"]
    assert left == ["/C/d.wav", "/"]


def renamed(image: Path, before: str, after: str) -> None:
    """Write another long name of up to 13 units over one, in the directory entry itself."""

    def slot(name: str) -> list[bytes]:
        units = (name + "\0").encode("utf-16-le").ljust(26, b"\xff")[:26]
        return [units[:10], units[10:22], units[22:]]

    data = bytearray(image.read_bytes())
    at = next(
        at
        for at in range(0, len(data), 32)
        if [data[at + 1 : at + 11], data[at + 14 : at + 26]] == slot(before)[:2]
    )
    data[at + 1 : at + 11], data[at + 14 : at + 26], data[at + 28 : at + 32] = slot(after)
    image.write_bytes(data)


@pytest.mark.parametrize(
    ("second", "wanted"),
    [
        ("one e\u0301.wav", {"name-lookalike": Severity.WARNING}),
        ("ONE \u0243.wav", {"name-collision": Severity.ERROR}),
    ],
)
def test_names_on_a_card_are_compared_as_fat_does(
    second: str, wanted: dict[str, Severity], tmp_path: Path
) -> None:
    image = tmp_path / "card.img"
    first = unicodedata.normalize("NFC", second).lower()
    stand_in = "x" * len(second)
    build_image(
        image, [Item(f"/{first}", KICK), Item(f"/{stand_in}", KICK)], size_bytes=64 << 20, label="KIT"
    )
    renamed(image, stand_in, second)
    assert ids(run_check(image, "generic", Options(quick=True))) == wanted


def test_each_of_two_names_that_look_alike_is_read(tmp_path: Path) -> None:
    image = tmp_path / "card.img"
    names = ["one \u00e9.wav", "one e\u0301.wav"]
    build_image(
        image,
        [Item(f"/{names[0]}", KICK), Item(f"/{'x' * len(names[1])}", LONG)],
        size_bytes=64 << 20,
        label="KIT",
    )
    renamed(image, "x" * len(names[1]), names[1])
    with closing(mount(FileMedium(image))) as volume:
        assert [volume.read(f"/{name}") for name in names] == [KICK, LONG]
        assert volume.read(f"/{names[0].upper()}") == KICK


def test_dotless_i_beside_i_is_two_files_everywhere(tmp_path: Path) -> None:
    for name in ("I.wav", "\u0131.wav"):
        (tmp_path / "kit" / "A").mkdir(parents=True, exist_ok=True)
        (tmp_path / "kit" / "A" / name).write_bytes(KICK)
    image = tmp_path / "card.img"
    build_image(image, items_from_folder(tmp_path / "kit"), size_bytes=64 << 20, label="KIT")
    for card in (tmp_path / "kit", image):
        report = run_check(card, "generic", Options(quick=True))
        assert (report.findings, len(report.audio)) == ((), 2)


@pytest.mark.parametrize(
    ("data", "device", "said"),
    [
        (b"only words\n" * 9000, "sp404sx", "Check a card instead"),
        (bytes(1 << 20), "sp404sx", "or make a new image"),
        (
            b"\xeb\x76\x90EXFAT   ".ljust(510, b"\0") + b"\x55\xaa" + bytes(4096),
            "sp404mk2",
            "Save what is on it",
        ),
    ],
)
def test_what_to_do_with_what_does_not_mount(data: bytes, device: str, said: str, tmp_path: Path) -> None:
    image = tmp_path / "card.img"
    image.write_bytes(data)
    text = "\n".join(lines(run_check(image, device)))
    assert said in text
    assert ("'Unsupported SD Card!'" in text) is (device == "sp404mk2")
    assert "backup" not in text


def test_every_kind_of_the_volume_is_provoked() -> None:
    assert {kind.id for kind in catalogue().values() if kind.group == "volume"} == set(DAMAGES) | FORMATS


def test_a_sound_card_has_no_findings(sound: Path) -> None:
    report = run_check(sound)
    assert (report.verdict, report.findings, report.kind) == ("ok", (), "image")
    assert [(one.bank, one.voices > 100) for one in report.voices] == [("A", True), ("B", True)]


def test_an_odd_format(sound: Path, tmp_path: Path) -> None:
    image = tmp_path / "odd.img"
    data = sound.read_bytes()
    start = 4 << 20
    mbr = bytearray(data[:512])
    mbr[446 + 8 : 446 + 12] = struct.pack("<I", 63)
    image.write_bytes(bytes(mbr) + bytes(62 * 512) + data[start:])
    assert {"partition-alignment", "data-alignment"} <= ids(run_check(image)).keys()


def test_small_clusters(tmp_path: Path) -> None:
    image = tmp_path / "small.img"
    build_image(image, ITEMS, size_bytes=64 << 20)
    with image.open("r+b") as file:
        file.truncate(4 << 30)
    assert ids(run_check(image, "generic"))["cluster-size"] is Severity.NOTE


@pytest.mark.parametrize(
    ("device", "size", "severity"),
    [
        ("sp404sx", 33 << 30, Severity.ERROR),
        ("sp404mk2", 33 << 30, Severity.WARNING),
        ("generic", 33 << 30, None),
        ("sp404sx", 32 << 30, None),
    ],
)
def test_a_card_of_another_class(sound: Path, tmp_path: Path, device: str, size: int, severity) -> None:
    image = tmp_path / "card.img"
    shutil.copyfile(sound, image)
    with image.open("r+b") as file:
        file.truncate(size)
    assert ids(run_check(image, device, Options(quick=True))).get("card-too-big") is severity


def test_a_full_card_and_a_label(tmp_path: Path) -> None:
    image = tmp_path / "card.img"
    free = build_image(tmp_path / "empty.img", [], size_bytes=41 << 20).free_bytes
    build_image(image, [Item("/big.bin", bytes(free - 100_000))], size_bytes=41 << 20, label="OTHER")
    report = run_check(image, "sp404sx")
    assert ids(report)["card-full"] is Severity.NOTE
    assert "'OTHER'" in next(one.what for one in report.findings if one.id == "no-label")


def test_fragments_cost_voices(sound: Path, tmp_path: Path) -> None:
    image = tmp_path / "card.img"
    tone, path = LONG_SX, "/ROLAND/SP-404SX/SMPL/A0000001.WAV"
    folders = [Item(folder, None) for folder in ("/ROLAND", "/ROLAND/SP-404SX", "/ROLAND/SP-404SX/SMPL")]
    build_image(image, [*folders, Item(path, tone)], size_bytes=64 << 20)
    damage = Damage(image)
    first, clusters = damage.first(path), -(-len(tone) // damage.boot.sectors_per_cluster // 512)
    size = damage.boot.sectors_per_cluster * 512
    far = first + clusters + 2
    for n in range(1, clusters):  # every second cluster moves away: as many pieces as clusters
        if n % 2:
            damage.write(damage.cluster(far + n), damage.read(damage.cluster(first + n), size))
    order = [far + n if n % 2 else first + n for n in range(clusters)]
    for here, after in zip(order, [*order[1:], END], strict=True):
        damage.link(here, after)
    for n in range(1, clusters, 2):
        damage.link(first + n, FREE)
    damage.file.close()
    report = run_check(image, options=Options(timing=CardModel(command_us=1_000, read_mb_per_s=20)))
    assert "fragmented" in ids(report)
    (bank,) = report.voices
    assert bank.in_one_piece is not None
    assert bank.voices < bank.in_one_piece
    assert "if its files lay in one piece" in next(o.what for o in report.findings if o.id == "few-voices")


@pytest.mark.parametrize(
    "data", [b"", b"x", bytes(1 << 20), b"RIFF" + bytes(100), b"\xeb\x58\x90" + b"\xff" * 5000 + b"\x55\xaa"]
)
def test_what_is_no_card_gives_a_finding(data: bytes, tmp_path: Path) -> None:
    image = tmp_path / "thing.img"
    image.write_bytes(data)
    report = run_check(image, "sp404mk2")
    assert ids(report) == {"not-fat32": Severity.ERROR}
    assert report.verdict == "errors"
    assert "as asked for" in "\n".join(lines(report))
    assert "cannot be read" in "\n".join(lines(run_check(image)))


def test_any_damage_gives_findings(sound: Path, tmp_path: Path) -> None:
    """Random bytes anywhere in the system area and the folders: never an exception, always a verdict."""
    chance = random.Random(5)
    original = sound.read_bytes()
    probe = Damage(sound)
    probe.file.close()
    places = [(probe.start, 4096), (probe.fat, 64), (probe.cluster(probe.root), 4096)]
    places += [(probe.cluster(probe.first(path)), 512) for path in ("/A", "/B", "/A/kick.wav")]
    image = tmp_path / "card.img"
    image.write_bytes(original)
    with image.open("r+b") as file:
        for _ in range(40):
            changes = []
            for _ in range(chance.randint(1, 6)):
                start, length = chance.choice(places)
                at = start + chance.randrange(length)
                changes.append(at)
                file.seek(at)
                file.write(chance.randbytes(1))
            file.flush()
            report = run_check(image, chance.choice(["generic", "sp404sx", "sp404mk2"]), Options(quick=True))
            assert report.verdict in ("ok", "warnings", "errors")
            for at in changes:
                file.seek(at)
                file.write(original[at : at + 1])


def test_scenes_are_boots(sound: Path) -> None:
    (scene,) = run_check(sound).scenes
    assert isinstance(scene, Scene)
    assert isinstance(scene.catalogue, Catalogue)
    assert [f"{pad.bank}{pad.pad}" for pad in scene.catalogue.pads] == ["A1", "A2", "A3", "B1"]
