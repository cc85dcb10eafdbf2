"""``benchpad devices``: what this computer can play through, and be played from."""

from __future__ import annotations

from typing import Any

import click

from sim.cli.common import console, json_option, print_json, printable


@click.command()
@click.option("--audio-device", metavar="N|NAME", help="Say what play would use if given this.")
@json_option
def devices(*, audio_device: str | None, as_json: bool) -> None:
    """Show audio devices and MIDI ports, and which of them play would use.

    Example: benchpad devices
    """
    from sim.live.quiet import quiet_libraries  # noqa: PLC0415

    with quiet_libraries():
        found = _found(audio_device)
    if as_json:
        print_json(found)
        return
    out = console()
    out.print("Audio", style="bold")
    for one in found["audio"]["devices"]:
        mark = "*" if one["index"] == found["audio"]["used"] else " "
        out.print(
            f"{mark} {one['index']:>3}  {printable(one['name'])} ({one['api']}), {one['channels']} channels, "
            f"{one['rate']} frames a second"
        )
    if found["audio"]["note"]:
        out.print(f"  {printable(found['audio']['note'])}")


def _found(wanted: str | None) -> dict[str, Any]:
    from sim.live.devices import NoAudioError, choose_device, output_devices  # noqa: PLC0415

    audio: dict[str, Any] = {"devices": [], "used": None, "note": ""}
    try:
        audio["devices"] = [one.document() for one in output_devices()]
        audio["used"] = choose_device(wanted).index
    except NoAudioError as error:
        audio["note"] = str(error)
    return {"audio": audio}
