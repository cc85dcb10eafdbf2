"""The voices in scsynth, SuperCollider's server, rendering a score (its non-real-time mode)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import soundfile
from peer_voices import BLOCK, FRAMES, GAIN, RATE, SAMPLES, VOICES, noise, pan, speed, start
from synthdef import AUDIO, CONTROL, Input, SynthDef, bundle, message
from timing import children_cpu_s

INTERPOLATIONS = ("linear", "cubic")
_BUFRD_LINEAR = 2


def _definition(interpolation: str) -> bytes:
    """A looped stereo player with an attack-sustain-release envelope and a balance of equal power."""
    made = SynthDef(interpolation, {"buf": 0.0, "rate": 1.0, "start": 0.0, "pan": 0.0, "gain": 0.1})
    buf, rate, begin = (made.parameter(name) for name in ("buf", "rate", "start"))
    player = _cubic(made, buf, rate, begin) if interpolation == "cubic" else _linear(made, buf, rate, begin)
    shape = (0.0, 2.0, 1.0, -99.0, 1.0, 0.01, 1.0, 0.0, 0.0, 0.1, 1.0, 0.0)
    envelope = made.unit("EnvGen", CONTROL, [1.0, made.parameter("gain"), 0.0, 1.0, 2.0, *shape])
    balance = made.unit(
        "Balance2", AUDIO, [(player, 0), (player, 1), made.parameter("pan"), (envelope, 0)], outputs=2
    )
    made.unit("Out", AUDIO, [0.0, (balance, 0), (balance, 1)], outputs=0)
    return made.pack()


def _cubic(made: SynthDef, buf: Input, rate: Input, begin: Input) -> int:
    """PlayBuf always interpolates cubically."""
    return made.unit("PlayBuf", AUDIO, [buf, rate, 1.0, begin, 1.0, 0.0], outputs=2)


def _linear(made: SynthDef, buf: Input, rate: Input, begin: Input) -> int:
    phase = made.unit("Phasor", AUDIO, [0.0, rate, begin, float(FRAMES), 0.0])
    return made.unit("BufRd", AUDIO, [buf, (phase, 0), 1.0, float(_BUFRD_LINEAR)], outputs=2)


class Scsynth:
    """Renders scores in ``folder``, which gets the samples as WAV files."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder = program, folder
        for n, pcm in enumerate(noise()):
            soundfile.write(folder / f"{n}.wav", pcm, RATE, "PCM_16")

    def _score(self, interpolation: str, voices: int, seconds: float) -> bytes:
        load = [message("/b_allocRead", n, str(self._folder / f"{n}.wav")) for n in range(SAMPLES)]
        play = [
            message(
                "/s_new", interpolation, 1_000 + v, 1, 0,
                "buf", v % SAMPLES, "rate", speed(v), "start", float(start(v)), "pan", pan(v), "gain", GAIN,
            )
            for v in range(voices)
        ]  # fmt: skip
        first = bundle(0.0, [message("/d_recv", _definition(interpolation)), *load])
        last = bundle(seconds, [message("/g_dumpTree", 0, 0)])
        return first + bundle(0.0, play) + last

    def render(self, interpolation: str, voices: int, seconds: float) -> tuple[float, int]:
        """(CPU seconds of the process, voices that still sound at the end; 0 where a side is silent)."""
        score, result = self._folder / "score.osc", self._folder / "out.wav"
        score.write_bytes(self._score(interpolation, voices, seconds))
        command = [
            self._program, "-z", str(BLOCK), "-i", "0", "-o", "2", "-m", "65536", "-D", "0",
            "-N", str(score), "_", str(result), str(RATE), "WAV", "float",
        ]  # fmt: skip
        began = children_cpu_s()
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        spent = children_cpu_s() - began
        if done.returncode:
            raise AssertionError(f"scsynth failed ({done.returncode}): {done.stdout}{done.stderr}")
        audio, _ = soundfile.read(result, always_2d=True)
        heard = audio[-RATE // 10 :].any(axis=0).all()
        nodes = sum(line.split()[1:2] == [interpolation] for line in done.stdout.splitlines())
        return spent, nodes if heard else 0

    def cpu_s(self, interpolation: str, seconds: float) -> tuple[float, int]:
        """CPU seconds of all voices beyond an empty score of the same length, and the voices that sounded."""
        empty, _ = self.render(interpolation, 0, seconds)
        full, voices = self.render(interpolation, VOICES, seconds)
        return full - empty, voices
