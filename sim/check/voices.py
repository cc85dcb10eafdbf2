"""How many voices of a bank a card can stream at once, by trials as `benchpad stress` makes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from firmware.catalogue import Pad
from firmware.findings import Finding, found
from firmware.profiles import Profile
from native import CardModel
from sim.board import engine_config
from sim.cards import in_words
from sim.check.report import BankVoices, Scene
from sim.stress.kit import Kit, device_voices, joined, kit_of
from sim.stress.sweep import Search, find
from sim.stress.trial import Plan, Trial

MOST_TRIED = 128  # voices; also where the device has more
MOST_BANKS = 32  # of all projects together
_SECONDS = 2.0  # long enough for a lack of a few percent to use up what was read ahead
_LAP_SECONDS = 0.125  # between the laps in which all pads of a bank start


def predict(
    scenes: Sequence[Scene],
    extents: Mapping[str, Sequence[tuple[int, int]]],
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
        kit = kit_of(pads, extents)
        most = min(device_voices(kit, profile), MOST_TRIED)
        voices = _search(kit, most, profile, timing)
        pieces = None
        if any(len(one.extents) > 1 for one in kit.samples):
            pieces = max(voices, _search(joined(kit), most, profile, timing))
        yield BankVoices(project, bank, voices, most, pieces)


def _search(kit: Kit, most: int, profile: Profile, timing: CardModel) -> int:
    """The largest number of voices, up to ``most``, of which every one plays without a gap.

    All pads start at once, lap after lap, and every voice has its head in memory, as a pad has.
    """
    plan = Plan(
        seconds=_SECONDS + most // len(kit.sources) * _LAP_SECONDS,
        warm_s=0.0,
        lap_s=_LAP_SECONDS,
        own_heads_ms=profile.value("engine.head_ms"),
    )
    config = engine_config(profile, len(kit.samples))
    return find(Search(Trial(kit, 1, config, timing, plan), 1, most, most, check=False)).clean_voices


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
