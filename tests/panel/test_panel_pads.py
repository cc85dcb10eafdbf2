"""Samples on pads: what the device then plays, undo to the last byte, the power cut at every write."""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from fake_session import FakeSession
from panel_client import get, served, talk

sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("sdcard_image", "sim")]

from card_tools import RamMedium, crash_states, fsck, small_card, tree, write_image, writer
from check_cards import a_smp, mk2_card, sx_card, sx_record, sx_wav, wav, wave

from firmware.boot import boot
from firmware.formats import pad_info, padconf
from firmware.layouts import detect
from firmware.profiles import load
from native import CardModel
from sdcard_image import Item, mount, open_card
from sim.panel import assign, change
from sim.panel.change import FOLDER, Step
from sim.panel.pads import PadWriter
from sim.panel.port import RefusedError

SHORT = wave(300, channels=2)
SPARE = wav(SHORT)
HEARD = sf.read(io.BytesIO(SPARE), dtype="int16")[0].ravel()
GENERIC = {
    "A/01 kick.wav": wav(wave(200)),
    "A/02 snare.wav": wav(wave(250)),
    "A/03 hat.wav": wav(wave(150)),
    "LIB/spare clap.wav": SPARE,
}


def items(files: dict[str, bytes]) -> list[Item]:
    folders = {"/" + "/".join(path.split("/")[:n]) for path in files for n in range(1, path.count("/") + 1)}
    return [
        *(Item(path, None) for path in sorted(folders)),
        *(Item(f"/{path}", data) for path, data in files.items()),
    ]


def booted(card):
    profile = load(detect(card))
    return boot(card, profile, card_ms=CardModel().ms), profile


def put_on(card, path: str, bank: str, pad: int, scratch: Path) -> list[Step]:
    """What an assignment writes, without writing it."""
    found, profile = booted(card)
    scratch.mkdir(exist_ok=True)
    asked = assign.Assignment(card, found, profile, None, card.entry(path), bank, pad, scratch)
    return assign.steps(asked)


def heard(card, bank: str, pad: int) -> np.ndarray | None:
    """The 16-bit values that a pad plays whole; None where it is silent."""
    found, _ = booted(card)
    for one in found.catalogue.pads:
        if (one.bank, one.pad) == (bank, pad):
            sample = one.sample
            assert (one.settings.start, one.settings.end) == (0, 0)
            data = card.read(sample.path, sample.data_offset, sample.frames * sample.channels * 2)
            return np.frombuffer(data, ">i2" if sample.encoding.name.endswith("BE") else "<i2")
    return None


@dataclass(frozen=True)
class Case:
    name: str
    files: dict[str, bytes]
    source: str
    bank: str
    pad: int
    rate: int = 44_100


SX = sx_card({4: sx_record(sx_wav(pad=4), volume=100, loop=1)}, A0000005_WAV=sx_wav(wave(120), pad=4))
AIFF = sx_card(
    {2: sx_record(wav(wave(90), kind="AIFF"), file_type=pad_info.AIFF)},
    A0000003_AIF=wav(wave(90), kind="AIFF"),
)
CASES = [
    Case("sx, a pad with a sample", SX | {"LIB/clap.wav": SPARE}, "/LIB/clap.wav", "A", 5),
    Case("sx, an empty pad", SX | {"LIB/clap.wav": SPARE}, "/LIB/clap.wav", "B", 12),
    Case("sx, an AIFF gives way", AIFF | {"clap.wav": SPARE}, "/clap.wav", "A", 3),
    Case(
        "mk2, a pad with a sample", mk2_card() | {"clap.wav": wav(SHORT, 48_000)}, "/clap.wav", "A", 1, 48_000
    ),
    Case("mk2, an empty pad", mk2_card() | {"clap.wav": wav(SHORT, 48_000)}, "/clap.wav", "J", 16, 48_000),
    Case("generic, in another's place", GENERIC, "/LIB/spare clap.wav", "A", 2),
    Case("generic, a bank without a folder", GENERIC, "/LIB/spare clap.wav", "J", 1),
    Case("generic, behind the last", GENERIC, "/LIB/spare clap.wav", "A", 4),
    Case(
        "mk2, loose samples",
        {"IMPORT/a.wav": wav(wave(99)), "IMPORT/c.wav": wav(wave(98)), "x/b.wav": SPARE},
        "/x/b.wav",
        "A",
        1,
    ),
]
by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@by_name
def test_the_pad_plays_the_sample_and_the_others_theirs(case, tmp_path, require_tool) -> None:
    medium = small_card(tmp_path, items(case.files))
    volume = writer(medium)
    before = {
        (pad.bank, pad.pad): heard(volume, pad.bank, pad.pad) for pad in booted(volume)[0].catalogue.pads
    }
    change.write(volume, put_on(volume, case.source, case.bank, case.pad, tmp_path / "scratch"))
    volume.close()
    after = mount(RamMedium(medium.size, medium.sectors))
    assert np.array_equal(heard(after, case.bank, case.pad), HEARD)
    for place, values in before.items():
        if place != (case.bank, case.pad):
            assert np.array_equal(heard(after, *place), values), place
    assert not after.exists(FOLDER)
    assert after.read(case.source) == case.files[case.source[1:]]
    tool = require_tool("fsck.fat")
    verdict = fsck(tool, write_image(tmp_path / "after.img", medium.size, medium.sectors))
    assert verdict.status == 0, verdict.lines


def states(medium: RamMedium, act: Callable[[RamMedium], None]):
    """Every state, each once, that a power cut during ``act`` may leave."""
    seen: set[int] = set()
    made = RamMedium(medium.size, medium.sectors)
    act(made)
    for state in crash_states(medium.sectors, made.log, extra=4):
        key = hash(frozenset(state.items()))
        if key not in seen:
            seen.add(key)
            yield state


def recovered(size: int, state) -> dict[str, bytes | None]:
    volume = writer(RamMedium(size, state))
    change.recover(volume)
    volume.close()
    return tree(volume)


@pytest.mark.parametrize(
    "case", [CASES[0], CASES[2], CASES[3], CASES[5], CASES[6]], ids=lambda case: case.name
)
def test_power_cut_at_every_write(case, tmp_path, require_tool) -> None:
    tool = require_tool("fsck.fat")
    medium = small_card(tmp_path, items(case.files))
    old = tree(mount(medium))
    steps = put_on(mount(medium), case.source, case.bank, case.pad, tmp_path / "scratch")
    assert len(steps) > 1

    def act(made: RamMedium) -> None:
        volume = writer(made)
        change.write(volume, steps)
        volume.close()

    done = RamMedium(medium.size, medium.sectors)
    act(done)
    new = tree(mount(done))
    touched = {step.path for step in steps}
    outcomes = {True: 0, False: 0}
    for number, state in enumerate(states(medium, act)):
        cut = mount(RamMedium(medium.size, state))
        for path, data in tree(cut).items():  # even before recovery each file is whole
            if not path.startswith(FOLDER):
                assert data in (old.get(path), new.get(path)), path
        found = recovered(medium.size, state)
        assert found in (old, new), touched
        outcomes[found == new] += 1
        if number % 25 == 0:
            assert not fsck(tool, write_image(tmp_path / "cut.img", medium.size, state)).damage
    assert all(outcomes.values()), "the sweep never saw old and new"


def test_power_cut_while_recovering(tmp_path) -> None:
    case = CASES[0]
    medium = small_card(tmp_path, items(case.files))
    old = tree(mount(medium))
    steps = put_on(mount(medium), case.source, case.bank, case.pad, tmp_path / "scratch")

    def act(made: RamMedium) -> None:
        volume = writer(made)
        change.write(volume, steps)
        volume.close()

    def recover(made: RamMedium) -> None:
        volume = writer(made)
        change.recover(volume)
        volume.close()

    new = old | {step.path: _content(step) for step in steps}
    cuts = [state for state in states(medium, act) if mount(RamMedium(medium.size, state)).exists(FOLDER)]
    for state in random.Random(1).sample(cuts, 6):
        first = recovered(medium.size, state)
        assert first in (old, new)
        for again in states(RamMedium(medium.size, state), recover):
            assert recovered(medium.size, again) == first


def _content(step: Step) -> bytes:
    return step.content if isinstance(step.content, bytes) else step.content.read_bytes()


def test_after_every_failed_write_the_card_is_old_or_new(tmp_path) -> None:
    case = CASES[5]
    medium = small_card(tmp_path, items(case.files))
    old = tree(mount(medium))
    steps = put_on(mount(medium), case.source, case.bank, case.pad, tmp_path / "scratch")
    probe = writer(RamMedium(medium.size, medium.sectors))
    change.write(probe, steps)
    probe.close()
    new = tree(probe)
    for fail_at in range(len(probe._medium.log)):
        faulty = RamMedium(medium.size, medium.sectors)
        faulty.fail_at = fail_at
        volume = writer(faulty)
        with pytest.raises(OSError, match="does not take"):
            _write_and_close(volume, steps)
        assert recovered(medium.size, faulty.sectors) in (old, new)


def _write_and_close(volume, steps) -> None:
    change.write(volume, steps)
    volume.close()


@pytest.mark.parametrize("damage", [b"", b"00000000\n[]", b"\xff" * 3_000, b"x" * 70_000], ids=len)
def test_a_damaged_list_is_no_list(tmp_path, damage) -> None:
    medium = small_card(tmp_path, items(GENERIC))
    old = tree(mount(medium))
    volume = writer(medium)
    volume.mkdir(FOLDER)
    volume.put(f"{FOLDER}/0", b"left over")
    volume.put(f"{FOLDER}/CHANGE", damage)
    assert change.recover(volume)
    assert tree(volume) == old
    assert not change.recover(volume)


def test_no_room_is_said_before_anything_is_written(tmp_path) -> None:
    medium = small_card(tmp_path, items(GENERIC))
    volume = writer(medium)
    old = tree(volume)
    big = tmp_path / "big"
    with big.open("wb") as out:
        out.truncate(30 << 20)  # twice is more than there is
    with pytest.raises(Exception, match=r"room|free|full"):
        change.write(volume, [Step("/A/big.wav", big), Step("/A/01 kick.wav", None)])
    assert tree(volume) == old


def test_settings_of_a_pad_stay_and_its_cut_goes(tmp_path) -> None:
    case = CASES[0]
    volume = writer(small_card(tmp_path, items(case.files)))
    change.write(volume, put_on(volume, case.source, "A", 5, tmp_path / "scratch"))
    records = pad_info.parse(volume.read("/ROLAND/SP-404SX/SMPL/PAD_INFO.BIN"))
    size = volume.entry("/ROLAND/SP-404SX/SMPL/A0000005.WAV").size
    assert records[4] == replace(
        records[4], volume=100, loop=1, user_start=512, user_end=size, original_end=size, channels=2
    )


def test_a_projects_pad_has_the_name_of_its_sample(tmp_path) -> None:
    files = mk2_card() | {"Ünï clap with a very long name.wav": wav(SHORT, 48_000)}
    volume = writer(small_card(tmp_path, items(files)))
    change.write(volume, put_on(volume, "/Ünï clap with a very long name.wav", "C", 2, tmp_path / "scratch"))
    config = padconf.parse(volume.read("/PADCONF.BIN"))
    assert padconf.text(config.names[33]) == "_n_ clap with a very lo"
    assert config.pads[33].size_bytes == volume.entry("/SMPL/BANK3-02.SMP").size
    assert config.pads[0].size_bytes == len(a_smp())


@pytest.mark.parametrize(
    ("files", "path", "place", "says"),
    [
        (GENERIC, "/LIB", ("A", 1), "is a folder"),
        (GENERIC, "/LIB/spare clap.wav", ("A", 6), "next free pad"),
        (GENERIC, "/LIB/spare clap.wav", ("C", 2), "next free pad is number 1"),
        (GENERIC, "/A/01 kick.wav", ("A", 1), "already"),
        (GENERIC | {"x.wav": b"RIFF no"}, "/x.wav", ("A", 1), "cannot be put on a pad"),
        (sx_card() | {"x.wav": b""}, "/x.wav", ("A", 1), "cannot be put on a pad"),
        (
            sx_card() | {"ROLAND/SP-404SX/SMPL/PAD_INFO.BIN": b"?", "x.wav": SPARE},
            "/x.wav",
            ("A", 1),
            "PAD_INFO.BIN cannot be read",
        ),
        (
            mk2_card() | {"PADCONF.BIN": b"RFPD", "x.wav": SPARE},
            "/x.wav",
            ("A", 1),
            "PADCONF.BIN cannot be read",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_is_said(files, path, place, says, tmp_path) -> None:
    bank, pad = place
    volume = mount(small_card(tmp_path, items(files)))
    with pytest.raises(RefusedError, match=says):
        put_on(volume, path, bank, pad, tmp_path / "scratch")


def test_an_sx_card_without_a_table_gets_one(tmp_path) -> None:
    files = {path: data for path, data in sx_card().items() if not path.endswith("BIN")} | {"x.wav": SPARE}
    volume = writer(small_card(tmp_path, items(files)))
    change.write(volume, put_on(volume, "/x.wav", "A", 2, tmp_path / "scratch"))
    records = pad_info.parse(volume.read("/ROLAND/SP-404SX/SMPL/PAD_INFO.BIN"))
    assert [number for number, one in enumerate(records) if not one.is_empty] == [0, 1]


NAMES = [
    "a.wav",
    "b.wav",
    "B c.wav",
    "01 x.wav",
    "02 y.wav",
    "10 z.wav",
    "~.wav",
    "kick.aif",
    "Kick 2.wav",
    "ä.wav",
]


@pytest.mark.parametrize("seed", range(8))
def test_in_any_order_of_names_the_others_stay(seed, tmp_path) -> None:
    chance = random.Random(seed)
    chosen = chance.sample(NAMES, 5)
    sizes = {name: 50 + 10 * number for number, name in enumerate(chosen)}
    top = chance.choice(["A/", "", "deep/er/"])
    files = {
        f"{top}{name}": wav(wave(frames), kind="AIFF" if name.endswith("aif") else "WAV")
        for name, frames in sizes.items()
    }
    files["C/x.txt"] = b"no audio"
    files[f"{top or 'zz/'}{'sub/' if top == 'A/' else ''}~~~source {chance.choice('amz')}.wav"] = SPARE
    source = f"/{[*files][-1]}"
    volume = writer(small_card(tmp_path, items(files)))
    before = {pad.pad: heard(volume, "A", pad.pad) for pad in booted(volume)[0].catalogue.pads}
    pads = booted(volume)[0].catalogue.pads
    pad = chance.choice([one.pad for one in pads if one.sample.path != source])
    steps = put_on(volume, source, "A", pad, tmp_path / "scratch")
    change.write(volume, steps)
    assert np.array_equal(heard(volume, "A", pad), HEARD)
    for other, values in before.items():
        if other != pad:
            assert np.array_equal(heard(volume, "A", other), values)


# through a panel


@pytest.fixture(params=["image", "folder"])
def card(request, tmp_path) -> Path:
    if request.param == "image":
        small_card(tmp_path, items(GENERIC))
        return tmp_path / "small.img"
    for path, data in GENERIC.items():
        target = tmp_path / "kit" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return tmp_path / "kit"


def whole(path: Path) -> dict[str, bytes | None]:
    card = open_card(path)
    try:
        return tree(card)
    finally:
        card.close()


def test_assign_and_undo_through_a_panel(card) -> None:
    session = FakeSession(card, writable=True)
    seen = [whole(card)]
    with served(session) as panel, talk(panel) as client:
        for pad in (2, 1, 4, 3, 9):
            answer = client.ask(
                t="assign",
                path="/LIB/spare clap.wav" if pad != 1 else "/A/03 hat.wav",
                bank=pad // 9,
                pad=pad % 9 + pad // 9,
            )
            assert answer["t"] == "done", answer
            seen.append(whole(card))
        assert len(set(map(str, seen))) == len(seen) >= 4
        client.until_state(lambda one: one.get("undo") == len(seen) - 1)
        pads = next(one for one in client.heard if one["t"] == "pads")["pads"]
        assert pads[0]["sample"].endswith("spare clap")
        listed = get(panel, "/api/files?search=spare").json
        assert listed["total"] >= 2
        while len(seen) > 1:
            seen.pop()
            assert client.ask(t="undo")["t"] == "done"
            assert whole(card) == seen[-1]
        assert "no assignment" in client.ask(t="undo")["text"]
    assert any(call[0] == "card_changed" for call in session.calls)


def test_a_card_opened_for_reading_stays_as_it_is(card) -> None:
    before = whole(card)
    with served(FakeSession(card)) as panel, talk(panel) as client:
        answer = client.ask(t="assign", path="/LIB/spare clap.wav", bank=0, pad=1)
        assert "--writable" in answer["text"]
        assert "--writable" in client.ask(t="undo")["text"]
    assert whole(card) == before


def test_a_change_that_was_cut_off_is_settled_before_the_next(tmp_path) -> None:
    medium = small_card(tmp_path, items(GENERIC))
    path = tmp_path / "small.img"
    volume = writer(medium)
    steps = put_on(volume, "/LIB/spare clap.wav", "A", 2, tmp_path / "scratch")
    change.write(volume, steps)
    new = tree(volume)
    cut = RamMedium.of_file(path)
    made = next(
        state
        for state in states(cut, lambda one: change.write(writer(one), steps))
        if mount(RamMedium(medium.size, state)).exists(f"{FOLDER}/CHANGE")
    )
    write_image(path, medium.size, made)
    assert change.recover_card(path)
    assert not change.recover_card(path)
    assert whole(path) == new


def test_a_sample_under_an_old_name_is_of_another_edition(tmp_path) -> None:
    for name, files in (("one", SX | {"clap.wav": SPARE}), ("two", SX)):
        (tmp_path / name).mkdir()
        small_card(tmp_path / name, items(files))
    first, second = (tmp_path / name / "small.img" for name in ("one", "two"))
    session = FakeSession(first, writable=True)
    with served(session) as panel, talk(panel) as client:
        client.kind("hello")

        def told() -> list[dict[str, str]]:
            lists = [one["pads"] for one in client.heard if one["t"] in ("hello", "pads")]
            return [pad for pads in lists for pad in pads if pad["name"] == "A5"]

        def editions() -> set[str]:
            return {one["edition"] for one in told()}

        for number, act in enumerate(
            ({"t": "assign", "path": "/clap.wav", "bank": 0, "pad": 5}, {"t": "undo"})
        ):
            assert client.ask(**act)["t"] == "done"
            client.until_state(lambda _, more=number: len(editions()) == 2 + more)
        session.card_path = second  # exchanged for one of the same name
        session.generation += 1
        client.until_state(lambda _: len(editions()) == 4)
        session.card_path = first
        session.generation += 1
        so_far = len(told())
        client.until_state(lambda _: len(told()) > so_far)
        assert len(editions()) == 4  # it is what it was
        assert len({one["path"] for one in told()}) == 1


def test_a_projects_pads_are_called_as_its_table_says(tmp_path) -> None:
    small_card(tmp_path, items(mk2_card() | {"clap one.wav": wav(SHORT, 48_000)}))
    with served(FakeSession(tmp_path / "small.img", writable=True)) as panel, talk(panel) as client:
        client.kind("hello")
        client.ask(t="assign", path="/clap one.wav", bank=1, pad=2)
        told = next(one for one in client.heard if one["t"] == "pads")["pads"]
        assert [(one["name"], one["sample"]) for one in told] == [("B2", "clap one")]


def test_undo_is_the_cards_own(tmp_path) -> None:
    session = FakeSession(small(tmp_path / "one"), writable=True)
    desk = PadWriter(session)
    desk.assign("/LIB/spare clap.wav", 0, 2)
    first, session.card_path = session.card_path, small(tmp_path / "two")
    assert desk.steps == 0
    with pytest.raises(RefusedError, match="no assignment"):
        desk.undo()
    session.card_path = first
    assert desk.steps == 1
    desk.undo()
    assert whole(first) == whole(tmp_path / "two" / "small.img")
    desk.close()


def test_a_pad_that_the_device_does_not_take_over_is_as_before(tmp_path, monkeypatch) -> None:
    session = FakeSession(small(tmp_path / "one"), writable=True)
    desk, before = PadWriter(session), whole(session.card_path)
    take_over = session.card_changed

    def refuse(silence: list[int]) -> None:
        raise RefusedError("not now")

    monkeypatch.setattr(session, "card_changed", refuse)
    with pytest.raises(RefusedError, match="not now"):
        desk.assign("/LIB/spare clap.wav", 0, 2)
    assert (whole(session.card_path), desk.steps) == (before, 0)
    monkeypatch.setattr(session, "card_changed", take_over)
    desk.assign("/LIB/spare clap.wav", 0, 2)
    after = whole(session.card_path)
    monkeypatch.setattr(session, "card_changed", refuse)
    with pytest.raises(RefusedError, match="not now"):
        desk.undo()
    assert (whole(session.card_path), desk.steps) == (after, 1)
    monkeypatch.setattr(session, "card_changed", take_over)
    desk.undo()
    assert whole(session.card_path) == before
    monkeypatch.setattr(session, "status", lambda: {"card": {"present": False}})
    with pytest.raises(RefusedError, match="the card is out"):
        desk.assign("/LIB/spare clap.wav", 0, 2)
    assert whole(session.card_path) == before
    desk.close()


def small(folder: Path) -> Path:
    folder.mkdir()
    small_card(folder, items(GENERIC))
    return folder / "small.img"
