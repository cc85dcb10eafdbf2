"""Devices and cards to measure, small and made from nothing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import soundfile

from firmware.catalogue import Catalogue, Pad, PadSettings, SampleInfo
from firmware.profiles import Fact, load
from native.types import Encoding, Extent
from sdcard_image import Item, build_image
from sim.measure.dry import Booted

RATE = 48_000
SECOND = RATE * 2 * 2  # bytes of 16-bit stereo


def booted(seconds: Sequence[float], settings: Sequence[PadSettings] = (), **facts: object) -> Booted:
    """A generic device with a 16-bit stereo sample of so many seconds on each pad of bank A, in a row."""
    pads, extents, at = [], {}, 0
    for number, length in enumerate(seconds):
        path, frames = f"/A/{number + 1:02}.wav", round(length * RATE)
        setting = settings[number] if number < len(settings) else PadSettings()
        pads.append(Pad("A", number + 1, SampleInfo(path, frames, RATE, 2, 16, Encoding.S16_LE, 44), setting))
        size = -(-(frames * 4 + 44) // 512) * 512
        extents[path] = (Extent(at, size),)
        at += size
    generic = load("generic")
    changed = {f"engine.{name}": Fact(value, "D") for name, value in facts.items()}
    profile = replace(generic, facts={**generic.facts, **changed})
    return Booted(profile, Catalogue("generic", "generic", tuple(pads), ()), extents)


def make_card(image: Path, seconds: Sequence[float]) -> Path:
    """A card image with noise of so many seconds on each pad of bank A."""
    items = []
    for number, length in enumerate(seconds):
        shape = (round(length * RATE), 2)
        out = io.BytesIO()
        noise = np.random.default_rng(number).integers(-1000, 1000, shape, dtype=np.int16)
        soundfile.write(out, noise, RATE, "PCM_16", format="WAV")
        items.append(Item(f"/A/{number + 1:02}.wav", out.getvalue()))
    build_image(image, items, size_bytes=64 << 20)
    return image


def make_song(path: Path, pads: Sequence[int], step_ticks: int = 120) -> Path:
    """A MIDI file that hits the pads (from 1) one after the other, 960 ticks a second."""
    song = mido.MidiFile(type=0, ticks_per_beat=480)
    track = mido.MidiTrack()
    song.tracks.append(track)
    for pad in pads:
        track.append(mido.Message("note_on", note=35 + pad, velocity=100, time=step_ticks))
    song.save(path)
    return path
