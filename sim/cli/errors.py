"""Failures at the command line: each known one is a sentence on stderr and an exit status.

With --json it is also the one document on stdout: ``{"error": "the sentence"}``.

0 fine, 1 findings, 2 bad usage or bad input, 3 a device or I/O failure, 128 + n ended by signal n.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import click

from librarian.holding import held

FINDINGS, BAD_INPUT, FAILURE = 1, 2, 3
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SOON = 0.02  # s

# By name, so that showing an error imports nothing that the command itself did not.
_STATUS = {
    "sim.errors.InputError": BAD_INPUT,
    "sdcard_image.types.CardError": BAD_INPUT,
    "firmware.profiles.ProfileError": BAD_INPUT,
    "firmware.formats.FormatError": BAD_INPUT,
    "firmware.formats.errors.FormatError": BAD_INPUT,
    "native.types.EngineError": FAILURE,
    "sim.control.system.NoMidiError": FAILURE,
    "sim.live.devices.NoAudioError": FAILURE,
}
_WRONG_PATH = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)


def exit_status(error: BaseException) -> int | None:
    """Map a known failure to its exit status; None for one nobody foresaw, which is a defect of ours."""
    if isinstance(error, OSError):
        return BAD_INPUT if isinstance(error, _WRONG_PATH) else FAILURE
    if isinstance(error, MemoryError):
        return FAILURE
    names = (f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__)
    return next((_STATUS[name] for name in names if name in _STATUS), None)


def sentence(error: BaseException) -> str:
    """Say the error in one line."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror[:1].lower()}{error.strerror[1:]}"
    if isinstance(error, MemoryError):
        return "this computer has not enough free memory for that; ask for less"
    return " ".join(str(error).split()) or type(error).__name__


class Ended(KeyboardInterrupt):
    """A signal that asks to end: all is unwound as after Ctrl-C, so that nothing half-written stays."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"ended by {signal.Signals(signum).name}")
        self.signum = signum


def end_on_signals() -> None:
    """From now on raise `Ended` where a signal asks to end; one that is ignored, as by nohup, stays so.

    While a C library decodes it is raised after that call, and while modules are imported soon after: the
    code that begins a C extension loses exceptions.
    """

    def end(signum: int, frame: FrameType | None) -> None:
        if signum != signal.SIGINT and _is_unwinding(sys.exception()):
            return  # that is quick; a second Ctrl-C still cuts it short
        ended = Ended(signum)
        if held.defer(ended):
            return
        if _is_importing(frame):
            signal.setitimer(signal.ITIMER_REAL, _SOON)
            return
        raise ended

    def ask_again(signum: int, frame: FrameType | None) -> None:
        if isinstance(held.asked, Ended):
            end(held.asked.signum, frame)

    for signum in _ENDING:
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, end)
    signal.signal(signal.SIGALRM, ask_again)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def _is_unwinding(error: BaseException | None) -> bool:
    """Whether the exception that is being handled, or one behind it, already asks to end."""
    while error is not None and not isinstance(error, Ended):
        error = error.__context__
    return error is not None


def _quiet_broken_pipe() -> None:
    """Give the interpreter a sink for what is still buffered, so that its exit stays silent too."""
    with suppress(OSError):  # a stdout that is no file has nothing to flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(said: str, *, as_json: bool) -> None:
    """The sentence on stderr, and as a document on stdout where one is asked for."""
    click.echo(f"benchpad: {said}", err=True)
    if as_json:
        from sim.cli.common import print_json  # noqa: PLC0415  it imports from here

        print_json({"error": said})


@contextmanager
def guarded(*, as_json: bool = False) -> Iterator[None]:
    """Turn known failures into click's; let the others pass, so that tests and reports see them.

    Bad usage is left to click, which shows the command's usage, unless a document is asked for.
    """
    try:
        yield
        held.check()  # one that was lost on the way
    except BrokenPipeError:
        _quiet_broken_pipe()
        raise click.exceptions.Exit(0) from None
    except KeyboardInterrupt as error:
        signum = error.signum if isinstance(error, Ended) else signal.SIGINT
        held.clear()
        signal.setitimer(signal.ITIMER_REAL, 0)  # when all is unwound, nothing handles it any more
        with suppress(OSError):  # after a hang-up there may be no terminal to tell
            _tell("interrupted" if signum == signal.SIGINT else str(error), as_json=as_json)
        raise click.exceptions.Exit(128 + signum) from None
    except click.ClickException as error:
        if not as_json:
            raise
        _tell(" ".join(error.format_message().split()), as_json=True)
        raise click.exceptions.Exit(error.exit_code) from error
    except Exception as error:
        status = exit_status(error)
        if status is None:
            raise
        _tell(sentence(error), as_json=as_json)
        raise click.exceptions.Exit(status) from error


def internal_error(error: Exception, *, as_json: bool = False) -> int:
    """Say that this is a defect, keep the traceback in a file for the report, and return the exit status."""
    import tempfile  # noqa: PLC0415  only ever needed here

    with tempfile.NamedTemporaryFile("w", prefix="benchpad-", suffix=".txt", delete=False) as log:
        log.writelines(traceback.format_exception(error))
    what = f"{type(error).__name__}: {sentence(error)}"
    _tell(f"this is a defect of benchpad ({what}); please report it with {log.name}", as_json=as_json)
    return FAILURE
