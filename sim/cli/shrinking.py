"""``benchpad stress --shrink`` and ``--replay``: a failing song made small, and played again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.common import print_json, printable, progress
from sim.cli.errors import FINDINGS
from sim.cli.outputs import check_reports, write_report

if TYPE_CHECKING:
    from sim.board import Setup
    from sim.replay import Case, Failure

_RING_S = 60.0  # that voices may ring on after the last message, where the user does not say how long to play
_TAIL_S = 2.0  # after which loops are stopped, as a render does


def shrink_song(
    card: Path, midi: Path, setup: Setup, seconds: float | None, output: Path, *, as_json: bool
) -> None:
    """Make the song, the card and all else as small as they still fail, and write that as a case.

    Raises InputError where nothing fails, or ``output`` would replace what is read.
    """
    from sim.errors import InputError  # noqa: PLC0415  the engine and numpy, only when needed
    from sim.replay import write_case  # noqa: PLC0415
    from sim.shrink import shrink  # noqa: PLC0415

    check_reports(card, None, {"--shrink": output})
    if output.exists() and output.samefile(midi):
        raise InputError(f"--shrink {output} would replace the song itself; choose another path")
    case = song_case(card, midi, setup, seconds)
    with progress("shrinking", None):
        small = shrink(case)
    write_report(output, write_case(small.case))
    assert small.case.expects is not None
    if as_json:
        print_json({"case": str(output), "runs": small.runs, **_document(small.case, small.case.expects)})
        return
    click.echo(printable(f"{small.sentence()}: {_in_words(small.case.expects)}"))
    click.echo(printable(f"wrote {output}; play it again with: benchpad stress --replay {output}"))


def song_case(card: Path, midi: Path, setup: Setup, seconds: float | None) -> Case:
    """The song as a case, on the card and under the settings of ``setup``."""
    from sim.board import overload_of  # noqa: PLC0415
    from sim.measure.dry import Conditions, boot_card  # noqa: PLC0415
    from sim.midifile import read_midi  # noqa: PLC0415
    from sim.shrink import capture  # noqa: PLC0415

    booted = boot_card(card, setup)
    messages = read_midi(midi, booted.rate)
    last = messages[-1].frame if messages else 0
    conditions = Conditions(
        setup.ram_bytes,
        setup.voices,
        setup.card,
        setup.seed,
        setup.policy,
        setup.schedule,
        setup.on_miss,
        overload_of(booted.profile, setup),
    )
    ring = last + 1 + round(_RING_S * booted.rate) if seconds is None else round(seconds * booted.rate)
    stop = last + 1 + round(_TAIL_S * booted.rate) if seconds is None else None
    return capture(booted, conditions, messages, ring, loops_stop=stop, about=f"{midi.name} on {card.name}")


def replay_case(path: Path, *, as_json: bool) -> int:
    """Play a case again; 1 where it still fails, 0 where it does not. InputError where it is no case."""
    from native.types import EngineError  # noqa: PLC0415  the engine and numpy, only when needed
    from sim.errors import InputError  # noqa: PLC0415
    from sim.replay import read_case, run_case  # noqa: PLC0415

    case = read_case(path)
    expected = case.expects
    try:
        failure = run_case(case).failure(None if expected is None else expected.cause)
    except EngineError as error:
        raise InputError(f"{path} is no case that can be replayed: {error}") from None
    if as_json:
        print_json({"case": str(path), "as_expected": failure == expected, **_document(case, failure)})
    else:
        click.echo(printable(f"{path}: {case.about}" if case.about else str(path)))
        click.echo(printable(_in_words(failure)))
        if expected is not None and failure != expected:
            click.echo(printable(f"It was written when there was another outcome: {_in_words(expected)}"))
    return FINDINGS if failure is not None else 0


def _document(case: Case, failure: Failure | None) -> dict[str, Any]:
    from sim.replay import failure_document  # noqa: PLC0415

    return {
        "events": len(case.events),
        "samples": len(case.samples),
        "frames": case.frames,
        "seed": case.seed,
        "failure": failure_document(failure),
    }


def _in_words(failure: Failure | None) -> str:
    if failure is None:
        return "It does not fail: no underrun."
    cause = failure.cause.name.lower().replace("_", " ")
    return (
        f"{failure.underruns:,} underruns; at frame {failure.frame:,}, on sample {failure.sample}: {cause}."
    )
