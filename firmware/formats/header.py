"""An audio file's header as plain values, whatever its container."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from native.types import Encoding

Read = Callable[[int, int], bytes]

MAX_CHUNKS = 128  # more chunks than this before the audio data is an attack, not a file


@dataclass(frozen=True, slots=True)
class AudioHeader:
    """An audio file as its header describes it. Offsets and sizes are bytes of the file.

    ``declared_bytes`` is the audio data that the header promises; ``data_bytes`` what the file really
    holds of it. ``encoding`` is None where the engine cannot read the data. ``unfinished`` marks a file whose
    writer never filled in the sizes (a stream, a crashed recorder): its data runs to the end of the file.
    For a container that is only recognised by name, every number is 0.
    """

    container: str  # "wav", "rf64", "rifx", "aiff", "aifc"; or one of sniff.KNOWN
    codec: str  # "PCM", "float", or a name for people
    channels: int = 0
    rate: int = 0
    bits: int = 0
    encoding: Encoding | None = None
    data_offset: int = 0
    declared_bytes: int = 0
    data_bytes: int = 0
    unfinished: bool = False
    chunks: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame as it lies in the file; 0 where the engine cannot read the data."""
        return self.channels * self.encoding.size_bytes if self.encoding is not None else 0

    @property
    def frames(self) -> int:
        """Whole frames that the file really holds."""
        return self.data_bytes // self.frame_bytes if self.frame_bytes else 0

    @property
    def seconds(self) -> float:
        """Playing time at the file's own rate; 0 where it is not known."""
        return self.frames / self.rate if self.rate else 0.0

    @property
    def truncated(self) -> bool:
        """Whether the header promises more audio than the file holds."""
        return self.declared_bytes > self.data_bytes
