"""Listening to every sample of a card: each file is read once, a few at a time, in bounded memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from firmware.catalogue import Pad, SampleInfo
from firmware.checks.audio import Content, Listener, judge, seam
from firmware.findings import Finding
from sdcard_image.types import Card, CardError
from sim.check.entries import unreadable

_PIECE = 2 << 20  # bytes read at a time
_THREADS = min(4, os.cpu_count() or 1)
_AHEAD = 4  # files for each thread: waiting, at work, or done and not yet collected


def listen(
    card: Card,
    samples: Iterable[SampleInfo],
    pads: Mapping[str, list[tuple[str, Pad]]],
    advance: Callable[[float], None] = lambda amount: None,
) -> Iterator[Finding]:
    """Findings on what is heard. ``pads`` are the pads of a path, by name; ``advance`` is told bytes."""

    def one(sample: SampleInfo) -> list[Finding]:
        return list(_heard(card, sample, pads.get(sample.path, [])))

    with ThreadPoolExecutor(_THREADS) as pool:
        todo = iter(samples)
        waiting: deque[tuple[SampleInfo, Future[list[Finding]]]] = deque()
        while True:
            for sample in islice(todo, _THREADS * _AHEAD - len(waiting)):
                waiting.append((sample, pool.submit(one, sample)))
            if not waiting:
                return
            sample, future = waiting.popleft()
            yield from future.result()
            advance(pcm_bytes(sample))


def pcm_bytes(sample: SampleInfo) -> int:
    """How many bytes of audio a sample has."""
    return sample.frames * sample.channels * sample.encoding.size_bytes


def _heard(card: Card, sample: SampleInfo, pads: list[tuple[str, Pad]]) -> Iterator[Finding]:
    name = pads[0][0] if pads else ""
    start = min((pad.settings.start for _, pad in pads if not pad.settings.reverse), default=0)
    try:
        yield from judge(_content(card, sample), sample.rate, path=sample.path, pad=name, start=start)
        for pad_name, pad in pads:
            read = frame_reader(card, pad.sample)
            yield from seam(read, pad.sample, pad.settings, path=sample.path, pad=pad_name)
    except CardError as error:
        yield unreadable(error, sample.path, name)


def _content(card: Card, sample: SampleInfo) -> Content:
    listener = Listener(sample.channels, sample.encoding)
    width = sample.channels * sample.encoding.size_bytes
    step = _PIECE // width * width
    for at in range(0, sample.frames * width, step):
        data = card.read(sample.path, sample.data_offset + at, min(step, sample.frames * width - at))
        if usable := len(data) // width * width:
            listener.feed(data[:usable])
    return listener.content()


def frame_reader(card: Card, sample: SampleInfo) -> Callable[[int, int], bytes]:
    """Reads frames of a sample."""
    width = sample.channels * sample.encoding.size_bytes
    return lambda first, frames: card.read(sample.path, sample.data_offset + first * width, frames * width)
