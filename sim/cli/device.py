"""The options that say which device, and how slow a card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

PROFILES = click.Choice(["generic", "sp404sx", "sp404mk2"])


def device_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--device``, ``--project``, ``--card-latency`` and ``--card-speed``."""
    options = (
        click.option(
            "--device", type=PROFILES, help="The device to be; without it, the card's layout tells."
        ),
        click.option("--project", metavar="NAME", help="The project to load, where the card has several."),
        click.option(
            "--card-latency", type=float, metavar="MS", help="Emulate a card that takes this long a command."
        ),
        click.option(
            "--card-speed",
            type=float,
            metavar="MB/S",
            help="Emulate a card of this speed (10^6 bytes a second).",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
