"""An SP-404SX card: PAD_INFO.BIN from what the kit says of each pad."""

from __future__ import annotations

from collections.abc import Sequence

from firmware.formats import pad_info
from firmware.formats.pad_info import PadRecord
from firmware.formats.pattern import sx_file_name
from sdcard_image.types import Item

from .export_types import ExportPlan, Region, Sample, pad_name, region
from .kit import KitBank, Place

ROOT = "/ROLAND/SP-404SX"
PADS_PER_BANK = pad_info.PADS_PER_BANK
# What a kit can say and this card has no place for.
_PLAYING = ("pan", "pitch", "speed", "attack", "hold", "release", "chops", "one_shot")
_GROUPING = ("name", "mute_group", "bus", "link", "bpm_sync", "fixed_velocity", "poly", "legato")
NOT_CARRIED = frozenset((*_PLAYING, *_GROUPING))
_TEMPO_MODES = ("off", "pattern", "user")


def sample_path(place: Place) -> str:
    """The sample of a pad."""
    return f"{ROOT}/SMPL/{pad_info.file_name(*place)}"


def pattern_path(place: Place) -> str:
    """The pattern of a pad; its number is decimal."""
    return f"{ROOT}/PTN/{sx_file_name(*place)}"


def index(plan: ExportPlan, samples: Sequence[Sample]) -> tuple[list[Item], list[str]]:
    """The folders and PAD_INFO.BIN, and remarks on what it cannot say."""
    records = [PadRecord()] * pad_info.RECORDS
    remarks = [
        f"bank {bank}: an SX card has no volume or protection of banks: left out"
        for bank, settings in sorted(plan.kit.banks.items())
        if settings.volume != 127 or settings.protect
    ]
    for sample in samples:
        place = sample.job.place
        played = region(sample)
        bank = plan.kit.banks.get(place[0], KitBank())
        records[pad_info.index(*place)] = _record(sample, played, bank.bpm or plan.kit.bpm)
        remarks += [f"pad {pad_name(place)}: {one}" for one in (*played.remarks, *_not_looped(played))]
    folders = [Item(path, None) for path in ("/ROLAND", ROOT, f"{ROOT}/SMPL", f"{ROOT}/PTN")]
    return [*folders, Item(f"{ROOT}/SMPL/PAD_INFO.BIN", pad_info.build(tuple(records)))], remarks


def _not_looped(played: Region) -> list[str]:
    has_start = played.loop != "off" and played.loop_start != played.start
    return loop_losses(is_ping_pong=played.loop == "ping-pong", has_start=has_start)


def loop_losses(*, is_ping_pong: bool, has_start: bool) -> list[str]:
    """What becomes of a loop that the device cannot play as it is."""
    said = []
    if is_ping_pong:
        said.append("an SX card has no ping-pong: it loops forward")
    if has_start:
        said.append("an SX card has no loop start of its own: it loops from the start")
    return said


def _record(sample: Sample, played: Region, bpm: float | None) -> PadRecord:
    pad = sample.job.pad
    frame = 2 * sample.channels
    tempo = round(10 * (pad.bpm or bpm or 0)) or PadRecord().original_tempo
    return PadRecord(
        original_end=sample.size_bytes,
        user_start=pad_info.DATA_OFFSET + played.start * frame,
        user_end=pad_info.DATA_OFFSET + played.end * frame,
        volume=pad.volume,
        lofi=int(pad.lofi),
        loop=int(played.loop != "off"),
        gate=int(pad.gate),
        reverse=int(pad.reverse),
        channels=sample.channels,
        tempo_mode=_TEMPO_MODES.index(pad.tempo_mode),
        original_tempo=tempo,
        user_tempo=tempo,
    )
