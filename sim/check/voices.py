"""How many voices of a bank a card can stream at once: the engine plays them, over an emulated card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from firmware.catalogue import Pad
from firmware.findings import Finding, found
from firmware.profiles import Profile
from native import CardModel, Engine, card_device, file_device
from native.types import EngineError, Extent, Loop, Sample, Start
from sdcard_image.types import Backing
from sim.board import engine_config
from sim.cards import in_words
from sim.check.report import BankVoices, Scene
from sim.heads import Head, head

MOST_TRIED = 128  # voices; also where the device has more
MOST_BANKS = 32  # of all projects together
_SECONDS = 2.0  # long enough for a lack of a few percent to use up what was read ahead
_ROUND_SECONDS = 0.125  # between the rounds in which all pads of a bank start
_CHUNK = 8_192

Runs = Mapping[str, Sequence[Extent]]


def predict(
    scenes: Sequence[Scene],
    extents: Mapping[str, Sequence[tuple[int, int]]],
    backing: list[Backing],
    profile: Profile,
    timing: CardModel,
) -> Iterator[BankVoices]:
    """The voices of each bank. ``extents`` are (offset, length) of each path's pieces."""
    banks: dict[tuple[str, str], list[Pad]] = {}
    for scene in scenes:
        for pad in scene.catalogue.pads:
            if pad.sample.path in extents:
                banks.setdefault((scene.name, pad.bank), []).append(pad)
    for (project, bank), pads in list(banks.items())[:MOST_BANKS]:
        runs = {pad.sample.path: [Extent(*run) for run in extents[pad.sample.path]] for pad in pads}
        trial = _Trial(pads, runs, backing, profile, timing)
        voices = trial.search()
        pieces = None
        if any(len(one) > 1 for one in runs.values()):
            joined = {path: _joined(one, backing) for path, one in runs.items()}
            pieces = max(voices, _Trial(pads, joined, backing, profile, timing).search())
        yield BankVoices(project, bank, voices, trial.most, pieces)


def few_voices(one: BankVoices, profile: Profile, timing: CardModel) -> Iterator[Finding]:
    """A finding where a bank streams fewer voices than the device has (at least than the bank has pads)."""
    wanted = one.most if profile.value("engine.voices") <= MOST_TRIED else profile.value("pads.per_bank")
    if one.voices >= min(wanted, one.most):
        return
    text = f"bank {one.bank}: {one.voices} of {one.most} voices stream without a gap"
    if one.in_one_piece is not None and one.in_one_piece > one.voices:
        text += f"; {one.in_one_piece} would if its files lay in one piece each"
    text += f" (card: {in_words(timing)})"
    yield found("few-voices", text, path=one.project)


def _joined(runs: list[Extent], backing: list[Backing]) -> list[Extent]:
    """The same bytes' worth in one piece, wherever that is: the emulated card's time is the same anywhere."""
    length = sum(run.length for run in runs)
    end = max(one.base + one.length for one in backing)
    return [Extent(max(0, min(runs[0].offset, end - length)), length)]


class _Trial:
    """Plays so many voices of a bank's pads at once, and says whether all of them came in time."""

    def __init__(
        self,
        pads: list[Pad],
        runs: Runs,
        backing: list[Backing],
        profile: Profile,
        timing: CardModel,
    ) -> None:
        self._pads, self._runs, self._backing, self._timing = pads, runs, backing, timing
        self._profile = profile
        self._head_ms = profile.value("engine.head_ms")
        self._block = profile.value("engine.block_bytes")
        self._stereo_cost = profile.value("engine.voices_per_stereo_sample")
        self.most = self._most()

    def search(self) -> int:
        """The largest number of voices, up to ``most``, of which every one plays without a gap."""
        if self._is_clean(self.most):
            return self.most
        low, high = 0, self.most  # low is clean, high is not
        while high - low > 1:
            middle = (low + high) // 2
            if self._is_clean(middle):
                low = middle
            else:
                high = middle
        return low

    def _most(self) -> int:
        """How many voices fit the device, each pad in turn."""
        room, count = self._profile.value("engine.voices"), 0
        while count < MOST_TRIED and room >= (cost := self._cost(self._pads[count % len(self._pads)])):
            room -= cost
            count += 1
        return max(1, count)

    def _cost(self, pad: Pad) -> int:
        return int(self._stereo_cost) if pad.sample.channels == 2 else 1

    def _is_clean(self, voices: int) -> bool:
        device = file_device([(one.path, one.base, one.length) for one in self._backing])
        device = card_device(device, self._timing)
        config = replace(engine_config(self._profile, len(self._runs)), max_voices=max(voices, 1) * 2)
        try:
            with Engine(config, device) as engine:
                return self._plays(engine, voices)
        except EngineError:
            return False

    def _plays(self, engine: Engine, voices: int) -> bool:
        ids: dict[str, int] = {}
        for info in {pad.sample.path: pad.sample for pad in self._pads}.values():
            ids[info.path] = engine.add_sample(
                Sample(
                    tuple(self._runs[info.path]),
                    info.data_offset,
                    info.frames,
                    info.channels,
                    info.rate,
                    info.encoding,
                )
            )
        starts = self._starts(ids, voices, engine.config.rate)
        for start, first in starts:
            engine.pin(start.sample, first.first, first.frames)
        engine.preload()
        for start, _ in starts:
            engine.post(start)
        out = np.zeros((_CHUNK, 2), np.float32)
        end = int((_SECONDS + voices // len(self._pads) * _ROUND_SECONDS) * engine.config.rate)
        while engine.frame < end:
            engine.render(out)
            if engine.counters().underruns:
                return False
        return True

    def _starts(self, ids: Mapping[str, int], voices: int, rate: int) -> list[tuple[Start, Head]]:
        """The pads in turn, all of them at once, lap after lap. Each lap begins elsewhere in the samples.

        So no voice lives off what another has read, unless the sample is short or the memory large; and every
        voice has its head in memory, as if it were a pad of its own.
        """
        laps = -(-voices // len(self._pads))
        made = []
        for voice in range(voices):
            lap, place = divmod(voice, len(self._pads))
            pad = self._pads[place]
            settings = pad.settings
            end = settings.end or pad.sample.frames
            shift = (end - settings.start) * lap // laps
            first, last = (settings.start, end - shift) if settings.reverse else (settings.start + shift, end)
            start = Start(
                frame=round(lap * _ROUND_SECONDS * rate),
                sample=ids[pad.sample.path],
                tag=voice,
                start=first,
                end=last,
                loop_start=settings.start,
                reverse=settings.reverse,
                loop=Loop.FORWARD,
                gain=0.01,
                pitch_cents=settings.pitch_cents,
                speed=settings.speed,
            )
            moved = replace(pad, settings=replace(settings, start=first, end=last))
            made.append((start, head(moved, self._head_ms, self._block)))
        return made
