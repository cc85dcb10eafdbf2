"""Every fault has its outcome: heard or not, counted, and the same whatever the block size."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import fault_cards
import mido
import numpy as np
import pytest
from click.testing import CliRunner
from fault_cards import MODEL, PADS, RATE, SECONDS, Played, make_card, path, play, press

from native.types import Cause
from sdcard_image import build_image
from sim.cli import cli
from sim.errors import InputError

EACH_PAD = [press(pad, 0.0) for pad in range(1, PADS + 1)]


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_card(tmp_path_factory.mktemp("faults") / "card.img")


@pytest.fixture(scope="module")
def clean(card: Path) -> np.ndarray:
    found = play(card, EACH_PAD)
    assert not found.underruns
    assert np.abs(found.audio).max() > 0.1
    return found.audio


def fault(kind: str, at_s: float, more: str = "") -> str:
    return f'[[fault]]\nkind = "{kind}"\nat_s = {at_s}\n{more}\n'


def silent(audio: np.ndarray, from_s: float, until_s: float) -> bool:
    return not audio[round(from_s * RATE) : round(until_s * RATE)].any()


def test_a_spike_within_the_buffers_is_not_heard(card: Path, clean: np.ndarray):
    found = play(card, EACH_PAD, fault("spike", 1.5, "ms = 60"))
    assert np.array_equal(found.audio, clean)
    assert found.kinds == {"spike": {"came": 1, "met": 1, "commands": 1}}


def test_a_spike_beyond_the_buffers_fades_and_comes_back(card: Path, clean: np.ndarray):
    found = play(card, EACH_PAD, fault("spike", 1.5, "ms = 900"))
    assert found.outcomes["faded_for_other_causes"] >= PADS
    assert {one.cause for one in found.underruns} == {Cause.LATE}
    assert not np.array_equal(found.audio, clean)
    assert np.array_equal(found.audio[: round(1.5 * RATE)], clean[: round(1.5 * RATE)])
    assert np.array_equal(found.audio[round(3.0 * RATE) :], clean[round(3.0 * RATE) :])


def test_a_short_stop_is_waited_for_and_a_long_one_times_out(card: Path, clean: np.ndarray):
    short = play(card, EACH_PAD, fault("stuck", 1.5, "for_ms = 50"))
    assert np.array_equal(short.audio, clean)
    long = play(card, EACH_PAD, "timeout_ms = 30\n" + fault("stuck", 1.5, "for_s = 1"))
    assert long.kinds["stuck"]["commands"] > 10
    assert long.outcomes["faded_for_read_errors"] >= 1
    assert {one.tag for one in long.underruns} == set(range(PADS))
    assert np.array_equal(long.audio[round(3.2 * RATE) :], clean[round(3.2 * RATE) :])


def test_a_transient_error_is_tried_again_in_time(card: Path, clean: np.ndarray):
    found = play(card, EACH_PAD, fault("read-error", 1.5, f'times = 2\npath = "{path(2)}"'))
    assert np.array_equal(found.audio, clean)
    assert found.kinds["read-error"] == {"came": 1, "met": 1, "commands": 2}
    assert found.counters.read_errors == 2
    assert found.outcomes["faded_for_read_errors"] == 0


def test_a_permanent_error_fades_its_voice_and_no_other(card: Path):
    bad = f'path = "{path(2)}"\noffset = 300_000\nlength = 4096'
    others = [press(pad, 0.0) for pad in (1, 3, 4)]
    found = play(card, EACH_PAD, fault("read-error", 0.0, bad))
    assert {one.tag for one in found.underruns} == {1}
    assert found.outcomes["faded_for_read_errors"] == len(found.underruns) == 1
    alone, without = play(card, [press(2, 0.0)], fault("read-error", 0.0, bad)), play(card, others)
    assert np.allclose(found.audio - without.audio, alone.audio, atol=1e-6)
    gap = 300_000 / 4 / RATE
    assert silent(alone.audio, gap + 0.002, gap + 0.015)
    assert not silent(alone.audio, gap + 0.1, gap + 0.2)


def test_wrong_data_is_heard_unless_checksums_are_known(card: Path, clean: np.ndarray):
    bad = fault("wrong-data", 1.0, f'times = 2\npath = "{path(3)}"')
    heard = play(card, EACH_PAD, bad)
    assert not np.array_equal(heard.audio, clean)
    assert heard.outcomes["wrong_data_undetected"] == 2
    assert heard.counters.read_errors == 0
    noticed = play(card, EACH_PAD, bad, verify=True)
    assert np.array_equal(noticed.audio, clean)
    assert (noticed.outcomes["wrong_data_detected"], noticed.outcomes["wrong_data_undetected"]) == (2, 0)
    assert noticed.outcomes["reads_retried"] >= 1


def test_checksums_change_nothing_on_a_sound_card(card: Path, clean: np.ndarray):
    assert np.array_equal(play(card, EACH_PAD, verify=True).audio, clean)


def test_a_card_that_comes_back_is_known_again(card: Path, clean: np.ndarray):
    found = play(card, EACH_PAD, fault("remove", 1.0) + fault("insert", 2.0))
    assert found.outcomes["same_card_back"] == 1
    assert found.outcomes["faded_for_read_errors"] >= PADS
    assert np.array_equal(found.audio[:RATE], clean[:RATE])
    assert silent(found.audio, 1.7, 2.0)
    assert np.array_equal(found.audio[round(3.0 * RATE) :], clean[round(3.0 * RATE) :])
    again = play(card, EACH_PAD, fault("remove", 1.0, "for_s = 1"))
    assert np.array_equal(again.audio, found.audio)
    assert again.outcomes == found.outcomes


def test_a_mirror_plays_through_the_loss_of_the_card(card: Path, clean: np.ndarray, tmp_path: Path):
    mirror = make_card(tmp_path / "mirror.img", label="MIRROR")
    found = play(card, EACH_PAD, fault("remove", 1.0), mirror=mirror)
    assert np.array_equal(found.audio, clean)
    assert found.outcomes["reads_failed_over"] >= 1
    assert not found.underruns
    both = play(card, EACH_PAD, fault("remove", 1.0) + fault("remove", 2.0, 'card = "mirror"'), mirror=mirror)
    assert np.array_equal(both.audio[: 2 * RATE], clean[: 2 * RATE])
    assert silent(both.audio, 2.8, 4.0)
    assert play(card, EACH_PAD, mirror=mirror).outcomes["reads_failed_over"] == 0


def test_a_setlist_plays_through_and_the_rest_does_not(card: Path, tmp_path: Path):
    mirror = make_card(tmp_path / "mirror.img")
    found = play(card, EACH_PAD, fault("remove", 1.0), mirror=mirror, setlist=(path(1), "A3"))
    assert {one.tag for one in found.underruns} == {1, 3}


def test_pinned_samples_play_through_the_loss_of_the_card(tmp_path: Path):
    card = make_card(tmp_path / "card.img")
    found = play(card, EACH_PAD, fault("remove", 0.1), pins=("A1", path(3)), ram_bytes=4 << 20)
    alone = play(card, [press(1, 0.0), press(3, 0.0)], pins=("A1", path(3)), ram_bytes=4 << 20)
    assert {one.tag for one in found.underruns} == {1, 3}
    after = round(3.7 * RATE)
    assert np.array_equal(found.audio[after:], alone.audio[after:])
    with pytest.raises(InputError, match="no room to keep"):
        play(card, EACH_PAD, pins=("/A",))
    with pytest.raises(InputError, match="B7 is no pad"):
        play(card, EACH_PAD, pins=("B7",))


def test_another_card_is_booted_and_what_is_resident_plays_on(card: Path, tmp_path: Path):
    make_card(tmp_path / "other.img", seed=7, pads=2, label="OTHER")
    shutil.copy(card, tmp_path / "card.img")
    card = tmp_path / "card.img"
    later = [press(1, 2.5), press(3, 2.6)]
    found = play(card, EACH_PAD + later, fault("insert", 1.5, 'image = "other.img"'))
    assert found.outcomes["cards_exchanged"] == 1
    assert any("another card" in text for text in found.happenings)
    before = play(card, EACH_PAD).audio
    resident = round(1.51 * RATE)
    assert np.array_equal(found.audio[:resident], before[:resident])  # beyond the exchange, from RAM
    assert silent(found.audio, 2.3, 2.5)
    alone = play(tmp_path / "other.img", [press(1, 0.0)]).audio
    begin = round(2.5 * RATE)
    assert np.array_equal(found.audio[begin : begin + RATE], alone[:RATE])
    back = play(
        card, [*EACH_PAD, press(3, 3.5)], fault("insert", 1.5, 'image = "other.img"') + fault("insert", 3.0)
    )
    assert back.outcomes["cards_exchanged"] == 2
    assert not silent(back.audio, 3.6, 4.0)


def test_a_card_taken_out_while_it_is_booted_has_no_pads(tmp_path: Path):
    card = make_card(tmp_path / "card.img")
    make_card(tmp_path / "other.img", seed=7, pads=2, label="OTHER")
    script = fault("insert", 1.5, 'image = "other.img"') + fault("remove", 1.501)
    assert play(card, EACH_PAD, script).outcomes["cards_exchanged"] == 0


def test_a_clone_is_taken_for_the_same_card(card: Path, tmp_path: Path):
    first, clone = tmp_path / "card.img", tmp_path / "clone.img"
    shutil.copy(card, first)
    shutil.copy(card, clone)
    found = play(first, EACH_PAD, fault("remove", 1.0) + fault("insert", 1.2, 'image = "clone.img"'))
    same = play(first, EACH_PAD, fault("remove", 1.0) + fault("insert", 1.2))
    assert found.outcomes["same_card_back"] == 1
    assert np.array_equal(found.audio, same.audio)


def write(at_s: float, more: str = "size = 200_000") -> str:
    return f'[[write]]\nat_s = {at_s}\npath = "/new.bin"\n{more}\n'


def test_a_write_protected_card_refuses(card: Path):
    before = card.read_bytes()
    found = play(card, EACH_PAD, fault("read-only", 1.0, "for_s = 1") + write(1.5) + write(3.0))
    assert found.outcomes["writes_refused"] == 1
    assert found.outcomes["writes_new"] == 1
    assert found.kinds["read-only"]["commands"] == 1
    assert card.read_bytes() == before


def span(found: Played, begins: str) -> int:
    """Frames from the beginning to the end of what a text tells."""
    assert found.faults is not None
    one = next(one for one in found.faults.happenings if one.text.startswith(begins))
    return one.until - one.frame


def test_a_long_write_and_the_voices_share_the_card(card: Path, clean: np.ndarray):
    short, long = play(card, EACH_PAD, write(1.5)), play(card, EACH_PAD, write(1.0, "size = 8_000_000"))
    assert np.array_equal(short.audio, clean)
    assert np.array_equal(long.audio, clean)
    assert long.outcomes["writes_new"] == 1
    alone = play(card, [], write(1.0, "size = 8_000_000"))
    assert span(alone, "write") > 1.6 * RATE  # at 5 MB/s
    assert span(long, "write") > 1.05 * span(alone, "write")


def test_writing_takes_from_the_voices_what_they_need(card: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fault_cards, "MODEL", replace(MODEL, read_mb_per_s=1.2, write_mb_per_s=1))
    assert not play(card, EACH_PAD).underruns
    assert play(card, EACH_PAD, write(1.0, "size = 3_000_000")).outcomes["faded_for_other_causes"]


def test_a_write_that_the_run_does_not_last_for_leaves_the_old_file(card: Path):
    found = play(card, EACH_PAD, write(4.0, "size = 20_000_000") + write(4.5))
    assert found.outcomes["writes_old"] == 2
    assert sum("not finished when the run ended, the file is old" in text for text in found.happenings) == 2


def test_power_cut_ends_the_run_and_leaves_the_file_old_or_new(card: Path, clean: np.ndarray):
    found = play(card, EACH_PAD, fault("power-cut", 2.0))
    assert len(found.audio) == 2 * RATE
    assert np.array_equal(found.audio, clean[: 2 * RATE])
    assert found.outcomes["power_cuts"] == 1
    states, cut = [], 0
    while not states or states[-1] != "done":
        cut += 1
        one = play(card, [press(1, 0.0)], write(1.0, f"size = 70_000\ncut_at = {cut}"))
        assert one.outcomes["writes_damaged"] == 0
        if one.outcomes["power_cuts"]:
            assert RATE <= len(one.audio) < 1.2 * RATE
            states.append("new" if one.outcomes["writes_new"] else "old")
        else:
            states.append("done")
    assert "old" in states
    assert "new" in states
    assert states == sorted(states, key=["old", "new", "done"].index)
    timed = play(card, [press(1, 0.0)], write(1.0, "size = 2_000_000") + fault("power-cut", 1.1))
    assert timed.outcomes["writes_old"] == 1


def test_a_card_pulled_while_it_is_written_keeps_the_old_file(card: Path):
    found = play(card, EACH_PAD, write(1.0, "size = 2_000_000") + fault("remove", 1.1, "for_s = 0.5"))
    assert found.outcomes["writes_old"] == 1
    assert len(found.audio) == (SECONDS + 1) * RATE
    assert any("removed, the file is old" in text for text in found.happenings)


def test_a_mirror_is_brought_up_to_date(card: Path, tmp_path: Path):
    mirror = make_card(tmp_path / "mirror.img", pads=PADS)
    script = fault("remove", 0.5, 'for_s = 0.5\ncard = "mirror"') + write(1.2) + "[[resync]]\nat_s = 2\n"
    found = play(card, EACH_PAD, script + "[[resync]]\nat_s = 3\n", mirror=mirror)
    assert found.outcomes["resynchronised_files"] == 1
    assert sum("resynchronisation: done" in text for text in found.happenings) == 2


def test_a_mirror_gets_nothing_from_a_card_that_is_out(card: Path, tmp_path: Path):
    mirror = make_card(tmp_path / "mirror.img", pads=2)
    out = play(card, [], fault("remove", 0.5) + RESYNC, mirror=mirror)
    assert out.outcomes["resynchronised_files"] == 0
    assert any("resynchronisation: not read" in text for text in out.happenings)
    dies = play(card, [], RESYNC + fault("remove", 1.1), mirror=mirror)
    assert any("resynchronisation: not read" in text for text in dies.happenings)
    gone = play(card, [], RESYNC + fault("remove", 1.6, 'card = "mirror"'), mirror=mirror)
    assert any("resynchronisation: removed, 1 of 2 files" in text for text in gone.happenings)
    late = play(card, [], RESYNC.replace("1", "4.9"), mirror=mirror)
    assert any("not finished when the run ended" in text for text in late.happenings)


def test_resynchronising_takes_the_time_of_its_reads(card: Path, tmp_path: Path):
    same = make_card(tmp_path / "same.img")
    found = play(card, [], RESYNC, mirror=same)
    assert found.outcomes["resynchronised_files"] == 0
    both = 2 * PADS * SECONDS * RATE * 4 / 20e6  # seconds: each file of each card, at 20 MB/s
    assert both < span(found, "resynchronisation") / RATE < 2 * both


def test_a_warning_of_a_clone_is_told(card: Path, tmp_path: Path):
    shutil.copy(card, tmp_path / "card.img")
    shutil.copy(card, tmp_path / "clone.img")
    script = fault("insert", 1.2, 'image = "clone.img"')
    (tmp_path / "faults.toml").write_text(script)
    shown = benchpad(
        *("render", tmp_path / "card.img", "--midi", midi(tmp_path), "--faults", tmp_path / "faults.toml")
    )
    assert "clone.img has the same serial number: taken for the same card" in " ".join(shown.stdout.split())


RESYNC = "[[resync]]\nat_s = 1\n"
RANDOM = """
[[random]]
kind = "spike"
every_s = 0.3
ms = 30
[[random]]
kind = "read-error"
every_s = 0.4
times = 2
[[random]]
kind = "stuck"
every_s = 1
for_ms = 40
[[random]]
kind = "remove"
every_s = 2
for_ms = 150
"""


def test_chance_is_the_seeds(card: Path):
    one, same, other = (play(card, EACH_PAD, RANDOM, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.audio, same.audio)
    assert (one.kinds, one.outcomes) == (same.kinds, same.outcomes)
    assert one.kinds != other.kinds or one.happenings != other.happenings
    for told in one.kinds.values():
        assert told["met"] <= told["came"]


@pytest.mark.parametrize("block", [1, 100, 4_096])
def test_the_block_size_changes_nothing(card: Path, block: int, tmp_path: Path):
    make_card(tmp_path / "other.img", seed=7, pads=2, label="OTHER")
    shutil.copy(card, tmp_path / "card.img")
    script = RANDOM + fault("insert", 2.0, 'image = "other.img"') + fault("insert", 3.0) + write(1.234)
    messages = EACH_PAD + [press(1 + i % PADS, 0.3 * i) for i in range(1, 12)]
    one = play(tmp_path / "card.img", messages, script, block=block, seed=4)
    other = play(tmp_path / "card.img", messages, script, block=512, seed=4)
    assert np.array_equal(one.audio, other.audio)
    assert (one.kinds, one.outcomes, one.happenings) == (other.kinds, other.outcomes, other.happenings)


# through the command line


def midi(folder: Path) -> Path:
    track = mido.MidiTrack([mido.Message("note_on", note=36, velocity=127, time=0)])
    mido.MidiFile(type=0, tracks=[track]).save(folder / "song.mid")
    return folder / "song.mid"


def benchpad(*arguments: object):
    return CliRunner().invoke(cli, [str(one) for one in arguments])


def test_the_command_renders_with_faults(card: Path, tmp_path: Path):
    (tmp_path / "faults.toml").write_text(fault("remove", 1.0))
    (tmp_path / "set.txt").write_text("A1\n")
    mirror = make_card(tmp_path / "mirror.img")
    common = (
        "render",
        card,
        "--midi",
        midi(tmp_path),
        "--card",
        "class10",
        "--ram",
        "256K",
        "--faults",
        tmp_path / "faults.toml",
    )
    run = benchpad(*common, "--json", "-o", tmp_path / "x.wav")
    told = json.loads(run.stdout)
    assert told["faults"]["kinds"]["remove"]["met"] == 1
    assert told["faults"]["outcomes"]["faded_for_read_errors"] == 1
    assert told["faults"]["happenings"][0] == {"frame": RATE, "until": RATE, "text": "remove"}
    told = json.loads(
        benchpad(*common, "--json", "--mirror", mirror, "--setlist", tmp_path / "set.txt", "--verify").stdout
    )
    assert (told["mirrored_samples"], told["underrun_count"]) == (1, 0)
    shown = benchpad(*common, "--mirror", mirror).stdout
    assert "1 remove (1 met" in shown
    assert "failed over" in shown
    assert "has 4 of the pads' samples" in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (fault("insert", 1, 'image = "none.img"'), "none.img"),
        (fault("spike", 1, 'card = "mirror"'), "--mirror"),
        (fault("read-error", 1, 'path = "/none"'), "/none"),
        ("[[resync]]\nat_s = 1", "--mirror"),
        (write(0.1, 'source = "none.bin"'), "none.bin"),
        (write(0.1, "size = 134_217_728"), "cannot be written"),
        ("[[fault]]", "kind is missing"),
        (fault("remove", 1, "for_s = 0"), "for_s is 0"),
        (fault("stuck", 1, "for_ms = 0"), "for_ms is 0"),
        (fault("spike", 1, "times = 0"), "times is 0"),
        (fault("read-error", 1, "times = 0"), "times is 0"),
        (write(1, "size = 9\ncut_at = 0"), "cut_at is 0"),
    ],
)
def test_a_script_that_cannot_be_played_is_one_sentence(card: Path, tmp_path: Path, text: str, said: str):
    (tmp_path / "faults.toml").write_text(text)
    run = benchpad(
        "render",
        card,
        "--midi",
        midi(tmp_path),
        "--faults",
        tmp_path / "faults.toml",
        "-o",
        tmp_path / "x.wav",
    )
    assert (run.exit_code, said in run.stderr) == (2, True), run.output
    assert not (tmp_path / "x.wav").exists()


def test_a_folder_is_not_written_to(tmp_path: Path):
    build_image(tmp_path / "x.img", [], size_bytes=64 << 20)
    (tmp_path / "kit").mkdir()
    with pytest.raises(InputError, match="needs an image"):
        play(tmp_path / "kit", [press(1, 0.0)], write(0.1))
