"""``benchpad bench``: how fast the parts are on this machine."""

from __future__ import annotations

import click

from sim.cli.common import Seconds, console, json_option, print_json


@click.group()
def bench() -> None:
    """Measure how fast Benchpad is on this machine.

    Example: benchpad bench engine --voices 128 --quality hermite
    """


@bench.command()
@click.option(
    "--voices", type=click.IntRange(1, 4096), default=128, show_default=True, help="Voices that sound."
)
@click.option(
    "--quality",
    type=click.Choice(["linear", "hermite", "sinc"]),
    default="hermite",
    show_default=True,
    help="Interpolation.",
)
@click.option(
    "--seconds", type=Seconds(0.01, 3600), default=10.0, show_default=True, help="Of music to render."
)
@click.option(
    "--path",
    type=click.Choice(["auto", "avx2", "baseline", "scalar"]),
    default="auto",
    show_default=True,
    help="Instructions that the engine uses.",
)
@json_option
def engine(*, voices: int, quality: str, seconds: float, path: str, as_json: bool) -> None:
    """Render stereo 16-bit voices, pitched, panned and enveloped, from memory, on one core.

    Prints voice-seconds per CPU-second of the thread, and the same of a bare loop that only converts,
    interpolates and mixes with the same instructions, measured in alternation: the ratio is what counts.

    Example: benchpad bench engine --voices 128 --quality linear --path baseline
    """
    from native.types import Quality  # noqa: PLC0415  the engine and numpy, only when needed
    from sim.bench import measure_engine  # noqa: PLC0415

    speed = measure_engine(voices, Quality[quality.upper()], seconds, path)
    document = {
        "voice_seconds_per_cpu_second": speed.engine,
        "bare_loop_voice_seconds_per_cpu_second": speed.bare_loop,
        "ratio": speed.engine / speed.bare_loop,
        "path": speed.path,
        "voices": voices,
        "quality": quality,
        "seconds": seconds,
        "rounds": list(speed.rounds),
    }
    if as_json:
        print_json(document)
        return
    out = console()
    out.print(f"{voices} voices, {quality}, blocks of 128 frames, path {speed.path}")
    out.print(f"  engine     {speed.engine:10,.0f} voice-seconds per CPU-second")
    out.print(f"  bare loop  {speed.bare_loop:10,.0f}")
    out.print(f"  ratio      {speed.engine / speed.bare_loop:10.2f}")
