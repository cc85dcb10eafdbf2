"""The demo's samples: drums, bass, chords and long stems, in a mix of file formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from sim.demo import synth
from sim.demo.score import BAR_SECONDS, BARS, BASS_NOTES, BEAT_SECONDS, DRUMS, VOICES
from sim.demo.synth import Audio
from sim.sinks import forget_peak_time

SEED = 404
_CYCLE_BARS = len(VOICES)
_STEM_PEAK = 0.5


@dataclass(frozen=True, slots=True)
class Sound:
    """One file of the kit: ``audio`` is (frames,) or (frames, 2); ``subtype`` as libsndfile names it."""

    path: str
    audio: Audio
    rate: int = 44_100
    subtype: str = "PCM_16"

    def save(self, folder: Path) -> Path:
        """Write the file below ``folder``; .aif files are AIFF, the others WAV."""
        path = folder / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = "AIFF" if path.suffix == ".aif" else "WAV"
        soundfile.write(path, self.audio, self.rate, self.subtype, format=kind)
        forget_peak_time(path)
        return path


def drums() -> Iterator[Sound]:
    """Bank A."""
    rate, noise = 44_100, np.random.default_rng(SEED)
    hits = (
        synth.kick(rate, noise),
        synth.snare(rate, noise),
        synth.clap(rate, noise),
        synth.hat(rate, noise, 0.07),
        synth.hat(rate, noise, 0.4),
        synth.rim(rate),
        synth.tom(rate, 92),
        synth.tom(rate, 138),
        synth.fade(synth.hat(rate, noise, 0.14), rate, 0.03, 0.05),
    )
    for number, (name, audio) in enumerate(zip(DRUMS, hits, strict=True), 1):
        yield Sound(f"A/{number:02} {name}.wav", audio, rate)


def bass() -> Iterator[Sound]:
    """Bank B: a note to a pad, 24 bit."""
    for number, note in enumerate(BASS_NOTES, 1):
        yield Sound(f"B/{number:02} bass {note}.wav", synth.bass(48_000, note), 48_000, "PCM_24")


def chords() -> Iterator[Sound]:
    """Bank C: a chord of the progression to a pad, stereo AIFF."""
    rate = 44_100
    for number, voices in enumerate(VOICES, 1):
        left = synth.keys(rate, voices, 2.4)
        right = synth.keys(rate, (*voices[1:], voices[0] + 12), 2.4)
        yield Sound(f"C/{number:02} keys.aif", np.column_stack((left, right)), rate)


Note = tuple[float, float, float]  # beat within the bar, length in beats, level
Tone = Callable[[float, float, int], Audio]  # MIDI note, seconds, rate


@dataclass(frozen=True, slots=True)
class Part:
    """Four stems, one for each voice of the harmony: how they sound and when they are heard."""

    name: str
    tone: Tone
    pattern: tuple[Note, ...]
    octave: int
    stereo: bool
    arrangement: tuple[float, ...]  # level at bars 1, 5, 9, 13 and at the end
    rate: int
    subtype: str
    velocity: int  # at which the song plays them: their place in the mix
    entry: float  # beat of the first bar at which the first of the four begins
    suffix: str = "wav"

    def entry_beat(self, voice: int) -> float:
        """The beat at which a stem begins: one after the other, as players breathe in."""
        return self.entry + voice / 4


def _strings(note: float, seconds: float, rate: int) -> Audio:
    levels = tuple(1 / k for k in range(1, 10))
    return synth.fade(synth.harmonics(synth.hertz(note), seconds, rate, levels), rate, 0.5, 0.45)


def _choir(note: float, seconds: float, rate: int) -> Audio:
    return synth.fade(
        synth.harmonics(synth.hertz(note), seconds, rate, (1, 0.1, 0.4, 0, 0.12)), rate, 0.35, 0.5
    )


def _pluck(note: float, seconds: float, rate: int) -> Audio:
    tone = synth.harmonics(synth.hertz(note), seconds, rate, (1, 0, 0.33, 0, 0.2, 0, 0.14))
    return synth.fade(tone * np.exp(-9 * np.arange(len(tone)) / rate), rate, 0.002, 0.02)


def _glass(note: float, seconds: float, rate: int) -> Audio:
    t = np.arange(round(seconds * rate)) / rate
    turn = 2 * np.pi * synth.hertz(note) * t
    return synth.fade(
        np.sin(turn + 0.8 * np.exp(-4 * t) * np.sin(3.51 * turn)) * np.exp(-2.2 * t), rate, 0.003, 0.2
    )


def _organ(note: float, seconds: float, rate: int) -> Audio:
    return synth.fade(synth.harmonics(synth.hertz(note), seconds, rate, (1, 0.7, 0, 0.3)), rate, 0.008, 0.05)


def _breath(note: float, seconds: float, rate: int) -> Audio:
    noise = np.random.default_rng([SEED, round(note * 100)])
    frames = round(seconds * rate)
    tone = synth.harmonics(synth.hertz(note), seconds, rate, (1,))
    return synth.fade(tone * (0.5 + synth.low_noise(frames, noise, 240)), rate, 0.6, 0.6)


_SIXTEENTHS = tuple((beat / 4, 0.25, 1.0 if beat % 3 == 0 else 0.45) for beat in range(16))
_OFFBEATS = tuple((beat + 0.5, 0.3, 1.0) for beat in range(4))
PARTS = (
    Part("strings", _strings, ((0, 4.2, 1),), 0, True, (0.5, 0.7, 1, 1, 0.6), 48_000, "PCM_24", 16, 0),
    Part("choir", _choir, ((0, 4.3, 1),), 12, True, (0, 0.4, 0.9, 1, 1), 44_100, "PCM_16", 11, 2, "aif"),
    Part("arp", _pluck, _SIXTEENTHS, 12, False, (0.3, 1, 0.7, 1, 0.2), 48_000, "PCM_16", 13, 1),
    Part(
        "glass",
        _glass,
        ((1.5, 2, 0.8), (3, 2, 1)),
        24,
        True,
        (0.8, 0.5, 1, 0.8, 1),
        44_100,
        "PCM_16",
        10,
        0.125,
    ),
    Part("organ", _organ, _OFFBEATS, 0, False, (0, 0.2, 1, 1, 0), 48_000, "PCM_16", 12, 3),
    Part("breath", _breath, ((0, 4, 1),), 0, False, (1, 0.8, 0.6, 0.8, 1), 48_000, "FLOAT", 10, 1.125),
)


def _cycle(part: Part, voice: int, cents: float) -> Audio:
    """Eight bars of one voice, notes ringing over the bar lines and around the end."""
    frames = round(_CYCLE_BARS * BAR_SECONDS * part.rate)
    audio = np.zeros(frames)
    for bar, voices in enumerate(VOICES):
        for beat, length, level in part.pattern:
            note = (
                part.tone(voices[voice] + part.octave + cents / 100, length * BEAT_SECONDS, part.rate) * level
            )
            at = round((bar * BAR_SECONDS + beat * BEAT_SECONDS) * part.rate)
            whole = min(len(note), frames - at)
            audio[at : at + whole] += note[:whole]
            audio[: len(note) - whole] += note[whole:]
    return audio


def stem(part: Part, voice: int) -> Audio:
    """One voice of a part from its entry to the end of the piece, (frames,) or (frames, 2)."""
    detune = (-4.0, 4.0) if part.stereo else (0.0,)
    cycle = np.column_stack([_cycle(part, voice, cents) for cents in detune])
    audio = np.tile(cycle, (BARS // _CYCLE_BARS, 1))
    level = np.interp(
        np.arange(len(audio)), np.linspace(0, len(audio), len(part.arrangement)), part.arrangement
    )
    audio *= (level * _STEM_PEAK / np.abs(cycle).max())[:, None]
    audio = audio[round(part.entry_beat(voice) * BEAT_SECONDS * part.rate) :]
    faded = np.column_stack([synth.fade(channel, part.rate, 0.1, 0.0) for channel in audio.T])
    return faded if part.stereo else faded[:, 0]


def stems() -> Iterator[Sound]:
    """Banks D and E: 24 stems, 16 and 8 to a bank."""
    for index, part in enumerate(PARTS):
        for voice in range(4):
            place = index * 4 + voice
            bank, pad = "DE"[place // 16], place % 16 + 1
            path = f"{bank}/{pad:02} {part.name} {voice + 1}.{part.suffix}"
            yield Sound(path, stem(part, voice), part.rate, part.subtype)


def misfit() -> Sound:
    """A file of a kind that no such device plays, as an old computer may leave one."""
    return Sound("A/90 old take.wav", synth.rim(44_100), 44_100, "MS_ADPCM")


def sounds() -> Iterator[Sound]:
    """The whole kit, made one file at a time."""
    yield from drums()
    yield from bass()
    yield from chords()
    yield from stems()
    yield misfit()
