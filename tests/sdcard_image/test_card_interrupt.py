"""An interrupt (Ctrl-C) at every write and sync: the card is whole, and marked clean only where it is."""

from __future__ import annotations

import signal

import pytest
from card_tools import RamMedium, fsck, small_card, tree, write_image, writer

from sdcard_image import Item, mount

OLD, NEW = bytes(range(256)) * 9, bytes(reversed(range(256))) * 14
ITEMS = [
    *(Item(f"/D/F{i:02}.WAV", b"x") for i in range(14)),  # with two dot entries: a full cluster
    Item("/kick.wav", OLD),
    Item("/snare.wav", OLD[::-1]),
    Item("/kit/tom.wav", NEW),
    Item("/kit/deep/hat.wav", OLD),
    Item("/to", None),
]
OPERATIONS = {
    "put": lambda v: v.put("/hat.wav", NEW),
    "put, folder grows": lambda v: v.put("/D/hat.wav", NEW),
    "overwrite": lambda v: v.put("/kick.wav", NEW),
    "remove": lambda v: v.remove("/kick.wav"),
    "mkdir": lambda v: v.mkdir("/made"),
    "rename": lambda v: v.rename("/kick.wav", "/boom.wav"),
    "move": lambda v: v.rename("/kick.wav", "/to/kick.wav"),
    "move a folder": lambda v: v.rename("/kit", "/to/kit"),
}


class Interrupted(RamMedium):
    """Raises at one of its writes and syncs, before or after it is done."""

    def __init__(self, base: RamMedium, step: int, *, after: bool, kind: type[BaseException]) -> None:
        super().__init__(base.size, base.sectors)
        self.left, self.after, self.kind = step, after, kind

    def _step(self, act) -> None:
        self.left -= 1
        if self.left != -1 or self.after:
            act()
        if self.left == -1:
            raise self.kind

    def pwrite(self, offset: int, data: bytes) -> None:
        self._step(lambda: super(Interrupted, self).pwrite(offset, data))

    def sync(self) -> None:
        self._step(lambda: super(Interrupted, self).sync())


def _run(medium: Interrupted, act) -> None:
    volume = writer(medium)
    try:
        act(volume)
    finally:
        volume.close()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_interrupt_at_every_step(tmp_path, require_tool, name, after) -> None:
    tool = require_tool("fsck.fat")
    base = small_card(tmp_path, ITEMS)
    untouched = {p: c for p, c in tree(mount(base)).items() if p.startswith(("/snare", "/D/F"))}
    clean = dirty = 0
    for step in range(200):
        kind = (KeyboardInterrupt, SystemExit)[step % 2]
        medium = Interrupted(base, step, after=after, kind=kind)
        try:
            _run(medium, OPERATIONS[name])
        except kind:
            pass
        else:
            break
        left = RamMedium(medium.size, medium.sectors)
        found = mount(left)
        assert not found.audit()
        assert untouched.items() <= tree(found).items()
        verdict = fsck(tool, write_image(tmp_path / "left.img", medium.size, medium.sectors))
        assert not verdict.damage, verdict.lines
        if int(found.fat.raw[1]) & 0x0800_0000:
            clean += 1
            assert found.full_audit().lost == 0
            assert not any("differ" in line or "Reclaimed" in line for line in verdict.lines), verdict.lines
        else:
            dirty += 1
    assert clean
    assert dirty
    assert step > 8


class Signalled(Interrupted):
    """Gets a signal, as Ctrl-C sends it, at one of its writes and syncs."""

    def _step(self, act) -> None:
        self.left -= 1
        if self.left == -1:
            signal.raise_signal(signal.SIGINT)
        act()


@pytest.mark.parametrize("name", OPERATIONS)
def test_ctrl_c_at_every_step_leaves_a_clean_card(tmp_path, name) -> None:
    base = small_card(tmp_path, ITEMS)
    handler = signal.getsignal(signal.SIGINT)
    interrupted = 0
    for step in range(200):
        medium = Signalled(base, step, after=False, kind=KeyboardInterrupt)
        try:
            _run(medium, OPERATIONS[name])
        except KeyboardInterrupt:
            interrupted += 1
        assert signal.getsignal(signal.SIGINT) is handler
        found = mount(RamMedium(medium.size, medium.sectors))
        audit = found.full_audit()
        assert (audit.sentences, audit.lost) == ([], 0)
        size = found.fat.raw.nbytes
        first, second = (medium.pread(found._fat_offset(copy), size) for copy in range(2))
        assert first == second
        assert int(found.fat.raw[1]) & 0x0800_0000
        assert found.fsinfo().free in (found.fat.free_clusters(), 0xFFFF_FFFF)
        if medium.left >= 0:
            break
    assert interrupted == step > 8
