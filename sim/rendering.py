"""One render: a booted board, a MIDI file, sinks, and the report of what happened."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from firmware.hal import AudioOut, MidiMessage
from sim.board import Board
from sim.errors import InputError
from sim.faults.run import fault_run
from sim.offline import OfflineRun
from sim.report import CardUse, RenderReport, UnderrunLine
from sim.sinks import HashSink, MeterSink, WavSink

DEFAULT_BLOCK = 512
DEFAULT_TAIL_S = 2.0
_RING_SECONDS = 3_600  # for the choice of file format only: the longest that samples may ring on


@dataclass(frozen=True, slots=True)
class RenderJob:
    """What to render, and where to. ``seconds`` None: until the last voice has ended."""

    output: Path | None = None
    bits: str = "32f"
    block: int = DEFAULT_BLOCK
    seconds: float | None = None
    tail_s: float = DEFAULT_TAIL_S


def refuse_overwriting(output: Path | None, *inputs: Path) -> None:
    """InputError where the output would replace one of the inputs, or lie in a folder that is one."""
    if output is None:
        return
    for path in inputs:
        if output.exists() and path.exists() and output.samefile(path):
            raise InputError(f"{output}: the output would replace an input; choose another name")
        if path.is_dir() and output.resolve().is_relative_to(path.resolve()):
            raise InputError(f"{output}: the output would lie on the card {path}; choose another folder")


def render_song(
    board: Board,
    messages: list[MidiMessage],
    job: RenderJob,
    options: dict[str, Any] | None = None,
    progress: Callable[[int], None] = lambda frames: None,
) -> RenderReport:
    """Play ``messages`` on ``board``. ``options`` go into the report as they are."""
    rate = board.profile.value("engine.rate")
    hashing, meter = HashSink(), MeterSink()
    with ExitStack() as stack:
        sinks: list[AudioOut] = [hashing, meter]
        wav = None
        if job.output is not None:
            last = messages[-1].frame if messages else 0
            longest = round(job.seconds * rate) if job.seconds is not None else last + _RING_SECONDS * rate
            wav = stack.enter_context(WavSink(job.output, rate, job.bits, longest))
            sinks.append(wav)
        began = time.perf_counter()
        faults = fault_run(board)
        if faults is not None:
            stack.callback(faults.close)
        run = OfflineRun(board.engine, board.player, sinks, job.block, progress, conductor=faults)
        run.play(messages, rate, job.tail_s, job.seconds)
        wall = time.perf_counter() - began
    report = report_of(board, run, wall)
    return replace(
        report,
        sha256=hashing.hexdigest(),
        peak_dbfs=meter.peak_dbfs,
        over_full_scale=meter.over,
        beyond_float=meter.lost,
        clipped=wav.clipped if wav else 0,
        options=options or {},
        faults=None if faults is None else faults.report(Counter(one.cause for one in run.underruns)),
        mirrored=len(board.mirrored) if board.mirror else None,
    )


def report_of(board: Board, run: OfflineRun, wall_s: float) -> RenderReport:
    """What a run on a board came to, its audio left out."""
    counters = board.engine.counters()
    heard = board.player.counters
    return RenderReport(
        device=board.profile.name,
        rate=board.profile.value("engine.rate"),
        frames=board.engine.frame,
        counters=counters,
        card=CardUse(counters.reads, counters.read_bytes, counters.busy_ms),
        preload_ms=board.preload.ms,
        preload_bytes=board.preload.bytes,
        underruns=[
            UnderrunLine(
                u.frame, board.player.tags.name(u.tag), board.sample_path(u.sample), _words(u.cause.name)
            )
            for u in run.underruns
        ],
        notes=heard.notes,
        unmapped=[
            {"channel": channel, "note": note, "count": count}
            for (channel, note), count in sorted(heard.unmapped.items())
        ],
        empty_pads=dict(heard.empty),
        wall_s=wall_s,
    )


def _words(name: str) -> str:
    return name.lower().replace("_", " ")
