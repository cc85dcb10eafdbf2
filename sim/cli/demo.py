"""``benchpad demo``: everything once, from nothing."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.common import HostPath, console, json_option, print_json, printable


@click.command()
@click.option(
    "--out",
    type=HostPath(file_okay=False),
    default=Path("demo-out"),
    show_default=True,
    help="The folder to leave the results in.",
)
@json_option
def demo(*, out: Path, as_json: bool) -> None:
    """Synthesise a kit, make a card, boot it, play a song from it, and say what happened.

    Leaves the card image, the MIDI file, two WAV files and summary.md in the folder; those of an earlier
    demo are replaced, anything else is not.

    Example: benchpad demo --out demo-out
    """
    from sim.demo.show import next_commands, run_demo  # noqa: PLC0415  the engine and numpy, only when needed

    terminal = console()
    result = run_demo(out, (lambda text: None) if as_json else (lambda text: terminal.print(printable(text))))
    if as_json:
        print_json(result.document())
        return
    for title, report in (("song.wav", result.good), ("slow-card.wav", result.tired)):
        terminal.print(f"\n{title}", style="bold")
        for name, text in report.lines():
            terminal.print(f"  {name:<10} {printable(text)}")
    terminal.print(f"\nLook at {printable(str(out / 'summary.md'))}, listen to the WAV files, and type next:")
    for command in next_commands(out):
        terminal.print(f"  {command}")
    terminal.print("The last one plays the card live: by hand in the browser, or from a MIDI controller.")
