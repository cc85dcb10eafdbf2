"""``benchpad soak``: a day of random playing with random faults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.bench_card import CLUSTER, boot, default_card
from sim.cli.common import PATH, SIZE, Seconds, console, json_option, print_json, progress
from sim.cli.device import device_options, engine_options, setup_values
from sim.cli.errors import FINDINGS

if TYPE_CHECKING:
    from sim.soak.run import SoakRun

_MOST_FAULTS = 36_000  # an hour: ten a second


@click.command()
@click.argument("card", type=PATH)
@device_options
@engine_options
@click.option("--ram", type=SIZE, help="Sample RAM, such as 8M; without it, the device's.")
@click.option(
    "--voices",
    type=click.IntRange(1, 4096),
    default=32,
    show_default=True,
    help="Voices that may sound at once.",
)
@click.option(
    "--hours", type=Seconds(0.001, 10_000), default=24.0, show_default=True, help="Simulated, of each run."
)
@click.option(
    "--runs",
    type=click.IntRange(1, 10_000),
    default=2,
    show_default=True,
    help="Runs with seeds of their own; each next one has another cache policy.",
)
@click.option(
    "--faults",
    "faults_per_hour",
    type=click.FloatRange(0, _MOST_FAULTS),
    default=60.0,
    show_default=True,
    help="Faults an hour, on average.",
)
@CLUSTER
@json_option
@click.pass_context
def soak(
    context: click.Context,
    *,
    card: Path,
    device: str | None,
    project: str | None,
    timing: str | None,
    card_latency: float | None,
    card_speed: float | None,
    seed: int,
    schedule: str,
    on_miss: str,
    overload: str | None,
    policy: str,
    ram: int | None,
    voices: int,
    hours: float,
    runs: int,
    faults_per_hour: float,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Mash CARD's pads for simulated hours while the card fails in every way, and check that all adds up.

    Every fault must be accounted for, every voice must end with a cause, positions must be right to the
    frame, and memory must stay flat. No audio is computed. Without --card… the card is class10. Exit
    status: 0 when all is as it must be, 1 when something is not.

    Example: benchpad soak kit.img --hours 24 --seed 7
    """
    from sim.cards import card_model  # noqa: PLC0415  the engine and numpy, only when needed
    from sim.measure.dry import Conditions  # noqa: PLC0415
    from sim.soak.run import soak as run_soaks  # noqa: PLC0415
    from sim.soak.run import soak_document  # noqa: PLC0415

    model = card_model(default_card(timing, card_latency, card_speed), card_latency, card_speed)
    found = boot(card, device, project, ram)
    conditions = Conditions(ram, voices, model, **setup_values(schedule, on_miss, overload, policy))
    with progress("soaking", runs) as advance:
        done = run_soaks(
            found,
            conditions,
            hours,
            seed=seed,
            runs=runs,
            faults_per_hour=faults_per_hour,
            cluster=cluster,
            progress=advance,
        )
    if as_json:
        print_json(soak_document(done, hours, faults_per_hour))
    else:
        for run in done:
            _show(run)
    if any(run.problems for run in done):
        context.exit(FINDINGS)


def _show(run: SoakRun) -> None:
    out = console()
    out.print(
        f"seed {run.seed}, {', '.join(f'{name} {value}' for name, value in run.settings.items())}",
        style="bold",
    )
    ends = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in run.ends.items())
    causes = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in run.underruns.items())
    faults, drift = run.faults, run.drift
    lines = (
        ("played", f"{run.frames:,} frames, {run.messages:,} messages, {run.voices_started:,} voices"),
        ("ended", ends or "none"),
        ("underruns", f"{causes or 'none'}; {run.underruns_without_fault:,} of them with no fault near"),
        ("card", f"{run.reads:,} reads, {run.read_bytes / 1e9:.1f} GB, {run.retries:,} tried again"),
        ("faults", f"{faults['posted']:,} posted, {faults['errors']:,} commands failed for them"),
        ("positions", f"{drift['checked']:,} checked, {drift['off']:,} off"),
        (
            "memory",
            "not known"
            if run.growth_bytes is None
            else f"{run.growth_bytes / 1024:+,.0f} KiB since half-time",
        ),
    )
    for name, text in lines:
        out.print(f"  {name:<10} {text}")
    for text in run.problems:
        out.print(f"  PROBLEM    {text}")
    if not run.problems:
        out.print("  Everything adds up.")
