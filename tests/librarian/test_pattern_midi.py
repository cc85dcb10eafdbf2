"""Patterns through MIDI files and back, between devices, and from what other programs write."""

from __future__ import annotations

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.formats import FormatError
from firmware.formats.pattern import CONTROL, END, FILLER, Device, Pattern, PatternEvent, device_of, parse
from librarian.midi_file import save
from librarian.pattern_build import assemble, note, trailer
from librarian.pattern_convert import read_pattern, to_device
from librarian.pattern_midi import from_midi, to_midi


def song(*tracks: list[mido.Message], division: int = 480, kind: int = 1) -> bytes:
    made = mido.MidiFile(type=kind, ticks_per_beat=division)
    made.tracks.extend(mido.MidiTrack(track) for track in tracks)
    return save(made)


def key(on: int, length: int, number: int, channel: int = 0, velocity: int = 100) -> list[mido.Message]:
    return [
        mido.Message("note_on", time=on, note=number, channel=channel, velocity=velocity),
        mido.Message("note_off", time=length, note=number, channel=channel, velocity=64),
    ]


def played(pattern: Pattern) -> list[tuple[int, str, int]]:
    """Tick, pad and length of each note."""
    found = []
    for tick, event in pattern.placed():
        place = pattern.pad_of(event)
        assert place
        found.append((tick, f"{place[0]}{place[1]}", event.length))
    return found


@pytest.fixture(scope="session")
def real_patterns(device_files) -> list[bytes]:
    return [path.read_bytes() for path in sorted((device_files / "sp404/mk2_project/PTN").iterdir())]


def test_real_patterns_come_back_byte_for_byte(real_patterns) -> None:
    assert len(real_patterns) == 13
    for data in real_patterns:
        assert device_of(data) is Device.MK2
        back = from_midi(to_midi(parse(data, Device.MK2)))
        assert back.pattern.to_bytes() == data
        assert back.remarks == ()


def test_real_patterns_on_the_sx_and_back_keep_their_beats(real_patterns) -> None:
    for data in real_patterns:
        pattern = parse(data, Device.MK2)
        sx = to_device(pattern, Device.SX).pattern
        assert device_of(sx.to_bytes()) is Device.SX
        assert sx.bars == 1
        assert sx.ticks == 384
        for (tick, pad, length), (new_tick, new_pad, new_length) in zip(
            played(pattern), played(sx), strict=True
        ):
            assert (pad, abs(new_tick * 5 - tick) <= 2, abs(new_length * 5 - length) <= 2) == (
                new_pad,
                True,
                True,
            )


EVENTS = st.builds(
    PatternEvent,
    delta=st.integers(0, 255),
    code=st.one_of(st.integers(0, 255), st.sampled_from([0x2F, 0x30, FILLER, CONTROL])).filter(
        lambda c: c != END
    ),
    bank_half=st.sampled_from([0, 1, 0x40, 0x21]),
    byte_3=st.sampled_from([0, 0x8D, 0x87, 255]),
    velocity=st.sampled_from([0, 1, 100, 127, 200]),
    byte_5=st.sampled_from([0, 16, 64, 255]),
    length=st.sampled_from([0, 1, 100, 300, 65535]),
)
TRAILERS = st.one_of(st.just(bytes((1, 0, 0, 0, 0, 0x80, 1, 1))), st.binary(min_size=8, max_size=8))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(Device)), st.lists(EVENTS, max_size=30), TRAILERS)
def test_any_pattern_comes_back_with_the_same_events(device, events, end) -> None:
    pattern = Pattern(device, (*events, PatternEvent(0, END)), end)
    back = from_midi(to_midi(pattern)).pattern
    assert (back.device, back.trailer, back.ticks) == (device, end, pattern.ticks)

    def without_step(p: Pattern) -> list[tuple[int, bytes]]:
        return [(tick, Pattern(device, (event,), b"").to_bytes()[1:]) for tick, event in p.placed()]

    assert without_step(back) == without_step(pattern)


def test_fillers_stand_where_the_mkii_lays_them() -> None:
    made = assemble(
        Device.MK2,
        [(0, note(Device.MK2, 0, 1, 90)), (480, note(Device.MK2, 0, 1, 90))],
        1920,
        trailer(Device.MK2, 1),
    )
    ticks = [sum(e.delta for e in made.events[:n]) for n, e in enumerate(made.events) if e.code == FILLER]
    assert ticks == list(range(0, 1920, 255))
    assert made.ticks == 1920


def test_the_sx_has_fillers_only_in_long_gaps() -> None:
    made = assemble(
        Device.SX,
        [(0, note(Device.SX, 0, 1, 90)), (300, note(Device.SX, 0, 1, 90))],
        384,
        trailer(Device.SX, 1),
    )
    assert [(e.delta, e.code) for e in made.events] == [(255, 0x2F), (45, FILLER), (84, 0x2F), (0, END)]


def test_a_midi_file_of_another_program() -> None:
    first = [mido.MetaMessage("set_tempo", tempo=500_000), *key(0, 48, 48), *key(48, 96, 37, channel=9)]
    made = from_midi(song(first, [mido.Message("pitchwheel", pitch=5)], division=96), Device.MK2)
    assert played(made.pattern) == [(0, "A1", 240), (480, "J14", 480)]
    assert made.pattern.trailer == trailer(Device.MK2, 1)
    assert len(made.remarks) == 2
    assert "tempo" in made.remarks[1]
    assert "pitch bend" in made.remarks[0]


def test_the_grid_moves_notes_and_says_by_how_much() -> None:
    made = from_midi(song([*key(7, 12, 47)], division=480), Device.SX)
    assert played(made.pattern) == [(1, "A1", 3)]
    assert "by up to 2.08 ms" in made.remarks[0]


def test_keys_of_another_device_and_of_none() -> None:
    data = song([*key(0, 10, 36), *key(0, 10, 48), *key(0, 10, 100, channel=15)])
    assert played(from_midi(data, Device.SX, "generic").pattern) == [(0, "A1", 2)]
    said = from_midi(data, Device.SX, "generic").remarks
    assert any("key 48 of channel 1" in line for line in said)
    assert any("key 100 of channel 16" in line for line in said)


def test_bars_and_time_signature() -> None:
    three = [mido.MetaMessage("time_signature", numerator=3, denominator=4), *key(1500, 100, 48)]
    made = from_midi(song(three), Device.MK2)
    assert (made.pattern.bars, made.pattern.ticks, made.pattern.trailer[4]) == (2, 2880, 1)
    sx = to_device(made.pattern, Device.SX)
    assert (sx.pattern.bars, sx.pattern.ticks) == (2, 768)
    assert "3/4" in sx.remarks[-1]
    odd = [mido.MetaMessage("time_signature", numerator=7, denominator=8), *key(0, 100, 48)]
    assert "7/8" in from_midi(song(odd), Device.MK2).remarks[0]


def test_what_lies_behind_the_last_bar_is_said() -> None:
    made = from_midi(song([*key(64 * 1920 - 1, 10, 48), *key(0, 10, 48)]), Device.MK2)
    assert made.pattern.bars == 64
    assert len(played(made.pattern)) == 1
    assert "bar 64" in made.remarks[0]
    assert len(played(from_midi(song([*key(99 * 1920, 5, 47)]), Device.SX).pattern)) == 0


def test_the_end_of_the_file_counts_where_it_is_a_bar() -> None:
    silent = [*key(0, 10, 48), mido.MetaMessage("end_of_track", time=4 * 1920 - 10)]
    assert from_midi(song(silent), Device.MK2).pattern.bars == 4
    ringing = key(0, 2000, 48)
    assert from_midi(song(ringing), Device.MK2).pattern.bars == 1


def test_control_changes_of_the_mkii() -> None:
    track = [
        mido.Message("control_change", control=16, value=5, channel=2),
        mido.Message("control_change", control=7),
    ]
    made = from_midi(song([*track, *key(0, 10, 48)]), Device.MK2)
    change = made.pattern.events[0]
    assert (change.code, change.bank_half, change.byte_5, change.length) == (CONTROL, 2, 16, 5)
    assert made.remarks == ("1 x control change 7: a pattern does not hold it",)
    assert from_midi(to_midi(made.pattern)).pattern == made.pattern
    assert "no notes" in to_device(made.pattern, Device.SX).remarks[0]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"MThd", "cut short"),
        (b"RIFF", "neither a MIDI file"),
        (bytes(24), "end event"),
        (song([], kind=2), "type 0 or 1"),
        (song(key(0, 1, 48)), "--device"),
    ],
)
def test_what_is_no_pattern_is_told(data, said) -> None:
    with pytest.raises(FormatError, match=said):
        read_pattern(data)


def test_a_pattern_that_may_be_either_asks() -> None:
    data = bytes((0, END, *bytes(6), *bytes(8)))
    with pytest.raises(FormatError, match="--from-device"):
        read_pattern(data)
    assert read_pattern(data, from_device=Device.SX).pattern.device is Device.SX
