"""What gives first, and how to say it."""

from __future__ import annotations

from collections.abc import Sequence

from sim.stress.report import Bound, Relief, Suggestion

SHORT_BUFFER_S = 0.25  # of playing time for a voice: below that the RAM is small, above it the card is slow
_TOLD = 4  # suggestions in the sentence
_RANK = ("spikes", "bandwidth", "RAM", "command overhead")  # of equals the first
_ONE_TERM = ("RAM", "command overhead")
_ALIKE = 8  # gains are alike that differ by less than one part in so many

_WHY = {
    "bandwidth": "the card's bandwidth gives first",
    "command overhead": "the time that the card takes for each command gives first",
    "RAM": "the RAM gives first: it holds too little of each voice for transfers of a good length",
    "spikes": "the card's spikes give first: they last longer than what the voices have in RAM",
}


def first_to_give(clean_voices: int, limited: str, reliefs: Sequence[Relief], bound: Bound) -> str:
    """The cost whose relief brought most voices; spikes also where twice the RAM only bridged them.

    RAM and command time are one term of the bound, t/q with q = M/V: halving one is doubling the other, and
    both bring the same. Then it is called RAM where that holds less than `SHORT_BUFFER_S` of each voice.
    Where no relief brought a voice, it is the larger term of the bound.
    """
    if limited != "underruns":
        return {"device": "voices", "asked": "nothing"}[limited]
    gains = {one.cost: one.clean_voices - clean_voices for one in reliefs}
    most = max(gains.values(), default=0)
    if most <= 0:
        return _larger_term(bound)
    alike = {cost for cost, gain in gains.items() if gain > 0 and gain >= most - max(1, most // _ALIKE)}
    best = max(_RANK, key=lambda cost: gains.get(cost, 0))
    if "spikes" in alike:
        return "spikes"
    if best in _ONE_TERM and alike.issuperset(_ONE_TERM):
        return "RAM" if _buffer_s(bound, clean_voices) < SHORT_BUFFER_S else "command overhead"
    return best


def _buffer_s(bound: Bound, voices: int) -> float:
    return bound.ram_bytes / max(voices, 1) / bound.voice_bytes_per_s


def _larger_term(bound: Bound) -> str:
    bytes_ms = bound.transfer_bytes / bound.mb_per_s / 1000 if bound.mb_per_s else 0.0
    if bytes_ms >= bound.command_ms:
        return "bandwidth" if bytes_ms else "RAM"
    return "command overhead"


def sentence(
    clean_voices: int, tried: tuple[int, int], limited: str, gives: str, suggestions: Sequence[Suggestion]
) -> str:
    """The result for a person, in one sentence; ``tried`` is the range of voices that was asked for."""
    least, most = tried
    if limited == "device":
        return f"All {clean_voices} voices that the device has stream without a gap."
    if limited == "asked":
        return f"All of up to {clean_voices} voices stream without a gap; more were not tried."
    said = f"{clean_voices} of {most} voices stream without a gap; {_WHY[gives]}"
    if clean_voices < least and least > 1:  # the search had to leave the range
        asked = f"{least} to {most}" if least < most else f"{most}"
        said = (
            f"With {asked} voices there are underruns: the limit lies below, at {clean_voices}; {_WHY[gives]}"
        )
    best = list({one.kind: one for one in reversed(suggestions)}.values())[::-1]  # of each kind the first
    if not best:
        return f"{said}; nothing that was tried helps."
    best.sort(key=lambda one: -one.clean_voices)
    helps = [f"{one.change}: +{one.clean_voices - clean_voices}" for one in best[:_TOLD]]
    helps[0] += " voices" if best[0].clean_voices - clean_voices != 1 else " voice"
    return f"{said}; what would help: {'; '.join(helps)}."
