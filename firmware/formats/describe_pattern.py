"""Patterns, explained event by event."""

from __future__ import annotations

from typing import Any

from . import FormatError, pattern
from .description import Description, Field, Row
from .pattern import CONTROL, END, FILLER, Device, Pattern, PatternEvent

_TITLES = {Device.SX: "a pattern of an SP-404SX card", Device.MK2: "a pattern of an SP-404MKII project"}
KINDS = {Device.SX: "sx-pattern", Device.MK2: "mk2-pattern"}
_TIME_SIGNATURES = {0: "4/4", 1: "3/4"}
_NO_LOOP = 0x80


def describe(data: bytes, device: Device | None = None) -> Description:
    """A pattern of ``device``, by default of the one whose it seems to be; FormatError where none fits."""
    device = device or pattern.device_of(data)
    if device is None:
        pattern.parse(data, Device.MK2)  # says what is wrong, if it is no pattern at all
        raise FormatError("the pattern may be the SX's or the MKII's: say which with --device")
    found = pattern.parse(data, device)
    rows = _rows(found)
    notes = sum(found.pad_of(event) is not None for event in found.events)
    fields = (
        Field("device", "sp404sx" if device is Device.SX else "sp404mk2"),
        Field("ticks_per_quarter", device.ticks_per_quarter),
        Field("bars", found.bars),
        Field("ticks", found.ticks, f"{found.ticks / device.ticks_per_quarter:g} quarter notes"),
        Field("notes", notes),
        *_trailer(found),
    )
    strange = sum(row.values["type"] == "unknown" for row in rows)
    remarks = (f"{strange} events are of no known kind",) if strange else ()
    return Description(KINDS[device], _TITLES[device], fields, "events", rows, remarks)


def _trailer(found: Pattern) -> tuple[Field, ...]:
    raw = found.trailer
    if found.device is Device.SX:
        return (Field("trailer", raw.hex(" "), "byte 1 = bars; the others are not known"),)
    signature = _TIME_SIGNATURES.get(raw[4], f"not known ({raw[4]})")
    return (
        Field("time_signature", raw[4], signature),
        Field("loop_start", raw[5], "no loop" if raw[5] == _NO_LOOP else "bar"),
        Field("loop_end", raw[6]),
        Field("trailer", raw.hex(" "), "bytes 1 to 3 and 7 are not known"),
    )


def _rows(found: Pattern) -> tuple[Row, ...]:
    rows, tick = [], 0
    for event in found.events:
        values = {"tick": tick, "ticks_to_next": event.delta} | _values(found, event)
        rows.append(Row(values, "" if event.code == FILLER else _shown(values)))
        tick += event.delta
    return tuple(rows)


def _values(found: Pattern, event: PatternEvent) -> dict[str, Any]:
    if event.code in (FILLER, END):
        return {"type": "filler" if event.code == FILLER else "end"}
    place = found.pad_of(event)
    if place is None:
        return _control(event) if event.code == CONTROL else _strange(event)
    values = {
        "type": "note",
        "pad": f"{place[0]}{place[1]}",
        "velocity": event.velocity,
        "length": event.length,
    }
    if found.device is Device.SX:
        return values | {"byte_2": event.bank_half, "byte_3": event.byte_3, "byte_5": event.byte_5}
    pitch = {"pitch": pattern.semitones(event)} if event.byte_3 else {}
    return (
        values
        | pitch
        | {"byte_2": event.bank_half, "byte_3": event.byte_3, "note_off_velocity": event.byte_5}
    )


def _control(event: PatternEvent) -> dict[str, Any]:
    return {
        "type": "control",
        "channel": event.bank_half,
        "controller": event.byte_5,
        "value": event.length & 0xFF,
    }


def _strange(event: PatternEvent) -> dict[str, Any]:
    return {
        "type": "unknown",
        "byte_1": event.code,
        "byte_2": event.bank_half,
        "byte_3": event.byte_3,
        "byte_4": event.velocity,
        "byte_5": event.byte_5,
        "bytes_6_7": event.length,
    }


def _shown(values: dict[str, Any]) -> str:
    rest = [f"{name} {value}" for name, value in values.items() if name not in ("tick", "type", "pad")]
    what = f"pad {values['pad']}" if "pad" in values else values["type"]
    return f"{values['tick']:>7}  {what:<8} {', '.join(rest)}"
