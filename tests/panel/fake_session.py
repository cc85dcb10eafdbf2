"""A scripted session: boots a card for real, and pretends to play it. For tests, and to work on the page:

python tests/panel/fake_session.py [CARD] [--port 8404] [--writable]
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import threading
import time
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from firmware.boot import BootResult, boot
from firmware.player import Tags
from firmware.profiles import Profile
from native import CardModel
from native.types import Cause, Counters, Underrun, VoiceState
from sdcard_image import open_card
from sim.board import Setup, profile_for
from sim.cards import load_card, preset_names
from sim.metrics import of_counters
from sim.panel import state as states
from sim.panel.port import AudioTaker, Happened, Look, RefusedError
from sim.panel.serve import serve

KNOBS = {"volume": 1.0, "pitch": 0.5}


def tone(path: Path, seconds: float = 0.5, rate: int = 44_100, hz: float = 440.0, channels: int = 1) -> Path:
    """A 16-bit WAV with a fading sine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    at = np.arange(round(seconds * rate))
    values = 0.5 * np.sin(2 * math.pi * hz * at / rate) * np.linspace(1, 0, len(at))
    pcm = np.repeat(np.rint(values * 32_767).astype("<i2")[:, None], channels, axis=1)
    with wave.open(str(path), "wb") as out:
        out.setparams((channels, 2, rate, 0, "NONE", ""))
        out.writeframes(pcm.tobytes())
    return path


def tone_folder(folder: Path) -> Path:
    """A generic card with a few pads, one of them refused, and loose files."""
    for number, name in enumerate(("01 kick", "02 snare", "03 hat", "04 loop")):
        tone(folder / "A" / f"{name}.wav", 0.2 + number * 0.5, hz=110 * (number + 1), channels=1 + number % 2)
    (folder / "A" / "05 broken.wav").write_bytes(b"RIFF\x10\0\0\0WAVE")
    tone(folder / "B" / "bass.wav", 1.0, hz=55)
    tone(folder / "LIB" / "spare clap.wav", 0.3, hz=700)
    (folder / "LIB" / "readme.txt").write_text("hello")
    return folder


@dataclass
class FakeSession:
    """Implements `sim.panel.port.Session`; ``calls`` keeps what it was asked to do."""

    card_path: Path
    writable: bool = False
    project: str | None = None
    clock: Callable[[], float] = time.monotonic
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    generation: int = 0
    happened: list[Happened] = field(default_factory=list)
    underruns: list[Underrun] = field(default_factory=list)
    alert: dict[str, Any] | None = None
    device: str | None = None
    asked: Setup = field(default_factory=Setup)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._began = self.clock()
        self._sounding: dict[int, tuple[float, bool]] = {}
        self._takers: list[AudioTaker] = []
        self._modes: dict[tuple[int, int], dict[str, bool]] = {}
        self.bank, self.knobs, self.target = 0, dict(KNOBS), None
        self.bpm, self.running, self.ram = 120.0, False, 16 << 20
        self.preset: str | None = "class10"
        self.timing: dict[str, float] = {"latency_ms": 1.0, "mb_per_s": 10.0}
        self.card_in, self.count = True, 0
        self._boot()

    def _boot(self) -> None:
        card = open_card(self.card_path)
        try:
            self.profile: Profile = profile_for(card, Setup(device=self.device, ram_bytes=self.ram))
            self.boot: BootResult = boot(card, self.profile, card_ms=CardModel().ms, project=self.project)
        finally:
            card.close()
        self.tags = Tags(self.profile.value("pads.banks"), self.profile.value("pads.per_bank"))
        self.pads = {
            self.tags.tag(self.tags.banks.index(one.bank), one.pad): one for one in self.boot.catalogue.pads
        }

    def about(self) -> Mapping[str, Any]:
        return {
            "bank": self.bank,
            "rate": self.profile.value("engine.rate"),
            "block": 128,
            "audio": {"backend": "fake"},
            "knobs": [{"name": n, "label": n.title(), "value": v} for n, v in self.knobs.items()],
            "functions": ["panic"],
            "transport": True,
            "ram": self.ram,
            "ram_range": [65_536, 256 << 20],
            "preset": self.preset,
            "presets": ["ideal", "class10", "class4"],
            "timing": self.timing,
            "cards": [self.card_path.name],
            "mirror": False,
            "faults": True,
        }

    def modes(self, bank: int, pad: int) -> Mapping[str, bool]:
        own = self.pads.get(self.tags.tag(bank, pad))
        made = states.modes_of(own.settings) if own else {}
        return {**made, **self._modes.get((bank, pad), {})}

    def status(self) -> dict[str, Any]:
        return {
            "device": self.profile.name,
            "audio": {"backend": "fake", "rate": 48_000, "block": 128, "xruns": 0, "late_blocks": 0},
            "voices": len(self._sounding),
            "underruns": self.count,
            "cache": {},
            "card": {},
            "midi": {"ports": [], "messages": 0},
        }

    def now(self) -> int:
        return round((self.clock() - self._began) * self.profile.value("engine.rate"))

    def look(self) -> Look:
        voices, level = [], 0.0
        with self._lock:
            for tag, (began, held) in list(self._sounding.items()):
                pad = self.pads[tag]
                position = round((self.clock() - began) * pad.sample.rate)
                if position >= pad.sample.frames or not held:
                    del self._sounding[tag]
                    continue
                left = pad.sample.frames - position
                level = max(level, left / pad.sample.frames)
                slack = None if left < 10_000 else min(left, 20_000)
                voices.append(VoiceState(tag, 0, "playing", slack, 4, 8, position, left / pad.sample.frames))
            happened, self.happened = self.happened, []
            underruns, self.underruns = self.underruns, []
        self.count += len(underruns)
        counters = Counters(frames=self.now(), voices=len(voices), underruns=self.count)
        return Look(
            self.now(),
            voices,
            (level * 0.9, level),
            of_counters(counters),
            {"xruns": 0, "late_blocks": 0, "frames_lost": 0, "p50": 20.0, "p99": 40.0, "p999": 60.0},
            {
                "in": self.card_in,
                "name": self.card_path.name,
                "preset": self.preset,
                "busy": 0.1,
                "mirror": "none",
            },
            4.0,
            self.alert,
            happened,
            underruns,
            {
                "bank": self.bank,
                "tempo": {"bpm": self.bpm, "running": self.running, "source": "internal"},
                "midi": {"ports": ["Benchpad"], "messages": 0},
                "knobs": dict(self.knobs),
                "learn": self.target,
                "learnt": {},
                "recording": None,
            },
        )

    def listen(self, taker: AudioTaker) -> Callable[[], None]:
        stop = threading.Event()
        rate = self.profile.value("engine.rate")

        def play() -> None:
            frame, frames = self.now(), rate // 50
            while not stop.wait(max(0.0, (frame + frames - self.now()) / rate)):
                at = np.arange(frame, frame + frames)
                loud = 0.3 if self._sounding else 0.0
                block = (loud * np.sin(2 * math.pi * 440 * at / rate)).astype(np.float32)
                taker(frame, np.stack([block, block], axis=1))
                frame += frames

        thread = threading.Thread(target=play, daemon=True)
        thread.start()

        def end() -> None:
            stop.set()
            thread.join()

        return end

    def press(self, bank: int, pad: int, velocity: int) -> None:
        self.calls.append(("press", bank, pad, velocity))
        with self._lock:
            tag = self.tags.tag(bank, pad)
            if tag in self.pads:
                self._sounding[tag] = (self.clock(), True)

    def release(self, bank: int, pad: int) -> None:
        self.calls.append(("release", bank, pad))
        with self._lock:
            tag = self.tags.tag(bank, pad)
            if tag in self._sounding and self.modes(bank, pad).get("gate"):
                self._sounding[tag] = (self._sounding[tag][0], False)

    def choose_bank(self, bank: int) -> None:
        self.calls.append(("bank", bank))
        self.bank = bank

    def knob(self, name: str, value: float) -> None:
        if name not in self.knobs:
            raise RefusedError(f"there is no knob {name}; there are {', '.join(self.knobs)}")
        self.calls.append(("knob", name, value))
        self.knobs[name] = value

    def mode(self, bank: int, pad: int, name: str, on: bool) -> None:
        self.calls.append(("mode", bank, pad, name, on))
        self._modes.setdefault((bank, pad), {})[name] = on
        self.generation += 1

    def panic(self) -> None:
        self.calls.append(("panic",))
        with self._lock:
            self._sounding.clear()

    def transport(self, do: str) -> None:
        self.calls.append(("transport", do))
        self.running = do != "stop"

    def tempo(self, bpm: float) -> None:
        self.bpm = bpm

    def midi(self, message: bytes) -> None:
        self.calls.append(("midi", message))
        if message[0] & 0xF0 == 0x90 and message[2]:
            self.press(message[0] & 0x0F, max(1, min(16, message[1] - 35)), message[2])

    def learn(self, target: Mapping[str, Any] | None) -> None:
        self.calls.append(("learn", target))
        self.target = None if target is None else dict(target)

    def forget(self, target: Mapping[str, Any]) -> None:
        self.calls.append(("forget", dict(target)))

    def fault(self, do: str, *, ms: float = 200.0, path: str | None = None, times: int = 1) -> None:
        self.calls.append(("fault", do, ms, path, times))
        if do in ("pull", "insert"):
            self.card_in = do == "insert"
        frame = self.now()
        self.happened.append(Happened(frame, "fault", f"{do}: as asked"))
        if do == "pull":
            advice = "put the card back, or play from the mirror card"
            self.alert = {"frame": frame, "cause": "card gone", "heard": True, "advice": advice}
            self.alert["text"] = f"streaming cannot keep up: card gone (all of 4 reads failed); {advice}"
            self.underruns += [Underrun(frame, tag, 0, Cause.READ_ERROR) for tag in self._sounding]
            self.happened.append(Happened(frame, "alert", self.alert["text"]))
        elif do == "insert":
            self.alert = None

    @property
    def setup(self) -> Setup:
        figures = {"command_us": self.timing["latency_ms"] * 1000, "read_mb_per_s": self.timing["mb_per_s"]}
        model = load_card(self.preset).model if self.preset in preset_names() else CardModel(**figures)
        return replace(self.asked, device=self.device, ram_bytes=self.ram, card=model)

    def setting(self, *, ram: int | None = None, card: str | Mapping[str, float] | None = None) -> None:
        self.calls.append(("setting", ram, card))
        self.ram = ram or self.ram
        if isinstance(card, str):
            self.preset = card
        elif card is not None:
            self.preset, self.timing = None, dict(card)
        self._boot()
        self.generation += 1

    def audition(self, path: str | None) -> None:
        self.calls.append(("audition", path))

    def card_changed(self, silence: Sequence[int]) -> None:
        self.calls.append(("card_changed", list(silence)))
        self._boot()
        self.generation += 1

    def quiet(self, tags: Sequence[int]) -> None:
        with self._lock:
            for tag in tags:
                self._sounding.pop(tag, None)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("card", nargs="?", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token")
    parser.add_argument("--writable", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        card = asked.card or tone_folder(Path(folder))
        panel = serve(FakeSession(card, writable=asked.writable), port=asked.port, token=asked.token)
        print(panel.address, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            panel.close()


if __name__ == "__main__":
    main()
