"""An audio file's header as plain values, whatever its container."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from native.types import Encoding

Read = Callable[[int, int], bytes]

MAX_CHUNKS = 128  # more chunks than this before the audio data is an attack, not a file

# The chunk names that audio files really carry: by them a missing padding byte is told.
_RIFF = (
    "fmt |data|LIST|fact|smpl|cue |bext|JUNK|junk|PAD |RLND|inst|id3 |iXML|axml|acid|afsp|cart|FLLR|PEAK|minf"
    "|elm1|regn|umid|slnt|plst|labl|note|ltxt|ds64|chna|DISP"
)
_AIFF = "COMM|SSND|MARK|INST|NAME|AUTH|ANNO|COMT|APPL|FVER|CHAN|ID3 |AESD|MIDI"
_KNOWN = frozenset(f"{_RIFF}|{_AIFF}".encode().split(b"|"))


@dataclass(frozen=True, slots=True)
class AudioHeader:
    """An audio file as its header describes it. Offsets and sizes are bytes of the file.

    ``declared_bytes`` is the audio data that the header promises; ``data_bytes`` what the file really
    holds of it. ``encoding`` is None where the engine cannot read the data. ``unfinished`` marks a file whose
    writer never filled in the sizes (a stream, a crashed recorder): its data runs to the end of the file.
    For a container that is only recognised by name, every other number is 0. ``shortage`` says that the end
    is missing, where counting bytes does not show it.
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
    unpadded: tuple[str, ...] = ()  # of them, those of odd length without the padding byte
    remarks: tuple[str, ...] = ()
    shortage: str = ""
    declared_frames: int = 0  # where the header counts them, and bytes do not tell

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame as it lies in the file; 0 where the engine cannot read the data."""
        return self.channels * self.encoding.size_bytes if self.encoding is not None else 0

    @property
    def container_bits(self) -> int:
        """Bits that a value takes in the file; it may use fewer. ``bits`` where that is not known."""
        return 8 * self.encoding.size_bytes if self.encoding is not None else self.bits

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
        return self.declared_bytes > self.data_bytes or bool(self.shortage)

    @property
    def cut(self) -> str:
        """How a truncated file is short, as a clause."""
        declared, real = self.declared_bytes, self.data_bytes
        return (
            self.shortage or f"the header promises {declared:,} bytes of audio, but the file holds {real:,}"
        )


def lacks_padding(read: Read, size: int, end: int, length: int) -> bool:
    """Whether a chunk of ``length`` bytes that ends at ``end`` is odd and the next one follows at once.

    Many writers forget the padding byte. A known name right after the chunk, and none a byte later, tells.
    """
    if not length & 1 or end >= size:
        return False
    after = read(end, min(5, size - end))
    return after[:4] in _KNOWN and after[1:5] not in _KNOWN
