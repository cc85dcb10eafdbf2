"""8.3 aliases: a name that is another file's alias is a name of its own."""

from __future__ import annotations

import pytest
from card_tools import RamMedium, crash_states, fsck, small_card, tree, write_image, writer

from sdcard_image import CardError, Item, mount

KICK = Item("/kick drum.wav", b"kick")


def test_an_alias_is_no_target_to_overwrite(tmp_path, require_tool) -> None:
    medium = small_card(tmp_path, [KICK])
    base = dict(medium.sectors)
    assert mount(medium).entry("/kick drum.wav").short_name == "KICKDR~1.WAV"
    volume = writer(medium)
    volume.put("/KICKDR~1.WAV", b"other")
    volume.close()
    wanted = {"/kick drum.wav": b"kick", "/KICKDR~1.WAV": b"other"}
    assert tree(mount(medium)) == wanted
    again = mount(medium).entry("/kick drum.wav").short_name
    assert again != "KICKDR~1.WAV"
    assert mount(medium).read(f"/{again}") == b"kick"
    verdict = fsck(require_tool("fsck.fat"), write_image(tmp_path / "x.img", medium.size, medium.sectors))
    assert verdict.status == 0, verdict.lines
    for state in crash_states(base, medium.log):
        found = tree(mount(RamMedium(medium.size, state)))
        assert found in ({"/kick drum.wav": b"kick"}, wanted)


@pytest.mark.parametrize(
    ("act", "kept"),
    [
        (lambda v: v.mkdir("/KICKDR~1.WAV"), {"/kick drum.wav": b"kick", "/KICKDR~1.WAV": None}),
        (lambda v: v.rename("/b", "/KICKDR~1.WAV"), {"/kick drum.wav": b"kick", "/KICKDR~1.WAV": b"b"}),
        (lambda v: v.rename("/kick drum.wav", "/KICKDR~1.WAV"), {"/KICKDR~1.WAV": b"kick", "/b": b"b"}),
        (lambda v: v.rename("/A/KICKDR~1.WAV", "/KICKDR~1.WAV"), {"/KICKDR~1.WAV": b"a"}),
    ],
)
def test_folders_and_moves_keep_both(tmp_path, act, kept) -> None:
    medium = small_card(tmp_path, [KICK, Item("/b", b"b"), Item("/A/KICKDR~1.WAV", b"a")])
    volume = writer(medium)
    act(volume)
    volume.close()
    found = tree(mount(medium))
    assert kept.items() <= found.items()
    assert sum(content is not None for content in found.values()) == 3
    assert mount(medium).full_audit().lost == 0


def test_an_entry_in_two_sectors_keeps_its_alias(tmp_path) -> None:
    long = "kick drum" + "m" * 230
    medium = small_card(tmp_path, [Item(f"/{long}", b"kick")])
    volume = writer(medium)
    with pytest.raises(CardError, match="short name of"):
        volume.put("/KICKDR~1", b"other")
    volume.close()
    assert medium.log == []
