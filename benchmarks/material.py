"""What the benchmarks put on cards and play. Everything is made from seeds."""

from __future__ import annotations

import io
import os
from pathlib import Path

import mido
import numpy as np
import soundfile

from sdcard_image import Item, build_image

STEMS = 32
STEM_SECONDS = 30
STEM_RATE = 44_100  # other than the device's 48 kHz, so that every voice interpolates
GIB = 1 << 30


def make_files(folder: Path, count: int, size: int, name: str = "take {:03}.wav") -> list[Path]:
    """Host files of noise."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(1)
    paths = [folder / name.format(number) for number in range(count)]
    for path in paths:
        path.write_bytes(chance.bytes(size))
    return paths


def _stem(number: int) -> bytes:
    """A quiet noise stem as a 16-bit stereo WAV file."""
    shape = (STEM_SECONDS * STEM_RATE, 2)
    pcm = np.random.default_rng(number).integers(-1000, 1000, shape, dtype=np.int16)
    out = io.BytesIO()
    soundfile.write(out, pcm, STEM_RATE, "PCM_16", format="WAV")
    return out.getvalue()


def make_streaming_card(image: Path) -> None:
    """Sixteen stems in each of the folders A and B."""
    items = [Item(f"/{'AB'[n // 16]}/stem {n % 16 + 1:02}.wav", _stem(n)) for n in range(STEMS)]
    build_image(image, items, size_bytes=GIB)


def stems_song(path: Path, seconds: int) -> None:
    """A MIDI file that starts all stems together, again and again, as each round of them ends."""
    song = mido.MidiFile(type=0, ticks_per_beat=480)  # at 120 beats a minute a second is 960 ticks
    track = mido.MidiTrack()
    song.tracks.append(track)
    for begin in range(0, seconds, STEM_SECONDS):
        for stem in range(STEMS):
            wait = STEM_SECONDS * 960 if begin and not stem else 0
            track.append(
                mido.Message("note_on", channel=stem // 16, note=36 + stem % 16, velocity=127, time=wait)
            )
    song.save(path)


def nested_tree(folders: int, files_per_folder: int, files: int) -> list[Item]:
    """``files`` small files in folders three deep, some of them longer than a cluster."""
    items = []
    for number in range(files):
        at = number // files_per_folder
        assert at < folders
        path = f"/Library {at // 64}/Pack {at // 8:03}/Kit {at:04}/Sample number {number:05}.wav"
        items.append(Item(path, bytes([number % 251]) * (200 + number % 7 * 20_000)))
    return items


def size_on_host(path: Path) -> int:
    """Bytes that a sparse file takes."""
    return os.stat(path).st_blocks * 512
