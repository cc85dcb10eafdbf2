"""``benchpad render``: play a MIDI file from a card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.common import PATH, SIZE, Seconds, console, json_option, print_json, printable, progress
from sim.cli.device import device_options, engine_options, setup_values
from sim.cli.outputs import same

if TYPE_CHECKING:
    from sim.report import RenderReport

_MAX_SECONDS = 24 * 3600


@click.command()
@click.argument("card", type=PATH)
@click.option("--midi", required=True, type=PATH, help="The song: a MIDI file, type 0 or 1.")
@click.option("-o", "--output", type=PATH, help="The WAV file to write; without it, none.")
@device_options
@click.option(
    "--bits",
    type=click.Choice(["16", "24", "32f"]),
    default="32f",
    show_default=True,
    help="Of the WAV file.",
)
@click.option("--ram", type=SIZE, help="Sample RAM, such as 8M.")
@click.option("--voices", type=click.IntRange(1, 4096), help="Voices that may sound at once.")
@click.option("--rate", type=click.IntRange(8_000, 384_000), help="Frames a second of device and result.")
@click.option("--quality", type=click.Choice(["linear", "hermite", "sinc"]), help="Interpolation.")
@click.option(
    "--path",
    type=click.Choice(["auto", "avx2", "baseline", "scalar"]),
    default="auto",
    show_default=True,
    help="Instructions that the engine uses.",
)
@click.option(
    "--block",
    type=click.IntRange(1, 65_536),
    default=512,
    show_default=True,
    help="Frames rendered at once; the result does not depend on it.",
)
@engine_options
@click.option("--faults", type=PATH, help="A script of what goes wrong with the card (docs/faults.md).")
@click.option("--mirror", type=PATH, help="A second card, which answers where the first does not.")
@click.option(
    "--setlist",
    type=PATH,
    help="What the mirror is for: a file with a path, a folder or a pad in each line.",
)
@click.option(
    "--pin",
    "pins",
    multiple=True,
    metavar="PAD|PATH",
    help="Keep these samples wholly in RAM: they play on without a card. May be repeated.",
)
@click.option(
    "--verify", is_flag=True, help="Make checksums of all samples first, so that wrong data is noticed."
)
@click.option("--trace", type=PATH, help="Write a trace of everything, for Perfetto or Chrome's viewer.")
@click.option("--seconds", type=Seconds(0, _MAX_SECONDS), help="Render exactly this long.")
@click.option(
    "--tail",
    type=Seconds(0, 3600),
    default=2.0,
    show_default=True,
    help="Seconds after the last event at which loops are faded out.",
)
@json_option
def render(
    *,
    card: Path,
    midi: Path,
    output: Path | None,
    device: str | None,
    project: str | None,
    timing: str | None,
    card_latency: float | None,
    card_speed: float | None,
    bits: str,
    ram: int | None,
    voices: int | None,
    rate: int | None,
    quality: str | None,
    path: str,
    block: int,
    seed: int,
    schedule: str,
    on_miss: str,
    overload: str | None,
    policy: str,
    faults: Path | None,
    mirror: Path | None,
    setlist: Path | None,
    pins: tuple[str, ...],
    verify: bool,
    trace: Path | None,
    seconds: float | None,
    tail: float,
    as_json: bool,
) -> None:
    """Boot CARD and play a MIDI file on it, offline: as fast as it goes, and exact to the bit.

    Goes on after the last event until every voice has ended. An existing WAV file of that name is replaced
    once the new one is whole. The exit status is 0 when the song was rendered, also with underruns: look at
    "underruns" for those.

    Example: benchpad render kit.img --midi song.mid -o song.wav --card class10
    """
    from sim.board import Board, Setup  # noqa: PLC0415  the engine and numpy, only when needed
    from sim.cards import card_model  # noqa: PLC0415
    from sim.errors import InputError  # noqa: PLC0415
    from sim.faults.script import read_script  # noqa: PLC0415
    from sim.midifile import read_midi  # noqa: PLC0415
    from sim.mirroring import read_setlist  # noqa: PLC0415
    from sim.rendering import RenderJob, refuse_overwriting, render_song  # noqa: PLC0415
    from sim.watching import RECORDS  # noqa: PLC0415

    script = None if faults is None else read_script(faults)
    cards = (*(() if mirror is None else (mirror,)), *(() if script is None else script.cards()))
    refuse_overwriting(output, card, midi, *cards)
    refuse_overwriting(trace, card, midi, *cards)
    if trace is not None and output is not None and same(trace, output):
        raise InputError(f"--trace {trace} would go where --output writes; give each a path of its own")
    setup = Setup(
        device,
        project,
        rate,
        voices,
        ram,
        quality,
        path,
        card=card_model(timing, card_latency, card_speed),
        seed=seed,
        mirror=mirror,
        setlist=() if setlist is None else read_setlist(setlist),
        pins=pins,
        verify=verify,
        faults=script,
        measure=trace is not None,
        trace_records=0 if trace is None else RECORDS,
        **setup_values(schedule, on_miss, overload, policy),
    )
    options = {
        "card": str(card),
        "midi": str(midi),
        "output": None if output is None else str(output),
        "card_timing": timing,
        "card_latency_ms": card_latency,
        "card_mb_per_s": card_speed,
        "block": block,
        "seed": seed,
        "schedule": schedule,
        "on_miss": on_miss,
        "overload": overload,
        "policy": policy,
        "faults": None if faults is None else str(faults),
        "mirror": None if mirror is None else str(mirror),
        "setlist": None if setlist is None else str(setlist),
        "pins": list(pins),
        "verify": verify,
        "trace": None if trace is None else str(trace),
    }
    with Board(card, setup) as board:
        messages = read_midi(midi, board.profile.value("engine.rate"))
        with progress("rendering", messages[-1].frame if messages else None) as advance:
            report = render_song(
                board, messages, RenderJob(output, bits, block, seconds, tail, trace), options, advance
            )
        options["path"] = board.engine.path
        if as_json:
            print_json(report.document())
        else:
            show(report, board.profile.title, board.detected, output)
            if trace is not None:
                _show_trace(report, trace)


def _show_trace(report: RenderReport, trace: Path) -> None:
    assert report.observed is not None
    cut = f", without {report.observed.left_out:,} events: it is full" if report.observed.left_out else ""
    console().print(
        f"wrote {printable(str(trace))}{cut}; open it at ui.perfetto.dev, or with Chrome's viewer"
    )


def show(report: RenderReport, title: str, detected: bool, output: Path | None) -> None:
    """The report for people."""
    out = console()
    how = "recognised from the card's layout" if detected else "as asked for"
    out.print(f"{title} ({how})", style="bold")
    for name, text in report.lines():
        out.print(f"  {name:<10} {printable(text)}")
    if output is not None:
        out.print(f"wrote {printable(str(output))}")
