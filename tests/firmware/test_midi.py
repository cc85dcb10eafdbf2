"""Bytes to messages, notes to pads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.midi import MidiParser, midi_rules, note_map
from firmware.profiles import Fact, Profile, ProfileError, load


def parse(*chunks: bytes) -> list[bytes]:
    parser = MidiParser()
    return [message for chunk in chunks for message in parser.feed(chunk)]


def test_running_status_with_real_time_inside_and_between():
    stream = bytes([0x90, 60, 0xF8, 100, 62, 0xFE, 0xF8, 101, 0xF8, 64, 0])
    messages = [m for m in parse(stream) if len(m) > 1]
    assert messages == [b"\x90\x3c\x64", b"\x90\x3e\x65", b"\x90\x40\x00"]
    assert parse(stream).count(b"\xf8") == 3


def test_two_byte_messages_run_too():
    assert parse(bytes([0xC1, 5, 6, 0xD2, 7])) == [b"\xc1\x05", b"\xc1\x06", b"\xd2\x07"]


def test_sysex_and_system_common_end_running_status_and_are_passed_over():
    assert parse(bytes([0x90, 60, 100, 0xF0, 1, 2, 0xF8, 3, 0xF7, 61, 100])) == [b"\x90\x3c\x64", b"\xf8"]
    assert parse(bytes([0x90, 60, 100, 0xF2, 1, 2, 61, 100])) == [b"\x90\x3c\x64"]


def test_stray_data_and_a_status_that_interrupts_are_dropped():
    assert parse(bytes([1, 2, 3, 0x90, 60, 0x80, 60, 0])) == [b"\x80\x3c\x00"]


@given(st.binary(max_size=200), st.integers(0, 200))
def test_pieces_do_not_matter_and_messages_are_well_formed(stream: bytes, cut: int):
    whole = parse(stream)
    assert parse(stream[:cut], stream[cut:]) == whole
    lengths = {0x80: 3, 0x90: 3, 0xA0: 3, 0xB0: 3, 0xC0: 2, 0xD0: 2, 0xE0: 3, 0xF0: 1}
    for message in whole:
        assert len(message) == lengths[message[0] & 0xF0]
        assert all(byte < 0x80 for byte in message[1:])


def test_generic_map():
    places = note_map("generic").places
    assert places[0, 36] == (0, 1)
    assert places[9, 51] == (9, 16)
    assert len(places) == 160
    assert (0, 52) not in places
    assert (10, 36) not in places


def test_mk2_mode_a_map():
    notes = note_map("sp404mk2-a")
    firsts = {pad: notes.key((0, pad)) for pad in (1, 4, 5, 9, 13, 16)}
    assert firsts == {1: (0, 48), 4: (0, 51), 5: (0, 44), 9: (0, 40), 13: (0, 36), 16: (0, 39)}
    assert notes.places[3, 48] == (3, 1)
    assert (0, 35) not in notes.places  # external input


def test_sx_map():
    places = note_map("sp404sx").places
    assert places[0, 47] == (0, 1)
    assert places[0, 106] == (4, 12)
    assert places[1, 47] == (5, 1)
    assert len(places) == 120


def test_original_map_holds_only_the_banks_that_are_known():
    places = note_map("sp404").places
    assert places[0, 58] == (0, 12)
    assert places[0, 83] == (3, 1)
    assert places[1, 71] == (6, 1)
    assert {bank for bank, _ in places.values()} == {0, 1, 2, 3, 6, 7}


def test_banks_of_a_channel():
    assert note_map("generic").banks(2) == {2}
    assert note_map("sp404sx").banks(1) == {5, 6, 7, 8, 9}
    assert note_map("generic").banks(15) == set()


def test_unknown_map_is_a_profile_error():
    with pytest.raises(ProfileError, match="known: generic, sp404"):
        note_map("theremin")


def test_what_a_profile_does_not_state_is_not_done():
    rules = midi_rules(Profile("bare", "Bare", {"midi.map": Fact("sp404", "R")}))
    assert (rules.program_change, rules.all_sound_off, rules.all_notes_off) == ("none", False, False)


def test_generic_rules():
    rules = midi_rules(load("generic"))
    assert (rules.program_change, rules.all_sound_off, rules.all_notes_off) == ("bank", True, True)
