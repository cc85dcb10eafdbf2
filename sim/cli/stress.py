"""``benchpad stress``: how many voices a card will hold, what gives first, and what would help."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.common import PATH, SIZE, Seconds, json_option, print_json, printable, progress
from sim.cli.device import device_options, engine_options, setup_values
from sim.cli.outputs import check_reports, same, write_report

if TYPE_CHECKING:
    from sim.board import Setup
    from sim.cards import CardPreset
    from sim.stress.click import Click
    from sim.stress.report import StressReport
    from sim.stress.run import Asked
    from sim.stress.song import SongReport

DEFAULT_CARD = "class10"
_MAX_VOICES = 4_096
_MAX_SECONDS = 24 * 3600
_RANGE = re.compile(r"(\d{1,9})(?:\.\.(\d{1,9}))?", re.ASCII)


class VoiceRange(click.ParamType[tuple[int, int]]):
    """Numbers of voices: ``8..40``; one number is a range of its own."""

    name = "range"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """First and last; a usage error where there is none between 1 and the most an engine has."""
        match = _RANGE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a range of voices; write for example 8..40", param, ctx)
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= _MAX_VOICES:
            self.fail(f"{value!r} is not a range between 1 and {_MAX_VOICES} voices", param, ctx)
        return first, last


@click.command()
@click.argument("card", type=PATH, required=False)
@click.option("--midi", type=PATH, help="Play this song, instead of looking for the most voices.")
@device_options
@engine_options
@click.option("--ram", type=SIZE, help="Sample RAM, such as 8M.")
@click.option(
    "--voices",
    type=VoiceRange(),
    metavar="A..B",
    help="Numbers of voices to try; else all that the device has.",
)
@click.option(
    "--seconds",
    type=Seconds(0.1, _MAX_SECONDS),
    help="How long each trial counts [default: 60], or the song plays.",
)
@click.option("--heads", is_flag=True, help="Pin pad heads in RAM, as the device does; less streams.")
@click.option("--html", type=PATH, help="Write a page with pictures; an ordinary file is replaced.")
@click.option("--trace", type=PATH, help="Write a trace of the song for Perfetto or Chrome.")
@click.option("--cluster", metavar="ADDRESS", help="Run on a Dask cluster, such as tcp://host:8786.")
@click.option(
    "--shrink", type=PATH, help="Make a song that fails as small as it still does: a case, in this file."
)
@click.option(
    "--replay", type=PATH, help="Play such a case again; it needs no card. Exit status 1: it fails."
)
@json_option
@click.pass_context
def stress(
    context: click.Context,
    *,
    card: Path | None,
    midi: Path | None,
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
    voices: tuple[int, int] | None,
    seconds: float | None,
    heads: bool,
    html: Path | None,
    trace: Path | None,
    cluster: str | None,
    shrink: Path | None,
    replay: Path | None,
    as_json: bool,
) -> None:
    """Find out how many voices stream from CARD without a gap, what gives first, and what would help.

    The pads play in turn and loop, each lap of them from elsewhere in the samples. No audio is computed, and
    the same seed gives the same report. Without --card the card is class10.

    Example: benchpad stress kit.img --card class10 --ram 8M --html stress.html
    """
    from sim.board import Setup  # noqa: PLC0415  the engine and numpy, only when needed
    from sim.errors import InputError  # noqa: PLC0415
    from sim.stress.run import Asked  # noqa: PLC0415
    from sim.stress.trial import Plan  # noqa: PLC0415

    if replay is not None:
        from sim.cli.shrinking import replay_case  # noqa: PLC0415

        context.exit(replay_case(replay, as_json=as_json))
    if card is None:
        raise InputError("name a card; or, with --replay, a case to play again")
    if midi is None and shrink is not None:
        raise InputError("--shrink goes with --midi: it makes a song smaller")
    if midi is None and trace is not None:
        raise InputError("--trace goes with --midi: it is the trace of a song")
    if midi is not None:
        _refuse(voices=voices is not None, heads=heads, cluster=cluster is not None)
    reports = {name: path for name, path in (("--html", html), ("--trace", trace)) if path is not None}
    check_reports(card, None, reports)
    inputs = [Path(one) for one in (midi, timing) if one]
    for option, path in reports.items():
        if any(same(path, one) for one in inputs):
            raise InputError(f"{option} {path} would replace what is read; choose another path")
    preset = _card(timing, card_latency, card_speed)
    setup = Setup(
        device,
        project,
        ram_bytes=ram,
        card=preset.model,
        seed=seed,
        dry=True,
        **setup_values(schedule, on_miss, overload, policy),
    )
    options = {
        "card": timing or (None if card_latency is not None or card_speed is not None else DEFAULT_CARD),
        "card_latency_ms": card_latency,
        "card_mb_per_s": card_speed,
        "schedule": schedule,
        "on_miss": on_miss,
        "overload": overload,
        "policy": policy,
        "heads": heads,
    }
    if midi is not None and shrink is not None:
        from sim.cli.shrinking import shrink_song  # noqa: PLC0415

        shrink_song(card, midi, setup, seconds, shrink, as_json=as_json)
    elif midi is not None:
        played = _play(card, midi, setup, seconds=seconds, trace=trace, options=options)
        _show_song(played, preset, html, as_json=as_json)
    else:
        plan = Plan() if seconds is None else Plan(seconds=seconds)
        asked = Asked(plan, voices, heads, html is not None, options)
        report, heard = _sweep(card, setup, preset, asked=asked, cluster=cluster)
        _show_sweep(report, heard, html, as_json=as_json)


def _refuse(**given: bool) -> None:
    """InputError for what makes no sense with a song."""
    from sim.errors import InputError  # noqa: PLC0415

    for name, there in given.items():
        if there:
            raise InputError(f"--{name} is for finding the most voices, so it does not go with --midi")


def _card(timing: str | None, latency_ms: float | None, mb_per_s: float | None) -> CardPreset:
    """The card asked for, by name or figures, with its sources and assumptions."""
    from sim.cards import CardPreset, card_model, in_words, load_card  # noqa: PLC0415

    model = card_model(timing, latency_ms, mb_per_s)
    if model is None:
        return load_card(DEFAULT_CARD)
    if timing is not None:
        return load_card(timing)
    return CardPreset("", f"as described, {in_words(model)}", model)


def _sweep(
    card: Path,
    setup: Setup,
    preset: CardPreset,
    *,
    asked: Asked,
    cluster: str | None,
) -> tuple[StressReport, list[Click]]:
    from functools import partial  # noqa: PLC0415

    from sim.measure.parallel import map_jobs  # noqa: PLC0415
    from sim.stress.click import clicks  # noqa: PLC0415
    from sim.stress.run import set_the_scene, stress_run  # noqa: PLC0415

    scene = set_the_scene(card, setup, preset, asked)
    with progress("stress", None) as advance:
        report = stress_run(scene, asked, partial(map_jobs, cluster=cluster, progress=advance))
    return report, clicks(scene.trial.config)


def _show_sweep(report: StressReport, heard: list[Click], html: Path | None, *, as_json: bool) -> None:
    from sim.stress.text import lines  # noqa: PLC0415

    if html is not None:
        from sim.pictures.page import stress_page  # noqa: PLC0415  matplotlib takes a second

        write_report(html, stress_page(report).encode("utf-8"))
    if as_json:
        print_json({**report.document(), "clicks": {one.on_miss: one.step for one in heard}})
        return
    for line in lines(report, heard):
        click.echo(printable(line))


def _play(
    card: Path,
    midi: Path,
    setup: Setup,
    *,
    seconds: float | None,
    trace: Path | None,
    options: dict[str, Any],
) -> SongReport:
    from dataclasses import replace  # noqa: PLC0415

    from sim.midifile import read_midi  # noqa: PLC0415
    from sim.stress.song import play_song  # noqa: PLC0415
    from sim.watching import RECORDS  # noqa: PLC0415

    watched = replace(setup, measure=True, trace_records=RECORDS)
    with progress("playing", None):
        return play_song(
            card,
            midi,
            watched,
            lambda rate: read_midi(midi, rate),
            seconds=seconds,
            trace=trace,
            options=options,
        )


def _show_song(report: SongReport, preset: CardPreset, html: Path | None, *, as_json: bool) -> None:
    from sim.stress.text import song_lines  # noqa: PLC0415

    if html is not None:
        from sim.pictures.page import song_page  # noqa: PLC0415  matplotlib takes a second
        from sim.stress.run import card_facts  # noqa: PLC0415

        write_report(html, song_page(report, card_facts(preset)).encode("utf-8"))
    if as_json:
        print_json(report.document())
        return
    for line in song_lines(report, preset.title):
        click.echo(printable(line))
