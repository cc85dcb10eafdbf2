"""A corrected card has no error left, boots with nothing refused, and keeps what was right bit for bit."""

from __future__ import annotations

import hashlib
import struct
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audio_files import sine, sound_file

from firmware.boot import boot
from firmware.formats import pad_info, padconf, rlnd, smp
from firmware.formats.pad_info import PadRecord
from firmware.formats.padconf import PadConf
from firmware.profiles import load
from librarian.fix import apply_fix, plan_fix
from librarian.fix_types import Do
from sdcard_image import CardError, Item, build_image, open_card
from sim.check import run_check

GOOD = sound_file(sine(440, 44_100, 0.3))
MK2_24 = sound_file(sine(440, 48_000, 0.3), 48_000, subtype="PCM_24")
LOUD = sound_file(sine(440, 96_000, 0.3, level=1.5), 96_000, subtype="FLOAT")
OGG = sound_file(sine(440, 44_100, 0.3), container="OGG", subtype="VORBIS")
LITTLE = (sine(440, 44_100, 0.5) * 30_000).astype("<i2").tobytes()
BIG = (sine(440, 48_000, 0.5) * 30_000).astype(">i2").tobytes()
SMP = smp.build(BIG, 1)
SMPL = "ROLAND/SP-404SX/SMPL"

HEAP = {
    "kick.wav": GOOD,
    "drums/é.wav": GOOD,
    "drums/e.wav": MK2_24,
    "loops/" + unicodedata.normalize("NFD", "ü") + ".flac": sound_file(
        sine(440, 44_100, 0.3), container="FLAC"
    ),
    "loud.wav": LOUD,
    "x.ogg": OGG,
    "misnamed.mp3": GOOD,
    "bad.wav": b"hello",
    "empty.wav": b"",
    "readme.txt": b"hi",
    "._kick.wav": b"x",
    ".DS_Store": b"y",
    "short.wav": sound_file(sine(440, 44_100, 0.05)),
}
NAMES = {
    "IMPORT/Kick.wav": GOOD,
    "IMPORT/kick.WAV": MK2_24,
    "IMPORT/" + "x" * 50 + ".wav": GOOD,
    "IMPORT/dr\N{DRUM WITH DRUMSTICKS}ms/\u202eabc.wav": GOOD,
    "IMPORT/شرق.wav": GOOD,
    "IMPORT/tab\there .wav": LOUD,
}


def sx_card(folder: str = SMPL) -> dict[str, bytes]:
    records = [PadRecord()] * pad_info.RECORDS
    records[0] = PadRecord(
        original_end=512 + len(LITTLE), user_start=1512, user_end=99_999_999, volume=200, channels=1
    )
    fine = 512 + len(LITTLE)
    records[1] = PadRecord(original_end=fine, user_start=1512, user_end=9512, channels=1, loop=1)
    return {
        f"{folder}/A0000001.WAV": rlnd.build(0, LITTLE, 1),
        f"{folder}/A0000002.WAV": rlnd.build(0, LITTLE, 1),
        f"{folder}/B0000001.WAV": GOOD,
        f"{folder}/B0000002.WAV": MK2_24,
        f"{folder}/C0000001.AIF": sound_file(sine(440, 44_100, 0.3), container="AIFF"),
        f"{folder}/C0000002.WAV": b"",
        f"{folder}/PAD_INFO.BIN": pad_info.build(tuple(records)),
    }


def project(folder: str, *, table: bool = True) -> dict[str, bytes]:
    new = padconf.new("Beats")
    pads = list(new.pads)
    pads[0] = PadConf(size_bytes=len(SMP), start=512, end=len(SMP))
    pads[1] = PadConf(size_bytes=len(SMP), start=512 + 8_820, end=512 + 17_640, level=900, loop=1)
    wrong_rate = replace(smp.SmpHeader(512 - 8 + len(BIG), 1, 44_100)).to_bytes() + BIG
    files = {
        f"{folder}/SMPL/BANK1-01.SMP": SMP[:0x20] + bytes(16) + SMP[0x30:],
        f"{folder}/SMPL/BANK1-02.SMP": wrong_rate,
        f"{folder}/SMPL/BANK1-03.SMP": SMP,
        f"{folder}/SMPL/BANK1-04.SMP": GOOD,
        f"{folder}/SMPL/BANK1-05.SMP": b"zz",
    }
    conf = replace(new, pads=tuple(pads)).to_bytes()
    return files | ({f"{folder}/PADCONF.BIN": conf} if table else {})


CARDS = [
    ("heap", HEAP, "sp404sx"),
    ("heap", HEAP, "sp404mk2"),
    ("heap", HEAP, "generic"),
    ("names", NAMES, "sp404mk2"),
    ("sx", sx_card(), "sp404sx"),
    ("sx misspelt", sx_card("ROLAND/SP404SX/smpl"), "sp404sx"),
    ("sx misplaced", sx_card("stuff"), "sp404sx"),
    ("sx without index", {f"{SMPL}/A0000001.WAV": rlnd.build(0, LITTLE, 1)}, "sp404sx"),
    ("sx short index", {f"{SMPL}/A0000001.WAV": GOOD, f"{SMPL}/PAD_INFO.BIN": b"abc"}, "sp404sx"),
    ("sx in mk2", sx_card(), "sp404mk2"),
    ("mk2 in sx", project("EXPORT/PROJECT/PROJECT_01"), "sp404sx"),
    ("project", project("EXPORT/PROJECT/PROJECT_01"), "sp404mk2"),
    ("project elsewhere", project("my beats", table=False), "sp404mk2"),
    ("project without index", project("IMPORT/b\u00e9ats", table=False), "sp404mk2"),
]


def folder_of(tmp_path: Path, tree: dict[str, bytes]) -> Path:
    root = tmp_path / "given"
    for path, data in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def digest(root: Path) -> dict[str, str]:
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize(("name", "tree", "device"), CARDS, ids=[f"{c[0]}-{c[2]}" for c in CARDS])
def test_a_corrected_card_has_no_error_left(name, tree, device, tmp_path) -> None:
    root = folder_of(tmp_path, tree)
    before = digest(root)
    assert (
        any(one.severity == "error" for one in run_check(root, device).findings) or name == "sx without index"
    )
    profile, card, out = load(device), open_card(root), tmp_path / "fixed.img"
    plan = plan_fix(card, profile)
    assert not out.exists()
    report = apply_fix(card, plan, out)
    assert digest(root) == before
    assert [one for one in run_check(out, device).findings if one.severity == "error"] == []
    fixed = open_card(out)
    booted = boot(fixed, profile, card_ms=lambda reads, size: 0.0)
    assert booted.catalogue.refused == ()
    assert booted.catalogue.pads
    for one in plan.actions:
        if one.do is Do.KEEP:
            assert fixed.read(one.new) == one.source.read()
    paths = {entry.path for entry in fixed.walk() if not entry.is_dir}
    assert paths == {one.new for one in plan.actions if one.do is not Do.DROP}
    assert report.files == len(paths)
    assert plan_fix(fixed, profile).changes == ()
    fixed.close()


def test_the_same_card_gives_the_same_image_and_the_folder_the_same_files(tmp_path) -> None:
    root = folder_of(tmp_path, HEAP)
    plan = plan_fix(open_card(root), load("sp404mk2"))
    card = open_card(root)
    apply_fix(card, plan, tmp_path / "a.img")
    apply_fix(card, plan, tmp_path / "b.img")
    assert (tmp_path / "a.img").read_bytes() == (tmp_path / "b.img").read_bytes()
    apply_fix(card, plan, tmp_path / "folder")
    image = open_card(tmp_path / "a.img")
    for entry in image.walk():
        if not entry.is_dir:
            assert (tmp_path / "folder" / entry.path[1:]).read_bytes() == image.read(entry.path)
    image.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.img", "b.img", "folder", "given"]


def test_what_exists_is_not_replaced_unasked(tmp_path) -> None:
    card = open_card(folder_of(tmp_path, HEAP))
    plan = plan_fix(card, load("generic"))
    (tmp_path / "old.img").write_bytes(b"precious")
    with pytest.raises(CardError, match="exists already"):
        apply_fix(card, plan, tmp_path / "old.img")
    assert (tmp_path / "old.img").read_bytes() == b"precious"
    with pytest.raises(CardError, match="empty folder"):
        apply_fix(card, plan, tmp_path / "given", overwrite=True)


def test_pad_settings_move_with_their_samples(tmp_path) -> None:
    root = folder_of(tmp_path, project("EXPORT/PROJECT/PROJECT_01"))
    card = open_card(root)
    apply_fix(card, plan_fix(card, load("sp404mk2")), tmp_path / "fixed.img")
    fixed = open_card(tmp_path / "fixed.img")
    folder = "/EXPORT/PROJECT/PROJECT_01"
    config = padconf.parse(fixed.read(f"{folder}/PADCONF.BIN"))
    pads = config.pads
    assert config.project_name == "Beats"
    scaled = 48_000 / 44_100
    assert pads[1].start == 512 + 2 * round(4_410 * scaled)
    assert pads[1].end == 512 + 2 * round(8_820 * scaled)
    assert (pads[1].level, pads[1].loop) == (127, 1)
    assert pads[3].size_bytes == fixed.entry(f"{folder}/SMPL/BANK1-04.SMP").size
    assert pads[4].is_empty
    assert (pads[0].start, pads[0].end) == (512, len(SMP))
    repaired = fixed.read(f"{folder}/SMPL/BANK1-01.SMP")
    assert repaired[512:] == BIG
    assert repaired == SMP
    fixed.close()


def test_sx_records_are_mended_and_good_ones_stay(tmp_path) -> None:
    card = open_card(folder_of(tmp_path, sx_card()))
    apply_fix(card, plan_fix(card, load("sp404sx")), tmp_path / "fixed.img")
    fixed = open_card(tmp_path / "fixed.img")
    records = pad_info.parse(fixed.read(f"/{SMPL}/PAD_INFO.BIN"))
    assert (records[0].user_start, records[0].user_end, records[0].volume) == (1_512, 512 + len(LITTLE), 127)
    assert (records[1].user_start, records[1].user_end, records[1].loop) == (1_512, 9_512, 1)
    assert records[24].file_type == pad_info.AIFF
    assert records[25].is_empty
    second = fixed.read(f"/{SMPL}/A0000002.WAV")
    assert second == rlnd.build(1, LITTLE, 1)
    fixed.close()


def looped(start: int, end: int) -> bytes:
    """Half a second at 48 kHz with a loop in its smpl chunk."""
    data = sound_file(sine(440, 48_000, 0.5), 48_000)
    body = struct.pack("<9I", 0, 0, 20_833, 60, 0, 0, 0, 1, 0) + struct.pack(
        "<6I", 0, 0, start, end - 1, 0, 0
    )
    chunks = data[8:] + b"smpl" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def test_loop_points_of_files_become_settings_of_new_pads(tmp_path) -> None:
    tree = {"a.wav": looped(0, 4_800), "b.wav": looped(480, 4_800)}
    card = open_card(folder_of(tmp_path, tree))
    apply_fix(card, plan_fix(card, load("sp404sx")), tmp_path / "sx.img")
    fixed = open_card(tmp_path / "sx.img")
    whole, later = pad_info.parse(fixed.read(f"/{SMPL}/PAD_INFO.BIN"))[:2]
    assert (whole.loop, whole.user_end) == (1, 512 + 2 * 4_410)
    assert (later.loop, later.user_end) == (0, later.original_end)  # the device cannot loop from there
    fixed.close()
    (tmp_path / "p").mkdir()
    project_tree = {f"EXPORT/PROJECT/P/SMPL/BANK1-0{n}.SMP": looped(480, 4_800) for n in (1, 2)}
    card = open_card(folder_of(tmp_path / "p", project_tree))
    apply_fix(card, plan_fix(card, load("sp404mk2")), tmp_path / "mk2.img")
    fixed = open_card(tmp_path / "mk2.img")
    pad = padconf.parse(fixed.read("/EXPORT/PROJECT/P/PADCONF.BIN")).pads[1]
    assert (pad.loop, pad.start, pad.loop_start, pad.end) == (padconf.LOOP_ON, 512, 512 + 960, 512 + 9_600)
    fixed.close()


def test_a_table_that_cannot_be_read_is_told(tmp_path) -> None:
    tree = {f"{SMPL}/A0000001.WAV": rlnd.build(0, LITTLE, 1), f"{SMPL}/PAD_INFO.BIN": bytes(2 << 20)}
    plan = plan_fix(open_card(folder_of(tmp_path, tree)), load("sp404sx"))
    assert [one.do for one in plan.changes] == [Do.INDEX]
    assert "settings of new ones" in plan.changes[0].why[0]
    assert "index" in plan.lines()[1]
    assert plan.document()["counts"]["index"] == 1


def test_real_cards_need_nothing(device_files, tmp_path) -> None:
    source = device_files / "sp404" / "mk2_project"
    tree = {
        f"EXPORT/PROJECT/PROJECT_01/{p.relative_to(source)}": p.read_bytes()
        for p in source.rglob("*")
        if p.is_file()
    }
    plan = plan_fix(open_card(folder_of(tmp_path, tree)), load("sp404mk2"))
    assert plan.changes == ()


def test_an_image_with_a_broken_file_is_corrected_without_it(tmp_path) -> None:
    path = tmp_path / "card.img"
    build_image(path, [Item("/a.wav", GOOD), Item("/b.wav", GOOD)], size_bytes=64 << 20)
    card = open_card(path)
    first = card.entry("/a.wav").first_cluster
    offset = card._fat_offset(0) + 4 * first
    card.close()
    data = bytearray(path.read_bytes())
    data[offset : offset + 4] = (0x0EEE_EEEE).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    card = open_card(path)
    plan = plan_fix(card, load("generic"))
    dropped = [one for one in plan.actions if one.do is Do.DROP]
    assert [one.old for one in dropped] == ["/a.wav"]
    assert "cannot be read" in dropped[0].why[0]
    apply_fix(card, plan, tmp_path / "fixed.img")
    card.close()
    fixed = open_card(tmp_path / "fixed.img")
    assert fixed.read("/b.wav") == GOOD
    assert fixed.info().size_bytes == 64 << 20
    fixed.close()


@pytest.mark.parametrize("device", ["sp404sx", "sp404mk2"])
def test_the_pad_of_a_file_that_cannot_be_read_is_emptied(device, tmp_path) -> None:
    base = "EXPORT/PROJECT/PROJECT_01"
    tree = sx_card() if device == "sp404sx" else project(base)
    lost = f"/{SMPL}/A0000002.WAV" if device == "sp404sx" else f"/{base}/SMPL/BANK1-02.SMP"
    image = tmp_path / "card.img"
    build_image(image, [Item(f"/{path}", data) for path, data in tree.items()], size_bytes=64 << 20)
    card = open_card(image)
    offset = card._fat_offset(0) + 4 * card.entry(lost).first_cluster
    card.close()
    data = bytearray(image.read_bytes())
    data[offset : offset + 4] = (0x0EEE_EEEE).to_bytes(4, "little")
    image.write_bytes(bytes(data))
    card = open_card(image)
    report = apply_fix(card, plan_fix(card, load(device)), tmp_path / "fixed.img")
    card.close()
    assert [path for path, _ in report.lost] == [lost]
    assert "cannot be read" in report.lost[0][1]
    fixed = open_card(tmp_path / "fixed.img")
    if device == "sp404sx":
        pads = pad_info.parse(fixed.read(f"/{SMPL}/PAD_INFO.BIN"))
    else:
        pads = padconf.parse(fixed.read(f"/{base}/PADCONF.BIN")).pads
    fixed.close()
    assert not pads[0].is_empty
    assert pads[1].is_empty


def test_a_file_that_a_repair_lost_empties_its_pad(tmp_path) -> None:
    tree = sx_card()
    del tree[f"{SMPL}/A0000002.WAV"]
    card = open_card(folder_of(tmp_path, tree))
    plan = plan_fix(card, load("sp404sx"), gone={f"/{SMPL}/A0000002.WAV": "why"})
    report = apply_fix(card, plan, tmp_path / "fixed.img")
    assert report.lost == ((f"/{SMPL}/A0000002.WAV", "it cannot be read: why"),)
    fixed = open_card(tmp_path / "fixed.img")
    assert pad_info.parse(fixed.read(f"/{SMPL}/PAD_INFO.BIN"))[1].is_empty
    fixed.close()


def test_any_tree_of_any_bytes_is_corrected(tmp_path) -> None:
    chance = np.random.default_rng(4)
    seeds = [GOOD, MK2_24, SMP, rlnd.build(3, LITTLE, 1), OGG, padconf.new("x").to_bytes(), b"junk" * 50]
    places = [f"{SMPL}/A0000001.WAV", f"{SMPL}/PAD_INFO.BIN", "IMPORT/a.wav", "IMPORT/p/PADCONF.BIN"]
    places += ["IMPORT/p/SMPL/BANK1-01.SMP", "EXPORT/PROJECT/q/SMPL/BANK9-16.SMP", "x/A0000003.WAV", "y.aif"]
    for round_ in range(12):
        tree = {}
        for path in places:
            data = bytearray(seeds[chance.integers(len(seeds))])
            for _ in range(chance.integers(0, 6)):
                data[chance.integers(min(len(data), 80))] = chance.integers(256)
            if chance.random() < 0.8:
                tree[path] = bytes(data[: chance.integers(len(data) // 2, len(data) + 1)])
        root = tmp_path / str(round_)
        root.mkdir()
        card = open_card(folder_of(root, tree | {"ok.wav": GOOD}))
        for device in ("sp404sx", "sp404mk2"):
            apply_fix(card, plan_fix(card, load(device)), root / f"{device}.img")
            errors = [f for f in run_check(root / f"{device}.img", device).findings if f.severity == "error"]
            assert errors == [], (round_, device, sorted(tree))


def test_a_width_can_be_forced_where_the_device_is_in_doubt(tmp_path) -> None:
    card = open_card(folder_of(tmp_path, {"IMPORT/a.wav": MK2_24, "IMPORT/b.wav": GOOD}))
    assert plan_fix(card, load("sp404mk2")).changes == ()
    plan = plan_fix(card, load("sp404mk2"), bits=16)
    assert [one.old for one in plan.changes] == ["/IMPORT/a.wav"]
    apply_fix(card, plan, tmp_path / "fixed.img")
    assert run_check(tmp_path / "fixed.img", "sp404mk2").findings == ()
