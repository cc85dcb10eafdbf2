"""MIDI files as mido reads them, made safe for any bytes; and a summary of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import mido

from firmware.formats import FormatError
from firmware.formats.description import Description, Field, Row, one_of

MAX_FILE_BYTES = 4 << 20  # a long song is a few hundred KB; mido holds some 300 bytes for each event
_DEFAULT_TEMPO = 500_000  # microseconds a quarter note, 120 BPM
_LISTED = 100  # tempos, time signatures and names in a summary
# mido takes a run of high bytes for one ever-growing number, at quadratic cost; no real file has such a run.
_ENDLESS_NUMBER = re.compile(rb"[\x80-\xff]{4096}")

Timed = tuple[int, Any]  # tick from the start, mido message


def load(data: bytes) -> mido.MidiFile:
    """The file in ``data``; FormatError with the reason where it is none."""
    if len(data) > MAX_FILE_BYTES:
        raise FormatError(f"it is larger than {MAX_FILE_BYTES >> 20} MiB")
    if not data.startswith(b"MThd"):
        raise FormatError("it is not a MIDI file (it does not begin with MThd)")
    if _ENDLESS_NUMBER.search(data):
        raise FormatError("it holds a number without end")
    try:
        return mido.MidiFile(file=BytesIO(data))
    except EOFError:
        raise FormatError("it is cut short") from None
    except Exception as error:  # mido's decoders raise whatever the bytes lead them to
        raise FormatError(f"it is damaged ({error or type(error).__name__})") from error


def save(song: mido.MidiFile) -> bytes:
    """The file's bytes."""
    out = BytesIO()
    song.save(file=out)
    return out.getvalue()


def timed(song: mido.MidiFile) -> list[Timed]:
    """All messages of all tracks with their ticks, stably by tick, then by track."""
    found: list[Timed] = []
    for track in song.tracks:
        tick = 0
        for message in track:
            tick += message.time
            found.append((tick, message))
    found.sort(key=lambda item: item[0])
    return found


def is_press(message: Any) -> bool:
    """Whether a message presses a key; a note-on of velocity 0 releases it."""
    return bool(message.type == "note_on" and message.velocity > 0)


def summary(data: bytes) -> Description:
    """What a MIDI file holds: resolution, length, tempos, and the keys of each channel."""
    song = load(data)
    messages = timed(song)
    division = song.ticks_per_beat
    tempos = [(tick, m.tempo) for tick, m in messages if m.type == "set_tempo"]
    signatures = [f"{m.numerator}/{m.denominator}" for _, m in messages if m.type == "time_signature"]
    ticks = messages[-1][0] if messages else 0
    fields = (
        Field(
            "type", song.type, one_of(song.type, "one track", "tracks that play together", "single patterns")
        ),
        Field("tracks", len(song.tracks)),
        Field("track_names", [track.name for track in song.tracks[:_LISTED] if track.name]),
        Field("division", division, "ticks a quarter note" if division > 0 else "SMPTE time"),
        Field("ticks", ticks),
        Field("seconds", round(_seconds(ticks, tempos, division), 3) if division > 0 else None),
        Field("tempos", [_bpm(tempo) for _, tempo in tempos[:_LISTED]], "BPM; 120 where none is said"),
        Field("time_signatures", signatures[:_LISTED]),
        Field("notes", sum(is_press(m) for _, m in messages)),
    )
    return Description("midi", "a Standard MIDI file", fields, "channels", tuple(_channels(messages)))


def _bpm(tempo: int) -> float:
    return round(60e6 / tempo, 3) if tempo else 0.0


def _seconds(ticks: int, tempos: list[tuple[int, int]], division: int) -> float:
    total, at, tempo = 0, 0, _DEFAULT_TEMPO
    for tick, new in tempos:
        total, at, tempo = total + (tick - at) * tempo, tick, new
    return (total + (ticks - at) * tempo) / (1e6 * division)


def _channels(messages: list[Timed]) -> Iterator[Row]:
    for channel in range(16):
        own = [m for _, m in messages if not m.is_meta and getattr(m, "channel", None) == channel]
        keys = [m.note for m in own if is_press(m)]
        if not own:
            continue
        values = {
            "channel": channel + 1,
            "notes": len(keys),
            "lowest": min(keys, default=None),
            "highest": max(keys, default=None),
            "other_messages": sum(m.type not in ("note_on", "note_off") for m in own),
        }
        span = f", keys {values['lowest']} to {values['highest']}" if keys else ""
        yield Row(values, f"channel {channel + 1:>2}: {len(keys)} notes{span}")
