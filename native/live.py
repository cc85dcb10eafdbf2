"""Playing in real time: the audio server calls C, a C thread reads the card, and Python only looks on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native._check import check
from native._native import ffi, lib
from native.engine import Engine
from native.types import EngineError, Event, LiveReport, Pin


class Live:
    """An engine made with ``threaded_reader``, under a real clock. Owns the threads, not the engine.

    Either give `callback` and `userdata` to an audio server's stream, or call `start_clock`. Close the audio
    server's stream before this, and this before the engine. Nothing here is exact to the frame from run to
    run: a real clock is not.
    """

    def __init__(self, engine: Engine) -> None:
        live = lib.bp_live_create(engine.pointer)
        if live == ffi.NULL:
            raise EngineError("playing in real time needs an engine with a threaded reader, and memory")
        self._live: Any = ffi.gc(live, lib.bp_live_free)
        self._engine = engine
        self._lost = False

    @property
    def callback(self) -> Any:
        """The C function for a PortAudio stream of interleaved float32 stereo."""
        return ffi.addressof(lib, "bp_live_callback")

    @property
    def userdata(self) -> Any:
        """What the stream must hand to `callback`."""
        return ffi.cast("void *", self._live)

    def start_reader(self) -> None:
        """Begin to serve read requests. EngineError where it runs already."""
        check(lib.bp_live_start_reader(self._live), "the card reader's thread")

    def stop_reader(self) -> None:
        """Read no more until started again; what is resident plays on. A device can be exchanged then."""
        lib.bp_live_stop_reader(self._live)

    def start_clock(self, frames: int) -> None:
        """Render blocks of ``frames`` by a thread with a timer, where no audio server asks for them."""
        check(lib.bp_live_start_clock(self._live, frames), f"a clock with blocks of {frames} frames")

    def stop_clock(self) -> None:
        """Let time stand still."""
        lib.bp_live_stop_clock(self._live)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While in here nothing renders or reads: silence is played, and time stands still.

        The engine may be told then what it may only be told while it is stopped. Not to be entered twice.
        """
        lib.bp_live_pause(self._live)
        try:
            yield
        finally:
            check(lib.bp_live_resume(self._live), "the card reader's thread")

    def exchange(self, engine: Engine) -> None:
        """Play another engine from now on; only while `paused`. The old one can be closed then.

        EngineError where it has another rate, or no threaded reader.
        """
        check(lib.bp_live_exchange(self._live, engine.pointer), "another engine for what is playing")
        self._engine = engine

    def now(self) -> int:
        """The frame that is due now, by the clock: finer than blocks. Post events a block after it."""
        return int(lib.bp_live_now(self._live))

    def post(self, events: Sequence[Event | Pin], lead: int) -> int:
        """Post ``events`` (or none) together for one frame, and return it: their own frames do not count.

        It is ``lead`` frames after what is due now, and after all that was posted so before. C takes the time
        and posts at once, so that a busy interpreter between the two makes nothing late. Call it from one
        thread at a time, and post in no other way. QueueFullError, and nothing posted, where there is no room
        for all.
        """
        made, frame = ffi.new("bp_event[]", len(events)), ffi.new("uint64_t *")
        for place, event in enumerate(events):
            self._engine.describe(event, made[place])
        check(lib.bp_live_post(self._live, made, len(events), lead, frame), "events played live")
        return int(frame[0])

    def prioritise(self) -> bool:
        """Give the thread that renders real-time priority; False where the system does not allow that.

        Only while an audio server or the clock plays, and has rendered a block.
        """
        return int(lib.bp_live_prioritise(self._live)) == 0

    def read(self, most: int) -> NDArray[np.float32]:
        """What was played since the last call, at most ``most`` frames: float32 of shape (frames, 2).

        The first call begins it and gives nothing. At least eight seconds are kept.
        """
        out = np.empty((most, 2), np.float32)
        return out[: lib.bp_live_read(self._live, ffi.from_buffer("float *", out), most)]

    def report(self) -> LiveReport:
        """Counts and render times since the beginning."""
        out = ffi.new("bp_live_report *")
        lib.bp_live_status(self._live, out)
        return LiveReport(
            blocks=out.blocks,
            late_blocks=out.late_blocks,
            xruns=out.xruns,
            frames_lost=out.frames_lost,
            block_frames=out.block_frames,
            p50_us=out.p50_ns / 1000,
            p99_us=out.p99_ns / 1000,
            p999_us=out.p999_ns / 1000,
            longest_us=out.longest_ns / 1000,
            late_events=out.late_events,
            paused_frames=out.paused_frames,
            realtime_threads=out.realtime,
        )

    def disconnect(self) -> None:
        """An audio server is gone, and its stream cannot be closed: should it ever call, it gets silence.

        A clock can be started then. The memory stays taken until the program ends.
        """
        lib.bp_live_disconnect(self._live)
        self._lost = True

    def close(self) -> None:
        """Stop the threads."""
        if self._live is None:
            return
        if self._lost:
            lib.bp_live_stop_clock(self._live)
            lib.bp_live_stop_reader(self._live)
            ffi.gc(self._live, None)
        else:
            ffi.release(self._live)
        self._live = None

    def __enter__(self) -> Live:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
