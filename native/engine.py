"""The engine as Python sees it: configuration in, events in, audio and reports out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native._check import check, in_range
from native._native import ffi, lib
from native.device import Device
from native.types import (
    Bend,
    Cause,
    Counters,
    EndCause,
    EngineConfig,
    EngineError,
    Event,
    Extent,
    Pin,
    PreloadReport,
    Quality,
    Release,
    Sample,
    Start,
    Underrun,
    VoiceEnd,
    VoiceState,
)

PATHS = {"auto": 0, "avx2": 1, "baseline": 2, "scalar": 3}
EVENT_QUEUE = int(lib.BP_EVENT_QUEUE)
MOST_JOINED = int(lib.BP_MOST_JOINED)


def pan_gains(pan: float) -> tuple[float, float]:
    """Left and right gain of equal-power panning, scaled so that the centre is exactly 1.

    ``pan`` runs from -1 (left) to 1 (right). cos and sin of a quarter circle, times the square root of 2.
    """
    if pan == 0.0:
        return 1.0, 1.0
    angle = (min(max(pan, -1.0), 1.0) + 1.0) * math.pi / 4
    return math.sqrt(2) * math.cos(angle), math.sqrt(2) * math.sin(angle)


def _make_config(config: EngineConfig) -> Any:
    if config.path not in PATHS:
        raise EngineError(f"no vector path {config.path!r}; known: {', '.join(PATHS)}")
    return ffi.new(
        "bp_config *",
        {
            "rate": config.rate,
            "max_voices": config.max_voices,
            "max_samples": config.max_samples,
            "block_bytes": config.block_bytes,
            "pool_bytes": config.pool_bytes,
            "fade_frames": config.fade_frames,
            "max_transfer_blocks": config.max_transfer_blocks,
            "max_ahead_blocks": config.max_ahead_blocks,
            "quality": int(config.quality),
            "steal": int(config.steal),
            "path": PATHS[config.path],
            "threaded_reader": config.threaded_reader,
            "schedule": int(config.schedule),
            "on_miss": int(config.on_miss),
            "overload": int(config.overload),
            "policy": int(config.policy),
            "dry": config.dry,
            "measure": config.measure,
            "trace_records": config.trace_records,
        },
    )


def _fill_start(event: Any, start: Start) -> None:
    left, right = pan_gains(start.pan)
    event.sample = start.sample
    event.start, event.end, event.loop_start = start.start, start.end, start.loop_start
    event.reverse, event.loop, event.gate = start.reverse, int(start.loop), start.gate
    event.retrigger, event.cost, event.group = int(start.retrigger), start.cost, start.group
    event.priority = start.priority
    event.attack, event.hold, event.release = start.attack, start.hold, start.release
    event.gain_left, event.gain_right = start.gain * left, start.gain * right
    event.ratio = start.speed * 2.0 ** (start.pitch_cents / 1200.0)


# A command to the card. `deadline_ns` is when it had to be done; `depth` the streams that then had requests.
COMMAND = np.dtype(
    [
        ("start_ns", "u8"),
        ("done_ns", "u8"),
        ("deadline_ns", "u8"),
        ("offset", "u8"),
        ("bytes", "u4"),
        ("tag", "u4"),
        ("sample", "u4"),
        ("depth", "u4"),
        ("status", "i4"),
        ("unused", "V4"),
    ]
)
_NO_SLACK = 2**32 - 1
_MODES = ("playing", "fading", "silent", "returning")


def _slack(frames: int) -> int | None:
    return None if frames == _NO_SLACK else frames


def _end(end: Any) -> VoiceEnd:
    return VoiceEnd(
        end.frame,
        end.started,
        end.tag,
        end.sample,
        EndCause(end.cause),
        _slack(end.least_slack),
        _slack(end.p1_slack),
        end.underruns,
    )


def _state(state: Any) -> VoiceState:
    return VoiceState(
        state.tag,
        state.sample,
        _MODES[state.mode],
        _slack(state.slack),
        state.held,
        state.share,
        state.position,
        state.level,
    )


class Engine:
    """Voices, block cache and card reader. Takes all its memory here; renders until closed.

    Raises EngineError where the configuration is out of range or memory cannot be had.
    """

    def __init__(self, config: EngineConfig, device: Device) -> None:
        out = ffi.new("bp_engine **")
        with in_range("engine"):
            made = _make_config(config)
        check(
            lib.bp_engine_create(made, device.pointer, out),
            f"engine with {config.max_voices} voices and {config.pool_bytes} bytes in blocks of "
            f"{config.block_bytes}, path {config.path}",
        )
        self.config = config
        self._device = device
        self._open = ffi.gc(out[0], lib.bp_engine_free)
        self._event = ffi.new("bp_event *")
        self._reports = ffi.new("bp_underrun[256]")
        self._ends = ffi.new("bp_end[256]")
        self._states = ffi.new("bp_state[]", 2 * config.max_voices + 64 if config.measure else 0)
        self._levels = ffi.new("float[2]")

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back; anything else afterwards raises EngineError."""
        if self._open is not None:
            ffi.release(self._open)
            self._open = None

    @property
    def _engine(self) -> Any:
        if self._open is None:
            raise EngineError("the engine is closed: make a new one")
        return self._open

    def add_sample(self, sample: Sample) -> int:
        """Register a sample; returns its number. EngineError where its extents do not hold its frames."""
        with in_range("sample"):
            made = ffi.new(
                "bp_sample *",
                {
                    "data_offset": sample.data_offset,
                    "frames": sample.frames,
                    "channels": sample.channels,
                    "rate": sample.rate,
                    "encoding": int(sample.encoding),
                },
            )
            extents = ffi.new("bp_extent[]", [(e.offset, e.length) for e in sample.extents])
        return check(lib.bp_engine_add_sample(self._engine, made, extents, len(sample.extents)), "sample")

    def add_mirror(self, sample: int, extents: Sequence[Extent]) -> None:
        """Where the same file lies on the second card of a pair; when the first fails, reads go there.

        EngineError where the extents hold another number of bytes, or there is a mirror already.
        """
        with in_range("mirror"):
            made = ffi.new("bp_extent[]", [(e.offset, e.length) for e in extents])
            check(
                lib.bp_engine_add_mirror(self._engine, sample, made, len(extents)),
                f"mirror of sample {sample}",
            )

    def add_checksums(self, sample: int, crc32: NDArray[np.uint32]) -> None:
        """The CRC-32 of each cache block of a sample's file: a block that differs counts as not read.

        ``crc32`` has shape (blocks,): byte ``block_bytes * i`` of the file on, the last one as long as it is.
        """
        values = np.ascontiguousarray(crc32, np.uint32)
        with in_range("checksums"):
            pointer = ffi.from_buffer("uint32_t *", values)
            check(
                lib.bp_engine_add_checksums(self._engine, sample, pointer, len(values)),
                f"{len(values)} checksums of sample {sample}",
            )

    def set_device(self, device: Device) -> None:
        """Another card came into the slot; what is resident stays. Only between renders."""
        lib.bp_engine_set_device(self._engine, device.pointer)
        self._device = device

    def pin(self, sample: int, first_frame: int, frames: int) -> int:
        """Pin the blocks of a range of frames; returns how many blocks are newly pinned.

        At most half of the pool can be pinned, so that voices can always stream: beyond that fewer are.
        """
        with in_range(f"pin sample {sample}"):
            return check(lib.bp_engine_pin(self._engine, sample, first_frame, frames), f"pin sample {sample}")

    def pin_sample(self, sample: int) -> int:
        """Pin a whole sample; returns how many blocks are newly pinned."""
        return self.pin(sample, 0, 2**31 - 1)

    def pin_head(self, sample: int, start_frame: int, frames: int, *, reverse: bool = False) -> int:
        """Pin what a voice plays first: ``frames`` frames from ``start_frame`` on, or back from it."""
        first = max(start_frame - frames + 1, 0) if reverse else start_frame
        return self.pin(sample, first, frames)

    def unpin(self, sample: int) -> int:
        """Return a sample's pinned blocks to the LRU order; returns how many there were."""
        with in_range(f"unpin sample {sample}"):
            return check(lib.bp_engine_unpin(self._engine, sample), f"unpin sample {sample}")

    def preload(self) -> PreloadReport:
        """Read what is pinned before time begins; the clock stays where it is."""
        out = ffi.new("bp_preload *")
        check(lib.bp_engine_preload(self._engine, out), "preload")
        return PreloadReport(out.blocks, out.bytes, out.ns / 1e6, out.errors)

    def post(self, event: Event | Pin) -> None:
        """Queue an event; events must come in order of frame. QueueFullError when `EVENT_QUEUE` wait."""
        what = f"{type(event).__name__.lower()} at frame {event.frame}"
        with in_range(what):
            self.describe(event, self._event)
        check(lib.bp_engine_post(self._engine, self._event), what)

    @staticmethod
    def describe(event: Event | Pin, made: Any) -> None:
        """Write an event to a C one, for `Live` and `post` alone."""
        made.frame = event.frame
        if isinstance(event, Start):
            made.kind, made.tag = lib.BP_EVENT_START, event.tag
            _fill_start(made, event)
        elif isinstance(event, Release):
            made.kind, made.tag = lib.BP_EVENT_RELEASE, event.tag
        elif isinstance(event, Bend):
            made.kind, made.tag = lib.BP_EVENT_TUNE, event.tag
            made.ratio = 2.0 ** (event.cents / 1200.0)
        elif isinstance(event, Pin):
            made.kind = lib.BP_EVENT_PIN if event.on else lib.BP_EVENT_UNPIN
            made.sample, made.start, made.end = event.sample, event.first, event.first + event.frames
        elif event.tag is None:
            made.kind = lib.BP_EVENT_STOP_ALL
        else:
            made.kind, made.tag = lib.BP_EVENT_STOP, event.tag

    def render(self, out: NDArray[np.float32]) -> None:
        """Fill ``out``, float32 of shape (frames, 2) and C order, with the next frames."""
        if out.dtype != np.float32 or out.ndim != 2 or out.shape[1] != 2 or not out.flags.carray:
            raise EngineError("render needs a writable C-ordered float32 array of shape (frames, 2)")
        lib.bp_engine_render(self._engine, ffi.from_buffer("float *", out, require_writable=True), len(out))

    def time_blocks(self, blocks: int) -> float:
        """Render ``blocks`` blocks of 128 frames, throw them away, and return the CPU seconds they took."""
        return float(lib.bp_render_loop(self._engine, blocks))

    def drain_ends(self) -> list[VoiceEnd]:
        """The voices that ended since the last call, under ``measure``; the first 4,096 of them."""
        found: list[VoiceEnd] = []
        while (count := lib.bp_engine_ends(self._engine, self._ends, len(self._ends))) > 0:
            found += [_end(self._ends[i]) for i in range(count)]
        return found

    def drain_commands(self) -> NDArray[np.void]:
        """The commands to the card since the last call, at most ``trace_records``: an array of `COMMAND`."""
        return self._drain(lib.bp_engine_commands, "bp_command *", COMMAND)

    def drain_accesses(self) -> NDArray[np.uint64]:
        """The blocks that voices asked the cache for since the last call: ``sample << 32 | block``."""
        return self._drain(lib.bp_engine_accesses, "uint64_t *", np.dtype(np.uint64))

    def _drain(self, take: Any, pointer: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        out = np.empty(self.config.trace_records, dtype)
        if not len(out):
            return out
        return out[: take(self._engine, ffi.cast(pointer, ffi.from_buffer(out)), len(out))].copy()

    def states(self) -> list[VoiceState]:
        """The voices as of the last render, in order of start, under ``measure``."""
        count = lib.bp_engine_states(self._engine, self._states, len(self._states))
        return [_state(self._states[i]) for i in range(count)]

    def levels(self) -> tuple[float, float]:
        """The largest magnitude on the left and on the right since the last call, under ``measure``."""
        lib.bp_engine_levels(self._engine, self._levels, self._levels + 1)
        return self._levels[0], self._levels[1]

    @property
    def pointer(self) -> Any:
        """The C object, for `Live` alone."""
        return self._engine

    @property
    def frame(self) -> int:
        """The next frame to be rendered."""
        return int(lib.bp_engine_frame(self._engine))

    @property
    def voices(self) -> int:
        """Voices that sound now, in units of their cost."""
        return self.counters().voices

    @property
    def sounding(self) -> int:
        """Voices that are not silent yet, those that fade to make room included."""
        return self.counters().sounding

    @property
    def path(self) -> str:
        """The vector path in use."""
        return str(ffi.string(lib.bp_engine_path(self._engine)).decode("ascii"))

    @property
    def memory_bytes(self) -> int:
        """Bytes taken at start, the pool included."""
        return int(lib.bp_engine_memory(self._engine))

    def counters(self) -> Counters:
        """Totals since the engine was made, as of the last render."""
        c = ffi.new("bp_counters *")
        lib.bp_engine_counters(self._engine, c)
        block = self.config.block_bytes
        return Counters(
            frames=self.frame,
            voices=c.voices,
            sounding=c.sounding,
            voices_peak=c.voices_peak,
            voices_started=c.voices_started,
            voices_stolen=c.voices_stolen,
            voices_refused=c.voices_refused,
            underruns=c.underruns,
            hits=c.hits,
            misses=c.misses,
            evictions=c.evictions,
            resident_bytes=c.resident_blocks * block,
            pinned_bytes=c.pinned_blocks * block,
            reads=c.reads,
            read_bytes=c.read_bytes,
            wasted_bytes=c.wasted_bytes,
            busy_ms=c.busy_ns / 1e6,
            read_errors=c.read_errors,
            retries=c.retries,
            failovers=c.failovers,
            dropped=c.dropped,
            held_frames=c.held_frames,
        )

    def drain_underruns(self) -> list[Underrun]:
        """The underruns reported since the last call, oldest first."""
        found: list[Underrun] = []
        while count := lib.bp_engine_underruns(self._engine, self._reports, len(self._reports)):
            found += [Underrun(u.frame, u.tag, u.sample, Cause(u.cause)) for u in self._reports[0:count]]
        return found


def bare_loop(path: str, quality: Quality, voices: int, seconds: float, material_bytes: int) -> float:
    """Voice-seconds (of 48 kHz) per CPU-second of the bare mix loop: convert, interpolate, gain, mix.

    Over ``material_bytes`` of 16-bit stereo noise, in blocks of 128 frames: the yardstick for the engine.
    """
    pcm = np.random.default_rng(1).integers(-32768, 32767, (material_bytes // 4, 2), dtype=np.int16)
    blocks = max(1, round(seconds * 48_000 / 128))
    spent, checksum = ffi.new("double *"), ffi.new("float *")
    pointer = ffi.from_buffer("int16_t *", pcm)
    check(
        lib.bp_bare_loop(PATHS[path], int(quality), voices, blocks, pointer, len(pcm), spent, checksum),
        f"bare loop on path {path}",
    )
    return float(voices * blocks * 128 / 48_000 / spent[0])
