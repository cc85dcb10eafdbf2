"""The files of an MKII project, explained."""

from __future__ import annotations

import struct
from typing import Any
from xml.etree import ElementTree

from . import FormatError, padconf, smp
from .describe_audio import audio_fields
from .description import Description, Field, Row, one_of, unknown
from .padconf import CHOPS, UNUSED_CHOP, PadConf, PadConfFile

BMP_BYTES, BMP_WIDTH, BMP_HEIGHT = 1086, 128, 64
LARGEST_XML = 1 << 20
_MOST_ELEMENTS = 10_000
_BANKS = "ABCDEFGHIJ"
_HEADER_KNOWN = (0x10, *range(0x40, 0x80, 4))
_PLAY_MODES = ("forward", "reverse", "forward ping-pong", "reverse ping-pong")
_FLAGS = {
    1: "fixed velocity",
    2: "vari backing",
    4: "vari ensemble",
    8: "legato",
    0x10: "poly",
    0x20: "one-shot",
}
_EMPTY = PadConf()


def project(data: bytes) -> Description:
    """A PADCONF.BIN of version 3 or 2."""
    conf = padconf.parse(data)
    used = sum(not pad.is_empty for pad in conf.pads)
    named = [(f"{_BANKS[n // 16]}{n % 16 + 1}", n) for n in range(padconf.PADS)]
    fields = (
        Field("version", conf.version),
        Field("project_name", conf.project_name or None, "" if conf.version == 3 else "version 2 has none"),
        Field("project_bpm", conf.project_bpm, "BPM"),
        Field("use_project_tempo", conf.uses_project_bpm),
        Field("banks", [_bank(conf, bank) for bank in range(10)], _banks_shown(conf)),
        Field("pads_used", used, f"of {padconf.PADS}"),
        unknown(_header_unknown(conf)),
    )
    rows = tuple(
        Row({"pad": name} | _values(conf, number), _shown(conf, name, number)) for name, number in named
    )
    remarks = ["version 2 is known from one source only"] if conf.version == 2 else []
    remarks += [f"pad {name}: {doubt}" for name, number in named for doubt in _doubts(conf.pads[number])]
    return Description("padconf", "PADCONF.BIN: an SP-404MKII project", fields, "pads", rows, tuple(remarks))


def sample(prefix: bytes, size: int) -> Description:
    """A .SMP sample."""
    header = smp.parse(prefix)
    fields = (
        Field("size_field", header.size_field, "file size less 8"),
        *audio_fields(header.audio(size), size),
        Field("md5", header.digest.hex(), "right" if header.digest_ok else "wrong"),
        Field("md5_expected", header.expected_digest().hex(), "of bytes 4 to 0x13"),
        Field("digest_ok", header.digest_ok),
        Field("reserved", header.reserved.hex(), "zeros in files we know"),
        Field("filler", f"{header.filler[:16].hex()}...", "meaning not known"),
    )
    remarks = []
    if header.size_field + 8 != size:
        remarks.append(f"the header says {header.size_field + 8:,} bytes, but the file has {size:,}")
    if not header.digest_ok:
        remarks.append("the MD5 is wrong or missing; what the device does then is not known")
    return Description("smp", "a sample of an SP-404MKII project", fields, remarks=tuple(remarks))


def chain(data: bytes) -> Description:
    """A pattern chain, which is XML: its elements as they are."""
    try:
        text = data.decode("utf-8-sig")
        if "<!" in text.replace("<!--", ""):  # no entities: they can grow without end
            raise FormatError("the pattern chain declares XML entities or types, as no device writes")
        root = ElementTree.fromstring(text)  # noqa: S314 - entities are refused above, the size is bounded
    except (UnicodeDecodeError, ElementTree.ParseError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"the pattern chain is not well-formed XML ({error})") from None
    elements = list(root.iter())
    if len(elements) > _MOST_ELEMENTS:
        raise FormatError(f"the pattern chain has {len(elements):,} elements, more than any device writes")
    rows = tuple(_element(element) for element in elements)
    fields = (Field("root", root.tag), Field("size_bytes", len(data)))
    remark = "what the elements mean is not known: they are shown as they are"
    return Description(
        "pattern-chain", "a pattern chain of an SP-404MKII project", fields, "elements", rows, (remark,)
    )


def picture(data: bytes, size: int) -> Description:
    """A BMP picture; the device's own have 128 x 64 pixels in 1,086 bytes."""
    if len(data) < 54:
        raise FormatError(f"the picture is cut short: it has {len(data)} of the 54 bytes of a BMP header")
    declared, offset = struct.unpack_from("<I4xI", data, 2)
    width, height, planes, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    fields = (
        Field("file_size", size, "bytes"),
        Field("declared_size", declared, "bytes, as the header says"),
        Field("width", width, "pixels"),
        Field("height", height, "pixels; negative: from the top down"),
        Field("bits", bits, "per pixel"),
        Field("planes", planes),
        Field("compression", compression, one_of(compression, "none")),
        Field("data_offset", offset),
    )
    fits = (size, width, abs(height)) == (BMP_BYTES, BMP_WIDTH, BMP_HEIGHT)
    remarks = (
        () if fits else (f"the device's own pictures are {BMP_WIDTH} x {BMP_HEIGHT} in {BMP_BYTES:,} bytes",)
    )
    return Description("picture", "a BMP picture", fields, remarks=remarks)


def _bank(conf: PadConfFile, bank: int) -> dict[str, Any]:
    return {
        "bank": _BANKS[bank],
        "protect": conf.bank_protected(bank),
        "bpm": conf.bank_bpm(bank),
        "volume": conf.bank_volume(bank),
    }


def _banks_shown(conf: PadConfFile) -> str:
    return ", ".join(
        f"{_BANKS[bank]} {conf.bank_bpm(bank):g} BPM, volume {conf.bank_volume(bank)}"
        + (", protected" if conf.bank_protected(bank) else "")
        for bank in range(10)
    )


def _header_unknown(conf: PadConfFile) -> dict[str, int]:
    offsets = [at for at in range(4, min(0x80, len(conf.header)), 4) if at not in _HEADER_KNOWN]
    words = {f"0x{at:02X}": int.from_bytes(conf.header[at : at + 4], "big") for at in offsets}
    return {at: word for at, word in words.items() if word}


def _values(conf: PadConfFile, number: int) -> dict[str, Any]:
    pad = conf.pads[number]
    values: dict[str, Any] = {
        "name": padconf.text(conf.names[number]),
        "empty": pad.is_empty,
        "smp_file_size": pad.size_bytes,
        "start": pad.start,
        "end": pad.end,
        "level": pad.level,
        "gate": pad.gate,
        "loop": pad.loop,
        "mute_group": pad.mute_group,
        "bpm_sync": pad.bpm_sync,
        "bpm_x100": pad.bpm,
        "bpm": pad.bpm / 100,
        "flags": pad.flags,
        "flag_names": _flag_names(pad.flags),
        "loop_start": pad.loop_start,
        "pitch": pad.pitch,
        "fine": pad.fine,
        "play_mode": pad.play_mode,
        "speed": pad.speed,
        "vinyl": pad.vinyl,
        "pan": pad.pan,
        "pad_link": pad.link,
        "bus": pad.bus,
        "roll": pad.roll,
        "attack": pad.attack,
        "hold": pad.hold,
        "release": pad.release,
        "unknown": {"word_6": pad.word_6, "word_12": pad.word_12}
        | {f"word_{25 + n}": word for n, word in enumerate(pad.words_25)},
    }
    if conf.chops:
        chops = conf.chops[number]
        values["chops"] = [frame for frame in chops.frames if frame != UNUSED_CHOP]
        values["chops_reserved"] = list(chops.reserved) if any(chops.reserved) else []
    return values


def _flag_names(flags: int) -> list[str]:
    names = [name for bit, name in _FLAGS.items() if flags & bit]
    rest = flags & ~sum(_FLAGS)
    return [*names, f"0x{rest:X} (not known)"] if rest else names


def _shown(conf: PadConfFile, name: str, number: int) -> str:
    pad = conf.pads[number]
    if pad.is_empty:
        return ""
    words = [
        f"{name:4}{pad.size_bytes:>12,} bytes",
        repr(padconf.text(conf.names[number])),
        f"{pad.bpm / 100:g} BPM",
    ]
    words.append("gate" if pad.gate else "trigger")
    if pad.loop:
        words.append(f"loop from byte {pad.loop_start:,}" if pad.loop_start != 512 else "loop")
    if (pad.start, pad.end) != (512, pad.size_bytes):
        words.append(f"plays bytes {pad.start:,} to {pad.end:,}")
    if pad.play_mode:
        words.append(one_of(pad.play_mode, *_PLAY_MODES))
    words += _flag_names(pad.flags)
    others = (
        "level",
        "mute_group",
        "bpm_sync",
        "pitch",
        "fine",
        "speed",
        "vinyl",
        "pan",
        "link",
        "bus",
        "roll",
    )
    for word in (*others, "attack", "hold", "release"):
        if getattr(pad, word) != getattr(_EMPTY, word):
            words.append(f"{word.replace('_', ' ')} {getattr(pad, word)}")
    chops = [frame for frame in conf.chops[number].frames if frame != UNUSED_CHOP] if conf.chops else []
    if chops:
        words.append(f"{len(chops)} of {CHOPS} chops (frames {', '.join(map(str, chops))})")
    return ", ".join(words)


def _doubts(pad: PadConf) -> list[str]:
    if pad.is_empty:
        return []
    limits = {"level": 127, "mute_group": 10, "play_mode": 3, "pan": 127, "link": 10, "bus": 2}
    bad = [
        f"{name} is {getattr(pad, name)}, above {top}"
        for name, top in limits.items()
        if getattr(pad, name) > top
    ]
    if not pad.start < pad.end <= pad.size_bytes:
        bad.append(f"start {pad.start} and end {pad.end} do not fit {pad.size_bytes:,} bytes")
    return bad


def _element(element: ElementTree.Element) -> Row:
    text = (element.text or "").strip()
    values: dict[str, Any] = {"tag": element.tag, "attributes": dict(element.attrib), "text": text}
    attributes = " ".join(f"{name}={value!r}" for name, value in element.attrib.items())
    return Row(values, " ".join(part for part in (str(element.tag), attributes, text) if part))
