"""An SP-404MKII project: PADCONF.BIN (version 3) from what the kit says of each pad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from firmware.formats import padconf, smp
from firmware.formats.padconf import Chops, PadConf, PadConfFile
from firmware.profiles import Profile
from sdcard_image.types import Item

from .export_types import ExportPlan, Region, Sample, chops, number, pad_name, region
from .kit import BANKS, Kit, KitBank, KitPad, Place
from .names import safe_stem

PROJECTS = "/EXPORT/PROJECT"
PADS_PER_BANK = padconf.PADS_PER_BANK
NOT_CARRIED = frozenset(("lofi", "tempo_mode"))
_FLAGS = {
    "fixed_velocity": padconf.FIXED_VELOCITY,
    "legato": padconf.LEGATO,
    "poly": padconf.POLY,
    "one_shot": padconf.ONE_SHOT,
}


def root(kit: Kit) -> str:
    """The project's folder."""
    return f"{PROJECTS}/PROJECT_{kit.project:02d}"


def sample_path(kit: Kit, place: Place) -> str:
    """The sample of a pad."""
    return f"{root(kit)}/SMPL/{smp.file_name(BANKS.index(place[0]) + 1, place[1])}"


def pattern_path(kit: Kit, place: Place) -> str:
    """The pattern of a pad, numbered as pads are: A1 is 1, J16 is 160."""
    return f"{root(kit)}/PTN/PTN{number(place, PADS_PER_BANK) + 1:05d}.BIN"


def index(plan: ExportPlan, samples: Sequence[Sample]) -> tuple[list[Item], list[str]]:
    """The folders and PADCONF.BIN, and remarks on what had to change."""
    kit = plan.kit
    remarks: list[str] = []
    conf = _head(kit)
    pads, names, cuts = list(conf.pads), list(conf.names), list(conf.chops)
    for sample in samples:
        place = sample.job.place
        at = number(place, PADS_PER_BANK)
        played = region(sample)
        bank = kit.banks.get(place[0], KitBank())
        pads[at] = _pad(sample, played, bank.bpm or kit.bpm)
        name, said = _name(sample.job.pad, sample.job.source, plan.profile)
        names[at] = padconf.name_bytes(name)
        cuts[at] = _chops(chops(sample))
        remarks += [f"pad {pad_name(place)}: {one}" for one in (*played.remarks, *said)]
    conf = replace(conf, pads=tuple(pads), names=tuple(names), chops=tuple(cuts))
    base = root(kit)
    folders = [Item(path, None) for path in ("/EXPORT", PROJECTS, base, f"{base}/SMPL", f"{base}/PTN")]
    return [*folders, Item(f"{base}/PADCONF.BIN", conf.to_bytes())], remarks


def _head(kit: Kit) -> PadConfFile:
    conf = padconf.new(kit.name or f"PROJECT_{kit.project:02d}")
    if kit.bpm is not None:
        conf = padconf.with_project_bpm(conf, kit.bpm, use=kit.use_project_tempo)
    elif kit.use_project_tempo:
        conf = padconf.with_project_bpm(conf, conf.project_bpm, use=True)
    for number_, letter in enumerate(BANKS):
        bank = kit.banks.get(letter, KitBank())
        bpm = bank.bpm or kit.bpm or conf.bank_bpm(number_)
        conf = padconf.with_bank(conf, number_, bpm=bpm, volume=bank.volume, protect=bank.protect)
    return conf


def _pad(sample: Sample, played: Region, bpm: float | None) -> PadConf:
    pad = sample.job.pad
    frame = 2 * sample.channels
    ping_pong = played.loop == "ping-pong"
    tempo = pad.bpm or bpm
    return PadConf(
        size_bytes=sample.size_bytes,
        start=smp.DATA_OFFSET + played.start * frame,
        end=smp.DATA_OFFSET + played.end * frame,
        level=pad.volume,
        gate=int(pad.gate),
        loop=padconf.LOOP_ON if played.loop != "off" else 0,
        mute_group=pad.mute_group,
        bpm_sync=int(pad.bpm_sync),
        bpm=round(tempo * 100) if tempo else PadConf().bpm,
        flags=sum(bit for key, bit in _FLAGS.items() if getattr(pad, key)),
        loop_start=smp.DATA_OFFSET + played.loop_start * frame,
        pitch=pad.pitch,
        play_mode=_play_mode(reverse=pad.reverse, ping_pong=ping_pong),
        speed=round(pad.speed * 100),
        pan=64 + pad.pan,
        link=pad.link,
        bus=pad.bus,
        attack=pad.attack,
        hold=pad.hold,
        release=pad.release,
    )


def _play_mode(*, reverse: bool, ping_pong: bool) -> int:
    if ping_pong:
        return padconf.REVERSE_PING_PONG if reverse else padconf.PING_PONG
    return padconf.REVERSE if reverse else padconf.FORWARD


def _chops(frames: tuple[int, ...]) -> Chops:
    unused = (padconf.UNUSED_CHOP,) * (padconf.CHOPS - len(frames))
    return Chops((*frames, *unused))


def _name(pad: KitPad, source: str, profile: Profile) -> tuple[str, list[str]]:
    """The pad's name as the device shows it, and a remark where one that was asked for had to change."""
    asked = pad.name if pad.name is not None else source.rpartition("/")[2].rpartition(".")[0]
    name = safe_stem(asked, profile)
    changed = pad.name is not None and name != pad.name
    return name, [f"the name {pad.name!r} becomes {name!r}, as the device shows it"] if changed else []
