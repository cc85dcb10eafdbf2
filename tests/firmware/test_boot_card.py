"""Boot from real FAT32 images and host folders, not from a card in memory."""

import time

import pytest
from audio_bytes import wav

from firmware import layouts, profiles
from firmware.boot import boot
from sdcard_image import Item, build_image, open_card


def image(tmp_path, files, label="KIT"):
    folders = sorted({"/".join(path.split("/")[:n]) for path in files for n in range(2, path.count("/") + 1)})
    items = [*(Item(folder, None) for folder in folders), *(Item(path, data) for path, data in files.items())]
    build_image(tmp_path / "kit.img", items, size_bytes=512 << 20, label=label)
    return open_card(tmp_path / "kit.img")


def start(card, device, project=None):
    return boot(card, profiles.load(device), card_ms=lambda reads, size: reads * 0.5, project=project)


def test_generic_kit(tmp_path):
    files = {"/A/b.wav": wav(5000), "/A/Ä first.wav": wav(), "/A/bad.wav": wav()[:99], "/j/x.wav": wav()}
    card = image(tmp_path, files)
    result = start(card, "generic")
    assert [f"{pad.bank}{pad.pad} {pad.sample.path}" for pad in result.catalogue.pads] == [
        "A1 /A/b.wav",
        "A3 /A/Ä first.wav",
        "J1 /j/x.wav",
    ]
    assert [bad.id for bad in result.catalogue.refused] == ["truncated"]
    assert result.ms > 0
    runs = result.extents["/A/b.wav"]
    backing = card.backing()[0]
    with backing.path.open("rb") as host:
        host.seek(runs[0].offset - backing.base)
        assert host.read(runs[0].length) == files["/A/b.wav"]
    card.close()


def test_a_folder_is_a_card_too(tmp_path):
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "k.wav").write_bytes(wav())
    result = start(open_card(tmp_path), "generic")
    assert [pad.sample.path for pad in result.catalogue.pads] == ["/A/k.wav"]
    assert any("a folder of the host" in line.text for line in result.log)


def test_an_sx_card_from_a_folder_of_samples(tmp_path):
    source = tmp_path / "kit"
    source.mkdir()
    (source / "a.wav").write_bytes(wav(10_000, rate=44_100))
    (source / "b.wav").write_bytes(wav(10_000, channels=1, rate=44_100))
    plan = layouts.plan_card("sp404sx", open_card(source))
    card = image(tmp_path, {item.path: item.make() for item in plan.items if item.make}, plan.label)
    assert layouts.detect(card) == "sp404sx"
    result = start(card, "sp404sx")
    assert [(pad.bank, pad.pad, pad.sample.frames) for pad in result.catalogue.pads] == [
        ("A", 1, 10_000),
        ("A", 2, 10_000),
    ]
    assert not result.catalogue.refused
    assert any("SP-404SX" in line.text for line in result.log)
    card.close()


def test_the_real_mk2_project_on_a_card(tmp_path, device_files):
    root = device_files / "sp404/mk2_project"
    base = "/EXPORT/PROJECT/PROJECT_08/"
    files = {
        base + str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }
    card = image(tmp_path, files)
    assert layouts.detect(card) == "sp404mk2"
    result = start(card, "sp404mk2", project="project_08")
    assert [(pad.bank, pad.pad) for pad in result.catalogue.pads] == [("A", 1), ("B", 1)]
    assert not result.catalogue.refused
    with pytest.raises(layouts.LayoutError):
        start(card, "sp404mk2", project="PROJECT_01")
    card.close()


def test_thousands_of_files_boot_quickly(tmp_path):
    """7,284 files take half a second of this process; the bound leaves room for a slower machine."""
    card = image(tmp_path, {f"/kit/{n % 60:02d}/sample number {n:05d}.wav": wav(50) for n in range(7284)})
    before = time.process_time()
    result = start(card, "generic")
    assert len(result.catalogue.pads) == 160
    assert time.process_time() - before < 3
    card.close()
