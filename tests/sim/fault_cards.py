"""Cards and runs for the tests of faults: long samples of noise, so that a voice streams all the time."""

from __future__ import annotations

import io
import tomllib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from firmware.hal import MidiMessage
from native import CardModel
from sdcard_image import Item, build_image
from sim.board import Board, Setup
from sim.faults.run import FaultRun, fault_run
from sim.faults.script import parse_script
from sim.offline import OfflineRun

RATE = 48_000
SECONDS = 4
PADS = 4
MODEL = CardModel(command_us=400, read_mb_per_s=20, write_command_us=2_000, write_mb_per_s=5)
RAM = 384 << 10  # about 0.4 s for each of four voices


def wav(seed: int, seconds: float = SECONDS, rate: int = RATE) -> bytes:
    noise = np.random.default_rng(seed).integers(-3_000, 3_000, (int(seconds * rate), 2)).astype(np.int16)
    out = io.BytesIO()
    soundfile.write(out, noise, rate, "PCM_16", format="WAV")
    return out.getvalue()


def path(pad: int) -> str:
    return f"/A/{pad} noise.wav"


def make_card(image: Path, seed: int = 0, pads: int = PADS, label: str = "CARD") -> Path:
    items = [Item(path(pad), wav(100 * seed + pad)) for pad in range(1, pads + 1)]
    build_image(image, items, size_bytes=64 << 20, label=label)
    return image


def press(pad: int, at_s: float) -> MidiMessage:
    return MidiMessage(round(at_s * RATE), bytes((0x90, 35 + pad, 127)))


@dataclass(frozen=True)
class Played:
    """A run: its audio of shape (frames, 2), and what came of its faults."""

    audio: np.ndarray
    faults: FaultRun | None
    outcomes: dict[str, int]
    kinds: dict[str, dict[str, int]]
    underruns: list
    counters: object
    happenings: list[str]


class Reel:
    """Keeps all that is played."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []

    def write(self, block: np.ndarray) -> None:
        self.parts.append(block.copy())


def play(
    card: Path, messages: list[MidiMessage], script: str | None = None, *, block: int = 512, **setup
) -> Played:
    """Render on ``card`` with a script, TOML as text. ``setup`` goes to `Setup`."""
    chosen = Setup(**({"card": MODEL, "ram_bytes": RAM} | setup))
    if script is not None:
        chosen = replace(chosen, faults=parse_script(tomllib.loads(script), card.parent))
    with Board(card, chosen) as board:
        reel, faults = Reel(), fault_run(board)
        run = OfflineRun(board.engine, board.player, [reel], block, conductor=faults)
        try:
            run.play(messages, RATE, 1.0, SECONDS + 1.0)
        finally:
            if faults is not None:
                faults.close()
        audio = np.concatenate(reel.parts) if reel.parts else np.zeros((0, 2), np.float32)
        told = None if faults is None else faults.report(Counter(one.cause for one in run.underruns))
        return Played(
            audio,
            faults,
            told.outcomes if told else {},
            told.kinds if told else {},
            run.underruns,
            board.engine.counters(),
            [one.text for one in told.happenings] if told else [],
        )
