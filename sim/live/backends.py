"""Who asks the engine for blocks: an audio device through PortAudio, or a clock where nobody listens here."""

from __future__ import annotations

import atexit
import threading
from contextlib import suppress
from typing import Any, Protocol

from native import Live
from sim.errors import InputError
from sim.live.devices import NoAudioError, OutputDevice, choose_device, portaudio

_CLOSING_S = 2.0


class Backend(Protocol):
    """Plays a `Live`. ``rate`` and ``block`` are frames; ``device`` is the device's name, None for none."""

    @property
    def name(self) -> str:
        """Which of "portaudio", "browser", "none"."""
        ...

    @property
    def device(self) -> str | None: ...  # noqa: D102  see the class
    @property
    def rate(self) -> int: ...  # noqa: D102
    @property
    def block(self) -> int: ...  # noqa: D102
    @property
    def latency_ms(self) -> float:
        """From the engine to the ear, as far as the server says."""
        ...

    def start(self, live: Live) -> None:
        """Begin to ask ``live`` for blocks."""
        ...

    def stop(self) -> bool:
        """Ask no more. Harmless where it does not run.

        False where an audio server does not answer: `Live.disconnect` then keeps it out for ever.
        """
        ...


class ClockBackend:
    """Time goes on, and nobody listens here: whoever wants to hear takes what `Live` keeps."""

    device: str | None = None
    latency_ms = 0.0

    def __init__(self, name: str, rate: int, block: int) -> None:
        self.name, self.rate, self.block = name, rate, block
        self._live: Live | None = None

    def start(self, live: Live) -> None:
        """See `Backend.start`."""
        live.start_clock(self.block)
        self._live = live

    def stop(self) -> bool:
        """See `Backend.stop`."""
        if self._live is not None:
            self._live.stop_clock()
            self._live = None
        return True


class PortAudioBackend:
    """A device that plays: PortAudio calls the engine's own C function, and Python never runs in it.

    NoAudioError where the device does not take the rate. A stream is opened by each `start`.
    """

    name = "portaudio"

    def __init__(self, chosen: OutputDevice, rate: int | None, block: int) -> None:
        self._sd = portaudio()
        self._index = chosen.index
        self.device: str | None = f"{chosen.name} ({chosen.api})"
        self.rate, self.block = rate or chosen.rate, block
        self.latency_ms = chosen.latency_ms
        self._stream: Any = None
        try:
            self._sd.check_output_settings(
                device=self._index, channels=2, dtype="float32", samplerate=self.rate
            )
        except self._sd.PortAudioError as error:
            raise InputError(
                f"{self.device} does not play {self.rate} frames a second ({_why(error)}); its own rate is "
                f"{chosen.rate}: leave --rate out"
            ) from None

    def start(self, live: Live) -> None:
        """See `Backend.start`. NoAudioError where the device cannot be opened."""
        ffi = self._sd._ffi
        try:
            # the stream of the library's own classes, with a function of C in the place of Python's
            self._stream = self._sd._StreamBase(
                kind="output",
                device=self._index,
                channels=2,
                dtype="float32",
                samplerate=self.rate,
                blocksize=self.block,
                latency="low",
                callback=ffi.cast("PaStreamCallback *", live.callback),
                userdata=live.userdata,
            )
            self._stream.start()
        except self._sd.PortAudioError as error:
            self.stop()
            raise NoAudioError(f"{self.device} cannot be opened: {_why(error)}") from None
        self.latency_ms = 1000 * float(self._stream.latency)

    def stop(self) -> bool:
        """See `Backend.stop`."""
        stream, self._stream = self._stream, None
        if stream is None:
            return True
        # PortAudio waits for ever for a JACK server that is gone
        closing = threading.Thread(target=self._close, args=(stream,), daemon=True)
        closing.start()
        closing.join(_CLOSING_S)
        if closing.is_alive():
            atexit.unregister(self._sd._exit_handler)  # it would wait as long
            return False
        return True

    def _close(self, stream: Any) -> None:
        for step in (stream.abort, stream.close):
            with suppress(self._sd.PortAudioError):
                step()


def _why(error: Exception) -> str:
    return str(error.args[0]) if error.args else type(error).__name__


def choose_backend(
    kind: str, device: str | None, rate: int | None, block: int, own_rate: int
) -> tuple[Backend, str]:
    """The backend for ``kind`` ("auto", "portaudio", "browser", "none"), and what the user should know.

    ``own_rate`` is the simulated device's, for where no audio device has one. NoAudioError where "portaudio"
    was asked for by name and is not there; "auto" then goes on without, and says so.
    """
    clock_rate = rate or own_rate
    if kind in ("browser", "none"):
        return ClockBackend(kind, clock_rate, block), ""
    try:
        return PortAudioBackend(choose_device(device), rate, block), ""
    except NoAudioError as error:
        if kind == "portaudio":
            raise
        return ClockBackend("none", clock_rate, block), f"no sound here: {error}"
