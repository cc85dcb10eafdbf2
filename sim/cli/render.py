"""``benchpad render``: play a MIDI file from a card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.common import PATH, SIZE, Seconds, console, json_option, print_json, printable, progress
from sim.cli.device import device_options

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
@click.option(
    "--seed", type=int, default=0, show_default=True, help="For whatever the emulated card leaves to chance."
)
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
    seconds: float | None,
    tail: float,
    as_json: bool,
) -> None:
    """Boot CARD and play a MIDI file on it, offline: as fast as it goes, and exact to the bit.

    Goes on after the last event until every voice has ended. An existing WAV file of that name is replaced
    once the new one is whole. The exit status is 0 when the song was rendered, also with underruns: look at
    "underruns" for those.

    Example: benchpad render kit.img --midi song.mid -o song.wav --card-latency 1 --card-speed 20
    """
    from sim.board import Board, Setup, check_timing  # noqa: PLC0415  the engine and numpy, only when needed
    from sim.midifile import read_midi  # noqa: PLC0415
    from sim.rendering import RenderJob, refuse_overwriting, render_song  # noqa: PLC0415

    refuse_overwriting(output, card, midi)
    timing = check_timing(card_latency, card_speed)
    setup = Setup(device, project, rate, voices, ram, quality, path, timing)
    options = {
        "card": str(card),
        "midi": str(midi),
        "output": None if output is None else str(output),
        "card_latency_ms": card_latency,
        "card_mb_per_s": card_speed,
        "block": block,
        "seed": seed,
    }
    with Board(card, setup) as board:
        messages = read_midi(midi, board.profile.value("engine.rate"))
        with progress("rendering", messages[-1].frame if messages else None) as advance:
            report = render_song(
                board, messages, RenderJob(output, bits, block, seconds, tail), options, advance
            )
        options["path"] = board.engine.path
        if as_json:
            print_json(report.document())
        else:
            show(report, board.profile.title, board.detected, output)


def show(report: RenderReport, title: str, detected: bool, output: Path | None) -> None:
    """The report for people."""
    out = console()
    how = "recognised from the card's layout" if detected else "as asked for"
    out.print(f"{title} ({how})", style="bold")
    for name, text in report.lines():
        out.print(f"  {name:<10} {printable(text)}")
    if output is not None:
        out.print(f"wrote {printable(str(output))}")
