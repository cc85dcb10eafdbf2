"""A session by a clock: what is played is what offline rendering gives, whatever is done to the device."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from live_kit import RATE, clock_session, live_card, rendered

from native import CardModel
from sdcard_image.types import CardError
from sim.board import Setup
from sim.errors import InputError
from sim.faults.script import parse_script
from sim.live.session import Recording, Session
from sim.midifile import parse_midi


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> Path:
    return live_card(tmp_path_factory.mktemp("live") / "kit.img")


def until(true, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def take(card: Path, setup: Setup, wav: Path, midi: Path) -> dict[str, Any]:
    """Record two and a half seconds; returns the status."""
    with clock_session(card, setup, Recording(wav, midi, 2.5)) as session:
        hands = session.hands
        for pad in range(1, 9):
            hands.press(0, pad, 40 + 8 * pad)
            time.sleep(0.11)
        for pad in range(1, 5):
            hands.message(bytes((0x91, 35 + pad, 90)))
        hands.message(b"\xe0\x00\x50")  # the wheel
        hands.message(b"\xb0\x40\x7f")  # the pedal
        hands.release(0, 3)
        hands.sustain(down=False)
        assert session.wait(20)
        return session.status()


def test_a_take_renders_to_the_same_bits(card: Path, tmp_path: Path):
    wav, midi = tmp_path / "take.wav", tmp_path / "take.mid"
    setup = Setup(card=CardModel(command_us=500.0, read_mb_per_s=20.0), ram_bytes=1 << 20)
    for _ in range(3):  # a busy machine may place an event late: then that take is not exact, and says so
        status = take(card, setup, wav, midi)
        if status["audio"]["late_events"] == 0:
            break
    assert status["audio"]["late_events"] == 0, "the machine was too busy, three times"
    assert (status["underruns"], status["audio"]["frames_lost"]) == (0, 0)
    options = ["--rate", "48000", "--seconds", "2.5", "--ram", "1M"]
    options += ["--card-latency", "0.5", "--card-speed", "20"]
    played, _ = soundfile.read(wav, dtype="float32")
    offline = rendered(card, midi, tmp_path / "offline.wav", options)
    assert played.shape == (round(2.5 * RATE), 2)
    assert np.count_nonzero(played.any(axis=1)) > RATE
    assert np.array_equal(played, offline)


def test_every_press_sounds_a_block_after_it_came(card: Path):
    with clock_session(card) as session:
        time.sleep(0.2)
        for _ in range(20):
            before = session.frame
            frame = session.hands.press(0, 1, 100)
            after = session.frame
            assert before + 128 <= frame <= after + 128
            time.sleep(0.003)


def test_status_says_what_programs_rely_on(card: Path):
    with clock_session(card) as session:
        session.hands.press(0, 1)
        assert until(lambda: session.status()["voices"] == 1)
        status = session.status()
        state = session.state()
    assert {"device", "audio", "voices", "underruns", "cache", "card", "midi"} <= set(status)
    assert {"backend", "rate", "block", "xruns", "late_blocks", "render_us"} <= set(status["audio"])
    assert set(status["audio"]["render_us"]) >= {"p50", "p99", "p999"}
    assert set(status["midi"]) == {"ports", "messages"}
    assert (status["device"], status["audio"]["rate"], status["audio"]["block"]) == ("generic", RATE, 128)
    assert set(state) >= {"frame", "voices", "pads", "levels", "cache", "card", "latency", "underruns"}


def test_other_ram_and_another_card_rebuild_the_device(card: Path, tmp_path: Path):
    second = live_card(tmp_path / "second.img", seed=50)
    told = []
    with clock_session(card, recording=Recording(tmp_path / "take.wav")) as session:
        session.on_rebuilt.append(lambda: told.append(session.card))
        session.hands.press(0, 1)
        assert until(lambda: session.engine.sounding > 0)
        generation = session.generation
        gap = session.change(ram_bytes=4 << 20)
        assert session.engine.config.pool_bytes == 4 << 20
        assert session.engine.sounding == 0
        assert gap.ms < 500
        session.troubles.swap(second)
        assert session.card == second
        frame = session.frame
        assert frame >= session.gaps[1].frame >= session.gaps[0].frame > 0
        session.hands.press(0, 2)
        assert until(lambda: session.status()["voices"] == 1)
        assert session.generation == generation + 2
        assert len(session.status()["audio"]["gaps"]) == 2
        assert session.look().frame >= session.gaps[1].frame
    assert told == [card, second]
    assert soundfile.info(tmp_path / "take.wav").frames > frame


def test_a_card_that_cannot_be_mounted_leaves_the_old_one_playing(card: Path, tmp_path: Path):
    wrong = tmp_path / "wrong.img"
    wrong.write_bytes(bytes(1 << 20))
    with clock_session(card) as session:
        with pytest.raises(CardError):
            session.troubles.swap(wrong)
        with pytest.raises(InputError, match="sample RAM"):
            session.change(ram_bytes=1)
        session.hands.press(0, 1)
        assert until(lambda: session.status()["voices"] == 1)
        assert (session.card, session.gaps) == (card, [])


def test_the_card_is_pulled_while_it_streams_and_put_back(card: Path):
    setup = Setup(ram_bytes=256 << 10, card=CardModel(command_us=500.0, read_mb_per_s=10.0))
    with clock_session(card, setup) as session:
        session.troubles.pull()
        session.hands.press(0, 8)
        assert until(lambda: session.status()["underruns"] > 0)
        assert until(lambda: session.look().alert is not None)
        assert session.look().alert.trouble.value == "card gone"
        assert session.status()["card"]["present"] is False
        session.troubles.insert()
        assert session.status()["card"]["present"] is True
        errors = session.status()["card"]["read_errors"]
        assert errors > 0
        time.sleep(0.1)
        session.hands.stop_all()
        session.hands.press(0, 7)
        heard = session.status()["underruns"]
        time.sleep(0.5)
        assert session.status()["underruns"] <= heard + 1  # the one that began before the card was there
        assert session.status()["card"]["faults"]["remove"]["met"] == 1


def test_a_script_of_faults_is_played_on_the_sessions_clock(card: Path):
    script = parse_script(
        {
            "fault": [{"kind": "remove", "at_s": 0.5, "for_s": 0.5}],
            "random": [{"kind": "spike", "every_s": 0.2, "ms": 5}],
        }
    )
    setup = Setup(ram_bytes=256 << 10, faults=script, card=CardModel(command_us=500.0, read_mb_per_s=10.0))
    with clock_session(card, setup) as session:
        session.hands.press(0, 8)
        assert until(lambda: session.troubles.counts().get("remove", {}).get("met") == 1)
        assert 0.5 <= session.frame / RATE < 1.5
        assert session.troubles.out
        with pytest.raises(InputError, match="the card is out"):
            session.change(ram_bytes=300 << 10)  # there is nothing to boot from
        session.troubles.insert()
        assert until(lambda: not session.troubles.out)
        session.change(ram_bytes=300 << 10)  # what comes later comes to the new device
        session.hands.press(0, 8)
        assert until(lambda: session.troubles.counts().get("spike", {}).get("met", 0) >= 2)


def test_faults_by_hand_are_checked(card: Path):
    with clock_session(card) as session:
        for kind, values in [("nonsense", {}), ("spike", {"ms": -1.0}), ("error", {"times": 1 << 40})]:
            with pytest.raises(InputError):
                session.troubles.fault(kind, **values)
        with pytest.raises(InputError, match="mirror"):
            session.troubles.fault("pull", on_mirror=True)
        session.troubles.fault("spike", ms=30.0)
        session.troubles.fault("error", path="/A/01 noise.wav", times=1)


def test_a_mirror_answers_for_a_card_that_is_gone(card: Path, tmp_path: Path):
    second = tmp_path / "mirror.img"
    second.write_bytes(card.read_bytes())
    setup = Setup(ram_bytes=256 << 10, mirror=second, card=CardModel(command_us=300.0, read_mb_per_s=20.0))
    with clock_session(card, setup) as session:
        session.troubles.pull()
        session.hands.press(0, 8)
        assert until(lambda: session.status()["card"]["failovers"] > 0)
        reads = session.status()["card"]["reads"]
        assert until(lambda: session.status()["card"]["reads"] > reads + 50)
        assert session.status()["underruns"] == 0


def test_switches_of_a_pad(card: Path):
    with clock_session(card) as session:
        hands = session.hands
        hands.switch(0, 1, "gate", on=True)
        hands.press(0, 1)
        assert until(lambda: session.engine.sounding == 1)
        hands.release(0, 1)
        assert until(lambda: session.engine.sounding == 0, 1.0)
        hands.switch(0, 1, "hold", on=True)
        hands.press(0, 1)
        hands.release(0, 1)
        time.sleep(0.1)
        assert session.engine.sounding == 1
        hands.switch(0, 1, "hold", on=False)
        assert until(lambda: session.engine.sounding == 0, 1.0)
        hands.switch(0, 1, "loop", on=True)
        hands.press(0, 1)
        time.sleep(2.0)
        assert session.engine.sounding == 1
        hands.switch(0, 1, "loop", on=False)
        assert until(lambda: session.engine.sounding == 0, 1.0)
        hands.press(0, 1)
        assert until(lambda: session.engine.sounding == 1)
        hands.switch(0, 1, "mute", on=True)
        assert until(lambda: session.engine.sounding == 0, 1.0)
        hands.press(0, 1)
        time.sleep(0.1)
        assert session.engine.sounding == 0
        with pytest.raises(InputError, match="no switch"):
            hands.switch(0, 1, "nonsense", on=True)
        with pytest.raises(InputError, match="no pad"):
            hands.press(0, 17)


def test_a_whole_sample_is_kept_in_ram(card: Path):
    with clock_session(card) as session:
        before = session.status()["cache"]["pinned_bytes"]
        session.samples.pin("/A/08 noise.wav", on=True)
        assert until(lambda: session.status()["cache"]["pinned_bytes"] > before + 300_000)
        session.samples.pin("/A/08 noise.wav", on=False)
        assert until(lambda: session.status()["cache"]["pinned_bytes"] == before)
        with pytest.raises(InputError, match="no pad"):
            session.samples.pin("/none.wav", on=True)


def test_an_audition_sounds_beside_the_pads(card: Path):
    with clock_session(card) as session:
        info = session.board.boot.catalogue.pads[2].sample
        session.samples.audition(info)
        assert until(lambda: session.engine.sounding == 1)
        assert until(lambda: [one.tag for one in session.look().voices] == [session.samples.audition_tag])
        session.samples.audition(None)
        assert until(lambda: session.engine.sounding == 0, 1.0)


def test_listeners_hear_what_is_recorded(card: Path, tmp_path: Path):
    heard: list[tuple[int, np.ndarray]] = []
    with clock_session(card, recording=Recording(tmp_path / "take.wav", seconds=0.8)) as session:
        session.listen(lambda frame, block: heard.append((frame, block.copy())))
        session.hands.press(0, 1)
        assert session.wait(5)
    sound, _ = soundfile.read(tmp_path / "take.wav", dtype="float32")
    assert heard
    assert sound.any()
    for frame, block in heard:
        assert np.array_equal(sound[frame : frame + len(block)], block[: max(0, len(sound) - frame)])


def test_many_threads_lose_no_release(card: Path):
    with clock_session(card) as session:
        for pad in range(1, 9):
            session.hands.switch(0, pad, "gate", on=True)

        def play(pad: int) -> None:
            for _ in range(300):
                session.hands.press(0, pad)
                session.hands.release(0, pad)

        threads = [threading.Thread(target=play, args=(pad,)) for pad in range(1, 9)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert until(lambda: session.engine.sounding == 0, 3.0)
        assert session.engine.counters().voices_started > 0


def test_a_recording_that_cannot_be_begun_leaves_nothing(card: Path, tmp_path: Path):
    session = clock_session(card, recording=Recording(tmp_path / "take.wav", tmp_path / "none" / "take.mid"))
    with pytest.raises(OSError, match=r"take\.mid"):
        session.start()
    assert list(tmp_path.iterdir()) == []


def test_a_listener_that_fails_ends_the_session_and_keeps_what_was_recorded(card: Path, tmp_path: Path):
    wav, midi = tmp_path / "take.wav", tmp_path / "take.mid"
    session = clock_session(card, recording=Recording(wav, midi))
    session.start()
    session.hands.press(0, 1)
    time.sleep(0.3)

    def fail(frame: int, block: np.ndarray) -> None:
        raise RuntimeError("nobody foresaw this")

    session.listen(fail)
    assert session.wait(5)
    with pytest.raises(RuntimeError, match="foresaw"):
        session.stop()
    assert soundfile.info(wav).frames >= 0.3 * RATE
    assert len(parse_midi(midi.read_bytes(), RATE)) == 1
    assert len(list(tmp_path.iterdir())) == 2


def test_only_heads_that_were_read_are_said_to_be_in_ram(card: Path):
    with clock_session(card, Setup(ram_bytes=320 << 10)) as session:
        tags = session.machine.player.tags
        first, second = ({tags.tag(bank, pad) for pad in range(1, most)} for bank, most in ((0, 9), (1, 5)))
        assert first <= session.samples.loaded()
        session.troubles.pull()
        session.samples.choose_bank(1)
        time.sleep(1.0)
        assert not second & session.samples.loaded()
        session.troubles.insert()
        assert until(lambda: not session.troubles.out)
        session.samples.choose_bank(0)
        time.sleep(0.3)
        session.samples.choose_bank(1)
        assert until(lambda: second <= session.samples.loaded())


def test_a_session_can_be_stopped_twice(card: Path):
    session: Session = clock_session(card)
    session.start()
    session.stop()
    session.stop()
    with pytest.raises(InputError, match="over"):
        session.change(ram_bytes=1 << 20)
