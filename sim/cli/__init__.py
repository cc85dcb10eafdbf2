"""The ``benchpad`` command: one group, whose commands are imported only when they are called."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from sim.cli.errors import end_on_signals, guarded, internal_error

_JSON = "sim.cli.json"  # in the context: a document is asked for

# name: (module:attribute, its line in the overview, here so that the overview imports nothing)
COMMANDS = {
    "bench": ("sim.cli.bench:bench", "Measure the engine, the cache, pad to sound, the risk of an underrun."),
    "boot": ("sim.cli.boot:boot", "Show what the device sees on a card: pads, refusals, boot log."),
    "card": ("sim.cli.card:card", "Make, fill, list and check card images."),
    "check": ("sim.cli.check:check", "Say what a device will do with a card, and what to do about it."),
    "convert": ("sim.cli.convert:convert", "Make audio files that a device will take."),
    "demo": ("sim.cli.demo:demo", "Make a kit, a card and a song, play them, and show what happened."),
    "devices": ("sim.cli.devices:devices", "Show audio devices and MIDI ports, and what play would use."),
    "export": ("sim.cli.export:export", "Make a finished card: samples on pads, with their settings."),
    "inspect": ("sim.cli.inspect:inspect_", "Explain any device file, field by field."),
    "pattern": ("sim.cli.pattern:pattern", "Turn a MIDI file into a device's pattern, or back."),
    "play": ("sim.cli.play:play", "Play a card live: panel in the browser, MIDI, audio."),
    "render": ("sim.cli.render:render", "Play a MIDI file from a card to a WAV file, offline and exact."),
    "soak": ("sim.cli.soak:soak", "Play at random for a simulated day with random faults; all must add up."),
    "stress": ("sim.cli.stress:stress", "Find how many voices a card holds, what gives first, what helps."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name, and known failures by exit status (see `sim.cli.errors`)."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, if there is one of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Begin; bad usage of the group itself is told as that of its commands is."""
        with guarded(as_json=wants_json(args[1])):
            return super().make_context(*args, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether the command line asks for a document."""
        ctx.meta[_JSON] = wants_json(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; known failures become one sentence and an exit status."""
        with guarded(as_json=ctx.meta[_JSON]):
            return super().invoke(ctx)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for a document, also one that cannot be parsed; ``--`` ends the options."""
    own = list(arguments)
    return "--json" in own[: own.index("--") if "--" in own else len(own)]


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="benchpad", prog_name="benchpad")
def cli() -> None:
    """Benchpad: a sampler on the bench. It boots an SD card as the device would, and plays it.

    Example: benchpad boot kit.img
    """


def main() -> None:
    """Run the command line of this process."""
    end_on_signals()
    try:
        cli(prog_name="benchpad")
    except Exception as error:  # noqa: BLE001,RUF100  the last resort: a user gets a sentence, not a traceback
        sys.exit(internal_error(error, as_json=wants_json(sys.argv[1:])))
