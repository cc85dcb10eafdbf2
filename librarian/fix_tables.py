"""Which samples a table of pads is for on the corrected card, and its bytes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from firmware.admission import examine
from firmware.formats import FormatError, smp
from firmware.formats.audio_header import AudioHeader
from firmware.profiles import Profile
from sdcard_image.types import CardError

from .decode import reader
from .fix_pads import PadSample, pad_info_file, padconf_file
from .fix_types import FixAction
from .markers import Markers
from .salvage import MOST_BYTES, Salvaged, salvage_pad_info, salvage_padconf

_MAX_NAME = 32  # characters of an MKII project's name


@dataclass(slots=True)
class PadTable:
    """The samples by pad number, and the pads whose sample is left out."""

    samples: dict[int, PadSample] = field(default_factory=dict)
    emptied: set[int] = field(default_factory=set)

    def file(self, action: FixAction) -> bytes:
        """The bytes of the table that ``action`` is for; those of the old one where it fits."""
        old = damage(action).data if action.source is not None else None
        if _is_pad_info(action):
            return pad_info_file(old, self.samples, self.emptied)
        folder = action.new.rpartition("/")[0].rpartition("/")[2]
        project = (folder or "PROJECT").encode("ascii", "replace").decode()[:_MAX_NAME]
        return padconf_file(old, self.samples, self.emptied, project)


def damage(action: FixAction) -> Salvaged:
    """What can be read of the old table, and why not all of it."""
    assert action.source is not None
    with action.source.open() as stream:
        data = stream.read(MOST_BYTES)
    return (salvage_pad_info if _is_pad_info(action) else salvage_padconf)(data, action.source.size)


def _is_pad_info(action: FixAction) -> bool:
    return action.new.upper().endswith("/PAD_INFO.BIN")


def kept_sample(action: FixAction, profile: Profile) -> PadSample:
    """The sample of a file that stays as it is."""
    assert action.source is not None
    header = _header(action, profile)
    size, frame = action.source.size, header.frame_bytes
    return _sample(action, size, header.channels, frames=(frame, frame), ratio=Fraction(1))


def made_sample(action: FixAction, size: int, markers: Markers) -> PadSample:
    """The sample of a file that was converted, ``size`` bytes long, with ``markers`` at its new rate."""
    assert action.recipe is not None
    source, target = action.recipe.source, action.recipe.target
    ratio = Fraction(target.rate, source.rate)
    sample = _sample(
        action, size, target.channels, frames=(target.frame_bytes, source.frame_bytes), ratio=ratio
    )
    return replace(sample, loop=markers.loops[0] if markers.loops else None)


def _sample(
    action: FixAction, size: int, channels: int, *, frames: tuple[int, int], ratio: Fraction
) -> PadSample:
    """``frames`` are the bytes of a frame, new and old."""
    assert action.source is not None
    name = action.new.rpartition("/")[2]
    return PadSample(
        name.rpartition(".")[0],
        size,
        channels,
        frames[0],
        action.source.size,
        frames[1],
        ratio,
        changed=action.recipe is not None,
        is_wave=not name.upper().endswith(".AIF"),
    )


def _header(action: FixAction, profile: Profile) -> AudioHeader:
    """The header of a file that the device takes as it is."""
    assert action.source is not None
    with action.source.open() as stream:
        if action.new.upper().endswith(".SMP"):
            try:
                return smp.parse(reader(stream)(0, smp.DATA_OFFSET)).audio(action.source.size)
            except FormatError as error:
                raise CardError(f"{action.old} changed since the plan was made: {error}") from None
        header, _ = examine(reader(stream), action.source.size, profile)
    if header is None:
        raise CardError(f"{action.old} changed since the plan was made; plan again")
    return header
