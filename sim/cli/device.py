"""The options that say which device, and how slow a card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

PROFILES = click.Choice(["generic", "sp404sx", "sp404mk2"])
_SCHEDULES = click.Choice(["deadline", "rating", "emptiest"])
_MISSES = click.Choice(["return", "hold", "drop"])
_OVERLOADS = click.Choice(["none", "oldest", "quietest", "priority"])
_POLICIES = click.Choice(["lru", "slru", "mru"])


def _with(options: tuple[Callable[..., Any], ...], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


def card_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--card`` (as ``timing``), ``--card-latency``, ``--card-speed`` and ``--seed``."""
    options = (
        click.option(
            "--card",
            "timing",
            metavar="NAME|FILE",
            help="Emulate this card: class10, a1, worn, ... (see docs/cards.md), or a TOML file.",
        ),
        click.option(
            "--card-latency", type=float, metavar="MS", help="Emulate a card that takes this long a command."
        ),
        click.option(
            "--card-speed",
            type=float,
            metavar="MB/S",
            help="Emulate a card of this speed (10^6 bytes a second).",
        ),
        click.option(
            "--seed",
            type=int,
            default=0,
            show_default=True,
            help="For what the emulated card leaves to chance.",
        ),
    )
    return _with(options, command)


def device_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--device``, ``--project``, and those of `card_options`."""
    options = (
        click.option(
            "--device", type=PROFILES, help="The device to be; without it, the card's layout tells."
        ),
        click.option("--project", metavar="NAME", help="The project to load, where the card has several."),
        card_options,
    )
    return _with(options, command)


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--schedule``, ``--on-miss``, ``--overload`` and ``--policy``; see `setup_values`."""
    options = (
        click.option(
            "--schedule",
            type=_SCHEDULES,
            default="deadline",
            show_default=True,
            help="Whom the card serves next: the earliest deadline, the highest rating, the emptiest buffer.",
        ),
        click.option(
            "--on-miss",
            type=_MISSES,
            default="return",
            show_default=True,
            help="A voice without data fades, and then: comes back in time, waits, or ends.",
        ),
        click.option(
            "--overload",
            type=_OVERLOADS,
            help="Which voice is dropped when the card cannot keep up. Without it: as the device does"
            " where it plays; none where voices are counted or measured.",
        ),
        click.option(
            "--policy",
            type=_POLICIES,
            default="lru",
            show_default=True,
            help="Which block of the cache gives way.",
        ),
    )
    return _with(options, command)


def setup_values(schedule: str, on_miss: str, overload: str | None, policy: str) -> dict[str, Any]:
    """What `engine_options` gave, as arguments of `sim.board.Setup`."""
    from native.types import OnMiss, Overload, Policy, Schedule  # noqa: PLC0415  numpy, only when needed

    return {
        "schedule": Schedule[schedule.upper()],
        "on_miss": OnMiss[on_miss.upper()],
        "overload": None if overload is None else Overload[overload.upper()],
        "policy": Policy[policy.upper()],
    }
