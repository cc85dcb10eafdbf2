"""What an audio file of a card needs so that the device takes it, asked of admission and the check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from firmware.admission import Verdict, admit_smp, examine
from firmware.checks.chunks import chunk_problems
from firmware.formats import FormatError, rlnd, smp
from firmware.formats.audio_header import AudioHeader, Read
from firmware.profiles import Profile

from .convert import Recipe, is_over, plan_file, reasons
from .decode import reader
from .errors import ConvertError
from .forms import Form

_REWRITTEN = frozenset(("rlnd-missing", "riff-size", "partial-frame", "too-short", "smp-md5"))


@dataclass(frozen=True, slots=True)
class Wish:
    """What a file is to become: which kind, for which pad, and of which width where that is forced."""

    form: Form
    pad: int
    bits: int | None
    strict: bool = False  # a width that the device may not take is no good


def needed(stream: BinaryIO, size: int, profile: Profile, wish: Wish) -> Recipe | None:
    """How a file becomes one that the device takes; None where it is. Raises as `plan_file`."""
    header, verdict = _verdict(reader(stream), size, profile, wish.form)
    why = list(reasons(header, verdict, wish.bits, strict=wish.strict))
    if verdict.accepted:
        why += [one for one in _flaws(reader(stream), size, header, verdict, wish) if one not in why]
        if header is not None and header.codec == "float" and is_over(stream, size):
            why.append("a float file above full scale")
    if not why:
        return None
    try:
        recipe = plan_file(stream, size, profile, bits=wish.bits, strict=wish.strict)
    except ConvertError as error:
        if error.id == "not-audio" and verdict.id:  # admission knows better what it is
            raise ConvertError(str(error), verdict.id) from None
        raise
    recipe = recipe.as_form(wish.form, wish.pad) if wish.form is not Form.WAV else replace(recipe, keep=False)
    shortest = profile.find("audio.min_ms")
    return replace(recipe, why=tuple(why), least_ms=float(shortest.value) if shortest else 0.0)


def _flaws(read: Read, size: int, header: AudioHeader | None, verdict: Verdict, wish: Wish) -> Iterator[str]:
    """Why a file that the device takes is better written anew."""
    yield from (one.text for one in verdict.remarks if one.id in _REWRITTEN and _counts(one.id, wish.form))
    yield from (text for _, text in chunk_problems(read, size, header))
    yield from _wrong_pad(read, wish.form, wish.pad)


def _verdict(read: Read, size: int, profile: Profile, form: Form) -> tuple[AudioHeader | None, Verdict]:
    if form is not Form.SMP:
        return examine(read, size, profile)
    try:
        header = smp.parse(read(0, smp.DATA_OFFSET))
    except FormatError as error:
        return None, Verdict(False, error.id, str(error))
    return header.audio(size), admit_smp(header, size, profile)


def _counts(remark: str, form: Form) -> bool:
    """A RLND chunk is only for files that a pad of the SX plays."""
    return remark != "rlnd-missing" or form is Form.SX


def _wrong_pad(read: Read, form: Form, pad: int) -> list[str]:
    if form is not Form.SX:
        return []
    try:
        chunk = rlnd.find(read(0, rlnd.DATA_OFFSET))
    except FormatError as error:
        return [str(error)]
    return ["its RLND chunk names another pad"] if chunk is not None and chunk.pad_index != pad else []
