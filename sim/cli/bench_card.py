"""``benchpad bench cache``, ``latency`` and ``risk``: a card's pads, measured by simulation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.common import PATH, SIZE, Seconds, console, human_size, json_option, print_json, progress
from sim.cli.device import device_options

if TYPE_CHECKING:
    from sim.measure.cache import CacheTable
    from sim.measure.dry import Booted
    from sim.measure.latency import LatencyReport
    from sim.measure.risk import RiskReport
    from sim.measure.statistics import Distribution

CLUSTER = click.option("--cluster", metavar="ADDRESS", help="Run on a Dask cluster, such as tcp://host:8786.")
_RAM = click.option("--ram", type=SIZE, help="Sample RAM, such as 8M; without it, the device's.")
_MOST_HEADS = 8  # in the table for people
_HANDS_VOICES = 32  # that sound at once under pad mashing, where the user does not say


def boot(card: Path, device: str | None, project: str | None, ram: int | None = None) -> Booted:
    """Boot the device from ``card``; InputError where there is nothing to measure."""
    from sim.board import Setup  # noqa: PLC0415  the engine and numpy, only when needed
    from sim.measure.dry import boot_card  # noqa: PLC0415

    return boot_card(card, Setup(device, project, ram_bytes=ram))


@click.command()
@click.argument("card", type=PATH)
@click.option("--midi", type=PATH, help="Measure this song too.")
@device_options
@_RAM
@click.option("--voices", type=click.IntRange(1, 4096), help="Voices that may sound at once.")
@click.option(
    "--policy",
    "policies",
    type=click.Choice(["lru", "slru", "mru"]),
    multiple=True,
    help="Only this policy; may be given several times. Without it, all.",
)
@click.option(
    "--seconds",
    type=Seconds(1, 24 * 3600),
    default=600.0,
    show_default=True,
    help="Of pad mashing.",
)
@CLUSTER
@json_option
def cache(
    *,
    card: Path,
    midi: Path | None,
    device: str | None,
    project: str | None,
    timing: str | None,
    card_latency: float | None,
    card_speed: float | None,
    seed: int,
    ram: int | None,
    voices: int | None,
    policies: tuple[str, ...],
    seconds: float,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Hit rate of the block cache against RAM, for each policy and for the best possible (Belady).

    Plays the song, and hands that mash the card's pads. "policies" in the JSON are of the song where there
    is one, at the RAM asked for; of the mashing else.

    Example: benchpad bench cache kit.img --midi song.mid --ram 8M
    """
    from native.types import Policy  # noqa: PLC0415  the engine and numpy, only when needed
    from sim.cards import card_model  # noqa: PLC0415
    from sim.measure.cache import POLICIES, Song, cache_table, table_rams  # noqa: PLC0415
    from sim.measure.dry import Conditions  # noqa: PLC0415
    from sim.midifile import read_midi  # noqa: PLC0415

    model = card_model(timing, card_latency, card_speed)
    booted = boot(card, device, project, ram)
    conditions = Conditions(ram, voices, model, seed)
    chosen = [Policy[name.upper()] for name in dict.fromkeys(policies)] or list(POLICIES)
    songs = [
        (
            "pad mashing",
            Song(mash_s=seconds, seed=seed),
            Conditions(ram, voices or _HANDS_VOICES, model, seed),
        )
    ]
    if midi is not None:
        messages = tuple(read_midi(midi, booted.rate))
        if messages:
            songs.insert(0, (str(midi), Song(messages), conditions))
    runs = len(table_rams(booted, conditions)) * len(chosen) * len(songs)
    with progress("playing", runs) as advance:
        tables = [
            cache_table(booted, title, song, under, chosen, cluster=cluster, progress=advance)
            for title, song, under in songs
        ]
    if as_json:
        document = tables[0].document()
        print_json({**document, "mash": tables[-1].document(), "seed": seed})
        return
    for table in tables:
        _show_cache(table)


def _show_cache(found: CacheTable) -> None:
    from rich.table import Table  # noqa: PLC0415

    out = console()
    out.print(
        f"{found.trace}: {human_size(found.different_bytes)} of different blocks are asked for",
        style="bold",
    )
    names = [name for name in found.rows[0] if name not in ("ram_bytes", "accesses")]
    table = Table("RAM", "asked for", *names, "best / belady")
    for row in found.rows:
        best = max(row[name] for name in names if name != "belady")
        share = f"{best / row['belady']:.1%}" if row["belady"] else "-"
        style = "bold" if row["ram_bytes"] == found.ram_bytes else None
        rates = [f"{row[name]:.2%}" for name in names]
        table.add_row(human_size(row["ram_bytes"]), f"{row['accesses']:,}", *rates, share, style=style)
    out.print(table)
    verdict = (
        "LRU is the best of them"
        if found.best == "lru"
        else f"{found.best} is better than LRU: --policy {found.best}"
    )
    out.print(f"With {human_size(found.ram_bytes)}, {verdict}.\n")


@click.command()
@click.argument("card", type=PATH)
@device_options
@_RAM
@click.option(
    "--block",
    type=click.IntRange(16, 65_536),
    default=128,
    show_default=True,
    help="Frames that the audio device asks for at a time.",
)
@click.option(
    "--buffers",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Blocks that the audio device holds, the one being filled included.",
)
@click.option(
    "--input-ms",
    type=Seconds(0, 1000),
    default=0.96,
    show_default=True,
    help="What a tap's message takes to come in; MIDI's three bytes take 0.96 ms.",
)
@click.option(
    "--taps",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    help="On each pad, warm and cold.",
)
@CLUSTER
@json_option
def latency(
    *,
    card: Path,
    device: str | None,
    project: str | None,
    timing: str | None,
    card_latency: float | None,
    card_speed: float | None,
    seed: int,
    ram: int | None,
    block: int,
    buffers: int,
    input_ms: float,
    taps: int,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Pad to sound, warm (the pad's head is in RAM) and cold (nothing is), and its way from tap to sound.

    In frames. Each tap comes at a random moment to a device that is otherwise quiet. Without --card… the
    card is class10.

    Example: benchpad bench latency kit.img --card-latency 1 --card-speed 10
    """
    from sim.cards import card_model  # noqa: PLC0415  the engine and numpy, only when needed
    from sim.measure.dry import Conditions  # noqa: PLC0415
    from sim.measure.latency import Output, measure_latency  # noqa: PLC0415

    model = card_model(default_card(timing, card_latency, card_speed), card_latency, card_speed)
    booted = boot(card, device, project, ram)
    with progress("tapping", 3 * len(booted.catalogue.pads)) as advance:
        report = measure_latency(
            booted,
            Conditions(ram, card=model, seed=seed),
            Output(block, buffers, input_ms),
            taps,
            cluster=cluster,
            progress=advance,
        )
    if as_json:
        print_json({**report.document(), "seed": seed})
        return
    _show_latency(report)


def default_card(timing: str | None, card_latency: float | None, card_speed: float | None) -> str | None:
    """The card's name or file; ``class10`` where the user says nothing of the card."""
    return "class10" if timing is None and card_latency is None and card_speed is None else timing


def _show_latency(report: LatencyReport) -> None:
    from rich.table import Table  # noqa: PLC0415

    out = console()
    out.print(
        f"{report.taps:,} taps on {report.pads} pads, warm and cold, at {report.rate:,} Hz", style="bold"
    )
    table = Table("frames", "warm p50", "p95", "max", "cold p50", "p95", "max")
    table.add_row("input", *[str(report.input_frames)] * 6)
    for title, name in (("queue", "queue"), ("card wait", "card"), ("block", "block")):
        table.add_row(title, *_three(getattr(report.warm, name)), *_three(getattr(report.cold, name)))
    table.add_row("output", *[str(report.output_frames)] * 6)
    table.add_row("tap to sound", *_three(report.warm.total), *_three(report.cold.total), style="bold")
    out.print(table)
    out.print(_bound_sentence(report))
    for title, one in (("warm", report.warm), ("cold", report.cold)):
        if one.unheard:
            out.print(
                f"{one.unheard:,} {title} taps were never heard: the sample was over before its data came."
            )


def _bound_sentence(report: LatencyReport) -> str:
    bound, calm = report.cold_bound_frames, report.calm.card
    if calm is None:
        return "No cold pad was heard."
    verdict = "kept" if calm.p95 <= bound else "NOT kept"
    apart = ", spikes apart," if report.calm != report.cold else ""
    return (
        f"Command time + one cache block + one audio block is {bound} frames:"
        f" {verdict}{apart} by 95 of 100 cold pads ({calm.p95} frames)."
    )


def _three(found: Distribution | None) -> list[str]:
    return ["-"] * 3 if found is None else [str(found.p50), str(found.p95), str(found.max)]


class Sizes(click.ParamType["tuple[int, ...]"]):
    """Sizes, with commas between them: ``1M,2M,4M``."""

    name = "sizes"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Bytes, ascending; a usage error where one is no size or there are more than 64."""
        if isinstance(value, tuple):
            return value
        parts = str(value).split(",")
        if not all(part.strip() for part in parts):
            self.fail(f"{value!r} has an empty place; write for example 1M,2M,4M", param, ctx)
        if not 1 <= len(parts) <= 64:
            self.fail(f"{value!r} is not one to 64 sizes; write for example 1M,2M,4M", param, ctx)
        return tuple(sorted({SIZE.convert(part, param, ctx) for part in parts}))


@click.command()
@click.argument("card", type=PATH)
@click.option("--midi", type=PATH, help="Play this song in every run, instead of mashing pads.")
@device_options
@click.option(
    "--ram",
    "rams",
    type=Sizes(),
    metavar="SIZES",
    help="Sample RAM, several with commas; without it, from a sixteenth of the device's to twice as much.",
)
@click.option(
    "--voices",
    type=click.IntRange(1, 4096),
    default=_HANDS_VOICES,
    show_default=True,
    help="Voices that may sound at once.",
)
@click.option(
    "--runs", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="For each RAM."
)
@click.option("--seconds", type=Seconds(1, 24 * 3600), default=300.0, show_default=True, help="Of each run.")
@click.option(
    "--head-ms",
    type=Seconds(0, 60_000),
    help="Pad heads of this length, instead of those for the card's tail.",
)
@CLUSTER
@json_option
def risk(
    *,
    card: Path,
    midi: Path | None,
    device: str | None,
    project: str | None,
    timing: str | None,
    card_latency: float | None,
    card_speed: float | None,
    seed: int,
    rams: tuple[int, ...] | None,
    voices: int,
    runs: int,
    seconds: float,
    head_ms: float | None,
    cluster: str | None,
    as_json: bool,
) -> None:
    """RAM against the chance of an underrun in an hour, with pad heads sized from pitch and the card's tail.

    Counts the runs with an underrun, each with a seed of its own, and gives 95 % confidence intervals.
    Without --card… the card is class10.

    Example: benchpad bench risk kit.img --card worn --ram 2M,4M,8M --runs 200
    """
    from sim.cards import card_model  # noqa: PLC0415  the engine and numpy, only when needed
    from sim.measure.dry import Conditions  # noqa: PLC0415
    from sim.measure.risk import risk_curve  # noqa: PLC0415
    from sim.midifile import read_midi  # noqa: PLC0415

    model = card_model(default_card(timing, card_latency, card_speed), card_latency, card_speed)
    booted = boot(card, device, project)
    sizes = rams or tuple(booted.ram_bytes * 2 // 2**step for step in range(5, -1, -1))
    for size in sizes:
        booted.under(size)  # refuses what no engine has
    messages = () if midi is None else tuple(read_midi(midi, booted.rate))
    with progress("playing", runs * len(sizes)) as advance:
        report = risk_curve(
            booted,
            Conditions(voices=voices, card=model, seed=seed, head_ms=head_ms),
            sizes,
            runs=runs,
            seconds=seconds,
            messages=messages,
            cluster=cluster,
            progress=advance,
        )
    if as_json:
        print_json({**report.document(), "voices": voices, "seed": seed})
        return
    _show_risk(report)


def _show_risk(report: RiskReport) -> None:
    from rich.table import Table  # noqa: PLC0415

    out = console()
    out.print(
        f"Of {report.tail.commands:,} commands 999 in 1,000 took no longer than {report.tail.tail_ms:.1f} ms;"
        f" pad heads last {report.head_ms:.1f} ms.",
        style="bold",
    )
    heads = Table("largest heads", "pitch ratio", "frames", "bytes")
    for one in report.heads[:_MOST_HEADS]:
        heads.add_row(one.pad, f"{one.ratio:g}", f"{one.frames:,}", f"{one.bytes:,}")
    out.print(heads)
    table = Table("RAM", "pinned", "runs", "with underruns", "chance an hour", "95 % sure")
    for point in report.points:
        chance = point.per_hour
        table.add_row(
            human_size(point.ram_bytes),
            human_size(point.pinned_bytes),
            str(point.runs),
            str(point.failed),
            f"{chance.estimate:.1%}",
            f"{chance.low:.1%} to {chance.high:.1%}",
        )
    out.print(table)
