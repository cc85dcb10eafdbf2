"""The pads of an SP-404MKII project, from PADCONF.BIN and the sample files."""

from __future__ import annotations

from typing import Any

from firmware.catalogue import Catalogue, Pad
from firmware.formats import padconf, smp
from firmware.formats.padconf import PadConf, PadConfFile
from sdcard_image.types import Card, Entry

from .fix_pads import within_ranges
from .kit import BANKS, KitPad, Place, Position
from .kit_read import PadsRead, by_place, files_in, kit_pad, off_frames, pads_of, positions, table, tempo

_VARI = padconf.VARI_BACKING | padconf.VARI_ENSEMBLE


def read_mk2(card: Card, catalogue: Catalogue, base: str) -> PadsRead:
    """Every pad that has a sample file. ``catalogue`` is what the MKII boots of the project at ``base``."""
    read = PadsRead(f"{base}/PADCONF.BIN")
    config = table(card, read, padconf.parse) or padconf.new("PROJECT")
    files, booted = files_in(card, f"{base}/SMPL"), by_place(catalogue)
    missing, unlisted = [], []
    for number, conf in enumerate(config.pads):
        bank, pad = divmod(number, padconf.PADS_PER_BANK)
        place = BANKS[bank], pad + 1
        entry = files.get(smp.file_name(bank + 1, pad + 1))
        if entry is not None and conf.is_empty:
            read.pads[place] = kit_pad(entry.path, {"loop": "off"})
            unlisted.append(place)
        elif entry is not None:
            read.pads[place] = _pad(read, entry, config, number, booted.get(place))
        elif not conf.is_empty:
            missing.append(place)
    if unlisted and not read.lost:
        read.remarks.append(f"{pads_of(unlisted)}: a sample without settings gets those of an empty pad")
    read.missing(missing)
    if not read.lost:
        _project(read, config)
    return read.finish()


def _project(read: PadsRead, config: PadConfFile) -> None:
    """What the project says for all pads."""
    if config.project_name:
        read.remarks.append(f"the project's name {config.project_name!r}: not carried")
    if config.uses_project_bpm:
        read.remarks.append(f"the project's tempo of {config.project_bpm:g} BPM, for all banks: not carried")
    protected = [letter for bank, letter in enumerate(BANKS) if config.bank_protected(bank)]
    if protected:
        read.remarks.append(
            f"the protection of bank{'s' * (len(protected) > 1)} {', '.join(protected)}: not carried"
        )


def _pad(read: PadsRead, entry: Entry, config: PadConfFile, number: int, booted: Pad | None) -> KitPad:
    bank, pad = divmod(number, padconf.PADS_PER_BANK)
    place = BANKS[bank], pad + 1
    conf = within_ranges(config.pads[number])
    values: dict[str, Any] = {
        "name": padconf.text(config.names[number]) or None,
        "volume": round(conf.level * config.bank_volume(bank) / 127),  # the other device's banks have none
        "bpm": tempo(conf.bpm / 100),
        "gate": bool(conf.gate),
        "loop": _loop(conf),
        "reverse": conf.play_mode in (padconf.REVERSE, padconf.REVERSE_PING_PONG),
        "one_shot": bool(conf.flags & padconf.ONE_SHOT),
        "poly": bool(conf.flags & padconf.POLY),
        "legato": bool(conf.flags & padconf.LEGATO),
        "fixed_velocity": bool(conf.flags & padconf.FIXED_VELOCITY),
        "mute_group": conf.mute_group,
        "pitch": conf.pitch,
        "speed": conf.speed / 100,
        "pan": max(-64, conf.pan - 64),
        "attack": conf.attack,
        "hold": conf.hold,
        "release": conf.release,
        "bus": conf.bus,
        "link": conf.link,
        "bpm_sync": bool(conf.bpm_sync),
        "chops": _chops(config, number),
    }
    _leave_behind(read, config.pads[number], place, sizes_known=booted is not None)
    if off_frames(booted, (conf.start, conf.end, conf.loop_start)):
        read.leave("the exact start, end and loop point, which lie inside a frame,", place)
    if values["bpm"] is None:
        read.leave("a tempo out of range", place)
    return kit_pad(entry.path, values | positions(booted))


def _loop(conf: PadConf) -> str:
    if not conf.loop:
        return "off"
    return "ping-pong" if conf.play_mode in (padconf.PING_PONG, padconf.REVERSE_PING_PONG) else "forward"


def _chops(config: PadConfFile, number: int) -> tuple[Position, ...]:
    frames = config.chops[number].frames if config.chops else ()
    return tuple(Position(frame) for frame in frames if frame != padconf.UNUSED_CHOP)


def _leave_behind(read: PadsRead, conf: PadConf, place: Place, *, sizes_known: bool) -> None:
    """What no kit can say."""
    empty = PadConf()
    told = {
        "fine pitch": conf.fine != empty.fine,
        "vinyl": conf.vinyl != empty.vinyl,
        "roll": conf.roll != empty.roll,
        "Vari": bool(conf.flags & _VARI),
        "settings of no known meaning": (conf.word_6, conf.word_12, conf.words_25)
        != (empty.word_6, empty.word_12, empty.words_25),
        "settings out of range": within_ranges(conf) != conf,
        "start and end, as the sample is none that the device plays,": not sizes_known,
    }
    for what, on in told.items():
        if on:
            read.leave(what, place)
