"""The power is cut at every write of every operation: each file is old or new, and the card is whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pytest
from card_tools import RamMedium, crash_states, fsck, small_card, tree, write_image, writer

from sdcard_image import Item, mount
from sdcard_image.writer import VolumeWriter

LONG = "a name that is far too long for one sector of directory entries " * 4  # 256 units, cut below
LONG = LONG[:230] + ".wav"
OLD, NEW = bytes(range(256)) * 9, bytes(reversed(range(256))) * 14
MANY = [Item(f"/many/sample number {i:03}.wav", bytes([i]) * 700) for i in range(30)]


@dataclass(frozen=True)
class Case:
    """``allowed``: for each path that the operation touches, what it may hold after a cut ('absent' too)."""

    name: str
    items: list[Item]
    act: Callable[[VolumeWriter], object]
    allowed: dict[str, list[bytes | str | None]]
    either: tuple[str, str] | None = None  # one of these two must be there


def _put(path: str, data: bytes) -> Callable[[VolumeWriter], object]:
    return lambda v: v.put(path, data)


def _rename(old: str, new: str) -> Callable[[VolumeWriter], object]:
    return lambda v: v.rename(old, new)


KICK = [Item("/kick.wav", OLD), Item("/snare.wav", OLD[::-1])]
FOLDER = [Item("/kit/kick.wav", OLD), Item("/kit/deep/tom.wav", NEW), Item("/kit/empty.wav", b"")]
CASES = [
    Case("put new", KICK, _put("/hat.wav", NEW), {"/hat.wav": ["absent", NEW]}),
    Case("put new, long name", KICK, _put(f"/{LONG}", NEW), {f"/{LONG}": ["absent", NEW]}),
    Case(
        "put new, folder grows",
        MANY,
        _put("/many/one more.wav", NEW),
        {"/many/one more.wav": ["absent", NEW]},
    ),
    Case("put new, long, folder grows", MANY, _put(f"/many/{LONG}", NEW), {f"/many/{LONG}": ["absent", NEW]}),
    Case("put empty", KICK, _put("/none.wav", b""), {"/none.wav": ["absent", b""]}),
    Case("overwrite", KICK, _put("/kick.wav", NEW), {"/kick.wav": [OLD, NEW]}),
    Case("overwrite with nothing", KICK, _put("/kick.wav", b""), {"/kick.wav": [OLD, b""]}),
    Case(
        "overwrite large",
        [Item("/big.wav", OLD * 60)],
        _put("/big.wav", NEW * 60),
        {"/big.wav": [OLD * 60, NEW * 60]},
    ),
    Case("remove", KICK, lambda v: v.remove("/kick.wav"), {"/kick.wav": [OLD, "absent"]}),
    Case(
        "remove long",
        [*KICK, Item(f"/{LONG}", OLD)],
        lambda v: v.remove(f"/{LONG}"),
        {f"/{LONG}": [OLD, "absent"]},
    ),
    Case("remove folder", [Item("/kit", None)], lambda v: v.remove("/kit"), {"/kit": [None, "absent"]}),
    Case("mkdir", KICK, lambda v: v.mkdir("/kit"), {"/kit": ["absent", None]}),
    Case(
        "rename in place",
        KICK,
        _rename("/kick.wav", "/boom.wav"),
        {"/kick.wav": [OLD, "absent"], "/boom.wav": ["absent", OLD]},
        ("/kick.wav", "/boom.wav"),
    ),
    Case(
        "rename to a long name",
        [*MANY, Item("/many/kick.wav", OLD)],
        _rename("/many/kick.wav", f"/many/{LONG}"),
        {"/many/kick.wav": [OLD, "absent"], f"/many/{LONG}": ["absent", OLD]},
        ("/many/kick.wav", f"/many/{LONG}"),
    ),
    Case(
        "rename from a long name",
        [*KICK, Item(f"/{LONG}", OLD)],
        _rename(f"/{LONG}", "/short.wav"),
        {f"/{LONG}": [OLD, "absent"], "/short.wav": ["absent", OLD]},
        (f"/{LONG}", "/short.wav"),
    ),
    Case(
        "rename into another folder",
        [*KICK, Item("/kit", None)],
        _rename("/kick.wav", "/kit/kick.wav"),
        {"/kick.wav": [OLD, "absent"], "/kit/kick.wav": ["absent", OLD]},
        ("/kick.wav", "/kit/kick.wav"),
    ),
    Case(
        "rename a folder in place",
        FOLDER,
        _rename("/kit", "/set"),
        {
            **{p: [c, "absent"] for p, c in (("/kit", None), ("/kit/deep", None), ("/kit/empty.wav", b""))},
            **{p: ["absent", c] for p, c in (("/set", None), ("/set/deep", None), ("/set/empty.wav", b""))},
            "/kit/kick.wav": [OLD, "absent"],
            "/set/kick.wav": ["absent", OLD],
            "/kit/deep/tom.wav": [NEW, "absent"],
            "/set/deep/tom.wav": ["absent", NEW],
        },
        ("/kit/kick.wav", "/set/kick.wav"),
    ),
    Case(
        "move a folder",
        [*FOLDER, Item("/to", None)],
        _rename("/kit", "/to/kit"),
        {
            **{p: [c, "absent"] for p, c in (("/kit", None), ("/kit/deep", None), ("/kit/empty.wav", b""))},
            **{
                p: ["absent", c]
                for p, c in (("/to/kit", None), ("/to/kit/deep", None), ("/to/kit/empty.wav", b""))
            },
            "/kit/kick.wav": [OLD, "absent"],
            "/to/kit/kick.wav": ["absent", OLD],
            "/kit/deep/tom.wav": [NEW, "absent"],
            "/to/kit/deep/tom.wav": ["absent", NEW],
        },
        ("/kit/deep/tom.wav", "/to/kit/deep/tom.wav"),
    ),
]


def _check_state(case: Case, before: dict[str, bytes | None], found: dict[str, bytes | None]) -> None:
    for path in before.keys() | case.allowed.keys():
        allowed = case.allowed.get(path, [before.get(path)])
        assert found.get(path, "absent") in allowed, path
    assert found.keys() <= before.keys() | case.allowed.keys()
    if case.either:
        assert any(path in found for path in case.either)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_power_cut_at_every_write(case: Case, tmp_path, require_tool) -> None:
    tool = require_tool("fsck.fat")
    medium = small_card(tmp_path, case.items)
    base = dict(medium.sectors)
    before = tree(mount(medium))
    volume = writer(medium)
    case.act(volume)
    volume.close()
    outcomes, judged = set(), 0
    seen: set[int] = set()
    for state in crash_states(base, medium.log):
        key = hash(frozenset(state.items()))
        if key in seen:
            continue
        seen.add(key)
        cut = mount(RamMedium(medium.size, state))
        assert not cut.audit()
        found = tree(cut)
        _check_state(case, before, found)
        outcomes.add(tuple(sorted(found)) + tuple(found.get(p) for p in sorted(case.allowed)))
        if judged < 40 or judged % 7 == 0:
            verdict = fsck(tool, write_image(tmp_path / "cut.img", medium.size, state))
            assert not verdict.damage, verdict.lines
        judged += 1
    assert len(outcomes) >= 2, "the sweep never saw old and new"
    final = fsck(tool, write_image(tmp_path / "cut.img", medium.size, medium.sectors))
    assert final.status == 0, final.lines
    assert tree(mount(medium)) == tree(volume)


def _put_and_close(volume: VolumeWriter) -> None:
    volume.put("/kick.wav", NEW)
    volume.close()


def test_after_every_failed_write_the_card_refuses_more_and_stays_whole(tmp_path) -> None:
    medium = small_card(tmp_path, KICK)
    base = dict(medium.sectors)
    probe = writer(RamMedium(medium.size, base))
    probe.put("/kick.wav", NEW)
    probe.close()
    steps = len(probe._medium.log)
    assert steps > 8
    for step in range(steps):
        faulty = RamMedium(medium.size, base)
        faulty.fail_at = step
        volume = writer(faulty)
        with pytest.raises(OSError, match="does not take"):
            _put_and_close(volume)
        found = mount(RamMedium(medium.size, faulty.sectors))
        assert found.read("/kick.wav") in (OLD, NEW)
        assert found.read("/snare.wav") == OLD[::-1]
        assert not found.audit()


def test_dirty_mark_stays_where_another_left_it(tmp_path) -> None:
    medium = small_card(tmp_path, KICK)
    first = writer(medium)
    first.put("/hat.wav", NEW)  # never closed: the power goes
    again = writer(RamMedium(medium.size, medium.sectors))
    again.put("/tom.wav", NEW)
    again.close()
    assert not int(mount(again._medium).fat.raw[1]) & 0x0800_0000


def test_free_count_is_true_after_closing(tmp_path) -> None:
    medium = small_card(tmp_path, KICK)
    volume = writer(medium)
    volume.put("/hat.wav", NEW, datetime(2024, 5, 6, 7, 8, 10))
    volume.remove("/kick.wav")
    volume.close()
    after = mount(medium)
    hint = after.fsinfo()
    assert hint is not None
    assert hint.free == after.fat.free_clusters()
    assert after.fat.next[hint.next_free] == 0
    assert after.entry("/hat.wav").modified == datetime(2024, 5, 6, 7, 8, 10)
