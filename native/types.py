"""What the engine is told and what it tells: plain values, no C objects.

Units: positions and lengths are frames, sizes are bytes, unless the name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class EngineError(Exception):
    """The engine refused an argument, ran out of a fixed resource, or its device failed."""


class QueueFullError(EngineError):
    """The command queue has no room: render, then post again."""


class Encoding(IntEnum):
    """How one PCM value lies on the card."""

    U8 = 0
    S16_LE = 1
    S16_BE = 2
    S24_LE = 3
    S24_BE = 4
    S32_LE = 5
    S32_BE = 6
    F32_LE = 7
    F32_BE = 8

    @property
    def size_bytes(self) -> int:
        """Bytes of one value of one channel."""
        return (1, 2, 2, 3, 3, 4, 4, 4, 4)[self]


class Quality(IntEnum):
    """Interpolation between file frames."""

    LINEAR = 0
    HERMITE = 1
    SINC = 2


class Loop(IntEnum):
    """What a voice does at the end of its region."""

    NONE = 0
    FORWARD = 1
    PING_PONG = 2


class Retrigger(IntEnum):
    """What a start does when voices with the same tag already sound."""

    LAYER = 0  # add one more
    RESTART = 1  # fade the old ones out, start anew
    IGNORE = 2  # the running voice plays on, the start is dropped (one-shot)
    TOGGLE = 3  # the running voice is released, the start is dropped (loop: next press stops)


class Steal(IntEnum):
    """Which voice makes room when all are busy."""

    OLDEST = 0
    QUIETEST = 1
    REFUSE = 2  # none: the new start is dropped


class Schedule(IntEnum):
    """Whom the card reader serves next."""

    DEADLINE = 0  # the voice whose data must be there first
    RATING = 1  # the voice with the highest priority, then the one that started last
    EMPTIEST = 2  # the voice with the least part of its buffer filled


class OnMiss(IntEnum):
    """What a voice does when it reaches a block that is not there; it always fades out first."""

    RETURN = 0  # silent in time, and back when data reaches far enough again
    HOLD = 1  # waits where it stopped and goes on from there, late
    DROP = 2  # ends


class Overload(IntEnum):
    """Which voice gives way when the card cannot keep up with all."""

    NONE = 0  # none: each suffers when its turn comes
    OLDEST = 1
    QUIETEST = 2
    PRIORITY = 3  # the lowest priority, of equals the oldest


class Policy(IntEnum):
    """Which block that nobody holds gives way to a new one."""

    LRU = 0  # the one let go longest ago
    SLRU = 1  # of those used once, the one let go longest ago; then of the others (segmented LRU)
    MRU = 2  # the one let go last: for loops longer than the RAM, of which it keeps a part


class Cause(IntEnum):
    """Why a block was not there when its voice arrived."""

    COLD = 0  # the voice began where nothing was resident yet
    LATE = 1  # asked for in time, but the card delivered after the deadline
    NO_ROOM = 2  # every cache block was held by other voices or pinned
    READ_ERROR = 3  # the card failed to read it


@dataclass(frozen=True, slots=True)
class Extent:
    """One contiguous run of a file on the device: absolute byte offset and length."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Everything the engine takes at start; nothing grows afterwards.

    ``pool_bytes`` is the device's sample RAM; ``block_bytes`` (a power of two, 512 to 65,536) is the
    cache block. ``fade_frames`` is the length of every declick fade.
    """

    rate: int = 48_000
    max_voices: int = 32
    max_samples: int = 4_096
    pool_bytes: int = 16 << 20
    block_bytes: int = 4_096
    fade_frames: int = 128
    max_transfer_blocks: int = 64
    max_ahead_blocks: int = 128  # most blocks read ahead for one voice
    quality: Quality = Quality.HERMITE
    steal: Steal = Steal.OLDEST
    path: str = "auto"  # "auto", "avx2", "baseline" (SSE2 on x86-64), "scalar"
    schedule: Schedule = Schedule.DEADLINE
    on_miss: OnMiss = OnMiss.RETURN
    overload: Overload = Overload.NONE
    policy: Policy = Policy.LRU
    threaded_reader: bool = False  # a thread of a `Live` serves the reads, instead of rendering
    dry: bool = False  # compute no audio: every decision about data and time stays the same
    measure: bool = False  # keep each voice's slack, its end and its state
    trace_records: int = 0  # commands, ends and cache accesses kept between two drains; 0: none


@dataclass(frozen=True, slots=True)
class Sample:
    """A PCM stream inside a file on the device.

    ``extents`` cover the file from byte 0; ``data_offset`` is where frame 0 begins in the file.
    """

    extents: tuple[Extent, ...]
    data_offset: int
    frames: int
    channels: int  # 1 or 2
    rate: int
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class Start:
    """A voice to start at ``frame``. ``end`` 0 means the sample's end; ``hold`` 0 means for ever.

    ``tag`` names the pad to later events and to reports. ``gain`` 1.0 with ``pan`` 0.0 (-1 left, 1 right)
    reproduces the file's values exactly. ``group`` (0 = none): the last start in a group silences the others.
    """

    frame: int
    sample: int
    tag: int
    start: int = 0
    end: int = 0
    loop_start: int = 0
    reverse: bool = False
    loop: Loop = Loop.NONE
    gate: bool = False  # True: Release ends it; False: it plays to its end
    retrigger: Retrigger = Retrigger.LAYER
    gain: float = 1.0
    pan: float = 0.0
    pitch_cents: float = 0.0
    speed: float = 1.0  # extra playback ratio
    attack: int = 0
    hold: int = 0
    release: int = 0  # never shorter than fade_frames
    group: int = 0
    cost: int = 1  # units of max_voices that the voice takes
    priority: int = 0  # 0 to 127: the higher, the later it gives way


@dataclass(frozen=True, slots=True)
class Release:
    """Note-off at ``frame`` for the gated voices of ``tag``."""

    frame: int
    tag: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Fade out at ``frame`` every voice of ``tag`` (None: every voice), whatever its mode."""

    frame: int
    tag: int | None = None


@dataclass(frozen=True, slots=True)
class Bend:
    """From ``frame`` on the voices of ``tag`` play ``cents`` above the pitch with which they started."""

    frame: int
    tag: int
    cents: float


Event = Start | Release | Stop | Bend


@dataclass(frozen=True, slots=True)
class Pin:
    """At ``frame`` the blocks of ``frames`` frames from ``first`` on are kept in RAM; not ``on``: no more.

    They load as the card has time. At most half of the pool is pinned: what is beyond that is left out.
    """

    frame: int
    sample: int
    first: int
    frames: int
    on: bool = True


@dataclass(frozen=True, slots=True)
class Underrun:
    """A voice reached a block that was not resident, at ``frame``."""

    frame: int
    tag: int
    sample: int
    cause: Cause


class EndCause(IntEnum):
    """Why a voice ended."""

    END = 0  # its own end
    RELEASED = 1
    STOLEN = 2
    CHOKED = 3  # by its mute group
    STOPPED = 4
    RETRIGGERED = 5
    LATE = 6  # dropped on a miss: the card was late for this one
    BANDWIDTH = 7  # dropped: the card cannot keep up with all
    NO_ROOM = 8  # dropped: every block of the pool was held
    READ_ERROR = 9
    CPU = 10  # dropped because rendering did not keep up


@dataclass(frozen=True, slots=True)
class VoiceEnd:
    """A voice that ended at ``frame``. Slack: frames of output until it would have underrun.

    ``least_slack`` and ``p1_slack`` (the first percentile over its grid points): None for a voice that never
    lived at a grid point.
    """

    frame: int
    started: int
    tag: int
    sample: int
    cause: EndCause
    least_slack: int | None
    p1_slack: int | None
    underruns: int


@dataclass(frozen=True, slots=True)
class VoiceState:
    """A voice as of the last render.

    ``slack`` in frames of output, None where all is resident to the end; ``position`` in frames of the file.
    """

    tag: int
    sample: int
    state: str  # "playing", "fading", "silent", "returning"
    slack: int | None
    held_blocks: int
    share_blocks: int
    position: int
    level: float


@dataclass(frozen=True, slots=True)
class Counters:
    """Totals since the engine was made."""

    frames: int = 0
    voices: int = 0  # playing now, in units of their cost
    sounding: int = 0  # voices not silent yet, those that fade to make room included
    voices_peak: int = 0
    voices_started: int = 0
    voices_stolen: int = 0
    voices_refused: int = 0
    underruns: int = 0
    hits: int = 0
    misses: int = 0
    evictions: int = 0
    resident_bytes: int = 0
    pinned_bytes: int = 0
    reads: int = 0  # commands to the device
    read_bytes: int = 0
    wasted_bytes: int = 0  # read, then not wanted any more
    busy_ms: float = 0.0  # device busy, in its own (emulated) time
    read_errors: int = 0
    retries: int = 0  # reads tried again after an error
    failovers: int = 0  # reads that the mirror answered
    dropped: int = 0  # voices ended by a miss or for overload
    held_frames: int = 0  # output frames that voices waited for their data


@dataclass(frozen=True, slots=True)
class PreloadReport:
    """What loading the pinned blocks cost on the device's own clock."""

    blocks: int
    bytes: int
    ms: float
    errors: int = 0


@dataclass(frozen=True, slots=True)
class LiveReport:
    """How playing in real time goes. A block is late when rendering it took longer than it lasts."""

    blocks: int
    late_blocks: int
    xruns: int  # times that the audio server was not served in time, whoever's fault
    frames_lost: int  # of what was to be recorded or sent: nobody took it in time
    block_frames: int
    p50_us: float
    p99_us: float
    p999_us: float
    longest_us: float
    late_events: int = 0  # posted when their frame was rendered already
    paused_frames: int = 0  # of silence, while the device was paused
    realtime_threads: int = 0  # of ours, to which the system gave real-time priority
