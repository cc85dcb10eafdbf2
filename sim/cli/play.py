"""``benchpad play``: the card under the fingers, until somebody stops it."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from sim.cli.common import PATH, SIZE, Seconds, printable
from sim.cli.device import device_options, engine_options, setup_values
from sim.cli.outputs import same

if TYPE_CHECKING:
    from sim.board import Setup
    from sim.control.control import Control
    from sim.live.bench import Bench
    from sim.live.session import Session
    from sim.panel.serve import Panel

_PORT = 8404
_LOOK_S = 0.2  # how soon a signal is seen
_MAX_SECONDS = 7 * 24 * 3600


@click.command()
@click.argument("card", type=PATH)
@device_options
@click.option("--ram", type=SIZE, help="Sample RAM, such as 8M.")
@click.option("--voices", type=click.IntRange(1, 4096), help="Voices that may sound at once.")
@click.option(
    "--rate", type=click.IntRange(8_000, 384_000), help="Frames a second; without it, the audio device's own."
)
@click.option("--quality", type=click.Choice(["linear", "hermite", "sinc"]), help="Interpolation.")
@engine_options
@click.option("--faults", type=PATH, help="A script of what goes wrong with the card (docs/faults.md).")
@click.option("--mirror", type=PATH, help="A second card, which answers where the first does not.")
@click.option("--swap", type=PATH, help="Another card, which the panel can put in.")
@click.option("--writable", is_flag=True, help="Let the panel put samples on pads: the card is written.")
@click.option(
    "--audio",
    type=click.Choice(["auto", "portaudio", "browser", "none"]),
    default="auto",
    show_default=True,
    help="Where it is heard.",
)
@click.option(
    "--audio-device", metavar="N|NAME", help="Which output: its number or part of its name, see devices."
)
@click.option(
    "--block",
    type=click.IntRange(16, 8_192),
    default=128,
    show_default=True,
    help="Frames rendered at once: fewer are heard sooner, and harder to keep up with.",
)
@click.option(
    "--midi",
    "ports",
    multiple=True,
    metavar="NAME",
    help="Only inputs with this in their name; may be given several times. Without it, all.",
)
@click.option(
    "--midi-api",
    type=click.Choice(["auto", "alsa", "jack", "coremidi", "winmm", "none"]),
    default="auto",
    show_default=True,
    help="Whose MIDI ports.",
)
@click.option(
    "--velocity",
    type=click.Choice(["linear", "exponential", "logarithmic", "fixed"]),
    help="How hard keys play; without it, as last set, or linear.",
)
@click.option(
    "--panel",
    type=click.IntRange(0, 65_535),
    help=f"The panel's port; 0: any that is free. Without it {_PORT}, or else a free one.",
)
@click.option("--panel-host", default="127.0.0.1", show_default=True, help="Where the panel is reached from.")
@click.option(
    "--panel-password",
    envvar="BENCHPAD_PANEL_PASSWORD",
    help="Needed where --panel-host is not this machine; asked for on a terminal.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the panel.")
@click.option("--record", type=PATH, metavar="FILE.wav", help="Keep what is heard, in 32-bit float.")
@click.option(
    "--record-midi", type=PATH, metavar="FILE.mid", help="Keep what is played: render gives the same sound."
)
@click.option("--seconds", type=Seconds(0.01, _MAX_SECONDS), help="Stop after so long.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the status as one JSON document at the end, on one line."
)
def play(*, card: Path, **options: Any) -> None:
    """Play CARD live: from its panel in the browser, from MIDI, heard as the device would stream it.

    Prints the panel's address first. Ends after --seconds, or with Ctrl-C, and then its exit status is 0 and
    recordings are whole.

    Example: benchpad play kit.img --card class10 --record take.wav --record-midi take.mid
    """
    from sim.live.quiet import quiet_libraries  # noqa: PLC0415

    with asked_to_end() as asked, quiet_libraries(), ExitStack() as stack:
        _play(stack, card, options, asked)


@contextmanager
def asked_to_end() -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether a signal asked to end; a second one ends at once, as elsewhere."""
    asked: list[int] = []
    before: dict[int, Any] = {}

    def take(signum: int, frame: FrameType | None) -> None:
        asked.append(signum)
        for other, kept in before.items():
            signal.signal(other, kept)

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signum) is not signal.SIG_IGN:
            before[signum] = signal.signal(signum, take)
    try:
        yield lambda: bool(asked)
    finally:
        for other, kept in before.items():
            signal.signal(other, kept)


def _play(stack: ExitStack, card: Path, options: dict[str, Any], asked: Callable[[], bool]) -> None:
    from sim.live.backends import choose_backend  # noqa: PLC0415
    from sim.live.bench import Bench  # noqa: PLC0415
    from sim.live.holding import sole_writer  # noqa: PLC0415
    from sim.live.session import Recording, Session  # noqa: PLC0415
    from sim.panel.opening import opened_in_browser  # noqa: PLC0415

    options["panel_password"] = _password(options["panel_host"], options["panel_password"])
    if options["writable"]:
        for path in (card, options["swap"]):
            stack.enter_context(sole_writer(path))
        _settle(card)
    setup = _setup(card, options)
    backend, note = choose_backend(
        options["audio"], options["audio_device"], options["rate"], options["block"], _own_rate(card, setup)
    )
    recording = Recording(options["record"], options["record_midi"], options["seconds"])
    session = Session(card, setup, backend, recording)
    control, silent = _control(session, options)
    bench = Bench(
        session,
        control,
        preset=options["timing"],
        other=options["swap"],
        writable=options["writable"],
    )
    session.midi = control
    stack.callback(bench.close)
    stack.enter_context(session)
    panel = _serve(bench, options)
    stack.callback(panel.close)
    click.echo(panel.address)
    if not options["as_json"]:
        _greet(session)
    _warn(note, silent)
    control.start()
    stack.callback(control.close)
    sys.stdout.flush()
    if not options["no_browser"]:
        stack.enter_context(opened_in_browser(panel.address))
    lost, said = "", 0
    while not (session.wait(_LOOK_S) or asked()):
        complaints = session.complaints[said:]
        said += len(complaints)
        _warn(*complaints)
        if session.lost != lost:
            lost = session.lost
            _warn(lost)
    _sum_up(session, as_json=options["as_json"])


def _setup(card: Path, options: dict[str, Any]) -> Setup:
    from sdcard_image import open_card  # noqa: PLC0415
    from sim.board import Setup  # noqa: PLC0415
    from sim.cards import card_model  # noqa: PLC0415
    from sim.errors import InputError  # noqa: PLC0415
    from sim.faults.script import read_script  # noqa: PLC0415
    from sim.live.trouble import playable  # noqa: PLC0415
    from sim.rendering import refuse_overwriting  # noqa: PLC0415

    script = playable(None if options["faults"] is None else read_script(options["faults"]))
    others = [one for one in (options["mirror"], options["swap"]) if one is not None]
    for other in others:  # what is wrong with it is said now, and not when the card is swapped
        open_card(other).close()
    timing = None if options["timing"] is None else Path(options["timing"])
    read = [card, *others, *(one for one in (options["faults"], timing) if one is not None)]
    outputs = [one for one in (options["record"], options["record_midi"]) if one is not None]
    for output in outputs:
        refuse_overwriting(output, *read)
    if len(outputs) == 2 and same(*outputs):
        raise InputError("--record and --record-midi name the same file; give each its own")
    return Setup(
        options["device"],
        options["project"],
        options["rate"],
        options["voices"],
        options["ram"],
        options["quality"],
        card=card_model(options["timing"], options["card_latency"], options["card_speed"]),
        seed=options["seed"],
        mirror=options["mirror"],
        faults=script,
        **setup_values(options["schedule"], options["on_miss"], options["overload"], options["policy"]),
    )


def _own_rate(card: Path, setup: Setup) -> int:
    """The rate of the simulated device."""
    from sdcard_image import open_card  # noqa: PLC0415
    from sim.board import profile_for  # noqa: PLC0415

    with closing(open_card(card)) as opened:
        return int(profile_for(opened, setup).value("engine.rate"))


def _password(host: str, given: str | None) -> str | None:
    """The panel's password; asked for on the terminal where others could reach the panel without one."""
    from sim.panel.guard import is_loopback  # noqa: PLC0415

    if given or is_loopback(host) or not sys.stdin.isatty():
        return given
    return str(click.prompt(f"Password for the panel at {host}", hide_input=True, err=True))


def _settle(card: Path) -> None:
    """Finish what an earlier session was cut off in while it wrote the card."""
    from sim.panel.change import recover_card  # noqa: PLC0415

    if recover_card(card):
        click.echo("benchpad: a change of the card's pads had been cut off; it is settled now", err=True)


def _serve(bench: Bench, options: dict[str, Any]) -> Panel:
    from sim.errors import InputError  # noqa: PLC0415
    from sim.panel.serve import serve  # noqa: PLC0415

    def at(port: int) -> Panel:
        return serve(bench, host=options["panel_host"], port=port, password=options["panel_password"])

    if options["panel"] is not None:
        return at(options["panel"])
    try:
        return at(_PORT)
    except InputError:  # somebody else is there; or what is wrong is said again
        return at(0)


def _control(session: Session, options: dict[str, Any]) -> tuple[Control, str]:
    """MIDI, and what the user should know of it. NoMidiError where an interface was asked for by its name."""
    from firmware.velocity import Curve  # noqa: PLC0415
    from sim.control.control import Control  # noqa: PLC0415
    from sim.control.ports import Ports  # noqa: PLC0415
    from sim.control.settings import Settings, settings_path  # noqa: PLC0415
    from sim.control.system import NoMidiError, open_system  # noqa: PLC0415

    ports, note, api = None, "", options["midi_api"]
    if api != "none":
        try:
            ports = Ports(open_system(api), options["ports"])
        except NoMidiError as error:
            if api != "auto":
                raise
            note = f"no MIDI ports here: {error}; the panel plays without"
    curve = None if options["velocity"] is None else Curve(options["velocity"])
    return Control(
        session, ports, Settings(settings_path()), curve=curve, tell=_nothing if options["as_json"] else _tell
    ), note


def _tell(text: str) -> None:
    click.echo(printable(text))
    sys.stdout.flush()


def _nothing(text: str) -> None:
    """For programs, which read the status instead."""


def _warn(*notes: str) -> None:
    for note in filter(None, notes):
        click.echo(f"benchpad: {printable(note)}", err=True)


def _sum_up(session: Session, *, as_json: bool) -> None:
    status = session.status()
    if as_json:
        click.echo(json.dumps(status))
        return
    audio = status["audio"]
    click.echo(
        f"played {status['seconds']:.1f} s; underruns of the card {status['underruns']}, late blocks of ours "
        f"{audio['late_blocks']}, xruns of the audio server {audio['xruns']}"
    )


def _greet(session: Session) -> None:
    """Say what plays; on stdout only the panel's address, the first line, is for programs."""
    backend, board = session.backend, session.board
    where = backend.device or {"browser": "the panel", "none": "nothing here"}[backend.name]
    click.echo(
        f"{board.profile.title}, {len(board.boot.catalogue.pads)} pads; heard on {printable(where)}, "
        f"{session.rate} frames a second, blocks of {session.block}; end it with Ctrl-C"
    )
