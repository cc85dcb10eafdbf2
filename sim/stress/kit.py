"""What a stress run plays: samples where they lie on the card, how their pads play, and variants of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from firmware.catalogue import Pad, PadSettings
from firmware.profiles import Profile
from native.types import Encoding, Extent, Sample
from sim.stress.report import KitFacts

CLUSTER_BYTES = 32 << 10  # the usual on cards of 4 to 32 GB
_HEADER_BYTES = 44  # of a plain WAV file


@dataclass(frozen=True, slots=True)
class Source:
    """One pad: its name, its sample, where that lies on the card, and how it is played."""

    name: str
    path: str
    sample: Sample
    settings: PadSettings = field(default_factory=PadSettings)

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame."""
        return self.sample.channels * self.sample.encoding.size_bytes

    @property
    def bytes_per_s(self) -> float:
        """What one voice consumes, at the pitch and speed at which the pad plays."""
        ratio = self.settings.speed * 2 ** (self.settings.pitch_cents / 1200)
        return self.sample.rate * ratio * self.frame_bytes

    @property
    def file_bytes(self) -> int:
        """Of the file, header included."""
        return sum(one.length for one in self.sample.extents)

    @property
    def piece_bytes(self) -> float:
        """Mean length of the pieces in which the file lies."""
        return self.file_bytes / len(self.sample.extents)

    @property
    def region(self) -> tuple[int, int]:
        """First frame, and the one after the last, that the pad plays."""
        return self.settings.start, self.settings.end or self.sample.frames


@dataclass(frozen=True)
class Kit:
    """Pads in their order. Several may share a sample, which then is one object."""

    sources: tuple[Source, ...]

    @cached_property
    def samples(self) -> dict[Sample, int]:
        """Each sample once, and its number."""
        return {one: number for number, one in enumerate(dict.fromkeys(s.sample for s in self.sources))}

    @cached_property
    def device_bytes(self) -> int:
        """Where the last extent ends."""
        return max(e.offset + e.length for sample in self.samples for e in sample.extents)

    def facts(self) -> KitFacts:
        """What is streamed, in numbers."""
        pieces = [len(sample.extents) for sample in self.samples]
        size = sum(e.length for sample in self.samples for e in sample.extents)
        return KitFacts(
            samples=len(self.samples),
            pads=len(self.sources),
            bytes=size,
            stereo=sum(sample.channels == 2 for sample in self.samples),
            pieces=sum(pieces),
            fragmented=sum(count > 1 for count in pieces),
            voice_bytes_per_s=round(sum(one.bytes_per_s for one in self.sources) / len(self.sources), 1),
            mean_piece_bytes=round(size / sum(pieces), 1),
        )


def kit_of(pads: Sequence[Pad], extents: Mapping[str, Sequence[tuple[int, int]]]) -> Kit:
    """The pads of a catalogue; ``extents`` are (offset, length) of each path's pieces."""
    samples: dict[str, Sample] = {}
    for info in {pad.sample.path: pad.sample for pad in pads}.values():
        samples[info.path] = Sample(
            tuple(Extent(*run) for run in extents[info.path]),
            info.data_offset,
            info.frames,
            info.channels,
            info.rate,
            info.encoding,
        )
    return Kit(
        tuple(
            Source(f"{pad.bank}{pad.pad}", pad.sample.path, samples[pad.sample.path], pad.settings)
            for pad in pads
        )
    )


def device_voices(kit: Kit, profile: Profile) -> int:
    """How many voices of the pads in turn the device has, where a stereo sample may cost more than one."""
    room, count = profile.value("engine.voices"), 0
    costs = [
        int(profile.value("engine.voices_per_stereo_sample")) if one.sample.channels == 2 else 1
        for one in kit.sources
    ]
    while room >= (cost := costs[count % len(costs)]):
        room -= cost
        count += 1
    return max(1, count)


def stems(
    count: int, seconds: float, *, rate: int = 44_100, channels: int = 2, encoding: Encoding = Encoding.S16_LE
) -> Kit:
    """A kit of long files of one shape, each in one piece: where only the card and the RAM set the limit."""
    frames = round(seconds * rate)
    size = _HEADER_BYTES + frames * channels * encoding.size_bytes
    sample = Sample((Extent(0, size),), _HEADER_BYTES, frames, channels, rate, encoding)
    apart = -(-size // CLUSTER_BYTES) * CLUSTER_BYTES
    return Kit(
        tuple(
            Source(f"S{n + 1}", f"/stem {n + 1}.wav", replace(sample, extents=(Extent(n * apart, size),)))
            for n in range(count)
        )
    )


def joined(kit: Kit) -> Kit:
    """The same files, each in one piece."""
    return _mapped(kit, _in_one_piece(kit))


def scattered(kit: Kit, *, piece_bytes: int = CLUSTER_BYTES, seed: int = 0) -> Kit:
    """The same files in pieces of ``piece_bytes``, no two side by side that follow each other."""
    count = sum(-(-_size(sample) // piece_bytes) for sample in kit.samples)
    order = np.random.default_rng(seed).permutation(count) * 2  # every other place stays free
    places = iter(order.tolist())

    def pieces(sample: Sample) -> Sample:
        size = _size(sample)
        lengths = [min(piece_bytes, size - at) for at in range(0, size, piece_bytes)]
        return replace(
            sample, extents=tuple(Extent(next(places) * piece_bytes, length) for length in lengths)
        )

    return _mapped(kit, pieces)


def mono(kit: Kit) -> Kit:
    """Every stereo sample as one channel, where it lies: half of the bytes."""
    return _mapped(kit, lambda sample: _shrunk(replace(sample, channels=1), sample))


def at_16_bit(kit: Kit) -> Kit:
    """Every longer value as 16 bits."""

    def narrow(sample: Sample) -> Sample:
        if sample.encoding.size_bytes <= 2:
            return sample
        return _shrunk(replace(sample, encoding=Encoding.S16_LE), sample)

    return _mapped(kit, narrow)


def at_rate(kit: Kit, rate: int) -> Kit:
    """Every faster sample at ``rate``; the pads' positions move with it."""

    def slower(sample: Sample) -> Sample:
        if sample.rate <= rate:
            return sample
        frames = max(1, sample.frames * rate // sample.rate)
        return _shrunk(replace(sample, rate=rate, frames=frames), sample)

    def moved(one: Source) -> PadSettings:
        if one.sample.rate <= rate:
            return one.settings
        s, frames = one.settings, slower(one.sample).frames
        start = min(s.start * rate // one.sample.rate, frames - 1)
        end = min(s.end * rate // one.sample.rate, frames) if s.end else 0
        if end and end <= start:
            end = start + 1
        loop = min(s.loop_start * rate // one.sample.rate, frames - 1)
        return replace(s, start=start, end=end, loop_start=loop)

    changed = _mapped(kit, slower)
    return Kit(
        tuple(
            replace(new, settings=moved(old)) for old, new in zip(kit.sources, changed.sources, strict=True)
        )
    )


def _size(sample: Sample) -> int:
    return sum(one.length for one in sample.extents)


def _in_one_piece(kit: Kit) -> Callable[[Sample], Sample]:
    places: dict[Sample, Extent] = {}
    at = 0
    for sample in kit.samples:
        size = _size(sample)
        places[sample] = Extent(at, size)
        at += -(-size // CLUSTER_BYTES) * CLUSTER_BYTES
    return lambda sample: replace(sample, extents=(places[sample],))


def _mapped(kit: Kit, change: Callable[[Sample], Sample]) -> Kit:
    """Each sample changed once, so that pads that shared one still do."""
    new = {sample: change(sample) for sample in kit.samples}
    return Kit(tuple(replace(one, sample=new[one.sample]) for one in kit.sources))


def _shrunk(sample: Sample, old: Sample) -> Sample:
    """``sample`` with as many of the ``old`` bytes, from the first on, as it needs now."""
    needed = sample.data_offset + sample.frames * sample.channels * sample.encoding.size_bytes
    if needed >= _size(old):
        return replace(sample, extents=old.extents)
    kept: list[Extent] = []
    for one in old.extents:
        if needed <= 0:
            break
        kept.append(Extent(one.offset, min(one.length, needed)))
        needed -= one.length
    return replace(sample, extents=tuple(kept))
