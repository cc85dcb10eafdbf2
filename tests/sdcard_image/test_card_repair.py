"""One damage at a time, of every kind: what the repair makes of it, judged by fsck.fat and byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from card_damage import END, FILES, WAV, Hurt, card, entry, judge, repaired
from card_tools import RamMedium

from sdcard_image.check import check_volume, structural
from sdcard_image.direntry import SIZE
from sdcard_image.repair import plan_repair
from sdcard_image.types import CardError

LOOP, SNARE, INNER = "/loops/long loop.aif", "/snare drum 01.wav", "/loops/deep/inner.wav"


@dataclass(frozen=True)
class Case:
    """``defects`` must be among the check's; ``gone`` are files that need not be whole after the repair."""

    name: str
    hurt: Callable[[Hurt], None]
    defects: set[str]
    gone: frozenset[str] = frozenset()
    states: tuple[tuple[str, str], ...] = ()
    recovered: int = 0


def _boot(at: int, value: bytes, *, backup: bool = False) -> Callable[[Hurt], None]:
    def hurt(c: Hurt) -> None:
        c.poke(at, value)
        if backup:
            c.poke(6 * 512 + at, value)

    return hurt


def _cycle(c: Hurt) -> None:
    chain = c.chain(LOOP)
    c.fat(chain[-1], chain[2])


def _both_fats(c: Hurt) -> None:
    loop, snare = c.chain(LOOP), c.chain(SNARE)
    c.fat(loop[3], 0, (0,))
    c.fat(snare[2], 0x0FFF_0000, (1,))
    c.fat(loop[5], snare[1], (1,))
    c.fat(snare[4], END, (0,))


def _shared_tail(c: Hurt) -> None:
    """Two entries, each of the right length, that end in the same clusters: KICK (6) and a snare of 7."""
    kick, snare = c.chain("/KICK.WAV"), c.chain(SNARE)
    c.fat(snare[len(snare) - 4], kick[-3])
    for cluster in snare[len(snare) - 3 :]:
        c.fat(cluster, 0)


def _loop_folder(c: Hurt) -> None:
    """The folder /loops/deep leads back to /loops."""
    c.point("/loops/deep", c.volume.entry("/loops").first_cluster)


def _loop_without_the_folder(c: Hurt) -> None:
    for cluster in c.chain("/loops/deep"):
        c.fat(cluster, 0)
        c.poke(c.volume.cluster_offset(cluster), bytes(512))
    _loop_folder(c)


def _extra_root(c: Hurt) -> None:
    c.add_slot("/", entry(b"LOOPBACKDIR", 0x10, c.volume.boot.root_cluster, 0))


def _label_with_clusters(c: Hurt) -> None:
    root = c.volume.cluster_offset(c.volume.boot.root_cluster)
    c.poke(root + 26, struct.pack("<HI", 77, 1234))


def _lost_chain(c: Hurt) -> None:
    free = c.free_cluster() - 10
    c.poke(c.volume.cluster_offset(free), WAV)
    for i in range(6):
        c.fat(free + i, free + i + 1 if i < 5 else END)


def _lost_entry(c: Hurt) -> None:
    c.poke(c.slot("/KICK.WAV"), bytes(32).replace(b"\0", b"\xe5"))


def _wipe_fat_sector_in_both(c: Hurt) -> None:
    first = c.volume.boot.root_cluster // 128 * 128
    c.zero_fat(max(first, 2), 128, (0, 1))


CASES = [
    Case("nothing", lambda c: None, set()),
    Case(
        "one entry in FAT 1",
        lambda c: c.fat(c.chain(LOOP)[3], 0, (0,)),
        {"fat-copies-differ", "chain-too-short"},
    ),
    Case("one entry in FAT 2", lambda c: c.fat(c.chain(LOOP)[3], 5, (1,)), {"fat-copies-differ"}),
    Case("an entry free in both", lambda c: c.fat(c.chain(LOOP)[3], 0), {"chain-too-short", "lost-chain"}),
    Case("an entry bad in both", lambda c: c.fat(c.chain(LOOP)[3], 0x0FFF_FFF7), {"chain-too-short"}),
    Case(
        "an entry out of range in both",
        lambda c: c.fat(c.chain(LOOP)[3], 0x0ABC_DEF0),
        {"chain-out-of-range"},
    ),
    Case("an entry 1 in both", lambda c: c.fat(c.chain(LOOP)[3], 1), {"chain-out-of-range"}),
    Case("an early end in both", lambda c: c.fat(c.chain(LOOP)[3], END), {"chain-too-short", "lost-chain"}),
    Case(
        "an entry into another file", lambda c: c.fat(c.chain(LOOP)[3], c.chain(SNARE)[1]), {"cross-linked"}
    ),
    Case(
        "an entry to another's first", lambda c: c.fat(c.chain(SNARE)[3], c.chain(LOOP)[0]), {"cross-linked"}
    ),
    Case("an entry skips some", lambda c: c.fat(c.chain(LOOP)[3], c.chain(LOOP)[6]), {"chain-too-short"}),
    Case("an entry goes back", lambda c: c.fat(c.chain(LOOP)[5], c.chain(LOOP)[2]), {"circular-chain"}),
    Case("an entry to itself", lambda c: c.fat(c.chain(LOOP)[5], c.chain(LOOP)[5]), {"circular-chain"}),
    Case("an entry into the free", lambda c: c.fat(c.chain(LOOP)[5], c.free_cluster()), {"chain-too-short"}),
    Case("no end mark", lambda c: c.fat(c.chain(LOOP)[-1], 0), {"chain-too-short"}),
    Case(
        "end mark leads to another", lambda c: c.fat(c.chain(LOOP)[-1], c.chain(SNARE)[0]), {"cross-linked"}
    ),
    Case("a circle at the end", _cycle, {"circular-chain"}),
    Case("both FATs, differently", _both_fats, {"fat-copies-differ"}),
    Case("a sector of entries gone in both", _wipe_fat_sector_in_both, {"chain-too-short"}),
    Case("FAT 1 empty", lambda c: c.zero_fat(0, 8000), {"fat-copies-differ", "dirty-flag"}),
    Case("FAT 2 empty", lambda c: c.zero_fat(0, 8000, (1,)), {"fat-copies-differ"}),
    Case("media entry wrong", lambda c: c.fat(0, 0x1234), set()),
    Case("dirty", lambda c: c.fat(1, 0x07FF_FFFF), {"dirty-flag"}),
    Case("end marks of other systems", lambda c: c.fat(c.chain(LOOP)[-1], 0x0FFF_FFF8), set()),
    Case("reserved bits set", lambda c: c.fat(c.chain(LOOP)[3], 0xF000_0000 | c.chain(LOOP)[4]), set()),
    Case("clusters marked bad", lambda c: c.fat(c.free_cluster(), 0x0FFF_FFF7), {"fsinfo-wrong"}),
    Case(
        "shared clusters",
        _shared_tail,
        {"cross-linked"},
        gone=frozenset({SNARE}),
        states=((SNARE, "repaired"),),
    ),
    Case("a lost chain", _lost_chain, {"lost-chain"}, recovered=1),
    Case("an entry lost", _lost_entry, {"lost-chain"}, gone=frozenset({"/KICK.WAV"}), recovered=1),
    # sizes
    Case("size too large", lambda c: c.resize(LOOP, 6000 | 0xFF00_0000), {"chain-too-short"}),
    Case("size a little too large", lambda c: c.resize("/KICK.WAV", 3004 + 0x1000), {"chain-too-short"}),
    Case("size too small", lambda c: c.resize("/KICK.WAV", 3004 & 0xFF), {"chain-too-long"}),
    Case("size 0 with clusters", lambda c: c.resize("/KICK.WAV", 0), {"bad-entry"}),
    # first clusters
    Case("first cluster 0", lambda c: c.point("/KICK.WAV", 0), {"chain-out-of-range"}),
    Case("first cluster 1", lambda c: c.point("/KICK.WAV", 1), {"chain-out-of-range"}),
    Case("first cluster beyond", lambda c: c.point("/KICK.WAV", 0x0FFF_0001), {"chain-out-of-range"}),
    Case("first cluster another's", lambda c: c.point("/KICK.WAV", c.chain(LOOP)[0]), {"cross-linked"}),
    Case("first cluster its second", lambda c: c.point("/KICK.WAV", c.chain("/KICK.WAV")[1]), {"lost-chain"}),
    Case("first cluster free", lambda c: c.point("/KICK.WAV", c.free_cluster()), {"chain-too-short"}),
    # names
    Case("8.3 name", lambda c: c.poke(c.slot(SNARE) + 2, b"Q"), {"bad-entry"}),
    Case("8.3 name, not allowed", lambda c: c.poke(c.slot(SNARE) + 9, b"\x01"), {"bad-entry"}),
    Case("long name: order", lambda c: c.poke(c.slot(SNARE, 1), b"\x07"), {"long-name-damaged"}),
    Case("long name: last mark", lambda c: c.poke(c.slot(SNARE, 2), b"\x02"), {"long-name-damaged"}),
    Case("long name: tie", lambda c: c.poke(c.slot(SNARE, 1) + 13, b"\x77"), {"long-name-damaged"}),
    Case("long name: attributes", lambda c: c.poke(c.slot(SNARE, 1) + 11, b"\x20"), {"long-name-damaged"}),
    Case("long name: type", lambda c: c.poke(c.slot(SNARE, 2) + 12, b"\x09"), {"long-name-damaged"}),
    Case("long name: deleted", lambda c: c.poke(c.slot(SNARE, 2), b"\xe5"), {"long-name-damaged"}),
    Case("long name: cluster", lambda c: c.poke(c.slot(SNARE, 1) + 26, b"\x05"), {"long-name-damaged"}),
    Case("long name: a character", lambda c: c.poke(c.slot(SNARE, 1) + 1, b"\x01"), {"long-name-damaged"}),
    Case("long name: filling", lambda c: c.poke(c.slot(SNARE, 2) + 30, b"\x41"), {"long-name-damaged"}),
    Case("deleted, with a long name", lambda c: c.poke(c.slot(SNARE), b"\xe5"), {"bad-entry"}),
    Case("end mark in the middle", lambda c: c.poke(c.slot(SNARE), b"\0"), {"bad-entry"}),
    Case("end mark in a long name", lambda c: c.poke(c.slot(SNARE, 2), b"\0"), {"bad-entry"}),
    # attributes
    Case("a file marked as a folder", lambda c: c.poke(c.slot(SNARE) + 11, b"\x30"), {"bad-entry"}),
    Case("a file marked as a label", lambda c: c.poke(c.slot(SNARE) + 11, b"\x28"), {"bad-entry"}),
    Case("a file marked as a long name", lambda c: c.poke(c.slot(SNARE) + 11, b"\x0f"), {"bad-entry"}),
    Case("a folder marked as a file", lambda c: c.poke(c.slot("/loops") + 11, b"\x20"), {"bad-entry"}),
    Case("attributes unknown", lambda c: c.poke(c.slot(SNARE) + 11, b"\xe0"), {"bad-entry"}),
    Case("a folder with a size", lambda c: c.resize("/loops", 4711), {"bad-entry"}),
    # folders
    Case(
        "wrong .",
        lambda c: c.poke(c.volume.cluster_offset(c.chain("/loops")[0]) + 26, b"\x44"),
        {"bad-dot-entry"},
    ),
    Case(
        "wrong ..",
        lambda c: c.poke(c.volume.cluster_offset(c.chain("/loops")[0]) + 58, b"\x44"),
        {"bad-dot-entry"},
    ),
    Case(
        "no dots",
        lambda c: c.poke(c.volume.cluster_offset(c.chain("/loops")[0]), b"\xe5" * 64),
        {"bad-dot-entry"},
    ),
    Case("a folder points elsewhere", _loop_folder, {"bad-entry"}),
    Case(
        "a folder leads to one above",
        _loop_without_the_folder,
        {"directory-loop"},
        gone=frozenset({INNER, "/loops/deep", "/loops/deep/none.wav"}),
        recovered=1,
    ),
    Case("a folder leads to the top", _extra_root, {"directory-loop"}, gone=frozenset({"/LOOPBACK.DIR"})),
    Case("label with clusters", _label_with_clusters, {"bad-entry"}),
    Case("folder's chain without end", lambda c: c.fat(c.chain("/loops")[0], 0), {"chain-too-short"}),
    Case(
        "top folder's chain without end", lambda c: c.fat(c.volume.boot.root_cluster, 0), {"chain-too-short"}
    ),
    # system area
    Case("FSInfo free count", _boot(512 + 488, b"\1\2\3\0"), {"fsinfo-wrong"}),
    Case("FSInfo signature", _boot(512, b"\0"), {"fsinfo-wrong"}),
    Case("FSInfo gone", _boot(512, bytes(512)), {"fsinfo-wrong"}),
    Case("backup differs", _boot(6 * 512 + 40, b"\7"), {"boot-backup-differs"}),
    Case("backup gone", _boot(6 * 512, bytes(512)), {"boot-backup-differs"}),
    Case("boot sector gone", _boot(0, bytes(512)), {"boot-sector-damaged"}),
    Case("boot sector noise", _boot(0, bytes(range(256)) * 2), {"boot-sector-damaged"}),
    Case("sectors per cluster", _boot(13, b"\x08"), {"boot-sector-damaged"}),
    Case("reserved sectors", _boot(14, b"\x21"), {"boot-sector-damaged"}),
    Case("FATs", _boot(16, b"\1"), {"boot-sector-damaged"}),
    Case("FAT size", _boot(36, b"\1"), {"boot-sector-damaged"}),
    Case("root cluster", _boot(44, b"\x31"), {"boot-sector-damaged"}),
    Case("sectors per cluster in both", _boot(13, b"\x08", backup=True), {"boot-sector-damaged"}),
    Case("reserved sectors in both", _boot(14, b"\x21", backup=True), {"boot-sector-damaged"}),
    Case("FAT size in both", _boot(36, b"\1\1", backup=True), {"boot-sector-damaged"}),
    Case("root cluster in both", _boot(44, b"\x31", backup=True), {"boot-sector-damaged"}),
    Case("FATs in both", _boot(16, b"\7", backup=True), {"boot-sector-damaged"}),
    Case("bytes per sector in both", _boot(11, b"\0\1", backup=True), {"boot-sector-damaged"}),
    Case("both boot sectors gone", _boot(0, bytes(512), backup=True), {"boot-sector-damaged"}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_damage(case: Case, tmp_path, require_tool) -> None:
    tool = require_tool("fsck.fat")
    hurt = card()
    case.hurt(hurt)
    before = RamMedium(hurt.medium.size, hurt.medium.sectors)
    checked = {d.id for d in structural(check_volume(before))}
    assert checked >= case.defects if case.defects else checked <= {"dirty-flag", "boot-backup-differs"}
    _, report, found = repaired(hurt)
    assert judge(tool, tmp_path, hurt.medium.size, hurt.medium.sectors) == []
    assert report.clean
    assert list(structural(check_volume(hurt.medium))) == []
    wrong = {path for path, data in FILES.items() if found.get(path, "none") != data}
    assert wrong <= case.gone
    states = {f.path: f.state for f in report.files}
    assert all(states[path] == state for path, state in case.states)
    assert len(report.recovered) == case.recovered
    if not case.gone:
        assert set(states.values()) <= {"whole", "repaired"}


def test_a_sound_card_is_left_alone() -> None:
    plan, report, _ = repaired(card())
    assert plan.changes.writes == []
    assert plan.changes.copies == []
    assert report.complete
    assert {f.state for f in report.files} == {"whole"}
    assert {f.path for f in report.files} == set(FILES)
    assert SIZE == 32


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "0 bytes"),
        (bytes(4096), "blank"),
        (b"\xebR\x90NTFS    " + bytes(5000), "NTFS"),
        (b"\xebv\x90EXFAT   " + bytes(5000), "exFAT"),
        (bytes(range(256)) * 300, "no file system"),
        (b"RIFF" + bytes(60_000), "RIFF"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_card_is_named(content: bytes, what: str, tmp_path) -> None:
    path = tmp_path / "thing.img"
    path.write_bytes(content)
    report = check_volume(path)
    assert [d.id for d in report.defects] == ["not-fat32"]
    assert what in report.defects[0].what
    with pytest.raises(CardError, match=what):
        plan_repair(RamMedium.of_file(path))
