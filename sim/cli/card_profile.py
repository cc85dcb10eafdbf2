"""``benchpad card profile``: measure a real card into a preset."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from sim.cli.common import PATH, Seconds, json_option, print_json, printable, progress
from sim.cli.outputs import same, write_report
from sim.errors import InputError


@click.command("profile")
@click.argument("device", type=PATH)
@click.option("-o", "--output", type=PATH, help="The TOML file to write, for --card; else it is printed.")
@click.option(
    "--seconds", type=Seconds(0.1, 600), default=5.0, show_default=True, help="Time to spend reading."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses the places that are read.")
@json_option
def profile(*, device: Path, output: Path | None, seconds: float, seed: int, as_json: bool) -> None:
    """Measure a card by timed reads, and describe it for --card. Nothing is written to it.

    DEVICE is a block device such as /dev/sdb, or an image (which measures the disk that it lies on). Finds
    the time of a command, the speed, what crossing pages and allocation units costs, how times spread, and
    spikes; writing is not measured. Longer times find rarer spikes.

    Example: benchpad card profile kit.img --seconds 1 -o mine.toml
    """
    from sim.cards import in_words  # noqa: PLC0415  numpy, only when needed
    from sim.cards.fitting import fit  # noqa: PLC0415
    from sim.cards.measuring import measure, opened  # noqa: PLC0415
    from sim.cards.writing import to_toml  # noqa: PLC0415

    if output is not None and (same(output, device) or output.is_block_device()):
        raise InputError(f"{output}: the file would replace a card; choose another name")
    with opened(device) as card, progress("reading", None):
        found = fit(measure(card.read, card.size, seconds, seed))
    if found is None:
        raise InputError(f"{device} was too slow for {seconds:g} s of measuring; give it more --seconds")
    how = (
        "past the host's page cache"
        if card.direct
        else "through the host's page cache, which may have answered"
    )
    source = f"measured on {device.name}: {found.reads:,} reads, {found.seconds:.1f} s, {how}"
    assumptions = [
        "writing was not measured",
        "command time and first-byte time cannot be told apart: see command_us",
    ]
    if found.spikes < 5:
        assumptions.append(f"spikes: {found.spikes} were met; longer measuring finds rarer ones")
    warnings = []
    if found.spikes_look_hosts:
        warnings.append(
            f"spikes every {found.model.spike_every_s:g} s are more frequent than a card's: many are likely"
            " this machine's own; measure while it does nothing else, or set spike_every_s = 0"
        )
    if found.seconds < seconds:
        warnings.append(f"measuring ended after {found.seconds:.1f} s of {seconds:g}")
    assumptions += warnings
    text = to_toml(f"{device.name}, measured", found.model, [source], assumptions)
    if output is not None:
        write_report(output, text.encode())
    if as_json:
        print_json(
            {
                "model": asdict(found.model),
                "reads": found.reads,
                "spikes": found.spikes,
                "seconds": found.seconds,
                "residual_us": found.residual_us,
                "warnings": warnings,
                "direct": card.direct,
                "output": None if output is None else str(output),
            }
        )
        return
    click.echo(f"{printable(str(device))}: {in_words(found.model)}")
    click.echo(f"{found.reads:,} reads in {found.seconds:.1f} s, {how}")
    click.echo(f"means differ from the model's by {found.residual_us:.1f} us")
    for warning in warnings:
        click.echo(f"note: {warning}", err=True)
    if output is not None:
        click.echo(f"wrote {printable(str(output))}")
    else:
        click.echo("\n" + "\n".join(map(printable, text.splitlines())))
