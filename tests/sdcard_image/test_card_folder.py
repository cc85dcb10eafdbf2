"""A folder as a card, and a folder as what to put on one."""

from __future__ import annotations

import os
import socket
import unicodedata
from datetime import datetime

import pytest

from sdcard_image import CardError, FolderCard, items_from_folder, open_card
from sdcard_image.folder import ALIGN


@pytest.fixture
def host(tmp_path):
    root = tmp_path / "card"
    (root / "Kit" / "deep").mkdir(parents=True)
    (root / "Kit" / "kick.wav").write_bytes(b"k" * 100)
    (root / "Kit" / "deep" / "tom.wav").write_bytes(b"t" * (ALIGN + 1))
    (root / "empty.wav").write_bytes(b"")
    (root / unicodedata.normalize("NFD", "Schl\u00e4ger.wav")).write_bytes(b"s")
    return root


def test_a_folder_reads_like_a_card(host) -> None:
    card = open_card(host)
    assert [e.path for e in card.walk()] == [
        "/empty.wav",
        "/Kit",
        "/Kit/deep",
        "/Kit/deep/tom.wav",
        "/Kit/kick.wav",
        "/Schl\u00e4ger.wav",
    ]
    assert card.read("/kit/KICK.wav", 90, 50) == b"k" * 10
    assert card.read("/schl\u00c4ger.wav") == b"s"
    assert card.read("/empty.wav") == b""
    assert (card.info().fs, card.info().files) == ("folder", 4)
    assert (card.reads.reads, card.reads.bytes) == (2, 11)
    for missing in ("/nothing", "/Kit/kick.wav/x"):
        with pytest.raises(CardError, match="there is no"):
            card.entry(missing)


def test_extents_and_backing_lead_to_the_bytes(host) -> None:
    card = open_card(host)
    backing = card.backing()
    assert [b.base for b in backing] == sorted(b.base for b in backing)
    for entry in card.walk():
        if entry.is_dir or not entry.size:
            continue
        (extent,) = card.extents(entry.path)
        (behind,) = [b for b in backing if b.base <= extent.offset < b.base + b.length]
        data = behind.path.read_bytes()[extent.offset - behind.base :][: extent.length]
        assert data == card.read(entry.path)
    assert card.extents("/empty.wav") == []


def test_links_and_oddities_are_left_out_of_a_card_and_said(host, tmp_path) -> None:
    (tmp_path / "secret").write_bytes(b"!")
    (host / "out.wav").symlink_to(tmp_path / "secret")
    (host / "loop").symlink_to(host)
    (host / "dangling.wav").symlink_to(host / "nowhere")
    (host / "inside.wav").symlink_to(host / "Kit" / "kick.wav")
    (host / "EMPTY.wav").write_bytes(b"")
    os.mkfifo(host / "pipe")
    card = FolderCard(host)
    paths = {e.path for e in card.walk()}
    assert not paths & {"/out.wav", "/loop", "/dangling.wav", "/pipe"}
    assert card.read("/inside.wav") == b"k" * 100
    assert len(card.skipped) == 5
    assert any("ignores case" in line for line in card.skipped)


def test_what_cannot_be_on_a_card_is_listed(host, tmp_path, monkeypatch) -> None:
    (host / "loop").symlink_to(host)
    (host / "what?.wav").write_bytes(b"")
    (host / "dot.").write_bytes(b"")
    monkeypatch.chdir(host)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(CardError) as told:
            items_from_folder(host)
    for part in (
        "/loop: a link to a folder",
        "/what?.wav: it contains '?'",
        "/dot.: it ends",
        "/socket: neither",
    ):
        assert part in str(told.value)
    with pytest.raises(CardError, match="no folder"):
        items_from_folder(tmp_path / "none")


def test_undecodable_names_are_refused(host) -> None:
    try:
        (host / os.fsdecode(b"bad\xff.wav")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    with pytest.raises(CardError, match="not valid Unicode"):
        items_from_folder(host)
    assert all(e.path.encode() for e in open_card(host).walk())


def test_a_folder_can_be_changed_like_a_card(host) -> None:
    card = open_card(host, writable=True)
    when = datetime(2024, 3, 4, 5, 6, 8)
    assert card.put("/kit/KICK.WAV", b"new", when).modified == when
    assert (host / "Kit" / "kick.wav").read_bytes() == b"new"
    card.mkdir("/made")
    card.rename("/Kit/kick.wav", "/made/boom.wav")
    card.remove("/empty.wav")
    assert (host / "made" / "boom.wav").read_bytes() == b"new"
    assert not (host / "empty.wav").exists()
    for wrong, said in (
        (lambda: card.remove("/Kit"), "not empty"),
        (lambda: card.mkdir("/MADE"), "already"),
        (lambda: card.rename("/made", "/Kit"), "already"),
        (lambda: card.rename("/Kit", "/Kit/deep/Kit"), "into itself"),
        (lambda: card.put("/made", b""), "is a folder"),
        (lambda: card.put("/a:b", b""), "contains"),
        (lambda: card.put("/no/where", b""), "there is no"),
    ):
        with pytest.raises(CardError, match=said):
            wrong()
    assert not [p for p in host.rglob("*") if p.name.endswith(".part")]


def test_a_link_that_is_not_on_the_card_is_not_replaced(host, tmp_path) -> None:
    (tmp_path / "secret").write_bytes(b"!")
    (host / "out.wav").symlink_to(tmp_path / "secret")
    card = open_card(host, writable=True)
    with pytest.raises(CardError, match="remove it first"):
        card.put("/out.wav", b"new")
    assert (host / "out.wav").is_symlink()
    assert (tmp_path / "secret").read_bytes() == b"!"


def test_what_a_folder_refuses_is_told_beforehand(host) -> None:
    card = open_card(host, writable=True)
    card.check_put([("/new", None), ("/new/a", 1), ("/Kit", None), ("/kit/kick.wav", 5)])
    for wanted, said in (
        ([("/Kit", 1)], "is a folder"),
        ([("/empty.wav", None)], "is a file"),
        ([("/new/a", 1)], "there is no"),
        ([("/a", 1), ("/A", 1)], "twice"),
        ([("/new", None), ("/new/b?", 1)], "contains"),
    ):
        with pytest.raises(CardError, match=said):
            card.check_put(wanted)


def test_keep_times(host) -> None:
    os.utime(host / "empty.wav", (1_700_000_000, 1_700_000_000))
    times = {item.path: item.modified for item in items_from_folder(host, keep_times=True)}
    assert times["/empty.wav"] == datetime(2023, 11, 14, 22, 13, 20)
    assert {item.modified for item in items_from_folder(host)} == {None}
