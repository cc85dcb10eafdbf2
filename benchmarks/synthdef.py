"""SuperCollider's binary formats, as far as a score of sample voices needs them.

Formats: SuperCollider's reference, "Synth Definition File Format" (version 2) and "Non-Realtime Synthesis";
Open Sound Control 1.0 for messages and bundles.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

CONTROL, AUDIO = 1, 2  # rates

Input = float | tuple[int, int]  # a constant, or (unit, its output)


def _pascal(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("ascii")


@dataclass
class SynthDef:
    """Collects unit generators; the parameters are unit 0."""

    name: str
    parameters: dict[str, float]
    _constants: list[float] = field(default_factory=list)
    _units: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.unit("Control", CONTROL, [], outputs=len(self.parameters))

    def parameter(self, name: str) -> Input:
        """A parameter as an input."""
        return (0, list(self.parameters).index(name))

    def unit(self, kind: str, rate: int, inputs: Sequence[Input], outputs: int = 1, special: int = 0) -> int:
        """Add a unit generator; returns its number."""
        spec = _pascal(kind) + struct.pack(">biih", rate, len(inputs), outputs, special)
        for one in inputs:
            spec += struct.pack(">ii", *(one if isinstance(one, tuple) else (-1, self._constant(one))))
        self._units.append(spec + bytes([rate]) * outputs)
        return len(self._units) - 1

    def _constant(self, value: float) -> int:
        if value not in self._constants:
            self._constants.append(value)
        return self._constants.index(value)

    def pack(self) -> bytes:
        """A definition file that holds this definition."""
        defaults = list(self.parameters.values())
        return b"".join(
            [
                b"SCgf",
                struct.pack(">ih", 2, 1),
                _pascal(self.name),
                struct.pack(f">i{len(self._constants)}f", len(self._constants), *self._constants),
                struct.pack(f">i{len(defaults)}f", len(defaults), *defaults),
                struct.pack(">i", len(defaults)),
                *(_pascal(name) + struct.pack(">i", i) for i, name in enumerate(self.parameters)),
                struct.pack(">i", len(self._units)),
                *self._units,
                struct.pack(">h", 0),  # variants
            ]
        )


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def message(address: str, *arguments: str | int | float | bytes) -> bytes:
    """An OSC message."""
    tags, body = ",", b""
    for one in arguments:
        if isinstance(one, str):
            tags, body = tags + "s", body + _padded(one.encode() + b"\0")
        elif isinstance(one, bytes):
            tags, body = tags + "b", body + struct.pack(">i", len(one)) + _padded(one)
        elif isinstance(one, int):
            tags, body = tags + "i", body + struct.pack(">i", one)
        else:
            tags, body = tags + "f", body + struct.pack(">f", one)
    return _padded(address.encode() + b"\0") + _padded(tags.encode() + b"\0") + body


def bundle(seconds: float, messages: Iterable[bytes]) -> bytes:
    """A bundle of a score, with its length in front."""
    parts = b"".join(struct.pack(">i", len(one)) + one for one in messages)
    whole = b"#bundle\0" + struct.pack(">Q", round(seconds * 2**32)) + parts
    return struct.pack(">i", len(whole)) + whole
