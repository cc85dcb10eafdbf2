"""Samples, cards and renders for the engine's tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from native import Device, Engine, emulated_card, ram_device
from native.types import Encoding, EngineConfig, Event, Extent, Sample, Underrun

Audio = NDArray[np.float32]
GARBAGE = 0xA5  # fills what belongs to no file


def random_pcm(rng: np.random.Generator, frames: int, channels: int, encoding: Encoding) -> bytes:
    """Noise over the whole range of the encoding; floats within +-1."""
    if encoding in (Encoding.F32_LE, Encoding.F32_BE):
        values = rng.uniform(-1, 1, frames * channels)
        return values.astype("<f4" if encoding is Encoding.F32_LE else ">f4").tobytes()
    return rng.integers(0, 256, frames * channels * encoding.size_bytes, dtype=np.uint8).tobytes()


def encode_s16(values: NDArray[np.float64]) -> bytes:
    """Values within +-1, shape (frames, channels), as little-endian 16 bit."""
    return np.clip(np.round(values * 32768), -32768, 32767).astype("<i2").tobytes()


def encode_f32(values: NDArray[np.float64]) -> bytes:
    """Values of shape (frames, channels) as little-endian floats."""
    return values.astype("<f4").tobytes()


def decode_pcm(data: bytes, channels: int, encoding: Encoding) -> NDArray[np.float64]:
    """PCM as numpy reads it, shape (frames, 2), full scale 1: a second implementation of the decoders."""
    raw = np.frombuffer(data, np.uint8)
    if encoding is Encoding.U8:
        values = (raw.astype(np.float64) - 128) / 128
    elif encoding in (Encoding.S24_LE, Encoding.S24_BE):
        triples = raw.reshape(-1, 3).astype(np.int64)
        low, middle, high = triples.T if encoding is Encoding.S24_LE else triples.T[::-1]
        whole = low + 256 * middle + 65536 * high
        values = np.where(whole >= 1 << 23, whole - (1 << 24), whole) / 2.0**23
    else:
        kind = {
            Encoding.S16_LE: "<i2",
            Encoding.S16_BE: ">i2",
            Encoding.S32_LE: "<i4",
            Encoding.S32_BE: ">i4",
            Encoding.F32_LE: "<f4",
            Encoding.F32_BE: ">f4",
        }[encoding]
        integers = np.frombuffer(data, kind)
        full = {"i2": 2.0**15, "i4": 2.0**31, "f4": 1.0}[kind[1:]]
        values = integers.astype(np.float32).astype(np.float64) / full  # 32-bit integers round to a float
    shaped = values.reshape(-1, channels)
    return np.repeat(shaped, 2, axis=1) if channels == 1 else shaped


class CardImage:
    """Bytes of a card, and where its files lie on it."""

    def __init__(self) -> None:
        self.content = bytearray()

    def put(self, data: bytes, pieces: Sequence[int] = (), gap: int = 0) -> tuple[Extent, ...]:
        """Lay a file down in runs of these lengths (the rest in one), backwards on the card where there are
        several, each followed by ``gap`` bytes of garbage."""
        cuts, at = [], 0
        for length in pieces:
            if at + length >= len(data):
                break
            cuts.append(data[at : at + length])
            at += length
        cuts.append(data[at:])
        extents = []
        for cut in reversed(cuts):
            extents.append(Extent(len(self.content), len(cut)))
            self.content += cut + bytes([GARBAGE]) * gap
        return tuple(reversed(extents))

    def sample(
        self,
        pcm: bytes,
        *,
        channels: int = 2,
        encoding: Encoding = Encoding.S16_LE,
        rate: int = 48_000,
        data_offset: int = 44,
        pieces: Sequence[int] = (),
        gap: int = 0,
        tail: int = 0,
    ) -> Sample:
        """Lay down a file with a header of ``data_offset`` bytes, ``pcm`` and a tail that is not audio."""
        whole = bytes([GARBAGE]) * data_offset + pcm + bytes([GARBAGE]) * tail
        frames = len(pcm) // (channels * encoding.size_bytes)
        return Sample(self.put(whole, pieces, gap), data_offset, frames, channels, rate, encoding)

    def device(self, *, latency_ms: float = 0.0, mb_per_s: float = 0.0) -> Device:
        """The card; one that takes no time where both are 0."""
        inner = ram_device(bytes(self.content))
        return (
            emulated_card(inner, latency_ms=latency_ms, mb_per_s=mb_per_s)
            if latency_ms or mb_per_s
            else inner
        )


def open_engine(config: EngineConfig, device: Device, samples: Iterable[Sample]) -> Engine:
    """An engine that knows these samples by their order."""
    engine = Engine(config, device)
    for number, sample in enumerate(samples):
        assert engine.add_sample(sample) == number
    return engine


def play(engine: Engine, events: Iterable[Event], frames: int, blocks: Sequence[int] = (1000,)) -> Audio:
    """Post the events and render, in blocks of these sizes over and over; shape (frames, 2)."""
    waiting = sorted(events, key=lambda e: e.frame)
    out = np.empty((frames, 2), np.float32)
    at, turn = 0, 0
    while at < frames:
        size = min(blocks[turn % len(blocks)], frames - at)
        while waiting and waiting[0].frame < at + size:
            engine.post(waiting.pop(0))
        engine.render(out[at : at + size])
        at, turn = at + size, turn + 1
    return out


def render(  # noqa: PLR0917 - all but the last are what every render needs
    config: EngineConfig,
    device: Device,
    samples: Iterable[Sample],
    events: Iterable[Event],
    frames: int,
    blocks: Sequence[int] = (1000,),
) -> tuple[Audio, list[Underrun]]:
    """Audio and underruns of one run from frame 0 on."""
    with open_engine(config, device, samples) as engine:
        audio = play(engine, events, frames, blocks)
        return audio, engine.drain_underruns()


def steepest(audio: Audio) -> float:
    """The largest step from one frame to the next, from the silence before the first on."""
    whole = np.concatenate([np.zeros((1, 2)), audio.astype(np.float64)])
    return float(np.abs(np.diff(whole, axis=0)).max())
