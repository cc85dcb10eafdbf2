"""The files of an SP-404SX card, explained."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from firmware.wording import counted

from . import FormatError, pad_info, rlnd
from .describe_audio import audio_fields
from .description import Description, Field, Row, on_off, one_of
from .header import AudioHeader
from .pad_info import PadRecord

RECORD_BYTES = 32
STPINFO_BYTES = 124
CHUNK_BYTES = 466  # a RLND chunk with its header
_FLAGS = ("lofi", "loop", "gate", "reverse")


def pad_table(data: bytes) -> Description:
    """A PAD_INFO.BIN."""
    records = pad_info.parse(data)
    named = [(pad_name(number), record) for number, record in enumerate(records)]
    used = sum(not record.is_empty for record in records)
    rows = tuple(Row({"pad": name} | _values(record), _shown(name, record)) for name, record in named)
    remarks = [f"pad {name}: {doubt}" for name, record in named for doubt in _doubts(record)]
    return Description(
        "pad-info",
        "PAD_INFO.BIN: the pad settings of an SP-404SX card",
        (Field("records", len(records), f"{counted(used, 'pad')} hold{'s' * (used == 1)} a sample"),),
        "pads",
        rows,
        tuple(remarks),
    )


def pad_record(data: bytes) -> Description:
    """One pad's record of a PAD_INFO.BIN."""
    record = PadRecord.from_bytes(data)
    meanings = _meanings(record)
    fields = tuple(Field(name, value, meanings.get(name, "")) for name, value in _values(record).items())
    return Description(
        "pad-record", "one pad of an SP-404SX card's PAD_INFO.BIN", fields, remarks=tuple(_doubts(record))
    )


def stpinfo(data: bytes) -> Description:
    """A STPINFO.BIN, of which only the size is known."""
    remark = "the layout of STPINFO.BIN is not known: keep the file as it is"
    return Description(
        "stpinfo",
        "STPINFO.BIN of an SP-404SX card",
        (Field("size_bytes", len(data)), Field("unknown", data.hex(), "meaning not known")),
        remarks=(remark,),
    )


def rlnd_chunk(data: bytes) -> Description:
    """A RLND chunk by itself, with its 8-byte header."""
    if len(data) != CHUNK_BYTES or data[:4] != b"RLND":
        raise FormatError(f"a RLND chunk has {CHUNK_BYTES} bytes, and this has {len(data)}")
    return Description(
        "rlnd",
        "the RLND chunk of an SP-404SX sample",
        (
            Field("size", int.from_bytes(data[4:8], "little"), "bytes after this field"),
            *_rlnd_fields(data[8:]),
        ),
    )


def wav(prefix: bytes, header: AudioHeader, size: int) -> Description:
    """A WAV with a RLND chunk where the device's converter puts it."""
    fields = (*audio_fields(header, size), *_rlnd_fields(prefix[46:504]))
    remarks = [] if header.data_offset == rlnd.DATA_OFFSET else ["its audio does not begin at byte 512"]
    return Description("sx-wav", "a sample of an SP-404SX card", fields, remarks=(*header.remarks, *remarks))


def pad_name(number: int) -> str:
    """The pad of a record's number: 0 is A1, 119 is J12."""
    return f"{pad_info.BANKS[number // pad_info.PADS_PER_BANK]}{number % pad_info.PADS_PER_BANK + 1}"


def _rlnd_fields(body: bytes) -> tuple[Field, ...]:
    chunk = rlnd.Rlnd.from_bytes(body)
    pad = pad_name(chunk.pad_index) if chunk.pad_index < pad_info.RECORDS else "no pad"
    others = [] if not any(chunk.rest) else [Field("unknown", chunk.rest.hex(), "zeros in files we know")]
    return (
        Field("signature", body[:8].decode("ascii")),
        Field("bytes_54", chunk.version.hex(" "), "04 00 00 00 in files we know"),
        Field("pad_index", chunk.pad_index, pad),
        *others,
    )


def _values(record: PadRecord) -> dict[str, Any]:
    bpm = {"original_bpm": record.original_tempo / 10, "user_bpm": record.user_tempo / 10}
    return asdict(record) | bpm | {"empty": record.is_empty}


def _meanings(record: PadRecord) -> dict[str, str]:
    return {
        "original_start": "byte offset in the sample file",
        "original_end": "byte offset in the sample file",
        "user_start": "byte offset in the sample file",
        "user_end": "byte offset in the sample file",
        "volume": "0 to 127",
        **{flag: on_off(getattr(record, flag)) for flag in _FLAGS},
        "file_type": one_of(record.file_type, "AIFF", "WAVE"),
        "channels": one_of(record.channels, "none", "mono", "stereo"),
        "tempo_mode": one_of(record.tempo_mode, "off", "pattern", "user"),
        "original_tempo": "BPM x 10",
        "user_tempo": "BPM x 10",
        "empty": "the pad holds no sample" if record.is_empty else "the pad holds a sample",
    }


def _shown(name: str, record: PadRecord) -> str:
    if record.is_empty:
        return ""
    meaning = _meanings(record)
    words = [
        f"{name:4}{record.original_end:>12,} bytes",
        f"{meaning['file_type']} {meaning['channels']}",
        f"volume {record.volume}",
        f"{record.user_tempo / 10:.1f} BPM",
        *(flag for flag in _FLAGS if getattr(record, flag)),
    ]
    if (record.user_start, record.user_end) != (record.original_start, record.original_end):
        words.append(f"plays bytes {record.user_start:,} to {record.user_end:,}")
    if record.tempo_mode:
        words.append(f"tempo mode {meaning['tempo_mode']}")
    return ", ".join(words)


def _doubts(record: PadRecord) -> list[str]:
    limits = {"volume": 127, **dict.fromkeys(_FLAGS, 1), "file_type": 1, "tempo_mode": 2}
    bad = [
        f"{name} is {getattr(record, name)}, above {top}"
        for name, top in limits.items()
        if getattr(record, name) > top
    ]
    if record.channels not in (1, 2):
        bad.append(f"channels is {record.channels}, neither 1 nor 2")
    if (
        not record.is_empty
        and not record.original_start <= record.user_start < record.user_end <= record.original_end
    ):
        bad.append("what the user set lies outside the sample")
    return bad
