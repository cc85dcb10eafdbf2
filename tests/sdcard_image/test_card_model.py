"""Random sequences of changes against a dictionary; the card agrees after each, and its judges at the end."""

from __future__ import annotations

import random

import pytest
from card_tools import RamMedium, fsck, small_card, tree, write_image, writer

from sdcard_image import CardError, mount
from sdcard_image.names import fold

NAMES = [
    "KICK.WAV",
    "kick.wav",
    "a snare with a rather long name.wav",
    "Schl\u00e4ger.wav",
    "x" * 230,
    "b",
    "Kit",
    "deep",
]


class Model:
    """Paths and contents (None: a folder); look-up ignores case."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.content: dict[str, bytes | None] = {}

    def find(self, path: str) -> str | None:
        return next((p for p in self.content if fold(p) == fold(path)), None)

    def folder(self) -> str:
        return self.chance.choice(
            ["", *(p for p, c in self.content.items() if c is None and p.count("/") < 4)]
        )

    def fresh(self) -> str:
        return f"{self.folder()}/{self.chance.choice(NAMES)}"

    def any(self) -> str:
        return self.chance.choice(list(self.content)) if self.content else "/none"

    def below(self, path: str) -> list[str]:
        return [p for p in self.content if p.startswith(f"{path}/")]

    def rename(self, old: str, new: str) -> None:
        moved = {new + p[len(old) :]: self.content.pop(p) for p in [old, *self.below(old)]}
        self.content.update(moved)


def _put(model: Model, volume) -> None:
    path, data = model.fresh(), model.chance.randbytes(model.chance.choice([0, 1, 511, 513, 3000]))
    old = model.find(path)
    if old is not None and model.content[old] is None:
        with pytest.raises(CardError, match="is a folder"):
            volume.put(path, data)
        return
    volume.put(path, data)
    model.content[old or path] = data


def _mkdir(model: Model, volume) -> None:
    path = model.fresh()
    if model.find(path):
        with pytest.raises(CardError, match="already"):
            volume.mkdir(path)
        return
    volume.mkdir(path)
    model.content[path] = None


def _remove(model: Model, volume) -> None:
    path = model.any()
    if path not in model.content or model.below(path):
        with pytest.raises(CardError, match=r"no|not empty"):
            volume.remove(path)
        return
    volume.remove(path)
    del model.content[path]


def _rename(model: Model, volume) -> None:
    old, new = model.any(), model.fresh()
    there = model.find(new)
    inside = f"{new}/".startswith(f"{old}/") and new != old
    if old not in model.content or inside or (there is not None and there != old):
        with pytest.raises(CardError, match=r"no|already|itself"):
            volume.rename(old, new)
        return
    volume.rename(old, new)
    model.rename(old, new)


@pytest.mark.parametrize("seed", range(6))
def test_random_changes_agree_with_a_dictionary(tmp_path, require_tool, seed) -> None:
    medium = small_card(tmp_path, [])
    model, volume = Model(random.Random(seed)), writer(medium)
    for step in range(150):
        model.chance.choice([_put, _put, _mkdir, _remove, _rename])(model, volume)
        if step % 10 == 0:
            assert tree(volume) == model.content
        if step % 40 == 39:
            volume.close()
            medium = RamMedium(medium.size, medium.sectors)
            volume = writer(medium)
            assert tree(volume) == model.content
    volume.close()
    card = mount(medium)
    assert tree(card) == model.content
    audit = card.full_audit()
    assert (audit.sentences, audit.lost) == ([], 0)
    verdict = fsck(require_tool("fsck.fat"), write_image(tmp_path / "end.img", medium.size, medium.sectors))
    assert (verdict.status, len(verdict.lines)) == (0, 2), verdict.lines
