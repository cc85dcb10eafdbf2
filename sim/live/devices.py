"""What can be heard on this computer: PortAudio's output devices, and which one would be used."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sim.errors import InputError

BROWSER = "--audio browser plays in the browser instead"


class NoAudioError(Exception):
    """There is nothing to play through; says why."""


@dataclass(frozen=True, slots=True)
class OutputDevice:
    """An output of PortAudio. ``rate`` is its own, in frames a second; ``latency_ms`` what it asks for."""

    index: int
    name: str
    api: str
    channels: int
    rate: int
    latency_ms: float
    default: bool

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def portaudio() -> Any:
    """The sounddevice module; NoAudioError where the PortAudio library is missing or does not start."""
    try:
        import sounddevice  # noqa: PLC0415  looks for PortAudio and starts it: only when asked for
    except OSError as error:
        raise NoAudioError(
            f"no PortAudio library ({error}); Debian has it as libportaudio2; {BROWSER}"
        ) from None
    except Exception as error:  # sounddevice.PortAudioError cannot be named before it is imported
        if type(error).__name__ != "PortAudioError":
            raise
        raise NoAudioError(f"PortAudio does not start: {error}; {BROWSER}") from None
    return sounddevice


def output_devices() -> list[OutputDevice]:
    """The devices that play two channels. NoAudioError where there is no PortAudio."""
    sd = portaudio()
    apis, default = sd.query_hostapis(), _default_index(sd)
    return [
        OutputDevice(
            one["index"],
            one["name"],
            apis[one["hostapi"]]["name"],
            one["max_output_channels"],
            round(one["default_samplerate"]),
            1000 * one["default_low_output_latency"],
            one["index"] == default,
        )
        for one in sd.query_devices()
        if one["max_output_channels"] >= 2
    ]


def _default_index(sd: Any) -> int:
    """PortAudio's own choice, or the first device of an interface that has one; -1 for none."""
    chosen = int(sd.default.device[1])
    if chosen >= 0:
        return chosen
    return next((int(api["default_output_device"]) for api in sd.query_hostapis()
                 if api["default_output_device"] >= 0), -1)  # fmt: skip


def choose_device(wanted: str | None) -> OutputDevice:
    """The device of a number or of a part of its name; without one the default.

    NoAudioError where there is none at all, InputError where ``wanted`` is not there or is several.
    """
    devices = output_devices()
    if not devices:
        raise NoAudioError(f"PortAudio finds no device that plays two channels; {BROWSER}")
    if wanted is None:
        return next((one for one in devices if one.default), devices[0])
    found = [one for one in devices if _is(one, wanted)]
    exact = [one for one in found if one.name.casefold() == wanted.casefold()]
    if len(found) == 1 or len(exact) == 1:
        return (exact if len(exact) == 1 else found)[0]
    listed = ", ".join(f"{one.index} {one.name!r} ({one.api})" for one in found or devices)
    what = "is several audio devices" if found else "is no audio device"
    raise InputError(f"{wanted!r} {what}; there are {listed}: name one by its number")


def _is(device: OutputDevice, wanted: str) -> bool:
    if wanted.isascii() and wanted.isdigit():
        return device.index == int(wanted)
    words = f"{device.name} {device.api}".casefold()
    return all(word in words for word in wanted.casefold().split())
