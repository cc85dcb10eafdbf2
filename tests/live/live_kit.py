"""Cards to be played live: quiet noise on pads A1 to A8 and B1 to B4, long enough to stream."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from sdcard_image import Item, build_image
from sim.board import Setup
from sim.live.backends import ClockBackend
from sim.live.session import Recording, Session

RATE = 48_000
PLAIN, NOTHING = Setup(), Recording()


def noise(seed: int, seconds: float, rate: int = 44_100) -> bytes:
    """A 16-bit stereo WAV file."""
    pcm = np.random.default_rng(seed).integers(-1500, 1500, (round(seconds * rate), 2), dtype=np.int16)
    out = io.BytesIO()
    soundfile.write(out, pcm, rate, "PCM_16", format="WAV")
    return out.getvalue()


def live_card(path: Path, seed: int = 0) -> Path:
    """A card image."""
    pads = [("A", pad) for pad in range(1, 9)] + [("B", pad) for pad in range(1, 5)]
    items = [
        Item(f"/{bank}/{pad:02} noise.wav", noise(seed + i, 1.5 + i / 4))
        for i, (bank, pad) in enumerate(pads)
    ]
    items.append(Item("/A/broken.wav", b"RIFF\0\0\0\0nothing of the kind"))
    build_image(path, items, size_bytes=64 << 20)
    return path


def clock_session(card: Path, setup: Setup = PLAIN, recording: Recording = NOTHING) -> Session:
    """A session that nobody hears."""
    return Session(card, setup, ClockBackend("none", RATE, 128), recording)


def rendered(card: Path, midi: Path, out: Path, options: Sequence[str] = ()) -> np.ndarray:
    """What ``benchpad render`` makes of a take: float32 of shape (frames, 2)."""
    from click.testing import CliRunner  # noqa: PLC0415

    from sim.cli import cli  # noqa: PLC0415

    command = ["render", str(card), "--midi", str(midi), "-o", str(out), "--json", *options]
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["underrun_count"] == 0
    return soundfile.read(out, dtype="float32")[0]


def ended(process: subprocess.Popen[str], seconds: float = 20) -> tuple[int, str]:
    """Exit status and stderr of a program that is about to end."""
    _, errors = process.communicate(timeout=seconds)
    return process.returncode, errors
