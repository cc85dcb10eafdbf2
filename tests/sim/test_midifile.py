"""MIDI files onto frames, against exact fractions worked out by hand and by a second implementation."""

from __future__ import annotations

import contextlib
import struct
from fractions import Fraction
from io import BytesIO

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.hal import MidiMessage
from librarian.midi_file import MAX_FILE_BYTES
from sim.errors import InputError
from sim.midifile import MessageList, parse_midi, read_midi

RATE = 48_000
END = b"\x00\xff\x2f\x00"


def smf(*tracks: bytes, kind: int = 1, division: int = 480) -> bytes:
    chunks = b"".join(b"MTrk" + struct.pack(">I", len(t)) + t for t in tracks)
    return b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), division & 0xFFFF) + chunks


def tempo(delta: int, microseconds: int) -> bytes:
    return bytes([delta]) + b"\xff\x51\x03" + microseconds.to_bytes(3, "big")


def saved(song: mido.MidiFile) -> bytes:
    file = BytesIO()
    song.save(file=file)
    return file.getvalue()


def test_type_0_with_running_status():
    track = b"\x00\x90\x24\x7f" + b"\x60\x24\x00" + b"\x83\x60\x25\x40" + END
    messages = parse_midi(smf(track, kind=0, division=96), RATE)
    assert messages == [
        MidiMessage(0, b"\x90\x24\x7f"),
        MidiMessage(24_000, b"\x90\x24\x00"),
        MidiMessage(24_000 + 120_000, b"\x90\x25\x40"),
    ]


def test_tempo_changes_in_track_one_move_the_notes_of_track_two():
    conductor = tempo(0, 500_000) + tempo(100, 333_333) + tempo(7, 1_000_001) + END
    notes = b"\x64\x90\x24\x7f" + b"\x07\x90\x25\x7f" + b"\x0b\x90\x26\x7f" + END
    times = [Fraction(100 * 500_000), Fraction(7 * 333_333), Fraction(11 * 1_000_001)]
    seconds, frames = Fraction(0), []
    for step in times:
        seconds += step / (96 * 1_000_000)
        frames.append(int(seconds * RATE + Fraction(1, 2)))
    got = parse_midi(smf(conductor, notes, division=96), RATE)
    assert [m.frame for m in got] == frames


def test_ten_hours_of_an_awkward_tempo_do_not_drift():
    song = mido.MidiFile(type=0, ticks_per_beat=997)
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_009)])
    track.extend(mido.Message("note_on", note=36, time=997 * 72) for _ in range(1000))
    song.tracks.append(track)
    last = parse_midi(saved(song), 44_100)[-1]
    exact = Fraction(500_009 * 72_000 * 44_100, 1_000_000)
    assert abs(last.frame - exact) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("fps", "exact"),
    [(24, Fraction(24)), (25, Fraction(25)), (29, Fraction(30_000, 1001)), (30, Fraction(30))],
)
def test_smpte_division_ignores_tempo(fps: int, exact: Fraction):
    track = tempo(0, 250_000) + b"\x87\x68\x90\x24\x7f" + END  # 1,000 ticks
    (message,) = parse_midi(smf(track, division=(-fps << 8) | 40), RATE)
    assert message.frame == int(1000 / (exact * 40) * RATE + Fraction(1, 2))


def test_tracks_keep_their_order_on_one_frame():
    first, second = b"\x0a\x90\x24\x7f" + END, b"\x0a\x91\x24\x7f" + END
    assert [m.data[0] for m in parse_midi(smf(first, second), RATE)] == [0x90, 0x91]


def test_a_held_key_is_released_before_it_is_pressed_again():
    first = b"\x00\x90\x24\x7f" + b"\x0a\x90\x24\x7e" + END
    second = b"\x0a\x80\x24\x40" + END
    kinds = [m.data for m in parse_midi(smf(first, second), RATE)]
    assert kinds == [b"\x90\x24\x7f", b"\x80\x24\x40", b"\x90\x24\x7e"]


def test_a_note_of_no_length_still_begins_before_it_ends():
    track = b"\x00\x90\x24\x7f" + b"\x00\x80\x24\x40" + END
    assert [m.data[0] for m in parse_midi(smf(track), RATE)] == [0x90, 0x80]


def test_keys_that_are_down_are_released_before_any_is_pressed():
    track = b"\x00\x90\x24\x7f" + b"\x0a\x90\x25\x7f" + b"\x00\x80\x24\x40" + END
    assert [m.data[:2] for m in parse_midi(smf(track), RATE)] == [b"\x90\x24", b"\x80\x24", b"\x90\x25"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a MIDI file"),
        (b"RIFF....", "not a MIDI file"),
        (smf(b"\x00\x90\x24\x7f" + END)[:-6], "cut short"),
        (smf(b"\x00\x90\x24\x7f" + END)[:10], "cut short"),
        (smf(END, kind=2), "type 2"),
        (smf(END, division=0), "division"),
        (smf(END, division=(-23 << 8) | 40), "division"),
        (smf(b"\x00\x90\xff\x7f" + END), "damaged"),
        (smf(b"\x00\xff\x51\x01\x07" + END), "damaged"),
        (smf(b"\x00\x24\x7f" + END), "damaged"),
        (smf(b"\x00\xf0\xff\xff\xff\x7f" + END), "damaged"),
        (smf(b"\xff\xff\xff\xff\x7f\x90\x24\x7f" + END), "longer than 24 hours"),
        (smf(b"\xff" * 100_000), "number without end"),
    ],
)
def test_unusable_files_say_why(data: bytes, reason: str):
    with pytest.raises(InputError, match=reason):
        parse_midi(data, RATE)


def test_errors_name_the_file(tmp_path):
    path = tmp_path / "song.mid"
    path.write_bytes(b"MThd\x00")
    with pytest.raises(InputError, match=r"song\.mid: cannot play this MIDI file: it is cut short"):
        read_midi(path, RATE)


def test_a_file_too_large_is_refused_unread(tmp_path):
    path = tmp_path / "big.mid"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES * 1000)
    with pytest.raises(InputError, match="larger than 4 MiB"):
        read_midi(path, RATE)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 3), st.integers(-32768, 32767))
def test_any_track_parses_or_is_refused(track: bytes, kind: int, division: int):
    try:
        messages = parse_midi(smf(track, kind=kind, division=division), RATE)
    except InputError:
        return
    assert [m.frame for m in messages] == sorted(m.frame for m in messages)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_song_parses_or_is_refused(data: st.DataObject):
    song = bytearray(smf(tempo(0, 400_000) + END, b"\x00\x90\x24\x7f\x60\x24\x00\x00\xf0\x02\x01\xf7" + END))
    for _ in range(data.draw(st.integers(1, 4))):
        song[data.draw(st.integers(0, len(song) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InputError):
        parse_midi(bytes(song), RATE)


def test_message_list_gives_each_message_once_and_again_after_a_refusal():
    messages = [MidiMessage(frame, b"\x90\x24\x7f") for frame in (0, 5, 5, 9)]
    source = MessageList(messages)
    assert list(source.until(5)) == messages[:1]
    for message in source.until(9):  # whoever takes it fails: the message stays
        assert message is messages[1]
        break
    assert list(source.until(9)) == messages[1:3]
    assert not source.finished
    assert list(source.until(10)) == messages[3:]
    assert source.finished
