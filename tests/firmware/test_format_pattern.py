import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.formats import FormatError, pattern
from firmware.formats.pattern import Device, Pattern, PatternEvent

NUMBERS = [1, 2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 17, 20]


def real(device_files, number):
    data = (device_files / f"sp404/mk2_project/PTN/PTN{number:05d}.BIN").read_bytes()
    return data, pattern.parse(data, Device.MK2)


@pytest.mark.parametrize("number", NUMBERS)
def test_real_patterns_round_trip_and_fill_one_bar(device_files, number):
    data, parsed = real(device_files, number)
    assert parsed.to_bytes() == data
    assert (parsed.bars, parsed.ticks) == (1, 1920)


@pytest.mark.parametrize(
    ("number", "ticks"),
    [(9, range(0, 1920, 120)), (1, range(0, 1920, 480)), (7, range(0, 1920, 240)), (16, [70]), (17, [12])],
)
def test_events_lie_where_they_were_set(device_files, number, ticks):
    _, parsed = real(device_files, number)
    assert [tick for tick, _ in parsed.placed()] == list(ticks)


def test_sixteen_steps_are_all_of_pad_a1(device_files):
    _, parsed = real(device_files, 9)
    assert {parsed.pad_of(event) for _, event in parsed.placed()} == {("A", 1)}


def test_pads_velocity_pitch_and_length(device_files):
    _, plain = real(device_files, 2)
    _, event = next(plain.placed())
    assert (event.velocity, event.byte_5, event.length, pattern.semitones(event)) == (127, 0x40, 0x77, 0)
    _, pitched = real(device_files, 3)
    assert pattern.semitones(next(pitched.placed())[1]) == -6
    assert real(device_files, 5)[1].pad_of(real(device_files, 5)[1].events[0]) == ("B", 1)
    assert real(device_files, 20)[1].pad_of(real(device_files, 20)[1].events[0]) == ("F", 1)


def end(device, bars):
    trailer = bytes([0, bars]) if device is Device.SX else bytes([bars, 0])
    return PatternEvent(0, pattern.END), trailer.ljust(8, b"\0")


def test_sx_layout():
    last, trailer = end(Device.SX, 2)
    note = PatternEvent(96, 47, 0x40, 0, 100, 0x40, 0x0102)
    made = Pattern(Device.SX, (note, PatternEvent(255, pattern.FILLER), last), trailer)
    data = made.to_bytes()
    assert data[:8] == bytes([96, 47, 0x40, 0, 100, 0x40, 1, 2])
    assert pattern.parse(data, Device.SX) == made
    assert (made.bars, made.ticks, made.pad_of(note)) == (2, 351, ("F", 1))
    assert made.pad_of(PatternEvent(0, 106)) == ("E", 12)
    assert made.pad_of(PatternEvent(0, 107)) is None
    assert (Device.SX.ticks_per_quarter, Device.MK2.ticks_per_quarter) == (96, 480)


def test_mk2_length_is_little_endian():
    last, trailer = end(Device.MK2, 1)
    note = PatternEvent(0, 126, 1, 0x8D, 1, 2, 0x0102)
    made = Pattern(Device.MK2, (note, last), trailer)
    assert made.to_bytes()[6:8] == bytes([2, 1])
    assert made.pad_of(note) == ("J", 16)


def test_sx_file_numbers_are_decimal():
    assert pattern.sx_file_name("D", 2) == "PTN00038.BIN"
    assert pattern.sx_file_name("J", 12) == "PTN00120.BIN"


@pytest.mark.parametrize("size", [0, 7, 8, 15, 17])
def test_wrong_sizes(size):
    with pytest.raises(FormatError, match=f"{size} bytes"):
        pattern.parse(bytes(size), Device.SX)


def test_end_event_must_stand_last():
    last, trailer = end(Device.SX, 1)
    early = Pattern(Device.SX, (last, PatternEvent(1, pattern.FILLER)), trailer)
    twice = Pattern(Device.SX, (last, last), trailer)
    for bad in (early, twice):
        with pytest.raises(FormatError, match="end event"):
            pattern.parse(bad.to_bytes(), Device.SX)


def test_too_many_events():
    with pytest.raises(FormatError, match="larger than any device"):
        pattern.parse(bytes(8 * (pattern.MAX_EVENTS + 2)), Device.SX)


EVENTS = st.binary(min_size=8, max_size=8).filter(lambda event: event[1] != pattern.END)


@given(st.sampled_from(Device), st.lists(EVENTS, max_size=20), st.binary(min_size=16, max_size=16))
def test_any_events_round_trip(device, events, tail):
    data = b"".join(events) + tail[:1] + bytes([pattern.END]) + tail[2:]
    parsed = pattern.parse(data, device)
    assert parsed.to_bytes() == data
    assert len(list(parsed.placed())) <= len(events)


@given(st.sampled_from(Device), st.binary(max_size=200))
def test_any_bytes(device, data):
    try:
        parsed = pattern.parse(data, device)
    except FormatError:
        return
    assert parsed.to_bytes() == data
