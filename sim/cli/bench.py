"""``benchpad bench``: measure the engine, and see `sim.cli.bench_card`."""

from __future__ import annotations

import click

from sim.cli.bench_card import cache, latency, risk
from sim.cli.common import SIZE, Seconds, console, human_size, json_option, print_json


@click.group()
def bench() -> None:
    """Measure: the engine on this machine, and a card's pads by simulation.

    Example: benchpad bench latency kit.img --card class10
    """


for _command in (cache, latency, risk):
    bench.add_command(_command)


@bench.command()
@click.option("--voices", type=click.IntRange(1, 4096), default=128, show_default=True)
@click.option(
    "--quality", type=click.Choice(["linear", "hermite", "sinc"]), default="hermite", show_default=True
)
@click.option(
    "--seconds", type=Seconds(0.01, 600), default=2.0, show_default=True, help="Music rendered in each round."
)
@click.option(
    "--path", type=click.Choice(["auto", "avx2", "baseline", "scalar"]), default="auto", show_default=True
)
@click.option(
    "--material",
    type=SIZE,
    default="8M",
    show_default=True,
    help="Samples that the voices play, all resident.",
)
@json_option
def engine(*, voices: int, quality: str, seconds: float, path: str, material: int, as_json: bool) -> None:
    """Time stereo 16-bit voices with pitch, pan, envelope and loops on resident samples, in blocks of 128.

    The speed is in voice-seconds per second of the thread's CPU time, the median of five rounds; the bare
    loop (convert, interpolate, gain, mix with the same instructions, nothing else) runs in the same rounds.

    Example: benchpad bench engine --voices 512 --quality linear --path baseline
    """
    from sim.enginebench import bench_engine  # noqa: PLC0415  the engine and numpy, only when needed
    from sim.errors import InputError  # noqa: PLC0415

    if not 1 << 16 <= material <= 1 << 30:
        raise InputError(f"{material} bytes of material are not between 64K and 1G")
    result = bench_engine(voices, quality, seconds, path=path, material_bytes=material)
    if as_json:
        print_json(
            {
                "voices": result.voices,
                "quality": result.quality,
                "path": result.path,
                "seconds": result.seconds,
                "material_bytes": result.material_bytes,
                "voice_seconds_per_cpu_second": round(result.voice_seconds_per_cpu_second, 1),
                "bare_loop_voice_seconds_per_cpu_second": round(
                    result.bare_loop_voice_seconds_per_cpu_second, 1
                ),
                "ratio_to_bare_loop": round(result.ratio_to_bare_loop, 3),
            }
        )
        return
    out = console()
    out.print(
        f"{result.voices} voices, {result.quality}, path {result.path}, {human_size(material)} of samples"
    )
    out.print(f"  engine     {result.voice_seconds_per_cpu_second:>9,.0f} voice-seconds per CPU-second")
    out.print(f"  bare loop  {result.bare_loop_voice_seconds_per_cpu_second:>9,.0f}")
    out.print(f"  ratio      {result.ratio_to_bare_loop:>9.2f}")
