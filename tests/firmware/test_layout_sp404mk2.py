from dataclasses import replace

import pytest
from audio_bytes import wav
from fake_card import FakeCard

from firmware import layouts, profiles
from firmware.formats import padconf, smp
from firmware.formats.padconf import PadConf
from firmware.layouts.mk2_settings import settings
from native.types import Loop, Retrigger

MK2 = profiles.load("sp404mk2")
FRAMES = 1000
SMP = smp.build(bytes(4 * FRAMES), 2)
IN_USE = PadConf(size_bytes=len(SMP), start=512, end=len(SMP), loop_start=512)
P1 = "/EXPORT/PROJECT/PROJECT_01"


def config(pads=None, name="PROJECT_01"):
    table = [PadConf()] * padconf.PADS
    for number, conf in (pads or {}).items():
        table[number] = conf
    return replace(padconf.new(name), pads=tuple(table)).to_bytes()


def project(folder=P1, pads=None, samples=("BANK1-01.SMP",), data=SMP):
    files = {f"{folder}/PADCONF.BIN": config({0: IN_USE} if pads is None else pads)}
    return files | {f"{folder}/SMPL/{name}": data for name in samples}


def recognise(files, project=None, **faults):
    return layouts.recognise(FakeCard(files, **faults), MK2, project)


def noted(catalogue, words):
    return any(words in note for note in catalogue.notes)


def names(catalogue):
    return [f"{pad.bank}{pad.pad}" for pad in catalogue.pads]


@pytest.mark.parametrize("folder", ["", "/IMPORT/my project", P1])
def test_a_project_where_it_may_lie(folder):
    catalogue = recognise(project(folder))
    assert names(catalogue) == ["A1"]
    assert catalogue.pads[0].sample.path == f"{folder}/SMPL/BANK1-01.SMP"
    assert catalogue.pads[0].sample.frames == FRAMES
    assert noted(catalogue, "project 'PROJECT_01': PADCONF.BIN version 3")
    assert not catalogue.refused


def test_banks_and_pads_by_file_name():
    pads = {0: IN_USE, 15: IN_USE, 16: IN_USE, 159: IN_USE}
    files = ("BANK1-01.SMP", "BANK1-16.SMP", "bank2-01.smp", "BANK10-16.SMP")
    assert names(recognise(project(pads=pads, samples=files))) == ["A1", "A16", "B1", "J16"]


def test_first_of_several_projects_or_the_one_asked_for():
    files = project() | project(f"{P1[:-1]}2", samples=()) | project("/IMPORT/other", samples=())
    first = recognise(files)
    assert names(first) == ["A1"]
    assert noted(first, "3 projects; PROJECT_01 is loaded, not PROJECT_02, other")
    assert names(recognise(files, "project_02")) == []
    assert names(recognise(files, "/IMPORT/other")) == []
    with pytest.raises(layouts.LayoutError, match="there is: PROJECT_01, PROJECT_02, other"):
        recognise(files, "PROJECT_09")


def test_missing_samples_samples_without_entry_and_strangers():
    catalogue = recognise(
        project(pads={0: IN_USE, 1: IN_USE}, samples=("BANK1-01.SMP", "BANK1-03.SMP", "x.SMP"))
    )
    assert names(catalogue) == ["A1"]
    assert noted(catalogue, ".SMP is missing: A2 [S]")
    assert noted(catalogue, "no pad's (0 hidden): x.SMP")
    assert [(bad.id, bad.mark, bad.bank, bad.pad) for bad in catalogue.refused] == [
        ("no-pad-entry", "S", "A", 3)
    ]


def test_broken_samples_are_refused():
    for data, why in ((b"RIFF" + SMP[4:], "not-audio"), (SMP[:300], "bad-header"), (SMP[:-4], "truncated")):
        catalogue = recognise(project(data=data))
        assert not catalogue.pads
        assert [(bad.id, bad.bank, bad.pad) for bad in catalogue.refused] == [(why, "A", 1)]


def test_broken_or_unreadable_padconf():
    path = f"{P1}/PADCONF.BIN"
    catalogue = recognise(project() | {path: b"short"})
    assert [(bad.path, bad.id) for bad in catalogue.refused] == [(path, "bad-index")]
    assert [bad.id for bad in recognise(project(), bad=[path]).refused] == ["card-error"]


def test_size_that_differs_is_noted():
    assert noted(recognise(project(pads={0: replace(IN_USE, size_bytes=99)})), "says 99 bytes")


def test_import_folder_in_name_order():
    files = {"/IMPORT/b/x.wav": wav(), "/IMPORT/a.wav": wav(), "/IMPORT/Café.wav": wav(),
             "/IMPORT/c.mp3": b"ID3\3" + bytes(99), "/IMPORT/._a.wav": b"x"}  # fmt: skip
    catalogue = recognise(files)
    assert {f"{pad.bank}{pad.pad}": pad.sample.path for pad in catalogue.pads} == {
        "A1": "/IMPORT/a.wav",
        "A2": "/IMPORT/b/x.wav",
    }
    assert [(bad.id, bad.pad) for bad in catalogue.refused] == [("not-simulated", 3), ("name-characters", 4)]
    assert noted(catalogue, "hidden name")
    assert catalogue.pads[0].settings.gate


def test_import_beside_projects_is_there_for_the_asking():
    files = project("/IMPORT/p") | {"/IMPORT/a.wav": wav()}
    assert recognise(files).pads[0].sample.path.endswith("SMP")
    catalogue = recognise(files, "IMPORT")
    assert [pad.sample.path for pad in catalogue.pads] == ["/IMPORT/a.wav"]


def test_nothing_for_this_device():
    assert noted(recognise({"/A/x.wav": wav()}), "neither a project")


def test_detect():
    assert layouts.detect(FakeCard(project())) == "sp404mk2"
    assert layouts.detect(FakeCard({"/IMPORT/a.wav": wav()})) == "sp404mk2"
    assert layouts.detect(FakeCard({"/A/a.wav": wav()})) == "generic"


def made(bank_volume=127, **words):
    sample = recognise(project()).pads[0].sample
    return settings(replace(IN_USE, **words), sample, bank_volume, MK2)


def test_default_words_are_default_settings():
    plain, doubts = made()
    assert not doubts
    assert (plain.start, plain.end, plain.level, plain.pan, plain.speed, plain.pitch_cents) == (
        0,
        0,
        127,
        0.0,
        1.0,
        0.0,
    )
    assert (plain.gate, plain.loop, plain.reverse, plain.fixed_velocity, plain.hold_percent) == (
        True, Loop.NONE, False, 0, 100.0,
    )  # fmt: skip


def test_offsets_are_frames():
    plain, _ = made(start=512 + 40, end=512 + 400, loop_start=512 + 80, loop=padconf.LOOP_ON)
    assert (plain.start, plain.end, plain.loop_start) == (10, 100, 20)


@pytest.mark.parametrize(
    ("mode", "loop", "expected"),
    [
        (padconf.FORWARD, 0, (Loop.NONE, False)),
        (padconf.REVERSE, padconf.LOOP_ON, (Loop.FORWARD, True)),
        (padconf.PING_PONG, padconf.LOOP_ON, (Loop.PING_PONG, False)),
        (padconf.REVERSE_PING_PONG, padconf.LOOP_ON, (Loop.PING_PONG, True)),
        (padconf.PING_PONG, 0, (Loop.NONE, False)),
    ],
)
def test_play_modes(mode, loop, expected):
    plain, _ = made(play_mode=mode, loop=loop)
    assert (plain.loop, plain.reverse) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"flags": padconf.ONE_SHOT}, Retrigger.IGNORE),
        ({"flags": padconf.POLY}, Retrigger.LAYER),
        ({"loop": padconf.LOOP_ON, "gate": 0}, Retrigger.TOGGLE),
        ({"loop": padconf.LOOP_ON, "gate": 1}, Retrigger.RESTART),
        ({}, Retrigger.RESTART),
    ],
)
def test_retrigger(words, expected):
    assert made(**words)[0].retrigger is expected


def test_sound_words():
    plain, doubts = made(
        pan=0, pitch=-7, fine=25, speed=5_000, attack=127, release=63, hold=50, mute_group=3, flags=1
    )
    assert not doubts
    assert (plain.pan, plain.pitch_cents, plain.speed) == (-1.0, -675.0, 0.5)
    assert (plain.attack_ms, plain.hold_percent, plain.mute_group, plain.fixed_velocity) == (
        3000.0,
        50.0,
        3,
        127,
    )
    assert plain.release_ms == pytest.approx(3000 * 63 / 127)
    assert made(pan=127)[0].pan == 1.0
    assert made(bank_volume=64)[0].level == 64


def test_words_out_of_range_are_not_believed():
    plain, doubts = made(level=999, pan=500, pitch=99, speed=1, attack=128, start=5000, end=100, play_mode=9)
    assert (plain.level, plain.pan, plain.pitch_cents, plain.speed, plain.attack_ms) == (
        127,
        0.0,
        0.0,
        1.0,
        0.0,
    )
    assert (plain.start, plain.end) == (0, 0)
    assert len(doubts) == 7


def test_real_project(device_files):
    root = device_files / "sp404/mk2_project"
    files = {
        f"{P1}/{path.relative_to(root)}": path.read_bytes() for path in root.rglob("*") if path.is_file()
    }
    catalogue = recognise(files)
    assert names(catalogue) == ["A1", "B1"]
    assert not catalogue.refused
    first, second = catalogue.pads
    assert (first.sample.frames, first.sample.channels) == ((308_716 - 512) // 4, 2)
    assert (first.settings.gate, second.settings.gate, first.settings.bpm) == (False, True, 75.17)
    assert catalogue.notes == ("project 'PROJECT_08': PADCONF.BIN version 3",)


def test_every_real_pad_is_believed(device_files):
    for name in ("mk2_PADCONF_104pads.BIN", "mk2_PADCONF_padparams.BIN"):
        parsed = padconf.parse((device_files / "sp404" / name).read_bytes())
        for conf in parsed.pads:
            if conf.is_empty:
                continue
            sample = replace(recognise(project()).pads[0].sample, frames=(conf.size_bytes - 512) // 4)
            plain, doubts = settings(conf, sample, 127, MK2)
            assert doubts == []
            assert (plain.end == 0) == (conf.end == conf.size_bytes)


def test_an_index_that_is_far_too_large_is_not_read():
    path = f"{P1}/PADCONF.BIN"
    card = FakeCard(project() | {path: bytes((1 << 20) + 1)})
    catalogue = layouts.recognise(card, MK2)
    assert [(bad.path, bad.id) for bad in catalogue.refused] == [(path, "bad-index")]
    assert card.reads.bytes == 0
