"""``benchpad devices``: what this computer can play through, and be played from."""

from __future__ import annotations

from typing import Any

import click

from sim.cli.common import console, json_option, print_json, printable


@click.command()
@click.option("--audio-device", metavar="N|NAME", help="Say what play would use if given this.")
@click.option(
    "--midi-api",
    type=click.Choice(["auto", "alsa", "jack", "coremidi", "winmm"]),
    default="auto",
    show_default=True,
    help="Whose MIDI ports.",
)
@json_option
def devices(*, audio_device: str | None, midi_api: str, as_json: bool) -> None:
    """Show audio devices and MIDI ports, and which of them play would use.

    Example: benchpad devices
    """
    from sim.live.quiet import quiet_libraries  # noqa: PLC0415

    with quiet_libraries():
        found = _found(audio_device, midi_api)
    if as_json:
        print_json(found)
        return
    out = console()
    audio, midi = found["audio"], found["midi"]
    out.print("Audio", style="bold")
    for one in audio["devices"]:
        mark = "*" if one["index"] == audio["used"] else " "
        out.print(
            f"{mark} {one['index']:>3}  {printable(one['name'])} ({one['api']}), {one['channels']} channels, "
            f"{one['rate']} frames a second"
        )
    out.print("MIDI" + (f" ({midi['api']})" if midi["api"] else ""), style="bold")
    for name in midi["inputs"]:
        out.print(f"*      {printable(name)}")
    if midi["own"]:
        out.print(f"*      {midi['own']}, a port of its own for other programs, while it plays")
    out.print("* is what play would use")
    for note in filter(None, (audio["note"], midi["note"])):
        out.print(printable(note))


def _found(wanted: str | None, api: str) -> dict[str, Any]:
    return {"audio": _audio(wanted), "midi": _midi(api)}


def _audio(wanted: str | None) -> dict[str, Any]:
    from sim.live.devices import NoAudioError, choose_device, output_devices  # noqa: PLC0415

    audio: dict[str, Any] = {"devices": [], "used": None, "note": ""}
    try:
        audio["devices"] = [one.document() for one in output_devices()]
        audio["used"] = choose_device(wanted).index
    except NoAudioError as error:
        audio["note"] = f"no sound here: {error}"
    return audio


def _midi(api: str) -> dict[str, Any]:
    from sim.control.ports import input_names  # noqa: PLC0415
    from sim.control.system import OWN_NAME, NoMidiError, open_system  # noqa: PLC0415

    midi: dict[str, Any] = {"api": None, "inputs": [], "own": None, "note": ""}
    try:
        system = open_system(api)
        midi |= {"api": system.name, "inputs": input_names(system)}
        midi["own"] = OWN_NAME if system.makes_ports else None
    except NoMidiError as error:
        midi["note"] = f"no MIDI ports here: {error}"
    return midi
